"""A value as people read it, in the unit of its wish: `43.7 %` beside `> 95%`, `4.33 of 5` beside `> 4.5/5`.

One function for the command line and the pages, so that both say the same of one number.
"""

from __future__ import annotations

import math
import re

_OUT_OF = re.compile(r"/\s*(\d+(?:\.\d+)?)\s*$")
_SUFFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"))
LARGE = 1e21
"""From here on a number has an exponent: nobody counts so many digits."""


def digits_of(value: float, digits: int = 3) -> str:
    """A number with so many significant digits, without trailing zeros after the point; an exponent from `LARGE` on.

    >>> digits_of(0.012345), digits_of(12.0), digits_of(123.456), digits_of(1234.5), digits_of(1.234e300)
    ('0.0123', '12', '123', '1,234', '1.23e+300')
    """
    if value == 0:
        return "0"
    if abs(value) >= LARGE:
        return f"{value:.3g}"
    places = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    text = f"{value:,.{min(places, 12)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration_of(ms: float) -> str:
    """A duration in the unit that fits it.

    >>> duration_of(0.0421), duration_of(3.14159), duration_of(950), duration_of(12_345)
    ('42.1 µs', '3.14 ms', '950 ms', '12.3 s')
    >>> duration_of(185_000), duration_of(7_500_000), duration_of(200_000_000), duration_of(1e300)
    ('3 min 5 s', '2 h 5 min', '2 d 7 h', '1.16e+292 d')
    """
    if ms < 0:
        return f"-{duration_of(-ms)}"
    if ms == 0:
        return "0 ms"
    if ms < 0.9995:
        return f"{digits_of(ms * 1000)} µs"
    if ms < 999.5:
        return f"{digits_of(ms)} ms"
    if ms < 59_950:
        return f"{digits_of(ms / 1000)} s"
    if ms >= 1e15:
        return f"{digits_of(ms / 86_400_000)} d"
    seconds = round(ms / 1000)
    for big, big_name, small, small_name in (
        (86_400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if seconds >= big:
            rest = (seconds % big) // small
            return f"{seconds // big} {big_name}" + (f" {rest} {small_name}" if rest else "")
    return f"{seconds} s"


def bytes_of(size: float) -> str:
    """A size in binary units.

    >>> bytes_of(0), bytes_of(1536), bytes_of(-12_345_678), bytes_of(2**60)
    ('0 B', '1.5 KiB', '-11.8 MiB', '1 EiB')
    """
    if size < 0:
        return f"-{bytes_of(-size)}"
    for power, unit in ((6, "EiB"), (5, "PiB"), (4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        if size >= 1024**power * 0.9995:
            return f"{digits_of(size / 1024**power)} {unit}"
    return f"{digits_of(size)} B"


def percent_of(share: float) -> str:
    """A share (0..1) in percent, to three digits; near to all of it to four, since 99.9 and 99.94 are not the same.

    >>> percent_of(0.4373), percent_of(0.9994), percent_of(0.00041), percent_of(0.00002), percent_of(1.0)
    ('43.7 %', '99.94 %', '0.041 %', '<0.01 %', '100 %')
    """
    if 0 < share < 0.0001:
        return "<0.01 %"
    if 0.9 <= share < 1:
        return f"{math.floor(share * 10_000 + 1e-6) / 100:.2f}".rstrip("0").rstrip(".") + " %"
    return f"{digits_of(share * 100)} %"


def plain_of(value: float) -> str:
    """A number without a unit: whole ones below a million as they are, larger ones with M, G, T.

    >>> plain_of(100.0), plain_of(123_456.0), plain_of(7_654_321.0), plain_of(0.43211), plain_of(1234.5), plain_of(1e42)
    ('100', '123,456', '7.654M', '0.4321', '1,234', '1e+42')
    """
    if abs(value) >= LARGE:
        return f"{value:.3g}"
    for factor, suffix in _SUFFIXES:
        if abs(value) >= factor * 0.99995:
            return digits_of(value / factor, 4) + suffix
    return f"{value:,.0f}" if value == int(value) else digits_of(value, 4)


def amount_text(value: float | None, unit: str, wish: object = "") -> str:
    """A value in words, for people. `unit` is that of the value: s, ratio, percent, /s, `of the budget`, or any other
    word; `wish` is what is wanted, as it was written: `> 4.5/5` makes a ratio so much of 5.

    >>> amount_text(0.437, "ratio", "> 95%"), amount_text(263.7, "s"), amount_text(0.8667, "ratio", "> 4.5/5")
    ('43.7 %', '4 min 24 s', '4.33 of 5')
    >>> amount_text(41.93, "percent"), amount_text(812.4567, "/s"), amount_text(0.00066, "of the budget")
    ('41.9 %', '812.5 /s', '0.066 % of the budget')
    >>> amount_text(3.0, "rows"), amount_text(1.5, ""), amount_text(None, "s"), amount_text(float("nan"), "")
    ('3 rows', '1.5', '–', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    match unit:
        case "s":
            return duration_of(value * 1000)
        case "ratio":
            of = _OUT_OF.search(str(wish))
            return f"{digits_of(value * float(of[1]))} of {float(of[1]):g}" if of else percent_of(value)
        case "percent":
            return percent_of(value / 100)
        case "of the budget":
            return f"{percent_of(value)} of the budget"
    return f"{plain_of(value)} {unit}".strip()


def wish_text(wanted: str, unit: str) -> str:
    """What is wanted of a value of a unit, such as `< 300`, in words.

    >>> wish_text("< 300", "s"), wish_text("<= 0.001", "ratio"), wish_text(">= 1000", "rows"), wish_text("", "s")
    ('< 5 min', '<= 0.1 %', '>= 1,000 rows', '')
    """
    sign, _, number = wanted.partition(" ")
    return f"{sign} {amount_text(float(number), unit)}" if number else ""


def money_text(value: float | None) -> str:
    """Money without its currency: two places, or as many as it takes to see it.

    >>> money_text(1234.5), money_text(0.5), money_text(0.000051), money_text(0.0), money_text(None)
    ('1,234.50', '0.50', '0.000051', '0.00', '–')
    """
    if value is None:
        return "–"
    return f"{value:,.2f}" if value == 0 or abs(value) >= 0.01 else digits_of(value, 2)
