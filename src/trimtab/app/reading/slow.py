"""What is slow now, whatever became of its case; and where trimtab cannot say, why not.

An ended case does not make its query fast: one that nothing helps, or whose index was taken back, is as slow as before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from trimtab.app.reading.answers import SlowRow
from trimtab.app.reading.rows import load_share, shortened, worst_first
from trimtab.app.reading.texts import ShapeTexts
from trimtab.app.slow_look import SlowLook
from trimtab.model.finding import Finding
from trimtab.store.state import State
from trimtab.store.state_of_shapes import newest_cases

if TYPE_CHECKING:
    from trimtab.observe.postgres.status import WatchStatus

ROWS_MAX = 50
OLD_LOOKS = 6
"""Where the newest slice is older than this many of the rhythm, what was seen is no longer now."""
OLD_MS_MIN = 30_000
STATEMENTS = "statements"
"""The collector that tells what queries do."""
STORE = "store"

_STATES = {
    "starting": "the first look has not come yet",
    "unreachable": "it does not answer",
    "stopped": "nobody looks any more",
}


def blindness(status: WatchStatus | None, look: SlowLook | None, now_ms: int) -> str | None:
    """Why trimtab cannot say now whether anything is slow on a system; None where it can."""
    if status is None:
        return "nobody looks at it"
    if status.state.value in _STATES:
        return _STATES[status.state.value]
    for name in (STATEMENTS, STORE):
        if name in status.problems:
            what = "what it sees is not stored" if name == STORE else "its queries are not seen"
            return f"{what}: {status.problems[name]}"
    if look is None:
        return "the first look for slow queries has not come yet"
    old_ms = max(OLD_MS_MIN, OLD_LOOKS * 1000 * status.intervals_s.get(STATEMENTS, 0.0))
    if look.seen_until_ms is None or now_ms - look.seen_until_ms > old_ms:
        return "nothing was stored of it lately"
    if not look.is_enough:
        return f"{look.slices_count} of the {look.slices_min} looks that a finding needs have come"
    return None


def slow_rows(state: State, texts: ShapeTexts, findings: Iterable[Finding]) -> tuple[SlowRow, ...]:
    """The worst of these findings, each with what became of the newest case of its query."""
    chosen = sorted(findings, key=worst_first)[:ROWS_MAX]
    newest = newest_cases(state.database, [finding.fingerprint for finding in chosen])
    return tuple(_row(state, texts, finding, newest.get((finding.system, finding.fingerprint))) for finding in chosen)


def _row(state: State, texts: ShapeTexts, finding: Finding, newest: tuple[int, str] | None) -> SlowRow:
    case = None if newest is None else state.case(newest[0])
    shape = texts.of(finding.system).get(finding.fingerprint)
    text = case.query_text if case is not None else "" if shape is None else shape.text
    return SlowRow(
        system=finding.system,
        fingerprint=finding.fingerprint,
        kind=finding.kind.value,
        severity=finding.severity.value,
        title=finding.title,
        query_text=shortened(text),
        noticed_at_ms=finding.noticed_at_ms,
        load_share=load_share(finding),
        case_id=None if case is None else case.id,
        case_state=None if newest is None else newest[1],
        case_reason=None if case is None else case.reason,
    )


SlowLooks = Callable[[str], SlowLook | None]
