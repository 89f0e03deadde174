"""`trimtab test`: scripts with queries and what they should give, run without a server."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trimtab.cli.common import guarded
from trimtab.model.errors import InputError

if TYPE_CHECKING:
    from trimtab.store.promql.script_report import FileReport

SIZE_BYTES_MAX = 64 * 1024 * 1024


@click.group("test")
def test() -> None:
    """Run tests of queries: no server is needed."""


@test.command("promql")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--known-misses",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="TOML with evaluations that are known to miss, each with a reason: they do not count as failed.",
)
@click.option(
    "--delayed-name-removal/--early-name-removal",
    default=True,
    help="When metric names go: at the end, as in Prometheus' own scripts [default], or at once, as `trimtab up` does.",
)
@click.option(
    "--promql-window", type=click.Choice(["open", "closed"]), default="open", help="Windows of Prometheus 3, or 2."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    help="For people, or one JSON document.",
)
@guarded
def promql(
    files: tuple[str, ...], known_misses: Path | None, delayed_name_removal: bool, promql_window: str, form: str
) -> None:
    """Run test scripts of PromQL: load samples, evaluate queries, compare with what is expected.

    The language is that of Prometheus' promqltest. FILE is a script, a folder with *.test in it, or - for standard
    input. Exit code: 0 all is as expected, 1 something is not, 2 a script cannot be read.
    """
    from trimtab.store.compiled_once import compile_once

    compile_once(lambda told: click.echo(told, err=True))  # before what comes now: it imports kernels
    from trimtab.store.promql.options import Options
    from trimtab.store.promql.script_known import Known, known_of
    from trimtab.store.promql.script_report import report_of
    from trimtab.store.promql.script_run import run_script

    options = Options(removes_names_late=delayed_name_removal, is_left_open=promql_window == "open")
    known = Known() if known_misses is None else known_of(known_misses.read_text("utf-8"))
    reports = []
    for name, text in _scripts(files):
        try:
            reports.append(report_of(name.rsplit("/", 1)[-1], run_script(text, options), known))
        except InputError as wrong:
            raise InputError(f"{name}: {wrong.message}", **wrong.facts) from wrong
        reports[-1].file = name
    stale = known.stale({report.file.rsplit("/", 1)[-1] for report in reports})
    if form == "json":
        click.echo(json.dumps(_document(reports, stale), ensure_ascii=False))
    else:
        _show(reports, stale)
    if stale or any(report.failures for report in reports):
        sys.exit(1)


@test.command("rules")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--promql-window",
    type=click.Choice(["either", "open", "closed"]),
    default="either",
    help="open: as promtool 3, and `trimtab up`; closed: as promtool 2.42 in everything; either [default]: as 3, and "
    "what fails so may pass as 2.42, which is said.",
)
@click.option("--ignore-unknown-fields", is_flag=True, help="Pass over fields that are not known.")
@click.option("--run", "wanted", multiple=True, metavar="REGEX", help="Only tests whose name matches; again: or those.")
@click.option("--junit", type=click.Path(path_type=Path), help="Also write results as JUnit XML to this file.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="For people, or JSON.")
@guarded
def rules(
    files: tuple[str, ...],
    promql_window: str,
    ignore_unknown_fields: bool,
    wanted: tuple[str, ...],
    junit: Path | None,
    form: str,
) -> None:
    """Run unit tests of alerting and recording rules, as promtool does: FILE is promtool's, or - for standard input.

    Exit code: 0 all is as expected, 1 a test failed, 2 a file cannot be read.
    """
    from trimtab.analyze.rules.unit_report import document, junit_of, run_files, table
    from trimtab.analyze.rules.unit_tests import Ways

    ways = Ways(promql_window == "closed", ignore_unknown_fields, wanted)
    given = [
        ("-", sys.stdin.read(SIZE_BYTES_MAX)) if file == "-" else (file, text_of_file(Path(file))) for file in files
    ]
    reports = run_files(given, ways, takes_either=promql_window == "either")
    if junit is not None:
        junit.write_text(junit_of(reports), "utf-8")
    click.echo(json.dumps(document(reports), ensure_ascii=False) if form == "json" else table(reports))
    if any(report.error for report in reports):
        sys.exit(2)
    if any(report.failures for report in reports):
        sys.exit(1)


def _scripts(files: tuple[str, ...]) -> list[tuple[str, str]]:
    """Names and texts of all scripts."""
    scripts: list[tuple[str, str]] = []
    for file in files:
        if file == "-":
            scripts.append(("-", sys.stdin.read(SIZE_BYTES_MAX)))
            continue
        path = Path(file)
        found = sorted(path.glob("*.test")) if path.is_dir() else [path]
        if not found:
            raise InputError(f"{file} has no *.test in it", path=file)
        scripts += [(str(one), text_of_file(one)) for one in found]
    return scripts


def text_of_file(path: Path) -> str:
    """A file that is not too long."""
    try:
        size_bytes = path.stat().st_size
        if size_bytes > SIZE_BYTES_MAX:
            raise InputError(f"{path} has {size_bytes} bytes; at most {SIZE_BYTES_MAX}", limit=SIZE_BYTES_MAX)
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as broken:
        raise InputError(f"could not read {path}: {broken}", path=str(path)) from broken


def _document(reports: list[FileReport], stale: list[str]) -> dict[str, object]:
    return {
        "passed": sum(report.passed for report in reports),
        "failed": sum(len(report.failures) for report in reports),
        "excluded": sum(len(report.excluded) for report in reports),
        "failures": [
            {"file": report.file, "line": one.line, "query": one.query, "difference": one.difference}
            for report in reports
            for one in report.failures
        ],
        "known_misses_that_pass": stale,
        "files": [
            {
                "file": report.file,
                "passed": report.passed,
                "failed": len(report.failures),
                "excluded": len(report.excluded),
            }
            for report in reports
        ],
    }


def _show(reports: list[FileReport], stale: list[str]) -> None:
    for report in reports:
        for one in report.failures:
            click.echo(f"{report.file}:{one.line}: {one.query}\n    {one.difference}")
    for text in stale:
        click.echo(f"known to miss, but does not: {text}")
    width = max(len(report.file) for report in reports)
    for report in reports:
        excluded = f", {len(report.excluded)} known to miss" if report.excluded else ""
        click.echo(f"{report.file:<{width}}  {report.passed} of {report.total} as expected{excluded}")
    failed = sum(len(report.failures) for report in reports)
    passed = sum(report.passed for report in reports)
    click.echo(f"{passed} passed, {failed} failed, {sum(len(one.excluded) for one in reports)} known to miss")
