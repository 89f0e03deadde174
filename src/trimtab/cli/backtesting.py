"""`trimtab backtest`: when a rule or an objective would have fired over stored history."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trimtab.cli.common import client_of, client_options, guarded

if TYPE_CHECKING:
    from trimtab.app.backtest.choosing import Chosen, Get
    from trimtab.app.backtest.history import History
    from trimtab.app.backtest.run import Result, Span, Wrong
    from trimtab.model.objectives import Objective

STEP = "60s"


@click.command()
@click.argument("rule")
@click.option("--from", "from_", default="now-30d", help="Begin: now-30d [default], RFC 3339, or Unix milliseconds.")
@click.option("--to", default="now", help="End, the same.")
@click.option("--name", help="Only the alerting rule or objective of this name in the file.")
@click.option("--step", help=f"How often a rule is evaluated; default: its group's interval, else {STEP}.")
@click.option(
    "--objective",
    "objective_file",
    metavar="FILE[:NAME]",
    help="Judge rules by this objective: incidents that spent its budget, and times in which it was spent.",
)
@click.option(
    "--incidents",
    type=click.Path(path_type=Path),
    help="Judge by these incidents: CSV with the columns start, end[, name].",
)
@click.option("--metrics", metavar="URL", help="Ask this Prometheus-compatible server instead of trimtab.")
@client_options
@guarded
def backtest(
    rule: str,
    from_: str,
    to: str,
    name: str | None,
    step: str | None,
    objective_file: str | None,
    incidents: Path | None,
    metrics: str | None,
    data_dir: Path | None,
    server: str | None,
    form: str,
) -> None:
    """When an alert would have fired in the past, for how long, what it came before and what it missed.

    RULE is a file with Prometheus' rules or with objectives (trimtab's own form, OpenSLO's, Sloth's), - for standard
    input, or the name of an alerting rule or an objective in force. Exit code: 0; 1 an incident or a breach was missed.
    """
    from trimtab.app.backtest.document import document, lines
    from trimtab.app.reading.ranges import parse_range

    span = parse_range(from_, to, time.time_ns() // 1_000_000)
    get, is_trimtab = _get_of(metrics, data_dir, server)
    chosen = _chosen(rule, name, get)
    history = _history(get, is_trimtab=is_trimtab)
    results = _results(chosen, history, (span.from_ms, span.to_ms), step, objective_file, incidents)
    if form == "json":
        documents = [document(one) for one in results]
        click.echo(json.dumps(documents[0] if len(documents) == 1 else {"results": documents}, ensure_ascii=False))
    else:
        for index, one in enumerate(results):
            click.echo(("\n" if index else "") + "\n".join(lines(one)))
    if any(one.missed for one in results):
        sys.exit(1)


def _get_of(metrics: str | None, data_dir: Path | None, server: str | None) -> tuple[Get, bool]:
    if metrics is None:
        client = client_of(data_dir, server)
        return client.ask_prometheus, True
    from trimtab.app.upstream import Upstream

    upstream = Upstream(metrics)

    def get(path: str, values: Mapping[str, str]) -> tuple[int, bytes]:
        return upstream.ask_now("GET", path, values, 120.0)

    return get, False


def _history(get: Get, *, is_trimtab: bool) -> History:
    from trimtab.app.backtest.history import ServerHistory

    return ServerHistory(get, is_anchored=is_trimtab)


def _chosen(rule: str, name: str | None, get: Get) -> Chosen:
    from trimtab.app.backtest.choosing import chosen_in, chosen_on, text_of

    if rule == "-":
        return chosen_in(sys.stdin.read(), "-", name)
    if Path(rule).is_file():
        return chosen_in(text_of(Path(rule)), rule, name)
    return chosen_on(get, rule)


def _results(
    chosen: Chosen,
    history: History,
    bounds: tuple[int, int],
    step: str | None,
    objective_file: str | None,
    incidents: Path | None,
) -> list[Result]:
    from trimtab.app.backtest.run import EVERY_MS, NothingMeasured, Result, Span, backtest_objective, backtest_rule
    from trimtab.model.objectives import SLICE_MS, Objective

    given_ms = None if step is None else _step_ms(step)
    wrong = _wrong(objective_file, incidents, history, Span(*bounds, SLICE_MS))
    found: list[Result] = []
    unmeasured: list[NothingMeasured] = []
    for one in chosen:
        if isinstance(one, Objective):
            span = Span(*bounds, SLICE_MS)
            try:
                found.append(backtest_objective(one, history, span))
            except NothingMeasured as error:
                unmeasured.append(error)
                found.append(Result(one.name, "objective", span, coverage=0.0, notices=[error.message]))
        else:
            group, rule = one
            span = Span(*bounds, given_ms or group.interval_ms or EVERY_MS)
            found.append(backtest_rule(group, rule, history, span, wrong))
    if unmeasured and len(unmeasured) == len(found):
        raise unmeasured[0]
    return found


def _wrong(objective_file: str | None, incidents: Path | None, history: History, span: Span) -> Wrong | None:
    from trimtab.app.backtest.choosing import incidents_in, text_of
    from trimtab.app.backtest.run import Result, Wrong, counts_of, wrong_of

    if objective_file is not None:
        objective = _objective(objective_file)
        aside = Result(objective.name, "objective", span)
        return wrong_of(objective, counts_of(objective, history, span, aside), span, aside)
    return None if incidents is None else Wrong(incidents_in(text_of(incidents), str(incidents)))


def _objective(place: str) -> Objective:
    from trimtab.analyze.slo.reading import objectives_in
    from trimtab.app.backtest.choosing import text_of
    from trimtab.model.errors import InputError, NotFound

    file, name = (place, "") if Path(place).is_file() else place.rpartition(":")[::2]
    objectives = objectives_in(text_of(Path(file)), file)
    found = [one for one in objectives if not name or one.name == name]
    if not found:
        raise NotFound(f"{file} has no objective {name!r}", objective=name)
    if len(found) > 1:
        raise InputError(f"{file} has {len(found)} objectives: name one, {file}:{found[0].name}")
    return found[0]


def _step_ms(text: str) -> int:
    from trimtab.analyze.slo.quantities import duration_ms
    from trimtab.model.errors import InputError

    try:
        return duration_ms(text)
    except ValueError as error:
        raise InputError(f"--step: {error}") from None
