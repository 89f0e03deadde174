"""Ratios after ÷ before in words that a person can compare: how many times faster or slower, from what to what."""

from __future__ import annotations

from trimtab.web.format import NOT_MEASURED, number_text, speed_text

Interval = tuple[float, float] | list[float]


def span_text(interval: Interval | None) -> str:
    """An interval of ratios in words.

    >>> span_text((0.05, 0.2)), span_text((2.0, 4.0)), span_text((0.5, 4.0)), span_text(None)
    ('5 to 20× faster', '2 to 4× slower', '2× faster to 4× slower', '–')
    """
    if interval is None:
        return NOT_MEASURED
    low, high = interval[0], interval[1]
    if low > 0 and high < 1:
        return f"{number_text(1 / high)} to {number_text(1 / low)}× faster"
    if low > 1:
        return f"{number_text(low)} to {number_text(high)}× slower"
    return f"{speed_text(low)} to {speed_text(high)}"


def tone_of(ratio: float, interval: Interval | None = None) -> str:
    """How a ratio is drawn: good or bad only where its whole interval is.

    >>> tone_of(0.1, (0.05, 0.2)), tone_of(1.2, (0.5, 2.7)), tone_of(1.2)
    ('ok', 'quiet', 'bad')
    """
    low, high = interval if interval is not None else (ratio, ratio)
    return "ok" if high < 0.995 else "bad" if low > 1.005 else "quiet"
