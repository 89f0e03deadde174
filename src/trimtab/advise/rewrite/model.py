"""What a rewrite is, and what was done to show that it returns the same: the nouns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Another form of a statement. `rules` were applied one after the other, each on the result of the one before.

    `proof` are the facts of the catalogue that it rests on (keys, NOT NULL, foreign keys), in words. `caveats` are what
    somebody who uses it should know.
    """

    rules: tuple[str, ...]
    statement: str = field(repr=False)
    rewritten: str = field(repr=False)
    proof: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hint:
    """What would help and is no rewrite, because it would return something else."""

    rule: str
    text: str


class Outcome(StrEnum):
    """How a comparison ended."""

    SAME = "same"
    DIFFERENT = "different"
    NOT_POSSIBLE = "not possible"


class Data(StrEnum):
    """On which rows both forms were run: the server's own, rows of it with NULLs put in, or made-up ones."""

    REAL = "real data"
    CLONE = "clone with NULLs"
    GENERATED = "generated data"


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison of both forms.

    `compared` is `list` where the order is total, else `multiset`. `hashes` are of both results, `rows` how many the
    original returned. `seed` makes the same data again. `why` says what was not possible, or how the results differ.
    """

    data: Data
    outcome: Outcome
    compared: str = "multiset"
    rows: int = 0
    hashes: tuple[str, str] = ("", "")
    seed: int | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """Time of the rewritten form ÷ time of the original on real data, both run in turn.

    `unit` is `cpu` (of the server's process, on its own host) or `wall`. `original_is_cut`: the original did not end
    within the limit, so that the true ratio is lower still.
    """

    ratio: float
    interval_90: tuple[float, float]
    repetitions: int
    unit: str
    before_ms: float
    after_ms: float
    original_is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Certificate:
    """What stands behind a rewrite: proof, price, comparisons, measurement.

    `cost_before` and `cost_after` are the planner's. `notes` say what was left away to make results comparable.
    """

    proof: tuple[str, ...]
    cost_before: float
    cost_after: float
    checks: tuple[Check, ...] = ()
    measured: Measured | None = None
    notes: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Cheaper for the planner, the same rows (and some) at least once, none different, and not slower by 5 %."""
        same = [check for check in self.checks if check.outcome is Outcome.SAME and check.rows > 0]
        different = any(check.outcome is Outcome.DIFFERENT for check in self.checks)
        slower = self.measured is not None and self.measured.interval_90[1] > MEASURED_RATIO_MAX
        return self.cost_after < self.cost_before and bool(same) and not different and not slower

    @property
    def is_advisable(self) -> bool:
        """It is complete, and was measured on real data to gain something: only such a form is advised."""
        return self.is_complete and self.measured is not None and self.measured.ratio <= GAIN_RATIO_MAX

    @property
    def is_complete(self) -> bool:
        """Whether it holds, all three kinds of data were compared with some rows, and the time was measured."""
        return self.holds and not self.missing and self.measured is not None

    @property
    def missing(self) -> Mapping[Data, str]:
        """The kinds of data on which no rows were the same, and why; two empty results show nothing."""
        same = {check.data for check in self.checks if check.outcome is Outcome.SAME and check.rows > 0}
        whys = {check.data: check.why or "not compared" for check in reversed(self.checks)}
        return {data: whys.get(data, "not compared") for data in Data if data not in same}

    @property
    def why_not(self) -> str:
        """Why it is not advised, in words; empty where it is."""
        if self.is_advisable:
            return ""
        different = next((check for check in self.checks if check.outcome is Outcome.DIFFERENT), None)
        if different is not None:
            return f"it returns something else on {different.data.value}"
        if len(set(self.missing)) == len(Data) and len(set(self.missing.values())) == 1:
            return f"nothing was compared: {next(iter(self.missing.values()))}"
        by_why: dict[str, list[str]] = {}
        for data, why in self.missing.items():
            by_why.setdefault(why, []).append(data.value)
        parts = [f"not compared on {' and '.join(names)}: {why}" for why, names in by_why.items()]
        if self.measured is None:
            return "; ".join(parts) or "its time was not measured"
        low, high = self.measured.interval_90
        if self.measured.ratio > GAIN_RATIO_MAX or high > MEASURED_RATIO_MAX:
            parts.append(f"measured, it takes {self.measured.ratio:.3g} of today's time ({low:.2g} to {high:.2g})")
        return "; ".join(parts) or "the planner takes it for no cheaper"

    def document(self) -> Mapping[str, object]:
        """As plain data, for JSON."""
        measured = self.measured
        return {
            "holds": self.holds,
            "advisable": self.is_advisable,
            "complete": self.is_complete,
            "missing": {data.value: why for data, why in self.missing.items()},
            "proof": list(self.proof),
            "cost_before": self.cost_before,
            "cost_after": self.cost_after,
            "checks": [
                {
                    "data": check.data.value,
                    "outcome": check.outcome.value,
                    "compared": check.compared,
                    "rows": check.rows,
                    "hashes": list(check.hashes),
                    "seed": check.seed,
                    "why": check.why,
                }
                for check in self.checks
            ],
            "measured": None
            if measured is None
            else {
                "ratio": measured.ratio,
                "interval_90": list(measured.interval_90),
                "repetitions": measured.repetitions,
                "unit": measured.unit,
                "before_ms": measured.before_ms,
                "after_ms": measured.after_ms,
                "original_is_cut": measured.original_is_cut,
            },
            "notes": list(self.notes),
        }


GAIN_RATIO_MAX = 0.95
"""What gains less is not worth another spelling."""

MEASURED_RATIO_MAX = 1.05
"""A rewrite whose measured ratio may be above this (upper end of 90 %) is not advised."""
