"""Durations, shares and short forms as people write them: `30d`, `5 minutes`, `99.9%`, `p95 < 500ms`, `> 4.5/5`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trimtab.model.objectives import Comparison

_UNITS_MS = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
}
_WORDS = {
    "millisecond": "ms",
    "milliseconds": "ms",
    "msec": "ms",
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "min": "m",
    "mins": "m",
    "minute": "m",
    "minutes": "m",
    "hr": "h",
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
    "week": "w",
    "weeks": "w",
}
_PER_SECOND = {
    "rps": 1.0,
    "qps": 1.0,
    "tps": 1.0,
    "ops": 1.0,
    "/s": 1.0,
    "per second": 1.0,
    "rpm": 1 / 60,
    "/m": 1 / 60,
}
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)")
_SHORT = re.compile(
    r"(?:(?P<quantile>p\d{1,2}(?:\.\d+)?|median)\s*)?(?P<op><=|>=|<|>)\s*"
    r"(?P<value>\d+(?:\.\d+)?(?:e-?\d+)?)\s*(?P<unit>[^\d\s].*?)?\s*",
)
_OUT_OF = re.compile(r"/\s*(\d+(?:\.\d+)?)")
SHORT_FORMS = "p95 < 500ms, > 1000 rps, < 0.1%, < 5 minutes, > 99.9%, > 4.5/5"


def duration_ms(text: str) -> int:
    """Milliseconds of a duration; ValueError says what is wrong.

    >>> duration_ms("30d") // 86_400_000, duration_ms("1h30m"), duration_ms("5 minutes")
    (30, 5400000, 300000)
    """
    at, total = 0, 0.0
    for part in _PART.finditer(text):
        unit = _WORDS.get(part[2].lower(), part[2])
        if part.start() != at or unit not in _UNITS_MS:
            break
        at, total = part.end(), total + float(part[1]) * _UNITS_MS[unit]
    if not text.strip() or at != len(text.rstrip()) or total < 1:
        raise ValueError(f"{text!r} is no duration, such as '30d', '1h30m' or '5 minutes'")
    return round(total)


def duration_text(ms: float) -> str:
    """The shortest way to write it.

    >>> duration_text(5_400_000), duration_text(300_000), duration_text(2_592_000_000), duration_text(1500)
    ('1h30m', '5m', '30d', '1s500ms')
    """
    left, parts = round(ms), []
    for unit in ("d", "h", "m", "s", "ms"):
        count, left = divmod(left, _UNITS_MS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def share(value: object) -> float:
    """A share in 0..1 from `99.9%`, `"0.999"` or 0.999; ValueError says what is wrong.

    >>> round(share("99.9%"), 6), share(0.95)
    (0.999, 0.95)
    >>> share(99.9)
    Traceback (most recent call last):
    ValueError: 99.9 is no share: write '99.9%' or 0.999
    """
    text = str(value).strip()
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        raise ValueError(f"{text!r} is no share, such as '99.9%' or 0.999") from None
    if text.endswith("%"):
        number /= 100
    elif number > 1:
        raise ValueError(f"{text} is no share: write '{text}%' or {float(f'{number / 100:.12g}')}")
    if not 0 <= number <= 1:
        raise ValueError(f"{text} is no share: it lies between 0 and 1 (0% and 100%)")
    return float(f"{number:.12g}")


@dataclass(frozen=True, slots=True)
class ShortForm:
    """`threshold` is in `unit`: `s`, `/s`, `ratio` or '' (a plain number; `out_of` says of how many)."""

    comparison: Comparison
    threshold: float
    unit: str
    quantile: float | None = None
    out_of: float | None = None

    @property
    def is_good_below(self) -> bool:
        """Whether small values are good."""
        return self.comparison in (Comparison.BELOW, Comparison.AT_MOST)


def short_form(text: str) -> ShortForm:
    """A wish in one line; ValueError says what is wrong.

    >>> short_form("p95 < 500ms")
    ShortForm(comparison=<Comparison.BELOW: '<'>, threshold=0.5, unit='s', quantile=0.95, out_of=None)
    >>> [(s.threshold, s.unit) for s in map(short_form, ("> 1000 rps", "< 0.1%", "< 5 minutes", "> 4.5/5"))]
    [(1000.0, '/s'), (0.001, 'ratio'), (300.0, 's'), (4.5, '')]
    """
    found = _SHORT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is none of the short forms, such as {SHORT_FORMS}")
    quantile = None
    if found["quantile"]:
        quantile = 0.5 if found["quantile"] == "median" else float(f"{float(found['quantile'][1:]) / 100:.12g}")
    comparison, value, unit = Comparison(found["op"]), float(found["value"]), (found["unit"] or "").strip()
    out_of = _OUT_OF.fullmatch(unit)
    if out_of:
        form = ShortForm(comparison, value, "", quantile, float(out_of[1]))
        if value > float(out_of[1]):
            raise ValueError(f"{text!r}: {value:g} of {float(out_of[1]):g} is more than there is")
    elif unit == "%":
        form = ShortForm(comparison, float(f"{value / 100:.12g}"), "ratio", quantile)
    elif unit.lower() in _PER_SECOND:
        form = ShortForm(comparison, value * _PER_SECOND[unit.lower()], "/s", quantile)
    elif unit:
        form = ShortForm(comparison, duration_ms(f"{found['value']} {unit}") / 1000, "s", quantile)
    else:
        form = ShortForm(comparison, value, "", quantile)
    if quantile is not None and form.unit != "s":
        raise ValueError(f"{text!r}: a quantile is compared with a time, such as 'p95 < 500ms'")
    return form
