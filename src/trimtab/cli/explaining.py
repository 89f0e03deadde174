"""`trimtab explain`: a statement's plan, or plans from a file, with each step's own time and what is wrong with it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trimtab.cli.common import guarded
from trimtab.model.errors import InputError

if TYPE_CHECKING:
    from trimtab.analyze.queries.plans.document import PlanDocument
    from trimtab.app.explaining import Explained

_TIME = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|min|)\s*")
_SCALES = {"ms": 1.0, "s": 1000.0, "": 1000.0, "min": 60_000.0}
TIMEOUT_MS_MAX = 3_600_000


@click.command()
@click.argument("dsn", required=False)
@click.argument("statement", required=False)
@click.option("--plan", "plan_file", metavar="FILE", help="Read plans from a file (- is standard input), no server.")
@click.option("--param", "values", multiple=True, metavar="VALUE", help="What stands for $1, then for $2, and so on.")
@click.option("--analyze", is_flag=True, help="Run it, read-only, if it is a SELECT that can do nothing but read.")
@click.option(
    "--timeout", "timeout_text", default="30s", show_default=True, help="How long it may take, as 500ms or 5s."
)
@click.option("--fail-on", type=click.FloatRange(0.0, 1.0), help="End with 1 where a finding has at least this score.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or one JSON document.",
)
@guarded
def explain(
    dsn: str | None,
    statement: str | None,
    plan_file: str | None,
    values: tuple[str, ...],
    analyze: bool,
    timeout_text: str,
    fail_on: float | None,
    form: str,
) -> None:
    """Show the plan of STATEMENT on the server behind DSN, where its time goes, and what would mend it.

    DSN is a reference without a password (service=NAME, env:NAME, a URL); STATEMENT may be - for standard input.
    Nothing is run unless --analyze says so. A statement with $1 and no --param gets its generic plan. With --plan, what
    EXPLAIN of PostgreSQL 13 to 18 gave (text or JSON), or a log with plans of auto_explain, is read instead. Exit
    code: 0 done, 1 --fail-on, 2 wrong input, 3 no connection or permission.
    """
    from trimtab.cli import explain_output

    timeout_ms = _timeout_ms(timeout_text)
    if plan_file is not None:
        if dsn is not None or values or analyze:
            raise InputError("--plan reads a file: it takes no DSN, no statement, no --param and no --analyze")
        explained = _from_file(plan_file)
    else:
        if dsn is None or statement is None:
            raise InputError("explain needs a DSN and a statement, or --plan FILE")
        text = _read("-") if statement == "-" else statement
        explained = [_from_server(dsn, text, values, analyze=analyze, timeout_ms=timeout_ms)]
    told = [explain_output.Told.of(one) for one in explained]
    if form == "json":
        click.echo(json.dumps({"plans": [one.document() for one in told]}, ensure_ascii=False))
    else:
        click.echo("\n\n".join(one.text(is_coloured=sys.stdout.isatty()) for one in told))
    if fail_on is not None and any(hint.score >= fail_on for one in told for hint in one.hints):
        sys.exit(1)


def _from_server(dsn: str, text: str, values: tuple[str, ...], *, analyze: bool, timeout_ms: int) -> Explained:
    from trimtab.app.explaining import explain_now
    from trimtab.sql.connect import Reference

    reference = Reference.parse(dsn)
    with reference.connect(
        "trimtab/explain", read_only=True, statement_timeout_ms=timeout_ms, lock_timeout_ms=1_000
    ) as connection:
        return explain_now(connection, text, values, analyze=analyze, timeout_ms=timeout_ms)


def _from_file(path: str) -> list[Explained]:
    from trimtab.analyze.queries.plans.catalogue import Catalogue
    from trimtab.analyze.queries.plans.document import BadPlan
    from trimtab.analyze.queries.plans.reading import read_plans
    from trimtab.app.explaining import Explained

    name = "standard input" if path == "-" else path
    try:
        documents = read_plans(_read(path))
    except BadPlan as error:
        raise InputError(f"--plan: {name}: {error.message}", file=name) from None
    return [Explained(one, Catalogue(), _how(one)) for one in documents]


def _how(document: PlanDocument) -> str:
    from trimtab.app.explaining import ESTIMATED

    if document.taken_at is not None:
        return f"from a log, {document.taken_at}"
    return "from a file" if "Actual Loops" in document.raw["Plan"] else f"from a file, {ESTIMATED}"


def _read(path: str) -> str:
    if path == "-":
        data = sys.stdin.buffer.read()
    else:
        if not Path(path).is_file():
            raise InputError(f"there is no file {path}", file=path)
        data = Path(path).read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"line {line} of {'standard input' if path == '-' else path} is not UTF-8", line=line
        ) from None


def _timeout_ms(text: str) -> int:
    found = _TIME.fullmatch(text)
    time_ms = round(float(found[1]) * _SCALES[found[2]]) if found else 0
    if not 1 <= time_ms <= TIMEOUT_MS_MAX:
        raise InputError(f"--timeout is {text!r}: 1ms to 60min were wanted, as 500ms or 5s", timeout=text)
    return time_ms
