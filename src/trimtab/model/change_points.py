"""A change of level of a live series, as it is kept, with what stands beside it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Beside:
    """Something that happened within some minutes of a change; nobody says that it is the cause.

    `kind` is `deployment` (another service.version in spans), `setting` or `event` (of the server), `plan` (of the
    query), `change` or `verdict` (trimtab's own). `away_ms` is how long after the change of level it was, negative
    before it. `href` is where it is looked at, '' where nowhere.
    """

    kind: str
    at_ms: int
    away_ms: int
    text: str
    system: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class KeptChangePoint:
    """One change of level of a live series. `id` 0: not kept yet.

    `series` is the same as long as the series is; `before`, `after`, `ratio`, `low`, `high`, `p_value`, `provisional`,
    `adjusted_for`, `spread_ratio`: see `trimtab.analyze.changes.ChangePoint`, `low` and `high` are the ratio's 90 %
    interval. `samples` are values at `samples_ms + i * step_ms` around it, None where there was none.
    """

    id: int
    series: str
    family: str
    title: str
    unit: str
    system: str
    fingerprint: str
    at_ms: int
    step_ms: int
    before: float
    after: float
    ratio: float | None
    low: float | None
    high: float | None
    p_value: float
    provisional: bool
    spread_ratio: float = 1.0
    adjusted_for: tuple[str, ...] = ()
    href: str = ""
    service: str = ""
    beside: tuple[Beside, ...] = ()
    samples_ms: int = 0
    samples: tuple[float | None, ...] = field(default=(), repr=False)
    found_ms: int = 0
    dismissed_by: str | None = None
    dismissed_at_ms: int | None = None
    dismissed_why: str | None = None
