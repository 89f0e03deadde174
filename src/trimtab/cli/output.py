"""Answers for people: rich tables; or one JSON document on stdout with nothing beside it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from trimtab.cli.controls import all_shown
from trimtab.cli.tables import ReadableTable, UnbrokenConsole
from trimtab.model.errors import ServerUnreachable

Json = dict[str, Any]
QUERY_CHARS = 90
DETAIL_CHARS = 400
SQL_LINES_MAX = 8
UNBROKEN_WIDTH = 1_000_000
LONG_DETAILS = frozenset({"proposal", "judgement", "checks", "limits"})
"""What a ledger entry holds that is shown elsewhere, or only as JSON."""


def show(form: str, answer: Any, draw: Callable[[Console, Any], None]) -> None:
    """Print an answer as `table` or as `json`. Where stdout is no terminal, no line is broken."""
    if form == "json":
        click.echo(json.dumps(answer, indent=2))
    elif sys.stdout.isatty():
        _drawn(draw, UnbrokenConsole(highlight=False), answer)
    else:
        written = io.StringIO()
        console = UnbrokenConsole(file=written, force_terminal=False, highlight=False, width=UNBROKEN_WIDTH)
        _drawn(draw, console, answer)
        click.echo("\n".join(line.rstrip() for line in written.getvalue().removesuffix("\n").split("\n")))


def _drawn(draw: Callable[[Console, Any], None], console: Console, answer: Any) -> None:
    """What a server of another version answers may lack what is drawn here; it did what it was asked all the same."""
    try:
        draw(console, all_shown(answer))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise _unexpected(error) from error


def part(answer: Any, name: str) -> Any:
    """One field of an answer; ServerUnreachable where it has another shape.

    >>> part({"a": 1}, "a")
    1
    """
    try:
        return answer[name]
    except (LookupError, TypeError) as error:
        raise _unexpected(error) from error


def _unexpected(error: Exception) -> ServerUnreachable:
    return ServerUnreachable(
        f"the server answered, and not as this command expects ({type(error).__name__}: {error}): is it a trimtab "
        "of the same version? --format json shows what it said"
    )


def moment(at_ms: int | None) -> str:
    """A moment in UTC.

    >>> moment(0), moment(None)
    ('1970-01-01 00:00:00Z', '-')
    """
    return "-" if at_ms is None else f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"


def ratio(value: float | None, interval: list[float] | None = None) -> str:
    """A ratio after ÷ before, with its interval.

    >>> ratio(0.0123, [0.01, 0.02]), ratio(None)
    ('0.0123 [0.01, 0.02]', '-')
    """
    if value is None:
        return "-"
    span = f" [{interval[0]:.3g}, {interval[1]:.3g}]" if interval else ""
    return f"{value:.3g}{span}"


def milliseconds(value: float | None) -> str:
    """Milliseconds with three digits that mean something.

    >>> milliseconds(0.1234), milliseconds(151.26), milliseconds(None)
    ('0.123 ms', '151 ms', '-')
    """
    return "-" if value is None else f"{value:.3g} ms" if value < 1000 else f"{value:.0f} ms"


def size(size_bytes: float) -> str:
    """Bytes for people.

    >>> size(512), size(25_000_000)
    ('512 B', '23.8 MiB')
    """
    value = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError("unreachable")


def plain(value: object) -> Text:
    """Text that is shown as it is: a query may hold what looks like markup."""
    return Text(" ".join(str(value).split()))


def table(title: str, *columns: str) -> ReadableTable:
    """An empty table in the house's style."""
    return ReadableTable(title, *columns)


def cut(console: Console, text: str) -> str:
    """The beginning of a long text for a person at a terminal; all of it for whatever reads it elsewhere."""
    flat = " ".join(text.split())
    return flat if len(flat) <= QUERY_CHARS or not console.is_terminal else f"{flat[: QUERY_CHARS - 1]}…"


def cases(console: Console, answer: list[Json]) -> None:
    """A list of cases."""
    if not answer:
        console.print("No cases: nothing was found to be slow in what is watched (see trimtab status).")
        console.print("A finding needs about a minute of load after trimtab watch.")
        return
    rows = table("Cases", "#", "system", "what", "state", "change", "predicted", "measured", "query")
    for row in answer:
        change = row["change"] or {}
        proposal: Json = change.get("proposal") or next(iter(row["proposals"]), {})
        effect = change.get("effect") or {}
        rows.add_row(
            str(row["id"]),
            plain(row["system"]),
            plain(row["finding"]["title"]),
            stands(row),
            plain(proposal.get("summary", "-")),
            ratio(proposal.get("predicted_ratio"), proposal.get("predicted_interval_90")),
            ratio(effect.get("ratio"), effect.get("interval_90")),
            plain(cut(console, row["query_text"])),
        )
    console.print(rows)


