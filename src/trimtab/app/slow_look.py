"""What the last look for slow queries found on a system: what breaks its objective now, whatever became of its case."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.finding import Finding


@dataclass(frozen=True, slots=True)
class SlowLook:
    """One look. `slices_count` says how much it had to look at, `slices_min` how much it takes to find anything.

    `seen_until_ms` is the end of the newest slice, None where there was none. `findings` come heaviest first.
    """

    at_ms: int
    slices_count: int
    slices_min: int
    seen_until_ms: int | None
    findings: tuple[Finding, ...] = ()

    @property
    def is_enough(self) -> bool:
        """Whether that nothing was found says anything."""
        return self.slices_count >= self.slices_min
