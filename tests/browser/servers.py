"""The servers that the browser's tests look at: one with a day of data, one where every text is hostile."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2
import msgspec
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from playwright.sync_api import Page

from benchmarks.day.shapes import COLUMNS, TABLES
from benchmarks.day_of_data import fill_day
from demo.cluster import ROLE_STATEMENTS, Cluster
from tests.browser.alerts import fill_alerts, told, wait_for_alerts
from tests.browser.log_lines import send_lines
from tests.browser.objectives import fill_objectives, wait_for_objectives
from tests.browser.traces import SentTraces, send_traces
from tests.cli.conftest import Server, start_server
from tests.empty_store import make_tables
from tests.promql.sending import send_example
from tests.store.logs.requests import record, request
from tests.web.site import PASSWORD, open_site
from tests.web.stories import HOSTILE, Stories
from trimtab.model.access import Role
from trimtab.model.change import ChangeState
from trimtab.model.free_text import REASON_CHARS_MAX
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.model.silences import Matcher
from trimtab.sql.fingerprint import shape_of
from trimtab.store.ledger import Event
from trimtab.store.tables import table_of
from trimtab.web.view import segment

SHAPES_COUNT = 10_000
NOBODY_LISTENS = "postgresql://trimtab_change@127.0.0.1:1/shop"
QUIET = "[watch]\nslice_s = 5\n"
HOSTILE_TABLE = IndexDefinition("public", 'o"><script>', (IndexKey("<img src=x onerror=alert(3)>"),))
HOSTILE_SHAPE = shape_of(HOSTILE, 'SELECT $1 FROM "' + HOSTILE.replace('"', '""') + '"')
HOUR_MS = 3_600_000
ENDLESS = "z" * 5_000


@dataclass(frozen=True)
class DayServer:
    """A server with a day of data: `cases` has one case for each way to end or to stand, `shape` is a busy one."""

    url: str
    cases: dict[str, int]
    shape: str
    rolled_back_shape: str
    start_ms: int
    end_ms: int
    log_record: str
    traces: SentTraces


@dataclass(frozen=True)
class GuardedServer:
    """A server that asks for a login, where every text that comes from people and databases is hostile."""

    url: str
    hostile_paths: tuple[str, ...]


@contextlib.contextmanager
def running(data_dir: Path, config: str = QUIET, *options: str) -> Iterator[Server]:
    """A server process; it must not have fallen over in the end."""
    server = start_server(data_dir, config, *options)
    try:
        yield server
    finally:
        server.process.terminate()
        try:
            code = server.process.wait(timeout=180)
        except subprocess.TimeoutExpired:
            server.process.kill()
            raise
    assert code == 0, f"the server ended with {code}"


@contextlib.contextmanager
def day_server(data_dir: Path, slice_ms: int = 60_000) -> Iterator[DayServer]:
    """Fill a store with a day, and serve it. Its PostgreSQL does not answer: the system is shown as it was."""
    day = fill_day(
        make_tables(data_dir), slice_ms=slice_ms, shapes_count=SHAPES_COUNT, spans_per_s=0.5, change_dsn=NOBODY_LISTENS
    )
    fill_alerts(data_dir)
    promised = fill_objectives(data_dir)
    with told(data_dir) as notify, running(data_dir, f"{QUIET}{notify}{promised}") as server:
        listed = msgspec.json.decode(httpx2.get(f"{server.url}/api/trimtab/cases?limit=200", timeout=60).content)
        cases: dict[str, int] = {}
        shapes: dict[str, str] = {}
        for case in listed:
            change = case["change"]
            name = case["verdict"] or (change["state"] if change else case["state"])
            if name == "proposed" and change["reason"]:
                name = "blocked"
            cases.setdefault(name, case["id"])
            shapes.setdefault(name, case["fingerprint"])
        send_example(server.url)
        busiest = max(day.hot, key=lambda hot: hot.calls_per_s * hot.mean_ms)
        shape, log_record = busiest.shape.fingerprint, send_lines(server.url)
        sent = send_traces(server.url)
        wait_for_alerts(server.url)
        wait_for_objectives(server.url)
        yield DayServer(server.url, cases, shape, shapes["rolled_back"], day.start_ms, day.end_ms, log_record, sent)


@contextlib.contextmanager
def guarded_server(data_dir: Path) -> Iterator[GuardedServer]:
    """People of every role (their names are their roles), and hostile texts everywhere."""
    with open_site(data_dir, login_needed=True) as site:
        service = site.service
        now_ms = service.now_ms()
        stories = Stories(service.state, now_ms)
        stories.watch(HOSTILE)
        stories.noticed(HOSTILE, text=f"SELECT '{HOSTILE}'", title=HOSTILE)
        stories.proposed(HOSTILE, summary=HOSTILE, verified=(HOSTILE,), not_verified=(HOSTILE,))
        change = stories.proposed(HOSTILE, index=HOSTILE_TABLE, risk_reasons=(HOSTILE,), parameters_source=HOSTILE)
        stories.move(change, Event.REJECTED, ChangeState.REJECTED, HOSTILE, reason=HOSTILE)
        stories.kept(HOSTILE)
        stories.rolled_back(HOSTILE, reason=HOSTILE)
        watching = stories.watching(HOSTILE)
        stories.move(watching, Event.NOTED, ChangeState.WATCHING, HOSTILE, reason=HOSTILE, deep={"a": [HOSTILE]})
        _told_at_length(stories)
        service.freeze(True, HOSTILE, HOSTILE)
        service.set_override(HOSTILE, "create_index.autonomy", "approve", HOSTILE)
        service.freeze(True, HOSTILE, "z" * REASON_CHARS_MAX, HOSTILE)
        hostile = Matcher("system", HOSTILE)
        service.notify.silencing.make(HOSTILE, str(hostile), now_ms + 10 * HOUR_MS, HOSTILE)
        service.notify.triggering.trigger(HOSTILE, HOSTILE, {"severity": HOSTILE}, {"summary": HOSTILE}, 1.0, 36_000)
        service.access.audit(HOSTILE, HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, address=HOSTILE)
        service.access.audit("anna", "case reject", "case 7", {"reason": ENDLESS}, address="127.0.0.1")
        service.access.create_token(HOSTILE, "reader", Role.VIEWER)
        for name, rows in _hostile_rows(now_ms).items():
            service.telemetry.write(name, table_of(name, rows))
        service.telemetry.append_otlp_traces(_hostile_span(now_ms))
        line = record(
            HOSTILE, (now_ms - 60_000) * 1_000_000, {HOSTILE: HOSTILE}, event_name=HOSTILE, severity_text=HOSTILE
        )
        service.telemetry.logs.append_otlp(request(line, service=HOSTILE, resource={HOSTILE: HOSTILE}))
        service.telemetry.flush(60)
    with running(data_dir, QUIET, "--require-login") as server:
        yield GuardedServer(server.url, _paths())


def _told_at_length(stories: Stories) -> None:
    """What a ledger of an older version may hold: reasons without an end, and without a space."""
    stories.rejected(reason=ENDLESS)
    stories.rolled_back(reason=ENDLESS)
    blocked = stories.approved(HOSTILE)
    stories.move(blocked, Event.BLOCKED, ChangeState.PROPOSED, reason=ENDLESS, blocking=["load"])


@contextlib.contextmanager
def team_server(data_dir: Path, team: Mapping[Role, str]) -> Iterator[str]:
    """Nothing is watched yet; people have the names that are given, and there are some tokens."""
    with open_site(data_dir, login_needed=True) as site:
        access = site.service.access
        first = team[Role.ADMIN]
        for role, name in team.items():
            access.add_user("cli", name, role, PASSWORD)
            access.remove_user(first, role.value)
        access.create_token(first, "grafana", Role.VIEWER, 90 * 86_400)
        access.create_token(first, "shop-spans", Role.INGEST)
        access.audit(first, "token create", "grafana", {"role": "viewer"}, how="session", address="127.0.0.1")
        access.audit(first, "policy set", "create_index.autonomy", {"value": "approve"}, how="session")
    with running(data_dir, QUIET, "--require-login") as server:
        yield server.url


@contextlib.contextmanager
def healthy_server(data_dir: Path) -> Iterator[str]:
    """A day of data, of a PostgreSQL that answers and has little to do."""
    with Cluster.temporary({"shared_buffers": "64MB", "fsync": "off"}) as cluster:
        cluster.execute(*ROLE_STATEMENTS, "CREATE DATABASE shop OWNER shop_owner")
        cluster.execute("CREATE EXTENSION pg_stat_statements", "CREATE EXTENSION hypopg", *_tables(), database="shop")
        watch, change = cluster.dsn("shop", "trimtab_watch"), cluster.dsn("shop", "trimtab_change")
        fill_day(
            make_tables(data_dir), slice_ms=15_000, shapes_count=800, spans_per_s=0.2, dsn=watch, change_dsn=change
        )
        with running(data_dir, f"{QUIET}[create_index]\nfreeze_after_rollbacks = 0\n") as server:
            _wait_until_watched(server.url)
            yield server.url


def _tables() -> list[str]:
    """The tables that the made-up queries ask, empty, so that their plans can be taken."""
    columns = ", ".join(f"{column} bigint" for column in COLUMNS)
    return [f"CREATE TABLE {table} ({columns})" for table in TABLES]


def _wait_until_watched(url: str) -> None:
    """Until the overview has nothing to say against how it is watched."""
    give_up_at = time.monotonic() + 120
    while "1</b> system watched" not in httpx2.get(f"{url}/", headers={"Accept": "text/html"}, timeout=60).text:
        if time.monotonic() > give_up_at:
            raise TimeoutError("the server is not well watched")
        time.sleep(0.5)


def log_in(page: Page, role: Role, name: str | None = None) -> None:
    """Fill in the form, as the person whose name is the role, or who is named."""
    page.goto("/login?next=%2F")
    page.get_by_label("Name").fill(name or role.value)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")


def _paths() -> tuple[str, ...]:
    """Every page that shows something hostile."""
    hostile = segment(HOSTILE)
    return (
        "/",
        "/alerts",
        "/alerts?tab=history",
        f"/alerts?tab=silences&matchers={hostile}",
        "/alerts?tab=told",
        "/queries",
        f"/queries?q={hostile}&system={hostile}",
        f"/explore?q={hostile}&q=%22{hostile}",
        "/logs",
        f"/logs?q={hostile}&service={hostile}",
        "/logs?tab=patterns",
        "/logs?tab=fields",
        f"/queries/{hostile}/{HOSTILE_SHAPE.fingerprint}",
        "/cases",
        f"/cases?q={hostile}",
        *(f"/cases/{number}" for number in range(1, 10)),
        "/changes",
        "/ledger",
        "/ledger?tab=entries",
        "/settings?tab=systems",
        f"/settings?tab=policy&system={hostile}",
        "/settings?tab=people",
        "/settings?tab=tokens",
        "/settings?tab=audit",
        f"/settings?tab=configuration&q={hostile}",
        "/self",
        f"/settings?tab={hostile}",
        f"/cases?state={hostile}",
        f"/{hostile}",
        f"/queries/{hostile}/{hostile}",
    )


def _hostile_rows(now_ms: int) -> dict[str, list[dict[str, object]]]:
    """What a database and an application could send, in the last half hour."""
    shape: dict[str, object] = {"system": HOSTILE, "fingerprint": HOSTILE_SHAPE.fingerprint}
    text = f"{HOSTILE_SHAPE.text} /* {HOSTILE} */"
    minutes = range(now_ms - HOUR_MS // 2, now_ms, 60_000)
    zeros = ("rows", "shared_blks_hit", "shared_blks_read", "shared_blks_dirtied", "shared_blks_written")
    more = ("temp_blks_read", "temp_blks_written", "blk_read_time_ms", "blk_write_time_ms", "wal_bytes")
    counted = dict.fromkeys((*zeros, *more), 0) | {"calls": 60, "total_exec_time_ms": 6000.0}
    plan = {"Node Type": HOSTILE, "Relation Name": HOSTILE, "Total Cost": 10.0, "Plan Rows": 5, "Filter": HOSTILE}
    return {
        "query_shapes": [
            shape | {"text": text, "statement": "select", "tables": [f"public.{HOSTILE}"], "seen_at_ms": now_ms}
        ],
        "query_executions": [shape | counted | {"started_at_ms": at, "ended_at_ms": at + 60_000} for at in minutes],
        "query_slices": [
            {"system": HOSTILE, "started_at_ms": at, "ended_at_ms": at + 60_000, "shapes_count": 1} for at in minutes
        ],
        "activity_samples": [
            shape
            | {"sampled_at_ms": at, "state": "active", "wait_event_type": HOSTILE, "wait_event": HOSTILE}
            | {"sessions_count": 2, "duration_ms_max": 1.0}
            for at in minutes
        ],
        "server_events": [
            {"system": HOSTILE, "happened_at_ms": now_ms - 600_000, "kind": "setting_changed", "message": HOSTILE}
        ],
        "query_plans": [
            shape
            | {"since_ms": now_ms - 600_000, "taken_at_ms": now_ms - 600_000, "seen_at_ms": now_ms, "seen_count": 1}
            | {"plan_id": "p1", "structure": "s1", "origin": "advice", "change_id": "", "has_actuals": False}
            | {"source": HOSTILE, "why_no_actuals": HOSTILE, "settings": [(HOSTILE, HOSTILE)]}
            | {"plan": json.dumps({"Plan": plan})}
        ],
    }


def _hostile_span(now_ms: int) -> bytes:
    """An execution of the hostile query, as its application tells it."""
    texts = {"db.system.name": "postgresql", "db.query.text": HOSTILE_SHAPE.text, HOSTILE: HOSTILE}
    start_ns = (now_ms - 300_000) * 1_000_000
    span = Span(trace_id=b"t" * 16, span_id=b"s" * 8, name=HOSTILE, kind=Span.SPAN_KIND_CLIENT)
    span.start_time_unix_nano, span.end_time_unix_nano = start_ns, start_ns + 9_000_000
    span.attributes.extend(_attribute(name, text) for name, text in texts.items())
    resource = Resource(attributes=[_attribute("service.name", HOSTILE)])
    spans = ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=[span])])
    return ExportTraceServiceRequest(resource_spans=[spans]).SerializeToString()


def _attribute(name: str, text: str) -> KeyValue:
    return KeyValue(key=name, value=AnyValue(string_value=text))