def stands(row: Json) -> str:
    """How a case stands, in one word for one state: its verdict, else where its change is, else its own state."""
    return str(row["verdict"] or (row["change"] or {}).get("state") or row["state"])


def case(console: Console, answer: Json) -> None:
    """One case from the finding to the verdict."""
    console.print(Text(f"Case {answer['id']} · {answer['system']} · {stands(answer)}", "bold"))
    console.print(plain(answer["query_text"]))
    finding = answer["finding"]
    console.print(Text(f"\nFound {moment(finding['noticed_at_ms'])}: {finding['title']}"))
    for item in finding["evidence"]:
        span = f" [{item['interval_90'][0]:.3g}, {item['interval_90'][1]:.3g}]" if item["interval_90"] else ""
        console.print(
            Text(
                f"  {item['name']} {item['value']:.3g}{span} {item['unit']} · {item['samples_count']} slices from "
                f"{moment(item['window_start_ms'])} · {item['source']}"
            )
        )
    change = answer["change"]
    proposal = change["proposal"] if change else next(iter(answer["proposals"]), None)
    if proposal:
        _proposal(console, proposal)
    if change:
        from trimtab.cli.proposed import both_ways

        for line in both_ways(change):
            console.print(Text(f"  {line}"))
    if answer["reason"]:
        console.print(Text(f"\nReason: {answer['reason']}"))
    if answer.get("waits_for"):
        console.print(Text(f"\nWaits for: {answer['waits_for']}"))
    if change:
        _effect(console, change.get("effect"))
        rows = table(f"\nLedger of change {change['id']}", "when", "state", "event", "by", "detail")
        for entry in answer.get("ledger", []):
            rows.add_row(
                moment(entry["at_ms"]),
                entry["state"],
                entry["event"],
                plain(entry["actor"]),
                plain(detail_of(console, entry)),
            )
        console.print(rows)


def approved(console: Console, answer: Json) -> None:
    """What came of a yes."""
    from trimtab.cli.proposed import approved_lines

    for line in approved_lines(answer):
        console.print(Text(line))


def decided(console: Console, answer: Json) -> None:
    """What came of a no, or of asking for a change to be taken back."""
    from trimtab.cli.proposed import decided_line

    console.print(Text(decided_line(answer)))
    console.print(Text(f"'trimtab case {answer['id']}' shows it with its ledger."))


def _proposal(console: Console, proposal: Json) -> None:
    console.print(Text(f"\nProposed: {proposal['summary']}", "bold"))
    console.print(
        Text(
            f"  predicted ratio {ratio(proposal['predicted_ratio'], proposal['predicted_interval_90'])} "
            f"(holds 9 times in 10, by {proposal['interval_source']})\n"
            f"  saves {proposal['gain_ms_per_s']:.3g} ms/s, costs writers {proposal['write_cost_ms_per_s']:.3g} ms/s, "
            f"about {size(proposal['size_bytes'])}, about {proposal['build_time_s']:.3g} s to build, "
            f"risk {proposal['risk']}\n"
            f"  parameters: {proposal['parameters_source']}\n"
            f"  hash {proposal['content_hash']}"
        )
    )
    for label, key in (("risk", "risk_reasons"), ("verified", "verified"), ("not verified", "not_verified")):
        for sentence in proposal[key]:
            console.print(Text(f"  {label}: {sentence}"))


def _effect(console: Console, effect: Json | None) -> None:
    if not effect:
        return
    rows = table("\nMeasured", "", "before", "after", "ratio")
    rows.add_row(
        "mean execution time",
        milliseconds(effect["mean_before_ms"]),
        milliseconds(effect["mean_after_ms"]),
        ratio(effect["raw_ratio"]),
    )
    rows.add_row("against the controls", "", "", ratio(effect["ratio"], effect["interval_90"]))
    for name in ("p95", "p99"):
        before, after = effect[f"{name}_before_ms"], effect[f"{name}_after_ms"]
        rows.add_row(
            f"{name} seen by the application",
            milliseconds(before),
            milliseconds(after),
            ratio(after / before if before and after is not None else None),
        )
    rows.add_row("calls", str(effect["calls_before"]), str(effect["calls_after"]), "")
    console.print(rows)


