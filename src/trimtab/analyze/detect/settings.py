"""What can be set about detection. Defaults are meant for telemetry with steps of a second to five minutes."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.errors import InputError


@dataclass(frozen=True, slots=True)
class DetectSettings:
    """Limits and promises of a `Detector` and its `EpisodeBook`.

    `series_max`: series with state at one time, 1 to 10,000,000 (a series takes at most 1 KB).
    `warm_up_points`: samples of a series before it is scored, 20 to 10,000.
    `repeat_points`: within so many samples after an alert only a higher score alerts again, 0 to 10,000.
    `false_per_day`: episodes that noise alone may open in a day, over ALL series together, 1e-9 to 1,000.
    `false_per_day_alone`: the same where one series is looked at alone (`detect_series`), 1e-9 to 1,000.
    `odd_points`: an episode opens when so many of the last five samples of a series were odd (p <= 0.001), or when
    three series open one in the same moment, 1 to 5. `detect_series` takes 1, whatever is set.
    `quiet_points`: an episode ends when so many samples in a row were as expected, 1 to 1,000,
    `quiet_ms`: and for so long, 0 to 86,400,000.
    `incident_ms`: an incident that lasts so long (and 60 samples) becomes usual; known series keep
    what they began with, 1,000 to 86,400,000.
    `cycle_ms`: in how long load comes again, 60,000 to 604,800,000: each 24th of it has a mean of its own. Where it is
    a day, hours of weekends have means of their own, too.

    Raises InputError where a number is outside of its limits.

    >>> DetectSettings(warm_up_points=3)
    Traceback (most recent call last):
    trimtab.model.errors.InputError: warm_up_points is 3, it must be 20 to 10000
    """

    series_max: int = 100_000
    warm_up_points: int = 60
    repeat_points: int = 100
    false_per_day: float = 1.0
    false_per_day_alone: float = 0.15
    odd_points: int = 2
    quiet_points: int = 6
    quiet_ms: int = 300_000
    incident_ms: int = 1_800_000
    cycle_ms: int = 86_400_000

    def __post_init__(self) -> None:
        for name, low, high in _LIMITS:
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"{name} is {value}, it must be {low} to {high}", field=name, value=value)


_LIMITS = (
    ("series_max", 1, 10_000_000),
    ("warm_up_points", 20, 10_000),
    ("repeat_points", 0, 10_000),
    ("false_per_day", 1e-9, 1000),
    ("false_per_day_alone", 1e-9, 1000),
    ("odd_points", 1, 5),
    ("quiet_points", 1, 1000),
    ("quiet_ms", 0, 86_400_000),
    ("incident_ms", 1_000, 86_400_000),
    ("cycle_ms", 60_000, 604_800_000),
)
