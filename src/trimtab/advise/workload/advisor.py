"""From a workload to a set of indexes. `advise_workload` is the table of contents."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from trimtab.advise.index.advice import AdviseSettings
from trimtab.advise.index.candidates import Candidate
from trimtab.advise.index.knowledge import costs as figures_of
from trimtab.advise.index.partial import rows_share
from trimtab.advise.index.session import Connection, bounded, extend_search_path, require_hypopg
from trimtab.advise.index.size import size_bytes
from trimtab.advise.index.write_cost import write_cost
from trimtab.advise.workload.advice import AdvisedIndex, StatementOutlook, WorkloadAdvice
from trimtab.advise.workload.candidates import candidates_of
from trimtab.advise.workload.costs import Chosen, Costs, OutOfTime
from trimtab.advise.workload.outlook import outlook, together
from trimtab.advise.workload.search import Search
from trimtab.advise.workload.shapes import Shape, Workload, workload_of
from trimtab.advise.workload.statements import Left, WorkloadStatement
from trimtab.advise.workload.writes import WriteRows, rows_written
from trimtab.model.errors import InputError, StatementRefused, TrimtabError
from trimtab.sql.index_ddl import create_statement, index_name

GAIN_MIN = 0.001
"""An index stays in the set only where the whole workload would cost this share more without it."""


@dataclass(frozen=True, slots=True)
class WorkloadSettings:
    """Bounds of one advice. `budget_bytes` is for all new indexes together, by their real size."""

    budget_bytes: int = 1 << 62
    what_if_calls_max: int = 6_000
    time_max_s: float = 8.0
    index: AdviseSettings = field(default_factory=AdviseSettings)


def advise_workload(
    connection: Connection,
    statements: Sequence[WorkloadStatement],
    left: Sequence[Left] = (),
    *,
    settings: WorkloadSettings | None = None,
    residuals: Sequence[float] = (),
) -> WorkloadAdvice:
    """Indexes for all statements together, within the budget. Nothing is built or executed.

    Raises `ExtensionMissing` (HypoPG), `PermissionMissing`, `ServerUnreachable`; statements that cannot be priced are
    left, with the reason.
    """
    chosen = settings or WorkloadSettings()
    if chosen.budget_bytes <= 0:
        raise InputError(f"the budget is {chosen.budget_bytes} bytes, it must be above 0", budget=chosen.budget_bytes)
    with bounded(connection):
        return _advise(connection, statements, left, chosen, residuals)


def _advise(
    connection: Connection,
    statements: Sequence[WorkloadStatement],
    left: Sequence[Left],
    settings: WorkloadSettings,
    residuals: Sequence[float],
) -> WorkloadAdvice:
    began = time.monotonic()
    workload = workload_of(connection, statements, left, settings.index)
    require_hypopg(workload.catalog.hypopg_schema)
    extend_search_path(connection, workload.catalog.extra_schemas)
    workload, refused = _priceable(connection, workload, settings, began)
    candidates, own = candidates_of(workload, settings.index)
    texts = [(place, text) for place, shape in enumerate(workload.shapes) for text in shape.texts]
    costs = Costs(
        connection,
        workload.catalog,
        [text for _, text in texts],
        candidates,
        calls_max=settings.what_if_calls_max,
        time_max_s=settings.time_max_s - (time.monotonic() - began),
    )
    try:
        costs.start()
        for number, (place, _) in enumerate(texts):
            costs.set_relevant(number, own[place])
        shares = [workload.shapes[place].calls / len(workload.shapes[place].texts) for place, _ in texts]
        written = rows_written(workload, costs, texts)
        sizes = [_size(candidate, workload) for candidate in candidates]
        search = Search(costs, shares, [_price(one, written) for one in candidates], sizes, settings.budget_bytes)
        found = search.run()
        best = _without_idle(search, found.chosen)
        reached = search.value(best) / (search.base_value or 1.0)
        outlooks = _outlooks(workload, costs, texts, search, best, residuals)
        names = _readers(workload, costs, texts, search, best)
    finally:
        costs.close()
    ratio, interval = together(outlooks, [shape.calls for shape in workload.shapes], residuals)
    return WorkloadAdvice(
        indexes=tuple(
            _advised(candidates[number], sizes[number], names.get(number, ()), workload)
            for number in sorted(best, key=lambda n: (-len(names.get(n, ())), n))
        ),
        predicted_ratio=ratio,
        interval_90=interval,
        bound=found.bound,
        reached=reached,
        ended=found.ended,
        statements=tuple(outlooks),
        left=(*workload.left, *refused),
        candidates_count=len(candidates),
        what_if_calls=costs.calls,
        took_s=time.monotonic() - began,
    )


def _priceable(
    connection: Connection, workload: Workload, settings: WorkloadSettings, began: float
) -> tuple[Workload, list[Left]]:
    """The workload without statements that the server itself cannot plan."""
    from trimtab.observe.postgres.explain import explain

    refused: list[Left] = []
    shapes: list[Shape] = []
    for place, shape in enumerate(workload.shapes):
        if time.monotonic() - began > settings.time_max_s / 2:
            refused += [Left(one.name, 0, "there was no time left for it") for one in workload.shapes[place:]]
            break
        try:
            for text in shape.texts:
                explain(connection, text)
        except StatementRefused as error:
            refused.append(Left(shape.name, 0, error.message))
        except TrimtabError as error:
            if connection.closed:
                raise
            refused.append(Left(shape.name, 0, error.message))
        else:
            shapes.append(shape)
    if not shapes:
        raise StatementRefused("no statement of the workload can be priced", statements=len(workload.shapes))
    return replace(workload, shapes=tuple(shapes)), refused


def _size(candidate: Candidate, workload: Workload) -> int:
    return size_bytes(candidate.table, candidate.definition, rows_share=_rows_share(candidate, workload))


def _rows_share(candidate: Candidate, workload: Workload) -> float:
    if candidate.definition.predicate is None:
        return 1.0
    for (_, oid), constants in workload.constants.items():
        if oid == candidate.table.oid and set(candidate.constants) <= {one.predicate for one in constants}:
            return rows_share(constants, candidate.constants)
    return 1.0


def _price(candidate: Candidate, written: Mapping[str, WriteRows]) -> float:
    """What the workload's own writes pay for an index, in the planner's cost: the unit of the gains."""
    rows = written.get(candidate.definition.relation)
    if rows is None:
        return 0.0
    figures = figures_of()
    return rows.entries_for(candidate.definition) * figures.entry_write_ms / figures.ms_per_cost


def _without_idle(search: Search, chosen: Chosen) -> Chosen:
    """Leave out, one by one, what hardly anybody would miss."""
    best = chosen
    try:
        value = search.value(best)
        while best:
            tries = [(search.value(best - {number}), number) for number in best]
            cheapest, number = min(tries)
            if cheapest - value > GAIN_MIN * search.base_value:
                return best
            best, value = best - {number}, cheapest
    except OutOfTime:
        return best
    return best


def _outlooks(
    workload: Workload,
    costs: Costs,
    texts: Sequence[tuple[int, str]],
    search: Search,
    chosen: Chosen,
    residuals: Sequence[float],
) -> list[StatementOutlook]:
    found: list[StatementOutlook] = []
    for place, shape in enumerate(workload.shapes):
        numbers = [number for number, (of, _) in enumerate(texts) if of == place]
        answers = [search.exact(number, chosen) for number in numbers]
        before = [costs.base(number) for number in numbers]
        found.append(outlook(shape.name, before, answers, costs.candidates, residuals))
    return found


def _readers(
    workload: Workload, costs: Costs, texts: Sequence[tuple[int, str]], search: Search, chosen: Chosen
) -> dict[int, tuple[str, ...]]:
    names: dict[int, dict[str, None]] = {}
    for number, (place, _) in enumerate(texts):
        if costs.relevant[number]:
            for used in search.exact(number, chosen).used:
                names.setdefault(used, {})[workload.shapes[place].name] = None
    return {number: tuple(found) for number, found in names.items()}


def _advised(candidate: Candidate, size: int, names: tuple[str, ...], workload: Workload) -> AdvisedIndex:
    table, definition = candidate.table, candidate.definition
    cost = write_cost(table, definition, rows_share=_rows_share(candidate, workload))
    return AdvisedIndex(
        candidate.definition,
        create_statement(definition, index_name(definition, "workload"), concurrently=False),
        size,
        cost.ms_per_s,
        names,
        candidate.why,
    )
