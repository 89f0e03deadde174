"""docs/trust.md against the code: what is read, what is stored, that nothing is sent, what may be changed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.generate.statements import EXAMPLES
from docs.generate.stored import state_tables, telemetry_tables
from tests.docs.pages import ROOT
from trimtab.sql.allowlist import Kind
from trimtab.store.tables import TABLES

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs/trust.md").read_text("utf-8")
SOURCE = ROOT / "src/trimtab"

OPENS_CONNECTIONS = {
    "app/upstream.py": {"httpx2"},  # to the metrics server that the user named (--metrics)
    "store/clickhouse/connection.py": {"httpx2", "ssl"},  # to the ClickHouse that the user named (--store)
    "integrations/jaeger/traces.py": {"httpx2"},  # to the Jaeger that the user named ([integrations] traces)
    "app/notify/alertmanager_api.py": {"httpx2"},  # to the Alertmanagers that the user named ([notify] alertmanagers)
    "app/notify/heartbeat.py": {"httpx2"},  # to the address that the user gave ([notify] heartbeat)
    "integrations/receivers/posting.py": {"httpx2"},  # to receivers that the user named ([notify] routes)
    "integrations/receivers/email.py": {"smtplib", "ssl"},  # to the mail server that the user named there
    "integrations/aws/calling.py": {"botocore"},  # to the cloud accounts that the user named ([clouds] accounts)
    "integrations/azure/calling.py": {"azure"},  # to the same
    "integrations/azure/cloud.py": {"azure"},  # names the kind of its credential
    "integrations/gcp/calling.py": {"google", "requests"},  # to the same
    "integrations/gcp/cloud.py": {"google"},  # names the kind of its credentials
    "integrations/grafana/calling.py": {"httpx2", "ssl"},  # to the Grafana that the user named ([grafana] url)
    "integrations/trusting.py": {"ssl"},  # whose certificates of these servers are trusted
    "sdk/data_system_monitoring_stack.py": {"httpx2"},  # to the server that the user's program names
    "sdk/performance_alerts.py": {"httpx2"},  # to the server that the user's program names
    "sdk/query_optimizer.py": {"httpx2"},  # the same
    "sdk/tracking/streaming.py": {"httpx2"},  # to the server that the program named, executions of its own
    "store/clickhouse/lease.py": {"socket"},  # asks for this machine's name
    "cli/client.py": {"httpx2", "ssl"},  # to the server that the user named, or that the data directory names
    "cli/tls_probe.py": {"socket", "ssl"},  # to the same server: nothing is sent, only whether it speaks TLS is asked
    "api/grpc/server.py": {"socket", "ssl"},  # listens, and what it listens with
    "api/otlp_grpc.py": {"socket", "ssl"},  # hands both to it
    "observe/pipelines/listening.py": {"socket"},  # listens on loopback where the user said so (statsd_listen)
    "observe/containers/asking.py": {"httpx2", "ssl"},  # to the engines that the user named ([containers])
    "observe/host/connections.py": {"socket"},  # asks this kernel over netlink
    "observe/scrape/asking.py": {"httpx2", "ssl"},  # to the targets of the scrape configuration that the user wrote
    "observe/scrape/scraper.py": {"httpx2"},  # names its clients
    "observe/scrape/targets.py": {"socket"},  # asks the system's resolver for names in that configuration
    "cli/otlp_ports.py": {"socket"},  # where it listens
    "cli/up.py": {"socket", "uvicorn"},  # listens
    "cli/calm_server.py": {"uvicorn"},  # the server that up.py starts
    "cli/listening.py": {"socket"},  # where it listens
    "cli/patient_http.py": {"uvicorn"},  # how long it waits for headers
    "cli/tls.py": {"ssl"},  # what it listens with
}
"""Modules that may touch the network, beside psycopg (to the databases that the user named)."""

NETWORK = re.compile(
    r"^(socket|ssl|socketserver|http\.client|http\.server|urllib\.request|urllib3|requests|httpx2?|aiohttp|ftplib|smtplib"
    r"|poplib|imaplib|xmlrpc|uvicorn|websockets|grpc|webbrowser|botocore|boto3|azure|google\.auth|google\.api_core)(\.|$)"
)
_READ = re.compile(r"(?:FROM|JOIN)\s+(?:pg_catalog\.)?((?:pg|hypopg)_\w+)\b(?!\s*\()")


def modules() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(SOURCE.rglob("*.py")):
        yield str(file.relative_to(SOURCE)), ast.parse(file.read_text("utf-8"))


def test_everything_that_is_read_is_on_the_page() -> None:
    read: dict[str, str] = {}
    for where, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                read |= dict.fromkeys(_READ.findall(node.value), where)
    missing = {relation: where for relation, where in read.items() if f"`{relation}`" not in PAGE}
    assert not missing, f"read, and not on docs/trust.md: {missing}"
    assert len(read) > 20


def test_every_table_that_is_stored_is_on_the_page() -> None:
    for table in (*telemetry_tables(), *TABLES, *state_tables()):
        assert f"| `{table}` |" in PAGE, f"stored, and not on docs/trust.md: {table}"


def test_every_kind_of_statement_that_is_allowed_is_on_the_page() -> None:
    assert set(EXAMPLES) == set(Kind)


def test_nothing_is_sent() -> None:
    for where, tree in modules():
        used = {module for module in _imported(tree) if NETWORK.match(module)}
        allowed = OPENS_CONNECTIONS.get(where, set())
        assert {module.partition(".")[0] for module in used} <= allowed, f"{where} can reach the network: {used}"


def test_pages_load_nothing_from_elsewhere() -> None:
    for file in [*SOURCE.rglob("*.html"), *SOURCE.rglob("*.css"), *(f for f in SOURCE.rglob("*.js") if _ours(f))]:
        text = file.read_text("utf-8")
        foreign = re.findall(r"(?:src|href|url|fetch|import)\s*[=(]\s*[\"']?(https?:)?//[\w.]+", text)
        assert not foreign, f"{file.relative_to(ROOT)} loads from elsewhere"


def _ours(file: Path) -> bool:
    return "vendor" not in file.parts


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