def detail_of(console: Console, entry: Json) -> str:
    """What a ledger entry says beside its event; shortened on a terminal."""
    told = {k: v for k, v in entry["detail"].items() if k not in LONG_DETAILS}
    text = ", ".join(f"{k}={json.dumps(v) if isinstance(v, dict | list) else v}" for k, v in told.items())
    return text if len(text) <= DETAIL_CHARS or not console.is_terminal else f"{text[: DETAIL_CHARS - 1]}…"


def system(console: Console, answer: Json) -> None:
    """A system that is watched now, and what trimtab cannot see of it."""
    console.print(Text(f"Watching {answer['name']} ({answer['dsn']})", "bold"))
    if answer["change_dsn"] is None:
        console.print("  no connection for changes: trimtab looks and proposes, it changes nothing")
    elif answer.get("change_target"):
        console.print(Text(f"  changes: {answer['change_target']}"))
    for capability in answer.get("capabilities", []):
        mark = "yes" if capability["available"] else "NO "
        console.print(Text(f"  {mark} {capability['name']}: {capability['detail']}"))
        if not capability["available"]:
            console.print(Text(f"      needed for {capability['needed_for']}"))
            if capability["sql"]:
                lines = capability["sql"].splitlines()
                shown = (
                    lines if len(lines) <= SQL_LINES_MAX else [f"-- {len(lines)} lines of SQL: --format json has them"]
                )
                for line in shown:
                    console.print(Text(f"      {line}"))


def status(console: Console, answer: Json) -> None:
    """What runs."""
    console.print(Text(f"trimtab at {answer['url']}, up {answer['uptime_s']:.0f} s", "bold"))
    if answer["frozen"]:
        console.print(Text(f"FROZEN everywhere, {answer['frozen'].removeprefix('frozen ')}", "bold red"))
    for warning in answer["warnings"]:
        console.print(Text(f"WARNING: {warning}", "bold red"))
    for freeze in answer["freezes"]:
        what = f"{freeze['kind']} on {freeze['system']}" if freeze["kind"] else freeze["system"]
        console.print(
            Text(f"FROZEN: {what} by {freeze['frozen_by']} {moment(freeze['frozen_at_ms'])}: {freeze['reason']}", "red")
        )
    autonomy = answer["policy"]["create_index"]["autonomy"]
    console.print(f"policy: create_index is '{autonomy}'")
    _config(console, answer["config"])
    for case in answer["needs_yes"]:
        console.print(
            Text(f"waits for your yes: case {case['case_id']} on {case['system']}: {case['summary']}", "bold yellow")
        )
        console.print(Text(f"  trimtab approve {case['case_id']}, or look at it first: trimtab case {case['case_id']}"))
    if not answer["systems"]:
        console.print("no system is watched: trimtab watch DSN")
    for row in answer["systems"]:
        watch = row["watch"] or {}
        differs = [f"{kind} is '{level}'" for kind, level in row["autonomy"].items() if level != autonomy]
        console.print(Text("; ".join([f"{row['name']} ({row['dsn']}): {watch.get('state', 'starting')}", *differs])))
        for problem in (watch.get("last_error"), row["loop_error"], *(watch.get("problems") or {}).values()):
            if problem:
                console.print(Text(f"  problem: {problem}"))
        for capability in watch.get("capabilities") or []:
            if not capability["available"]:
                console.print(Text(f"  missing: {capability['name']} (needed for {capability['needed_for']})"))
    console.print(
        f"cases open: {answer['cases_open_count']}, changes in flight: {len(answer['changes_in_flight'])}, "
        f"waiting: {answer['changes_waiting_count']}"
    )
    store = answer["telemetry"]
    console.print(f"telemetry: spool {size(store['spool_bytes'])}, quarantined {store['quarantined_count']} messages")
    console.print(chain_line(answer["ledger"]))


def chain_line(ledger: Json) -> Text:
    """Whether the ledger is what was written, how far that was looked at, and when."""
    if not ledger["intact"]:
        return Text(f"ledger: BROKEN. {ledger['to_do']}", "bold red")
    return Text(
        f"ledger: intact up to entry {ledger['entries_count']}, looked at {moment(ledger['checked_at_ms'])} "
        f"(all of it {moment(ledger['whole_at_ms'])})"
    )


def _config(console: Console, file: Json) -> None:
    """Only what a person should do something about."""
    if file["last_error"]:
        console.print(Text("the configuration file is wrong, the last good one is in force:", "bold red"))
        console.print(Text(file["last_error"], "red"))
    if file["needs_restart"]:
        names = ", ".join(setting["name"] for setting in file["needs_restart"])
        console.print(Text(f"in force only after a restart: {names}", "yellow"))
    if file["overrides_ignored_count"]:
        console.print(Text(f"overrides not in force: {file['overrides_ignored_count']} (trimtab policy)", "yellow"))
