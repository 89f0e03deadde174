"""From a workload to a set of indexes. `advise_workload` is the table of contents."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from trimtab.advise.index.advice import AdviseSettings
from trimtab.advise.index.candidates import Candidate
from trimtab.advise.index.knowledge import costs as figures_of
from trimtab.advise.index.plans import nodes
from trimtab.advise.index.session import Connection, bounded, extend_search_path, require_hypopg
from trimtab.advise.index.size import size_bytes
from trimtab.advise.index.write_cost import kind_of
from trimtab.advise.workload.advice import WorkloadAdvice
from trimtab.advise.workload.answer_times import AnswerTimes
from trimtab.advise.workload.answering import advised_index, outlooks_of, readers_of
from trimtab.advise.workload.candidates import candidates_of
from trimtab.advise.workload.costs import Chosen, Costs, OutOfTime
from trimtab.advise.workload.drops import CYCLE_DAYS, drops_of, read_reads
from trimtab.advise.workload.expression_statistics import missing_statistics, to_analyse
from trimtab.advise.workload.faults import Faults, GuardedTimes
from trimtab.advise.workload.general import general
from trimtab.advise.workload.inverted import is_inverted, size_of_inverted
from trimtab.advise.workload.inverted_size import sampled_size
from trimtab.advise.workload.notes import notes_of, stuck_notes
from trimtab.advise.workload.offering import Offering
from trimtab.advise.workload.outlook import condensed, is_computed, together, weight_error
from trimtab.advise.workload.planning import heavy_by_cost, planned
from trimtab.advise.workload.priced_share import priced_share
from trimtab.advise.workload.reading import NOT_PRICED
from trimtab.advise.workload.row_shares import RowShares
from trimtab.advise.workload.samples import Samples, sample_for, samples_of
from trimtab.advise.workload.search import Search
from trimtab.advise.workload.shapes import Workload, workload_of
from trimtab.advise.workload.simpler import simpler, without_doubles
from trimtab.advise.workload.stand_ins import stand_ins
from trimtab.advise.workload.statements import Left, WorkloadStatement
from trimtab.advise.workload.timed_search import TimedSearch
from trimtab.advise.workload.writes import WriteRows, rows_written
from trimtab.model.errors import InputError
from trimtab.observe.postgres.indexes import IndexLook
from trimtab.sql.index_ddl import index_name

READING_SHARE, PLANNING_SHARE = 0.4, 0.55
"""Parts of the time after which no more statements are read, or planned as things are."""

OFFERING_SHARE = 0.3
"""The part of the time left in which it is said which candidates may serve which statement."""

SAMPLES_SHARE = 0.1
LEFT_FOR_SAMPLING_S = 2.0

SEARCH_SHARE, DOUBLES_SHARE, BOUND_SHARE, LAST_SHARE = 0.5, 0.3, 0.5, 0.4
"""Parts of the time left that the search by time, then leaving out doubles, then the search for a bound, then one from
what all found may take; the rest is for leaving away what brings little, which a search that was cut short needs
most."""

AT_END_SHARE = 0.2
"""The part of all time that is kept, at most, to ask every statement about the set that was found."""

BUDGET_SHARE = 0.98
"""What is predicted may take this share of the budget: sizes come out larger at times."""

FEWER_LOSS_MAX = 0.04
"""What leaving away may cost of the gain of all indexes: where there was no time to ask about each step, more may be
lost than was known."""

PARTIAL_SHARE_MAX = 0.4
"""A literal that all executions share may cut an index down to this share of the rows: within a budget that pays."""

GAIN_MIN = 0.0001
"""An index stays in the set only where the whole workload would cost this share more without it."""


@dataclass(frozen=True, slots=True)
class WorkloadSettings:
    """Bounds of one advice. `budget_bytes` is for all new indexes together, by their real size.

    An index is unread where nobody read it for `cycle_days`, on the server and its standbys (`standbys` are looks at
    those that are known).
    """

    budget_bytes: int = 1 << 62
    what_if_calls_max: int = 6_000
    time_max_s: float = 8.0
    index: AdviseSettings = field(
        default_factory=lambda: AdviseSettings(partial_share_max=PARTIAL_SHARE_MAX, partial_shares_counted=True)
    )
    cycle_days: float = CYCLE_DAYS
    standbys: tuple[IndexLook, ...] = ()


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
    reading_s = settings.time_max_s * READING_SHARE
    workload = workload_of(connection, statements, left, settings.index, time_max_s=reading_s)
    require_hypopg(workload.catalog.hypopg_schema)
    extend_search_path(connection, workload.catalog.extra_schemas)
    as_is = planned(connection, workload, began + settings.time_max_s * PLANNING_SHARE)
    workload, plans = as_is.workload, as_is.plans
    heavy_first = heavy_by_cost(workload.shapes, plans)
    faults = Faults()
    candidates, serving = candidates_of(workload, settings.index, faults, heavy_first)
    texts = [(place, text) for place, shape in enumerate(workload.shapes) for text in shape.texts]
    costs = Costs(
        connection,
        workload.catalog,
        [text for _, text in texts],
        candidates,
        calls_max=settings.what_if_calls_max,
        time_max_s=settings.time_max_s - (time.monotonic() - began),
        checked={text: one for shape in workload.shapes for text, one in zip(shape.texts, shape.checked, strict=True)},
    )
    try:
        costs.start(plans)
        with costs.within(costs.seconds_left() * OFFERING_SHARE):
            offering = Offering(costs, workload, texts, serving, heavy_first)
        calls = [workload.shapes[place].calls / len(workload.shapes[place].texts) for place, _ in texts]
        written = rows_written(workload, costs, texts)
        samples = samples_of(connection, workload, candidates, costs.seconds_left() * SAMPLES_SHARE)
        shares = RowShares(workload)
        sizes = [_size(connection, candidate, shares, samples, costs) for candidate in candidates]
        held = [shares.of(candidate) for candidate in candidates]
        prices = [_price(one, written) for one in candidates]
        prices_ms = [ms for ms, _ in prices]
        names_of = [workload.shapes[place].name for place, _ in texts]
        times = GuardedTimes(AnswerTimes(workload, costs, texts, samples, held), names_of, faults)
        budget_bytes = settings.budget_bytes * BUDGET_SHARE
        timed = TimedSearch(costs, calls, times.of, prices_ms, sizes, budget_bytes, offering, stand_ins(candidates))
        waiting = not_by_own = timed.ask_around()
        unasked = {*waiting, *(set(range(len(texts))) - costs.offered)}
        per_cost = [times.ms_per_cost(number) for number in range(len(texts))]
        weights = [count * ms for count, ms in zip(calls, per_cost, strict=True)]
        search = Search(costs, weights, prices_ms, sizes, budget_bytes)
        at_end_s = min(timed.seconds_for_all(), settings.time_max_s * AT_END_SHARE)
        with costs.within(costs.seconds_left() - at_end_s):
            with costs.within(costs.seconds_left() * SEARCH_SHARE):
                best, _ = timed.run()
            with costs.within(costs.seconds_left() * DOUBLES_SHARE):
                best = without_doubles(timed, timed.read_by_plans(best), candidates, sizes)
            with costs.within(costs.seconds_left() * BOUND_SHARE):
                found = search.run(best)
            with costs.within(costs.seconds_left() * LAST_SHARE):
                best, _ = timed.run([best, found.chosen])
            waiting = timed.take_up(waiting, best)
            best = without_doubles(timed, timed.read_by_plans(best), candidates, sizes)
            whole = best
            best = simpler(timed, _without_idle(timed, best), candidates)
            best = _without_idle(timed, general(timed, best, candidates, sizes, workload))
        best = timed.read_by_plans(best)
        most = timed.answered_value(whole)
        if timed.answered_value(best) > most + FEWER_LOSS_MAX * max(timed.base_value - most, 0.0):
            best = whole
        late = {texts[number][0] for number in not_by_own if number in waiting or not costs.is_asked(number)}
        late |= {place for number, (place, _) in enumerate(texts) if number not in costs.offered}
        answers = [costs.likely(number, best) for number in range(len(texts))]
        reached = search.value_of([answer.cost for answer in answers], best) / (search.base_value or 1.0)
        bound = min(max(0.0, found.bound - search.share_of(unasked)), reached)  # nobody knows what they could become
        outlooks, calls_of = outlooks_of(workload, times, texts, answers, costs, residuals, best)
        names = readers_of(workload, texts, answers)
        used = {str(node["Index Name"]) for one in answers for node in nodes(one.plan) if "Index Name" in node}
        reads = read_reads(connection, settings.standbys)
        advised = [candidates[number].definition for number in sorted(best)]
        new = {index_name(one, "workload"): one for one in advised}
        drops = drops_of(list(workload.catalog.tables.values()), reads, used, settings.cycle_days, new)
        statistics = missing_statistics(connection, workload, samples, advised)
    finally:
        costs.close()
    kept = [place for place, one in enumerate(outlooks) if not faults.has(one.name)]
    outlooks = [outlooks[place] for place in kept]
    calls_of = [calls_of[place] for place in kept]
    computed = {texts[number][0] for number, plan in enumerate(plans) if is_computed(plan)}
    unsure = {
        one.name: weight_error(len(one.analysis.uses), is_computed=place in computed)
        for place, one in enumerate(workload.shapes)
        if one.mean_ms is None
    }
    unsure |= {one.name: weight_error(1) for one in workload.inserts if one.mean_ms is None}
    ratio, interval = together(*condensed(outlooks, calls_of), unsure)
    unpriced = _not_priced(workload, late, faults)
    unheard = _not_priced(workload, late | {texts[number][0] for number in not_by_own}, faults)
    share = priced_share(outlooks, calls_of, (*workload.left, *as_is.left, *unheard), workload.calls_of)
    untold = {one.name for one in unpriced}
    return WorkloadAdvice(
        indexes=tuple(
            advised_index(candidates[number], sizes[number], names.get(number, ()), shares, prices[number])
            for number in sorted(best, key=lambda n: (-len(names.get(n, ())), n))
        ),
        predicted_ratio=ratio,
        interval_90=interval,
        bound=bound,
        reached=reached,
        ended=found.ended,
        statements=tuple(one for one in outlooks if one.name not in untold),
        left=(*workload.left, *as_is.left, *unpriced, *faults.left),
        candidates_count=len(candidates),
        what_if_calls=costs.calls,
        took_s=time.monotonic() - began,
        notes=(*notes_of(workload), *stuck_notes(names_of, costs.stuck), *to_analyse(advised), *reads.notes),
        drops=tuple(drops),
        priced_share=share,
        statistics=statistics,
    )


def _not_priced(workload: Workload, places: Iterable[int], faults: Faults) -> list[Left]:
    names = (workload.shapes[place].name for place in sorted(places))
    return [Left(name, 0, NOT_PRICED) for name in names if not faults.has(name)]


def _size(connection: Connection, candidate: Candidate, shares: RowShares, samples: Samples, costs: Costs) -> int:
    table, definition = candidate.table, candidate.definition
    if is_inverted(definition):
        sampled = sampled_size(connection, table, definition) if costs.seconds_left() > LEFT_FOR_SAMPLING_S else None
        return sampled if sampled is not None else size_of_inverted(table, definition)
    return size_bytes(table, definition, rows_share=shares.of(candidate), sample=sample_for(candidate, samples))


def _price(candidate: Candidate, written: Mapping[str, WriteRows]) -> tuple[float, float]:
    """What the workload's own writes pay for an index, in ms, and what they log for it, in bytes."""
    rows = written.get(candidate.definition.relation)
    if rows is None:
        return 0.0, 0.0
    figures = figures_of()
    own = rows.entries_for(candidate.definition)
    others = rows.entries_of_others(candidate.definition, candidate.table)
    kind = kind_of(candidate.definition)
    ms = own * kind.ms * figures.entry_write_ms + others * figures.hot_lost_ms_per_index
    return ms, (own * kind.wal + others) * figures.entry_wal_bytes


def _without_idle(timed: TimedSearch, chosen: Chosen) -> Chosen:
    """Leave out, one by one, what hardly anybody would miss; where no time is left, by what is known already."""
    best, is_known = chosen, False
    try:
        value = timed.value(best)
        while best:
            _, number = timed.least_missed(best)
            less = timed.value(best - {number})
            if less - value > GAIN_MIN * timed.base_value:
                return best
            best, value = best - {number}, less
    except OutOfTime:
        is_known = True
    value = timed.known_value(best)
    while best and is_known:
        less, number = timed.least_missed(best)
        if less - value > GAIN_MIN * timed.base_value:
            break
        best, value = best - {number}, less
    return best
