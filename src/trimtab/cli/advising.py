"""`trimtab advise`: indexes for a whole workload, from a file, without a server of ours."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trimtab.advise.workload.statements import Left, left_lines
from trimtab.cli.common import guarded
from trimtab.model.errors import InputError, TrimtabError

if TYPE_CHECKING:
    from trimtab.advise.workload.advice import WorkloadAdvice

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")
_TIME = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(s|min|)\s*")
SHOWN_MAX = 40
SHOWN_IN_MB_MIN = 99_500
"""Sizes from here on, in bytes, are said in MB."""
CYCLE_DAYS_MAX = 3650


@click.command()
@click.argument("dsn")
@click.option("--workload", required=True, metavar="FILE", help="Statements ended by `;`; - is standard input.")
@click.option("--budget", default="unlimited", show_default=True, help="Space for all new indexes, as 500MB.")
@click.option("--time", "time_text", default="8s", show_default=True, help="How long to search.")
@click.option("--clone", metavar="DSN|make", help="Try it on this copy of the database, or on one that is made for it.")
@click.option("--clone-limit", default="2GB", show_default=True, help="Copy a database whole up to this size.")
@click.option("--clone-time", default="120s", show_default=True, help="How long to measure on the clone.")
@click.option("--run-rewrites", is_flag=True, help="Run both forms of rewrites on the database, read-only, in turn.")
@click.option("--private", metavar="DSN|make", help="Where small tables may be made to compare rewrites on.")
@click.option("--standby", "standbys", metavar="DSN", multiple=True, help="A standby whose reads count, too.")
@click.option("--cycle-days", type=float, default=35.0, show_default=True, help="Unread for so long is unused.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Where the record of predictions is.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    help="For people, or one JSON document.",
)
@guarded
def advise(
    dsn: str,
    workload: str,
    budget: str,
    time_text: str,
    clone: str | None,
    clone_limit: str,
    clone_time: str,
    run_rewrites: bool,
    private: str | None,
    standbys: tuple[str, ...],
    cycle_days: float,
    data_dir: Path | None,
    form: str,
) -> None:
    """Say which indexes and rewrites would help a workload most, within a budget. Nothing is built on the system.

    DSN is a reference without a password (service=NAME, env:NAME, a URL). Each statement may have `-- name: …` and
    `-- calls: N` lines before it. Prices are those of the real planner with hypothetical indexes (HypoPG). With
    --clone the advice is tried: indexes are built there, statements run with and without them in turn, and what makes
    one slower is withdrawn. Other forms of statements are shown; they are advised once both forms were compared and
    timed: by --run-rewrites on the database itself, read-only, and in --private on small tables full of NULLs, where
    everything is rolled back. Without these options nothing is executed. What was predicted and measured is kept in
    --data-dir, if there is one, and corrects the next. Exit code: 0 done, 2 wrong input, 3 no connection, extension,
    program or permission.
    """
    from trimtab.advise.verify.verify import VerifySettings
    from trimtab.advise.workload.advisor import WorkloadSettings
    from trimtab.advise.workload.statements import nothing_priced, read_statements
    from trimtab.app.advising import Trying, looks_at_standbys
    from trimtab.app.advising_rewrites import Rewriting, advise_with_rewrites
    from trimtab.cli.advising_rewrites import add_rewrites, rewrite_lines
    from trimtab.cli.advising_verified import add_verification, record_of, verified_lines
    from trimtab.sql.connect import Reference
    from trimtab.store.state import wall_clock_ms

    if not 0 < cycle_days <= CYCLE_DAYS_MAX:
        raise InputError(f"--cycle-days is {cycle_days:g}: above 0 and at most {CYCLE_DAYS_MAX} was wanted")
    settings = WorkloadSettings(
        budget_bytes=budget_bytes_of(budget), time_max_s=_seconds(time_text), cycle_days=cycle_days
    )
    limit = budget_bytes_of(clone_limit, "--clone-limit")
    trying = Trying(clone, limit, VerifySettings(time_max_s=_seconds(clone_time, "--clone-time")))
    statements, left = read_statements(_text(workload))
    try:
        if not statements:
            raise nothing_priced(left)
        looks = looks_at_standbys(Reference.parse(dsn), [Reference.parse(one) for one in standbys])
        settings = replace(settings, standbys=looks)
        together = advise_with_rewrites(
            Reference.parse(dsn),
            statements,
            left,
            settings=settings,
            trying=trying,
            record=record_of(data_dir),
            now_ms=wall_clock_ms,
            rewriting=Rewriting(run_rewrites, private),
        )
    except TrimtabError as error:
        if form == "json":
            click.echo(json.dumps(_failed(error), ensure_ascii=False))
        raise
    found = together.advised
    if form == "json":
        made = add_rewrites(add_verification(document(found.advice), found), together)
        click.echo(json.dumps(made, ensure_ascii=False))
    else:
        click.echo("\n".join([*_lines(found.advice), *verified_lines(found), *rewrite_lines(together)]))


def budget_bytes_of(text: str, option: str = "--budget") -> int:
    """A size with its unit, in bytes; MB are 10^6, MiB 2^20.

    >>> budget_bytes_of("1.5MB"), budget_bytes_of("110 MiB")
    (1500000, 115343360)
    """
    if text.strip().lower() == "unlimited":
        return 1 << 62
    found = _SIZE.fullmatch(text)
    unit = _UNITS.get(found[2].lower()) if found else None
    if found is None or unit is None or (size := int(float(found[1]) * unit)) <= 0:
        raise InputError(f"{option} is {text!r}: a size above 0 was wanted, as 500MB or 2GiB", budget=text)
    return size


def size_text(size_bytes: float) -> str:
    """A size for people, in the units of `--budget` (MB are 10^6 bytes): small ones in kB.

    >>> size_text(16_384), size_text(8_200_000), size_text(1_234_000_000), size_text(500)
    ('16 kB', '8.2 MB', '1,234.0 MB', '0.5 kB')
    """
    if size_bytes >= SHOWN_IN_MB_MIN:
        return f"{size_bytes / 1e6:,.1f} MB"
    return f"{size_bytes / 1e3:.2g} kB"


def document(advice: WorkloadAdvice) -> dict[str, Any]:
    """The advice as JSON."""
    return {
        "indexes": [
            {
                "ddl": one.ddl,
                "table": one.definition.relation,
                "size_mb": round(one.size_bytes / 1e6, 3),
                "write_cost_ms": one.write_cost_ms,
                "write_cost_ms_per_s": one.write_cost_ms_per_s,
                "write_wal_mb": round(one.write_wal_bytes / 1e6, 3),
                "queries": list(one.statements),
                "why": one.why,
            }
            for one in advice.indexes
        ],
        "drops": [
            {
                "ddl": one.ddl,
                "table": one.relation,
                "kind": one.kind,
                "size_mb": round(one.size_bytes / 1e6, 3),
                "why": one.reason,
            }
            for one in advice.drops
        ],
        "statistics": [
            {
                "ddl": one.ddl,
                "analyze": one.analyze,
                "table": f"{one.schema}.{one.table}",
                "queries": list(one.statements),
                "why": one.why,
            }
            for one in advice.statistics
        ],
        "notes": list(advice.notes),
        "rewrites": [],
        "predicted_ratio": advice.predicted_ratio,
        "interval_90": list(advice.interval_90),
        "bound": advice.bound,
        "planner_ratio": advice.reached,
        "ended": advice.ended,
        "per_query": [
            {
                "query": one.name,
                "predicted_ratio": one.predicted_ratio,
                "interval_90": list(one.interval_90),
                "rests_on": list(one.rests_on),
            }
            for one in advice.statements
        ],
        "left": _left(advice.left),
        "candidates": advice.candidates_count,
        "what_if_calls": advice.what_if_calls,
        "priced_share": round(advice.priced_share, 4),
        "took_s": round(advice.took_s, 3),
    }


def _failed(error: TrimtabError) -> dict[str, Any]:
    """The document where there is no advice: why, what a DBA would run, and the reason of each statement."""
    left = error.facts.get("left")
    return {
        "error": error.message.split("\n")[0],
        "sql": error.facts.get("sql"),
        "indexes": [],
        "rewrites": [],
        "left": _left(left) if isinstance(left, tuple) else [],
    }


def _left(left: Iterable[Left]) -> list[dict[str, Any]]:
    return [{"query": one.name, "line": one.line, "reason": one.reason} for one in left]


def _lines(advice: WorkloadAdvice) -> list[str]:
    if advice.indexes:
        low, high = advice.interval_90
        count = "1 index" if len(advice.indexes) == 1 else f"{len(advice.indexes)} indexes"
        total = size_text(sum(one.size_bytes for one in advice.indexes))
        lines = [
            f"{count}, {total}: the workload is expected to take "
            f"{advice.predicted_ratio:.3g} of today's time (9 times in 10: {low:.2g} to {high:.2g})",
            f"by the planner's costs {advice.reached:.3g}; no set of the {advice.candidates_count} candidates within "
            f"the budget is below {advice.bound:.3g} ({advice.ended})",
        ]
    else:
        lines = [f"no index: none of {advice.candidates_count} candidates is worth its place"]
    if advice.priced_share < 1:
        lines.append(
            f"indexes were priced for {advice.priced_share:.1%} of the workload's time, the heaviest statements first; "
            "the rest got none of its own: it stays as it is, or as these make it (--time gives more)"
        )
    for index in advice.indexes:
        statement = index.ddl.replace("CREATE INDEX ", "CREATE INDEX CONCURRENTLY ", 1)
        lines += [
            "",
            f"  {statement};",
            f"    {size_text(index.size_bytes)}, {index.why}; read by {_names(index.statements)}",
        ]
        if index.write_cost_ms:
            lines.append(
                f"    writers of {index.definition.relation} pay {index.write_cost_ms:,.3g} ms in all their calls, and "
                f"log {size_text(index.write_wal_bytes)}"
            )
    changed = sorted((one for one in advice.statements if one.rests_on), key=lambda one: one.predicted_ratio)
    if changed:
        lines += ["", "statements, after ÷ before:"]
    for one in changed[:SHOWN_MAX]:
        least, most = one.interval_90
        lines.append(f"  {one.name}: {one.predicted_ratio:.3g} ({least:.2g} to {most:.2g}), {', '.join(one.rests_on)}")
    for lacking in advice.statistics[:SHOWN_MAX]:
        lines += ["", f"  statistics that the planner lacks: {lacking.ddl}; {lacking.analyze};"]
        lines.append(f"    {lacking.why}; asked for by {_names(lacking.statements)}")
    for drop in advice.drops[:SHOWN_MAX]:
        statement = drop.ddl.replace("DROP INDEX ", "DROP INDEX CONCURRENTLY ", 1)
        lines += ["", f"  could go ({drop.kind}, {size_text(drop.size_bytes)}): {statement};", f"    {drop.reason}"]
    lines += [f"  note: {note}" for note in advice.notes]
    return [*lines, *left_lines(advice.left, SHOWN_MAX)]


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "") or "no statement"


def _seconds(text: str, option: str = "--time") -> float:
    found = _TIME.fullmatch(text)
    seconds = float(found[1]) * (60 if found[2] == "min" else 1) if found else 0.0
    if not 0 < seconds <= 3600:
        raise InputError(f"{option} is {text!r}: seconds above 0 and at most an hour were wanted, as 10s", time=text)
    return seconds


def _text(workload: str) -> str:
    if workload == "-":
        data = sys.stdin.buffer.read()
    else:
        path = Path(workload)
        if not path.is_file():
            raise InputError(f"--workload: there is no file {workload}", file=workload)
        data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"--workload: line {line} of {workload} is not UTF-8", line=line) from None
