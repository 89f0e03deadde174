"""Which test proves which difference, and how well; the page of versions is made from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from trimtab.sql.versions import Difference

Test = TypeVar("Test", bound=Callable[..., None])


class Grade(StrEnum):
    """How a difference is proven. The best one counts."""

    REAL = "R"
    REPLAYED = "F"
    TOLD = "T"


MEANING = {
    Grade.REAL: "run on a real server of the version (`make postgres-versions`)",
    Grade.REPLAYED: "recorded answers of a real server are played to the code (`make test`, on every machine)",
    Grade.TOLD: "the rule is tested with made-up numbers; no server of the kind was at hand",
}

PROOFS: defaultdict[str, set[Grade]] = defaultdict(set)


def proves(grade: Grade, *differences: Difference) -> Callable[[Test], Test]:
    """Mark a test as proof."""

    def mark(test: Test) -> Test:
        for difference in differences:
            PROOFS[difference.name].add(grade)
        return test

    return mark
