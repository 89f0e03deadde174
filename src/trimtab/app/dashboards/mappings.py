"""Value mappings: a text in place of a number."""

from __future__ import annotations

import math

from trimtab.app.dashboards.patterns import pattern_of
from trimtab.app.dashboards.styles import tone_of_colour
from trimtab.model.dashboards import Mapped, Style
from trimtab.model.errors import InputError


def mapped_text(style: Style, value: float | str | None) -> tuple[str, str]:
    """The text and the tone that a value was given; ('', '') where it is shown as it is.

    >>> up = Style(mapped=(Mapped("value", "Up", "green", value="1"), Mapped("range", "low", low=None, high=0.5)))
    >>> mapped_text(up, 1.0), mapped_text(up, 0.1), mapped_text(up, 0.7), mapped_text(up, None)
    (('Up', 'ok'), ('low', ''), ('', ''), ('', ''))
    """
    for one in style.mapped:
        if _fits(one, value):
            return one.text or _plain(value), tone_of_colour(one.colour)
    return "", ""


def _fits(one: Mapped, value: float | str | None) -> bool:
    is_none = value is None or (isinstance(value, float) and math.isnan(value))
    if one.kind == "special":
        return {
            "null": value is None,
            "nan": not isinstance(value, str) and value is not None and math.isnan(value),
            "null+nan": is_none,
            "true": value == 1.0,
            "false": value == 0.0,
            "empty": value == "",
        }.get(one.value, False)
    if is_none:
        return one.kind == "value" and one.value == "null"
    if one.kind == "value":
        return _plain(value) == one.value or _is_number(one.value, value)
    if one.kind == "range":
        low, high = -math.inf if one.low is None else one.low, math.inf if one.high is None else one.high
        return isinstance(value, float) and low <= value <= high
    try:
        return one.kind == "regex" and pattern_of(one.value).search(_plain(value)) is not None
    except InputError:
        return False


def _is_number(text: str, value: float | str | None) -> bool:
    try:
        return isinstance(value, float) and float(text) == value
    except ValueError:
        return False


def _plain(value: float | str | None) -> str:
    return f"{value:g}" if isinstance(value, float) else "" if value is None else value
