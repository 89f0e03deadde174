"""What would follow from a pattern. Nothing of it is tried: each is a hint for a person."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trimtab.analyze.patterns.found import Bursts, Cycle, Knee, Lead, Leak, Mix, Pattern, SawTeeth
from trimtab.analyze.patterns.regular import DAY_MS, duration
from trimtab.model.readable import digits_of

BURST_SHARE_MIN = 0.1
OVER_SHARE_MIN = 0.01
SWING_MIN = 0.3
"""An amplitude of a day or week that is this part of its lowest level, or more."""
TEETH_SHARE_MIN = 0.5


@dataclass(frozen=True, slots=True)
class PatternHint:
    """`action` is what a person could do, `because` the numbers that speak for it. Not verified: nobody tried it."""

    action: str
    because: str
    is_verified: bool = False


def hint_of(found: Pattern) -> PatternHint | None:
    """The hint that a pattern gives; None where nothing follows from it."""
    match found:
        case Bursts():
            return _of_bursts(found)
        case Cycle():
            return _of_cycle(found)
        case Knee():
            return _of_knee(found)
        case Leak():
            return _of_leak(found)
        case SawTeeth():
            return _of_teeth(found)
        case Lead():
            return _of_lead(found)
        case Mix():
            return _of_mix(found)


def clock(ms: float) -> str:
    """A place in a day, or in an hour.

    >>> clock(8_100_000), clock(86_400_000 + 60_000)
    ('02:15', '24:01')
    """
    minutes = round(ms / 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def amount(value: float, unit: str) -> str:
    """A value with its unit; bytes in the size that fits them.

    >>> amount(0.10437, "%"), amount(16_700_000.0, "bytes"), amount(-2048.0, "By")
    ('0.104 %', '15.9 MiB', '-2 KiB')
    """
    if unit in ("By", "bytes", "bytes/s"):
        size = min(max(int(math.log(abs(value), 1024)), 0), 4) if value else 0
        return f"{digits_of(value / 1024**size)} {('B', 'KiB', 'MiB', 'GiB', 'TiB')[size]}{unit[5:]}"
    return f"{digits_of(value)} {unit}".rstrip()


def _of_bursts(found: Bursts) -> PatternHint | None:
    if found.period_ms is None or found.at_ms is None or found.burst_share < BURST_SHARE_MIN:
        return None
    because = (
        f"every {duration(found.period_ms)}, {clock(found.at_ms)} into it, {found.series} jumps by "
        f"{amount(found.height_median, found.unit)}; {found.burst_share:.0%} of what is above the usual level comes so"
    )
    return PatternHint("Find the job that is scheduled then, and move or spread it", because)


def _of_cycle(found: Cycle) -> PatternHint | None:
    low = min(found.profile)
    if found.name == "other" or found.amplitude < SWING_MIN * abs(low):
        return None
    quiet_ms = found.profile.index(low) * found.period_ms // len(found.profile)
    days = f"day {quiet_ms // DAY_MS + 1} of the week, " if found.name == "week" else ""
    share = found.evidence.explained_share or 0.0
    because = (
        f"{found.series} moves by {amount(found.amplitude, found.unit)} within a {found.name} and is lowest at "
        f"{days}{clock(quiet_ms % DAY_MS)} UTC; the {found.name} explains {share:.0%} of it"
    )
    return PatternHint("Schedule batches and maintenance for the quiet hours", because)


def _of_knee(found: Knee) -> PatternHint | None:
    if found.over_share < OVER_SHARE_MIN:
        return None
    low, high = (amount(one, found.load_unit) for one in found.knee_90)
    because = (
        f"from {amount(found.knee, found.load_unit)} on ({low} to {high}) {found.series} is twice what it is "
        f"without load; the load is above that in {found.over_share:.0%} of the time"
    )
    return PatternHint("Limit concurrency below the knee, or add capacity", because)


def _of_leak(found: Leak) -> PatternHint:
    low, high = (amount(one, found.unit) for one in found.slope_per_h_90)
    because = (
        f"{found.series} grows by {amount(found.slope_per_h, found.unit)} an hour ({low} to {high}) "
        "and does not turn back"
    )
    action = "Look for what is taken and never given back; Capacity tells when it is full"
    return PatternHint(action, because)


def _of_teeth(found: SawTeeth) -> PatternHint | None:
    if (found.evidence.explained_share or 0.0) < TEETH_SHARE_MIN:
        return None
    because = (
        f"{found.series} is reset about every {duration(found.period_ms)} by {amount(found.amplitude, found.unit)}, "
        f"{found.count} times in the window"
    )
    return PatternHint("See whether the reset (collection, VACUUM, rotation) could be smaller and more often", because)


def _of_lead(found: Lead) -> PatternHint | None:
    if found.lag_ms == 0:
        return None
    because = (
        f"what is new in {found.follower} was seen {duration(found.lag_ms)} before in {found.leader} "
        f"(correlation {found.correlation:.2f})"
    )
    return PatternHint(f"Alert on {found.leader}: it is the earlier sign", because)


def _of_mix(found: Mix) -> PatternHint | None:
    if not found.moves:
        return None
    most = max(found.clusters, key=lambda one: abs(one.moved))
    told = "1 template" if len(most.templates) == 1 else f"{len(most.templates)} templates"
    because = f"the share of {told} moved by {most.moved * 100:+.0f} points of percent"
    return PatternHint(
        "Look at the statements of the cluster that grows: advice of before was for another mix", because
    )
