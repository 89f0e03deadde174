"""The table of members: what each of them is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Smoother:
    """An exponential smoother: y = level + trend + passing deviation + season of the first + of the second kind.

    Gains are of one step (0 to 1), `damping` and `decay` what is left of trend and deviation after one. Errors above
    `clip` typical ones are cut off (0: never). Holt (1957), Winters (1960), Gardner and McKenzie (1985, damping),
    Taylor (2003, two seasons, with the deviation in the place of his autocorrelated error).
    """

    name: str
    level: float = 0.0
    trend: float = 0.0
    damping: float = 1.0
    kick: float = 0.0
    decay: float = 0.0
    first: float = 0.0
    second: float = 0.0
    clip: float = 0.0

    def column(self) -> tuple[float, ...]:
        """In the order of `member_kernels`."""
        return (self.level, self.trend, self.damping, self.kick, self.decay, self.first, self.second, self.clip)


CLIPPED = (
    Smoother("robust level, daily season", level=0.07, first=0.1, clip=2.0),
    Smoother("robust quick level, daily season", level=0.3, first=0.3, clip=2.0),
    Smoother("robust slow level, daily season", level=0.02, first=0.03, clip=2.0),
    Smoother("median-like level, daily season", level=0.2, first=0.1, clip=0.7),
)
PLAIN = (
    Smoother("last day again", first=1.0),
    Smoother("last week again", second=1.0),
    Smoother("slow trend, daily season", level=0.05, trend=0.002, damping=0.99, first=0.3),
    Smoother("damped trend, daily season", level=0.2, trend=0.02, damping=0.98, first=0.1),
    Smoother("quick damped trend, daily season", level=0.5, trend=0.05, damping=0.95, first=0.1),
    Smoother("quick level, daily season", level=0.5, first=0.1),
    Smoother("level, both seasons", level=0.3, first=0.3, second=0.4),
    Smoother("passing deviation, both seasons", level=0.03, kick=0.9, decay=0.7, first=0.2, second=0.3),
    Smoother("passing deviation, daily season", level=0.05, kick=0.9, decay=0.7, first=0.3),
    Smoother("passing deviation", level=0.01, kick=0.9, decay=0.7),
    Smoother("lasting trend", level=0.05, trend=0.002),  # the only one that does not lag behind a straight line
)
IN_LOGS = (
    Smoother("level of logarithms, both seasons", level=0.1, first=0.15, second=0.2),
    Smoother("weekly profile of logarithms", second=0.5),
)
"""Members that are tried on logarithms: their seasons are ratios, not differences."""
