"""What files about business say: probes, weights, prices, budget, sources of satisfaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trimtab.analyze.cost.prices import PriceList
from trimtab.model.probes import Dimension, Probe

CSAT_WINDOW_MS = 30 * 86_400_000
APDEX_WINDOW_MS = 3_600_000
SCALE = 5.0


@dataclass(frozen=True, slots=True)
class SatisfactionSource:
    """Where satisfaction comes from: one of a file of answers, spans of a service, a PromQL query.

    `target_s` is Apdex's T; `scale` is the best that a score can be (Apdex: 1).
    """

    name: str
    csat: str = ""
    service: str = ""
    operation: str = ""
    target_s: float = 0.0
    query: str = ""
    scale: float = SCALE
    window_ms: int = CSAT_WINDOW_MS
    origin: str = field(default="", compare=False)
    line: int = field(default=1, compare=False)

    @property
    def kind(self) -> str:
        """csat, apdex or series."""
        return "csat" if self.csat else "apdex" if self.service else "series"


@dataclass(frozen=True, slots=True)
class Budget:
    """What a calendar month (UTC) may cost, in the currency of the price list."""

    month: float


@dataclass(frozen=True, slots=True)
class Definitions:
    """All of one file, or of all files together. Of `weights`, `prices` and `budget` None: nothing is said."""

    probes: tuple[Probe, ...] = ()
    satisfaction: tuple[SatisfactionSource, ...] = ()
    weights: Mapping[Dimension, float] | None = None
    prices: PriceList | None = None
    budget: Budget | None = None

    @property
    def count(self) -> int:
        """How many things it says."""
        singles = (self.weights, self.prices, self.budget)
        return len(self.probes) + len(self.satisfaction) + sum(one is not None for one in singles)
