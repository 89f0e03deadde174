"""What became of a body, for the answer."""

from __future__ import annotations

from dataclasses import dataclass, field

from trimtab.observe.metrics.refusals import Refusals
from trimtab.store.metrics.contract import Appended


@dataclass(slots=True)
class Written:
    """Counts of what was stored, and what was not."""

    samples_count: int = 0
    histograms_count: int = 0
    exemplars_count: int = 0
    sent_count: int = 0
    """Samples and histograms (remote write) or data points (OTLP) that were in the body."""
    refusals: Refusals = field(default_factory=Refusals)

    def stored(self, appended: Appended) -> None:
        """Take over what the store says."""
        self.refusals.add_all({str(reason): count for reason, count in appended.refused.items()})
        for sentence in appended.first_refusals:
            self.refusals.add("", 0, sentence)
        self.histograms_count = appended.histograms_count
        self.samples_count = appended.accepted_count - appended.histograms_count
        self.exemplars_count = appended.exemplars_count

    @property
    def stored_count(self) -> int:
        """Samples and histograms."""
        return self.samples_count + self.histograms_count
