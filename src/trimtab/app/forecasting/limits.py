"""Limits as they stand now: of packs with what was set over them, of series such as max_connections, of rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.app.forecasting.families import LimitWish
from trimtab.app.forecasting.subjects import Subject
from trimtab.model.readable import digits_of

DIGITS = 12
F64 = NDArray[np.float64]
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of each series of a family: `values` [series], NaN where there is none. `source` says where from."""

    wish: LimitWish
    values: F64
    title: str
    source: str


def limit_of(
    wish: LimitWish,
    subjects: Sequence[Subject],
    pack_value: Callable[[str, str], float],
    asked: Callable[[str], Mapping[Labels, float]],
) -> Limit:
    """`pack_value` gives the number of a pack's threshold, `asked` what a query gives now. TrimtabError where they
    cannot."""
    number = pack_value(wish.pack, wish.threshold) if wish.pack else wish.value
    source = f"pack {wish.pack}, {wish.threshold}" if wish.pack else wish.title
    if not wish.query:
        value = np.nan if number is None else number
        unit = " %" if wish.threshold.endswith("_percent") else ""
        written = digits_of(value, DIGITS) if np.isfinite(value) else "unknown"
        title = f"{written}{unit} {wish.title}" if wish.pack else written
        name, wanted = wish.only
        values = [value if not name or one.labels.get(name) == wanted else np.nan for one in subjects]
        return Limit(wish, np.array(values, np.float64), title, source)
    share = 100.0 if number is None else number
    found = asked(wish.query)
    whole = np.array([found.get(tuple(sorted(one.labels.items())), np.nan) for one in subjects], np.float64)
    return Limit(wish, whole * share / 100.0, f"{share:g} % {wish.title}", source)
