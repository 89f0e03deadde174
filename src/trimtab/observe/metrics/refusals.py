"""What of a body was not taken: counted by reason, with a few sentences for whoever sent it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

SENTENCES_MAX = 10


@dataclass(slots=True)
class Refusals:
    """Counts of samples by reason.

    >>> refusals = Refusals()
    >>> refusals.add("out_of_order", 2, "up: 5 s too old")
    >>> print(refusals.text(10))
    2 of 10 samples were not taken: out_of_order: 2
    up: 5 s too old
    """

    counts: Counter[str] = field(default_factory=Counter)
    sentences: list[str] = field(default_factory=list)

    def add(self, reason: str, count: int, sentence: str = "") -> None:
        """`count` samples more; the sentence is kept while there are few."""
        if count:
            self.counts[reason] += count
        if sentence and len(self.sentences) < SENTENCES_MAX:
            self.sentences.append(sentence)

    def add_all(self, counts: Mapping[str, int]) -> None:
        """Many reasons at once."""
        self.counts.update({reason: count for reason, count in counts.items() if count})

    @property
    def count(self) -> int:
        """Samples that were not taken."""
        return self.counts.total()

    def text(self, samples_count: int) -> str:
        """For the answer: how many of how many, by reason; then the sentences."""
        reasons = ", ".join(f"{reason}: {count}" for reason, count in self.counts.most_common())
        return "\n".join([f"{self.count} of {samples_count} samples were not taken: {reasons}", *self.sentences])
