"""From the set that was found to the answer: what each statement becomes, who reads which index, what it costs."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.advise.index.candidates import Candidate
from trimtab.advise.index.write_cost import write_cost
from trimtab.advise.workload.advice import AdvisedIndex, StatementOutlook
from trimtab.advise.workload.costs import Answer, Chosen, Costs
from trimtab.advise.workload.faults import GuardedTimes
from trimtab.advise.workload.outlook import outlook
from trimtab.advise.workload.row_shares import RowShares
from trimtab.advise.workload.shapes import Workload
from trimtab.advise.workload.writers import of_finding, of_insert, paid
from trimtab.sql.index_ddl import create_statement, index_name


def outlooks_of(
    workload: Workload,
    times: GuardedTimes,
    texts: Sequence[tuple[int, str]],
    answers: Sequence[Answer],
    costs: Costs,
    residuals: Sequence[float],
    best: Chosen,
) -> tuple[list[StatementOutlook], list[float]]:
    """What each statement becomes, and its calls."""
    indexes = [costs.candidates[number].definition for number in sorted(best)]
    tables = {table.relation: table for table in workload.catalog.tables.values()}
    found: list[StatementOutlook] = []
    numbers_of: dict[int, list[int]] = {}
    for number, (place, _) in enumerate(texts):
        numbers_of.setdefault(place, []).append(number)
    for place, shape in enumerate(workload.shapes):
        numbers = numbers_of[place]
        pairs = [(costs.without(number), answers[number]) for number in numbers]
        ms = [(times.of(number, costs.without(number)), times.of(number, answers[number])) for number in numbers]
        made = outlook(shape.name, pairs, ms, costs.candidates, residuals)
        if shape.write is not None and (shape.write.columns is not None or shape.write.is_insert):
            rows = sum(costs.rows(number) for number in numbers) / len(numbers)
            price = paid(tables[shape.write.relation], shape.write.columns, rows, indexes)
            made = of_finding(made, price, is_measured=shape.mean_ms is not None)
        found.append(made)
    found += [of_insert(one, tables[one.relation], indexes) for one in workload.inserts]
    return found, [*(one.calls for one in workload.shapes), *(one.calls for one in workload.inserts)]


def readers_of(
    workload: Workload, texts: Sequence[tuple[int, str]], answers: Sequence[Answer]
) -> dict[int, tuple[str, ...]]:
    """The statements whose plans read an index, by its place among the candidates."""
    names: dict[int, dict[str, None]] = {}
    for (place, _), answer in zip(texts, answers, strict=True):
        for used in answer.used:
            names.setdefault(used, {})[workload.shapes[place].name] = None
    return {number: tuple(found) for number, found in names.items()}


def advised_index(
    candidate: Candidate, size: int, names: tuple[str, ...], shares: RowShares, price: tuple[float, float]
) -> AdvisedIndex:
    """One index of the set, with its statement and its price."""
    table, definition = candidate.table, candidate.definition
    cost = write_cost(table, definition, rows_share=shares.of(candidate))
    is_unknown = price[0] > 0 and cost.ms_per_s == 0  # the server saw none of the writes that the workload holds
    return AdvisedIndex(
        candidate.definition,
        create_statement(definition, index_name(definition, "workload"), concurrently=False),
        size,
        None if is_unknown else cost.ms_per_s,
        names,
        candidate.why,
        *price,
    )
