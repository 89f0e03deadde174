"""What is done with traces and logs on their way into the tables, and how much of all signals is kept: as set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trimtab.store.masking import NO_MASKING, Masking, masking_of
from trimtab.store.traces.sampling_rules import SamplingRules, rules_of

if TYPE_CHECKING:
    from trimtab.model.privacy import PrivacyPolicy
    from trimtab.model.retention import RetentionPolicy
    from trimtab.model.traces import TracesPolicy

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Intake:
    """As it is where nothing is set: all is kept as it comes."""

    masking: Masking = NO_MASKING
    sampling: SamplingRules = field(default_factory=SamplingRules)
    operations_max: int = 1000
    """Operations that have series of their own."""
    disk_bytes_max: int = 0
    """Of all signals; 0: as much as retention says."""


def intake_of(privacy: PrivacyPolicy, traces: TracesPolicy, retention: RetentionPolicy) -> Intake:
    """What the settings say.

    >>> from trimtab.model.privacy import PrivacyPolicy
    >>> from trimtab.model.retention import RetentionPolicy
    >>> from trimtab.model.traces import TracesPolicy
    >>> intake_of(PrivacyPolicy(), TracesPolicy(), RetentionPolicy()) == Intake(sampling=rules_of(TracesPolicy()))
    True
    """
    return Intake(masking_of(privacy), rules_of(traces), traces.operations_max, retention.disk_mb * MIB)
