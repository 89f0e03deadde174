"""The first page: how the systems do, what is wrong, what was changed, what is in flight and what waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from trimtab.app.reading.answers import Overview, SystemRow
from trimtab.app.reading.cases import open_cases
from trimtab.app.reading.facts import Facts
from trimtab.app.reading.ranges import Range
from trimtab.app.reading.rows import badness, case_rows, change_row
from trimtab.app.reading.slow import SlowLooks, blindness, slow_rows
from trimtab.app.reading.texts import ShapeTexts
from trimtab.app.slow_look import SlowLook
from trimtab.model.finding import Finding
from trimtab.model.system import System
from trimtab.sql.connect import Reference
from trimtab.store.case_search import open_cases_by_system
from trimtab.store.change_search import Wanted, find_changes
from trimtab.store.shape_sums import SystemSums, last_slice_at_ms
from trimtab.store.state import State
from trimtab.store.telemetry import TelemetryStore

if TYPE_CHECKING:
    from trimtab.app.watched import Watched

OPEN_CASES_MAX = 1000
"""The worst is looked for among the newest so many; counted are all."""
FINDINGS_MAX = 50
CHANGES_MAX = 10
ALIVE_MAX = 100
NOT_WATCHED = "not_watched"
_NOTHING = SystemSums(0, 0.0, 0)


def overview_of(
    telemetry: TelemetryStore,
    facts: Facts,
    state: State,
    watched: Mapping[str, Watched],
    loop_error: Callable[[str], str | None],
    slow_look: SlowLooks,
    texts: ShapeTexts,
    within: Range,
    now_ms: int,
) -> Overview:
    """See `Reader.overview`."""
    cases = open_cases(state, OPEN_CASES_MAX)
    counts = open_cases_by_system(state.database)
    sums = facts.systems(within)
    alive = state.changes(alive=True, limit=ALIVE_MAX)
    systems: list[SystemRow] = []
    slow: list[Finding] = []
    for system in state.systems():
        look = slow_look(system.name)
        row = _system(
            system,
            watched.get(system.name),
            loop_error(system.name),
            look,
            sums.get(system.name, _NOTHING),
            counts.get(system.name, 0),
            now_ms,
            telemetry,
        )
        systems.append(row)
        if look is not None and row.blind is None:
            slow.extend(look.findings)
    return Overview(
        from_ms=within.from_ms,
        to_ms=within.to_ms,
        systems=tuple(systems),
        slow=slow_rows(state, texts, slow),
        slow_count=len(slow),
        findings=case_rows(state, sorted(cases, key=badness, reverse=True)[:FINDINGS_MAX]),
        cases_open_count=sum(counts.values()),
        last_changes=tuple(
            change_row(state, change) for change in find_changes(state.database, Wanted(), limit=CHANGES_MAX)
        ),
        in_flight=tuple(change_row(state, change) for change in alive if change.state.is_in_flight),
        waiting=tuple(change_row(state, change) for change in alive if not change.state.is_in_flight),
        frozen=state.kill_switch(),
    )


def _system(
    system: System,
    watched: Watched | None,
    loop_error: str | None,
    look: SlowLook | None,
    sums: SystemSums,
    cases_count: int,
    now_ms: int,
    telemetry: TelemetryStore,
) -> SystemRow:
    status = None if watched is None else watched.watcher.status()
    problems: list[str] = []
    if status is not None:
        problems += [message for _, message in sorted(status.problems.items())]
        if status.last_error is not None:
            problems.append(status.last_error)
    if loop_error is not None:
        problems.append(loop_error)
    last_look = None if status is None else status.last_look_at_ms
    if last_look is None:  # since the server was started; an earlier one may have looked
        last_look = last_slice_at_ms(telemetry, system.name)
    observed_s = sums.observed_ms / 1000
    blind = blindness(status, look, now_ms)
    return SystemRow(
        name=system.name,
        dsn=Reference.parse(system.watch_reference).display,
        change_dsn=None if system.change_reference is None else Reference.parse(system.change_reference).display,
        state=NOT_WATCHED if status is None else status.state.value,
        server_version=None if status is None else status.server_version,
        last_look_at_ms=last_look,
        stale_s=None if last_look is None else max(0.0, (now_ms - last_look) / 1000),
        problems=tuple(dict.fromkeys(problems)),
        missing=() if status is None else tuple(c for c in status.capabilities if not c.available),
        observed_s=observed_s,
        load_ms_per_s=sums.total_exec_time_ms / observed_s if observed_s > 0 else None,
        calls_per_s=sums.calls / observed_s if observed_s > 0 else None,
        mean_ms=sums.total_exec_time_ms / sums.calls if sums.calls > 0 else None,
        cost_share=None if status is None else status.cost.share,
        cases_open_count=cases_count,
        slow_count=None if look is None or blind is not None else len(look.findings),
        blind=blind,
    )
