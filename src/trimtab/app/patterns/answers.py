"""What is told of patterns: the API's answer, the page's, and what the state keeps, are one form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from trimtab.analyze.patterns.found import Bursts, Cycle, Kind, Knee, Lead, Leak, Mix, Pattern, SawTeeth
from trimtab.analyze.patterns.hints import PatternHint, hint_of

LINE_POINTS = 240
FIELDS: Mapping[Kind, str] = {
    Kind.CYCLE: "cycle",
    Kind.BURSTS: "bursts",
    Kind.KNEE: "knee",
    Kind.LEAD: "lead",
    Kind.LEAK: "leak",
    Kind.SAW_TEETH: "saw_teeth",
    Kind.MIX: "mix",
}


class PatternLine(msgspec.Struct, frozen=True):
    """The series that a pattern was found in, coarsely: the highest and the lowest value of each of its pieces in turn.

    `values[i]` is at `start_ms + i * step_ms`; null where nothing was measured.
    """

    start_ms: int
    step_ms: float
    values: Sequence[float | None]


class PatternRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One pattern: the field that `kind` names has it. `series` and `name` say of what, `href` where its samples
    are."""

    kind: Kind
    series: str
    name: str
    href: str
    cycle: Cycle | None = None
    bursts: Bursts | None = None
    knee: Knee | None = None
    lead: Lead | None = None
    leak: Leak | None = None
    saw_teeth: SawTeeth | None = None
    mix: Mix | None = None
    hint: PatternHint | None = None
    line: PatternLine | None = None

    @property
    def found(self) -> Pattern:
        """The pattern itself."""
        found: Pattern | None = getattr(self, FIELDS[self.kind])
        assert found is not None  # noqa: S101  (row_of sets it)
        return found


class NothingRow(msgspec.Struct, frozen=True):
    """That there is no such pattern in a series, and why."""

    kind: Kind
    series: str
    why: str
    reason: str


class FoundPatterns(msgspec.Struct, frozen=True, kw_only=True):
    """GET /api/trimtab/patterns. `at_ms` null: nobody looked yet. `looked_at` series were looked at; `nothing` counts
    answers without a pattern by kind and reason; `problems` are families of series that could not be read."""

    at_ms: int | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    looked_at: int = 0
    patterns: Sequence[PatternRow] = ()
    left_out: int = 0
    nothing: Mapping[str, Mapping[str, int]] = {}
    nothing_rows: Sequence[NothingRow] = ()
    problems: Sequence[str] = ()
    total: int = 0


def row_of(found: Pattern, series: str, name: str, href: str, line: PatternLine | None = None) -> PatternRow:
    """A pattern as it is told."""
    fields: dict[str, Pattern] = {FIELDS[found.kind]: found}
    return PatternRow(
        kind=found.kind,
        series=series,
        name=name,
        href=href,
        hint=hint_of(found),
        line=line,
        **fields,  # type: ignore[arg-type]
    )
