"""Anomalies of executions, in two ways.

Each number by itself against its template's mean, with a tail that is pooled over all templates: that says something
after a few executions. And by the detector of series, with a place for each template and metric: that sees shifts and
spreads, too, and learns longer.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from trimtab.analyze.detect import Detector, DetectSettings, Test
from trimtab.analyze.detect.scores import HALF_AT
from trimtab.model.errors import InputError
from trimtab.model.readable import digits_of, percent_of, plain_of
from trimtab.sdk.tracking.executions import METRICS, UNITS
from trimtab.sdk.tracking.pooled import PooledTail, Usual

TEMPLATES_MAX = 10_000
TEMPLATES_LIMIT = 1_000_000
WARM_UP = 60
NEW_MIN = 5
"""Executions of a template before something is said of it."""
WELL_MIN = 30
"""Executions of a template before it says something of all others."""
FALSE_SHARE = 1e-4
"""How many executions may be called odd where all is as always: one in 10,000 at most."""
ONE_SIDED = frozenset({"execution_time", "cpu_time", "memory_peak", "io_operations"})
"""Less than usual of these is no trouble."""
NAMES = tuple(METRICS)
STEP_MS = 1_000
"""Executions come when they come: the detector sees each template's as if they were a second apart."""
TINY = 1e-9
SCORE_CRITICAL = 0.65


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One number of an execution that is not as usual for its template. `score` (0..1) and `p` as the detector has
    them; `test`: which test of the detector spoke, or `single`: this execution by itself."""

    metric: str
    value: float
    expected: float
    low: float
    high: float
    score: float
    p: float
    test: str
    template: str
    summary: str
    severity: str


@dataclass(slots=True)
class _Template:
    places: np.ndarray[tuple[int], np.dtype[np.int32]]
    count: int = 0
    usual: tuple[Usual, ...] = field(default_factory=lambda: tuple(Usual() for _ in NAMES))


class ExecutionDetector:
    """Thread-safe. Templates that were not seen for longest go where there are too many."""

    def __init__(self, templates_max: int = TEMPLATES_MAX, false_share: float = FALSE_SHARE) -> None:
        """InputError where `templates_max` is not 1 to 1,000,000, or `false_share` not 1e-9 to 0.1."""
        for name, value, low, high in (
            ("templates_max", templates_max, 1, TEMPLATES_LIMIT),
            ("false_share", false_share, 1e-9, 0.1),
        ):
            if not low <= value <= high:
                raise InputError(f"{name} is from {low:g} to {high:g}, found {value!r}", field=name, value=value)
        settings = DetectSettings(series_max=(templates_max + 1) * len(NAMES), warm_up_points=WARM_UP)
        self._detector = Detector(settings)
        self._templates: OrderedDict[str, _Template] = OrderedDict()
        self._templates_max, self._limit = templates_max, false_share / len(NAMES)
        self._tails = [PooledTail(10 * number) for number in range(len(NAMES))]
        self._lock = threading.Lock()
        self.left_count = 0
        """Templates that went, because there were too many."""
        self._warm()

    def _warm(self) -> None:
        """Machine code is loaded now, not with the first execution."""
        places = self._detector.add(len(NAMES), STEP_MS)
        self._detector.update(places, STEP_MS, np.zeros(len(NAMES)))
        self._detector.remove(places)

    @property
    def templates_count(self) -> int:
        """Templates that are known."""
        return len(self._templates)

    def detect(self, template: str, metrics: Mapping[str, float | None]) -> tuple[Anomaly, ...]:
        """What is not as usual; the execution then counts as one more of its template."""
        logarithms = [math.nan if (value := metrics[name]) is None else math.log(value + TINY) for name in NAMES]
        with self._lock:
            known = self._known(template)
            known.count += 1
            found = self._single(template, known, metrics, logarithms)
            for one in self._by_detector(template, known, metrics, logarithms):
                found.setdefault(one.metric, one)
            for tail, usual, value in zip(self._tails, known.usual, logarithms, strict=True):
                if not math.isnan(value):
                    tail.learn(usual, value, is_known_well=usual.count >= WELL_MIN)
        return tuple(found.values())

    def _known(self, template: str) -> _Template:
        known = self._templates.get(template)
        if known is not None:
            self._templates.move_to_end(template)
            return known
        if len(self._templates) >= self._templates_max:
            _, oldest = self._templates.popitem(last=False)
            self._detector.remove(oldest.places)
            self.left_count += 1
        known = self._templates[template] = _Template(self._detector.add(len(NAMES), STEP_MS))
        return known

    def _by_detector(
        self, template: str, known: _Template, metrics: Mapping[str, float | None], logarithms: list[float]
    ) -> list[Anomaly]:
        scores = self._detector.update(known.places, known.count * STEP_MS, np.array(logarithms))
        odd = np.flatnonzero(scores.p <= self._limit)
        found = []
        for number in odd.tolist():
            value = metrics[NAMES[number]]
            low, high = float(scores.low[number]), float(scores.high[number])
            if value is None or (NAMES[number] in ONE_SIDED and logarithms[number] <= high):
                continue
            numbers = (float(scores.expected[number]), low, high)
            score, p = float(scores.score[number]), float(scores.p[number])
            test = Test(int(scores.test[number])).name.lower()
            found.append(_anomaly(template, NAMES[number], value, numbers, score, p, test))
        return found

    def _single(
        self, template: str, known: _Template, metrics: Mapping[str, float | None], logarithms: list[float]
    ) -> dict[str, Anomaly]:
        found = {}
        for number, name in enumerate(NAMES):
            value, tail, usual = metrics[name], self._tails[number], known.usual[number]
            if value is None or not tail.is_known or usual.count < NEW_MIN:
                continue
            spread = tail.spread(usual)
            distance = (logarithms[number] - usual.mean) / spread
            p = tail.p(distance)
            if p > self._limit or (name in ONE_SIDED and distance < 0):
                continue
            nines, band = -math.log10(max(p, 1e-300)), tail.band * spread
            numbers = (usual.mean, usual.mean - band, usual.mean + band)
            found[name] = _anomaly(template, name, value, numbers, nines / (nines + HALF_AT), p, "single")
        return found


def _anomaly(
    template: str, metric: str, value: float, numbers: tuple[float, float, float], score: float, p: float, test: str
) -> Anomaly:
    expected, low, high = (math.exp(min(one, 700.0)) for one in numbers)
    unit = f" {UNITS[metric]}" if metric in UNITS else ""
    said = f"{metric} is {plain_of(value)}{unit}, {_compared(value, expected)} is usual ({plain_of(expected)}{unit})"
    severity = "critical" if score >= SCORE_CRITICAL else "warning"
    return Anomaly(metric, value, expected, low, high, score, p, test, template, said, severity)


def _compared(value: float, expected: float) -> str:
    """How a value stands to what is usual.

    >>> _compared(8.192e6, 8192.0), _compared(1.0, 4.0), _compared(5.0, TINY)
    ('1,000 times what', '25 % of what', 'more than what')
    """
    if expected < 2 * TINY:
        return "more than what"
    factor = value / expected
    return f"{digits_of(factor)} times what" if factor >= 1 else f"{percent_of(factor)} of what"
