"""Patterns in words: what each kind is, one sentence for a pattern, and its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trimtab.analyze.patterns.found import (
    Bursts,
    Cycle,
    Kind,
    Knee,
    Lead,
    Leak,
    Mix,
    Pattern,
    PatternEvidence,
    SawTeeth,
)
from trimtab.analyze.patterns.hints import clock
from trimtab.analyze.patterns.mix import BY_HOUR_P_MAX
from trimtab.analyze.patterns.regular import DAY_MS, duration
from trimtab.web.format import percent_text
from trimtab.web.pages.analysis.pattern_pictures import WEEKDAYS
from trimtab.web.units import value_text

KIND_WORDS: Mapping[Kind, tuple[str, str]] = {
    Kind.CYCLE: ("Cycles", "A shape that comes back each day, each week, or in another period"),
    Kind.BURSTS: ("Bursts", "Short times far above what is usual, at certain minutes or when they like"),
    Kind.KNEE: ("Knees", "Where latency begins to rise faster than load"),
    Kind.LEAD: ("Lead and lag", "One series moves, another follows"),
    Kind.LEAK: ("Leaks", "Growth that does not turn back"),
    Kind.SAW_TEETH: ("Saw-teeth", "Slow ramps that a sudden reset ends"),
    Kind.MIX: ("Mix", "What the load is made of, by templates that rise and fall together"),
}

COUNTED: Mapping[Kind, tuple[str, str]] = {
    Kind.CYCLE: ("cycle", "cycles"),
    Kind.BURSTS: ("series with bursts", "series with bursts"),
    Kind.KNEE: ("knee", "knees"),
    Kind.LEAD: ("lead or lag", "leads and lags"),
    Kind.LEAK: ("leak", "leaks"),
    Kind.SAW_TEETH: ("series with saw-teeth", "series with saw-teeth"),
    Kind.MIX: ("mix", "mixes"),
}
"""What stands behind a number: one, and several."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its name, and what it means."""

    label: str
    text: str
    hint: str = ""


def word_of(kind: Kind) -> str:
    """What one of a kind is called.

    >>> word_of(Kind.LEAK), word_of(Kind.BURSTS)
    ('Leak', 'Bursts')
    """
    one, several = COUNTED[kind]
    return KIND_WORDS[kind][0] if one == several else one.capitalize()


def sentence_of(found: Pattern) -> str:
    """What was found, in one sentence."""
    match found:
        case Cycle():
            return _of_cycle(found)
        case Bursts():
            return _of_bursts(found)
        case Knee():
            low, high = (value_text(one, found.load_unit) for one in found.knee_90)
            at = value_text(found.knee, found.load_unit)
            return f"Twice as slow as without load from {at} on ({low} to {high})"
        case Lead():
            if found.lag_ms == 0:
                return "Both move in the same step; none leads"
            return f"Follows after {duration(found.lag_ms)} ({_span(*found.lag_ms_90)})"
        case Leak():
            low, high = (f"{value_text(one, found.unit)}/h" for one in found.slope_per_h_90)
            under = ", under its saw-teeth" if found.is_under_saw_teeth else ""
            return f"Grows by {value_text(found.slope_per_h, found.unit)}/h ({low} to {high}){under}"
        case SawTeeth():
            how = "Climbs, and is reset" if found.direction == "up" else "Sinks, and is filled up"
            height = value_text(found.amplitude, found.unit)
            return f"{how} by {height} about every {duration(found.period_ms)} ({_span(*found.period_ms_80)})"
        case Mix():
            moves = "the mix moves" if found.moves else "the mix does not move"
            by_hour = found.by_hour_p_value is not None and found.by_hour_p_value <= BY_HOUR_P_MAX
            hour = "depends on the hour (UTC)" if by_hour else "is the same at any hour, as far as is known"
            return f"{len(found.clusters)} clusters; {moves}, and {hour}"


def _of_cycle(found: Cycle) -> str:
    swing = f"moves by {value_text(found.amplitude, found.unit)}"
    low, high = (value_text(one, found.unit) for one in found.amplitude_90)
    if found.name == "other":
        return f"Comes back every {duration(found.period_ms)} and {swing} ({low} to {high})"
    first, last = (clock(one % DAY_MS) for one in found.peak_ms_90)
    day = f"{WEEKDAYS[found.peak_ms // DAY_MS % 7]} " if found.name == "week" else ""
    at = f"{day}{clock(found.peak_ms % DAY_MS)} UTC ({first} to {last})"
    return f"Each {found.name} highest at {at}; {swing} ({low} to {high})"


def _of_bursts(found: Bursts) -> str:
    height = value_text(found.height_median, found.unit)
    if found.period_ms is None or found.at_ms is None:
        tail = "" if found.tail_index is None else f"; tail index {found.tail_index:.1f}"
        return (
            f"{found.count} bursts of about {height}, at no certain time ({duration(found.gap_ms_median)} apart){tail}"
        )
    seen = percent_text(found.seen_ratio or 0.0)
    return (
        f"Every {duration(found.period_ms)}, {clock(found.at_ms)} into it, by about {height}; {seen} of those due came"
    )


def lag_text(found: Lead) -> str:
    """How long after the other one follows."""
    if found.lag_ms == 0:
        return "at once"
    return f"{duration(found.lag_ms)} ({_span(*found.lag_ms_90)})"


def _span(low: float, high: float) -> str:
    return duration(low) if low == high else f"{duration(low)} to {duration(high)}"


def figures_of(evidence: PatternEvidence) -> list[Figure]:
    """What the pattern rests on."""
    made = []
    if evidence.explained_share is not None:
        made.append(
            Figure("Explains", percent_text(max(evidence.explained_share, 0.0)), "of what moves, not fitted on")
        )
    if evidence.p_value is not None:
        made.append(Figure("By chance", chance(evidence.p_value), "so often noise would look like it"))
    if evidence.found_share is not None:
        made.append(
            Figure("Found again", percent_text(evidence.found_share), f"in resamples of the data ({evidence.found_of})")
        )
    lasts = duration(evidence.end_ms - evidence.start_ms)
    made.append(Figure("Seen in", lasts, f"{evidence.points:,} points, one each {duration(evidence.step_ms)}"))
    return made


def chance(p_value: float) -> str:
    """
    >>> chance(0.004), chance(1e-9)
    ('0.4 %', 'under 0.1 %')
    """
    return "under 0.1 %" if p_value < 0.001 else f"{p_value * 100:.2g} %"
