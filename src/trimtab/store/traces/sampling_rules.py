"""What tail sampling is to keep: see `sampling`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trimtab.model.traces import TracesPolicy


@dataclass(frozen=True, slots=True)
class SamplingRules:
    """See `model.traces.TracesPolicy`."""

    one_in: int = 1
    one_in_of: Mapping[str, int] = field(default_factory=dict)
    keep_errors: bool = True
    slower_ms: float = 0.0
    wait_s: float = 10.0

    @property
    def is_idle(self) -> bool:
        """Whether everything is kept."""
        return self.one_in == 1 and all(number == 1 for number in self.one_in_of.values())


def rules_of(policy: TracesPolicy) -> SamplingRules:
    """What the settings say.

    >>> from trimtab.model.traces import TracesPolicy
    >>> rules_of(TracesPolicy(keep_one_in_of=("shop=5",))).one_in_of
    {'shop': 5}
    """
    pairs = (text.rpartition("=") for text in policy.keep_one_in_of)
    return SamplingRules(
        policy.keep_one_in,
        {service: int(number) for service, _, number in pairs},
        policy.keep_errors,
        policy.keep_slower_ms,
        policy.decide_after_s,
    )
