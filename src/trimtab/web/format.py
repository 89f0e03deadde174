"""Numbers, durations, sizes and moments as people read them: three digits, and always a unit."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from trimtab.model.readable import LARGE, bytes_of, digits_of, duration_of

NOT_MEASURED = "–"
_DAY_MS = 86_400_000


def number_text(value: float | None, digits: int = 3) -> str:
    """A number without its unit; from 10,000 on with k, M, G, T.

    >>> number_text(4321), number_text(43_210), number_text(7_654_321), number_text(None), number_text(-1e300)
    ('4,321', '43.2k', '7.65M', '–', '-1e+300')
    """
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    if 9_999.5 <= abs(value) < LARGE:
        for factor, suffix in ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
            if abs(value) >= factor * 0.9995:
                return digits_of(value / factor, digits) + suffix
    return digits_of(value, digits if abs(value) < 1000 else 4)


def duration_text(ms: float | None) -> str:
    """A duration in the unit that fits it.

    >>> duration_text(0.0421), duration_text(3.14159), duration_text(950), duration_text(12_345)
    ('42.1 µs', '3.14 ms', '950 ms', '12.3 s')
    >>> duration_text(185_000), duration_text(7_500_000), duration_text(200_000_000), duration_text(None)
    ('3 min 5 s', '2 h 5 min', '2 d 7 h', '–')
    """
    if ms is None or not math.isfinite(ms):
        return NOT_MEASURED
    return duration_of(ms)


def bytes_text(size: float | None) -> str:
    """A size in binary units.

    >>> bytes_text(0), bytes_text(1536), bytes_text(12_345_678), bytes_text(None)
    ('0 B', '1.5 KiB', '11.8 MiB', '–')
    >>> bytes_text(2**60)
    '1 EiB'
    """
    if size is None or not math.isfinite(size):
        return NOT_MEASURED
    return bytes_of(size)


def percent_text(share: float | None) -> str:
    """A share (0..1) in percent.

    >>> percent_text(0.4567), percent_text(0.00041), percent_text(0.00002), percent_text(None)
    ('45.7 %', '0.041 %', '<0.01 %', '–')
    """
    if share is None or not math.isfinite(share):
        return NOT_MEASURED
    if 0 < share < 0.0001:
        return "<0.01 %"
    return f"{digits_of(share * 100)} %"


def nines_text(share: float | None) -> str:
    """A share in percent, with a digit behind its last nine and at least two behind the point, never rounded up to 100.

    >>> nines_text(0.9995), nines_text(0.95), nines_text(0.99505), nines_text(0.999987), nines_text(1.0)
    ('99.95', '95', '99.505', '99.9987', '100')
    >>> nines_text(0.99999999), nines_text(None)
    ('99.999999', '–')
    """
    if share is None or not math.isfinite(share):
        return NOT_MEASURED
    percent = share * 100
    places = 2 if percent <= 0 or percent >= 100 else min(max(2, 2 - math.floor(math.log10(100 - percent) + 1e-9)), 9)
    text = f"{math.floor(percent * 10**places + 1e-6) / 10**places:.{places}f}"
    return text.rstrip("0").rstrip(".")


def budget_text(left: float | None) -> str:
    """What is left of a budget; far below nothing in times.

    >>> budget_text(0.4567), budget_text(0.004), budget_text(-0.5), budget_text(-12.3), budget_text(None)
    ('45.7 %', '0.4 %', '-50 %', '-12.3 ×', '–')
    """
    if left is None or not math.isfinite(left):
        return NOT_MEASURED
    if left <= -10:
        return f"-{number_text(-left)} ×"
    return f"{digits_of(left * 100)} %"


def rate_text(per_s: float | None) -> str:
    """How often something happens, in the unit that fits it.

    >>> rate_text(1234.0), rate_text(0.5), rate_text(0.02), rate_text(0.0004), rate_text(0.0), rate_text(None)
    ('1,234 /s', '0.5 /s', '1.2 /min', '1.44 /h', '0 /s', '–')
    """
    if per_s is None or not math.isfinite(per_s):
        return NOT_MEASURED
    if 0 < per_s < 0.1:
        return f"{digits_of(per_s * 60)} /min" if per_s * 60 >= 0.1 else f"{digits_of(per_s * 3600)} /h"
    return f"{number_text(per_s)} /s"


def speed_text(ratio: float | None) -> str:
    """A ratio of times (after ÷ before) in words.

    >>> speed_text(0.08), speed_text(1.45), speed_text(0.999), speed_text(None)
    ('12.5× faster', '1.45× slower', 'unchanged', '–')
    >>> speed_text(1 / 15_075)
    '15.1k× faster'
    """
    if ratio is None or not math.isfinite(ratio) or ratio <= 0:
        return NOT_MEASURED
    if 0.995 <= ratio <= 1.005:
        return "unchanged"
    return f"{number_text(1 / ratio)}× faster" if ratio < 1 else f"{number_text(ratio)}× slower"


def moment_text(ms: float) -> str:
    """A moment in UTC, to the second.

    >>> moment_text(1_700_000_000_000)
    '2023-11-14 22:13:20 UTC'
    """
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def moment_iso(ms: float) -> str:
    """A moment as RFC 3339.

    >>> moment_iso(1_700_000_000_000)
    '2023-11-14T22:13:20Z'
    """
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ago_text(ms: float, now_ms: float) -> str:
    """How long ago, or how soon.

    >>> ago_text(0, 2_000), ago_text(0, 125_000), ago_text(0, 3 * 86_400_000), ago_text(90_000, 0)
    ('just now', '2 min ago', '3 d ago', 'in 1 min')
    """
    distance_ms = now_ms - ms
    size_ms = abs(distance_ms)
    if size_ms < 5_000:
        return "just now"
    for unit_ms, name in ((_DAY_MS, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s")):
        if size_ms >= unit_ms:
            text = f"{int(size_ms // unit_ms)} {name}"
            return f"{text} ago" if distance_ms > 0 else f"in {text}"
    return "just now"
