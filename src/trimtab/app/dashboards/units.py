"""Grafana's units as this house writes them: a text that pages and charts understand, and a factor for the values."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

UNIT_CHARS_MAX = 40


class Shown(NamedTuple):
    """How values are shown; `factor` is what they are multiplied with before. `unit` may end with `#2`: decimals."""

    unit: str
    factor: float = 1.0


def shown_unit(unit: str, decimals: int | None = None) -> Shown:
    """What an id of Grafana's becomes.

    >>> shown_unit("percentunit"), shown_unit("ms"), shown_unit("Bps", 1)
    (Shown(unit='ratio', factor=1.0), Shown(unit='s', factor=0.001), Shown(unit='si:B/s#1', factor=1.0))
    >>> shown_unit("suffix: shards").unit, shown_unit("parsecs").unit, shown_unit("").unit
    ('shards', 'parsecs', '')
    """
    found = _table().get(unit)
    if found is None:
        kind, colon, rest = unit.partition(":")
        text = f"si:{rest}" if colon and kind == "si" else rest.strip() if colon else unit
        found = Shown("".join(sign for sign in text if sign.isprintable() and sign != "#")[:UNIT_CHARS_MAX])
    return found if decimals is None else Shown(f"{found.unit}#{decimals}", found.factor)


@cache
def _table() -> Mapping[str, Shown]:
    raw = tomllib.loads(files("trimtab.app.dashboards").joinpath("units.toml").read_text("utf-8"))
    plain = {name: Shown(unit) for name, unit in raw["plain"].items()}
    return plain | {name: Shown(unit, factor) for name, (unit, factor) in raw["scaled"].items()}
