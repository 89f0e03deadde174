"""What-ifs as they stand in an address.

`?traffic=+30%&monthly=+5%&nodes=-1&of=3&added=200GB&on=/data&begin=2026-12-24`
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from trimtab.analyze.capacity.growth import RATIO_HIGH, RATIO_LOW, GrowthAssumption
from trimtab.app.capacity.resources import Resource
from trimtab.model.errors import InputError

FIELDS = ("traffic", "monthly", "nodes", "of", "added", "on", "begin")
TEXT_CHARS_MAX = 200
NODES_MAX = 100_000
_RATIO = re.compile(r"(?P<sign>[+-]?)\s*(?P<number>\d{1,6}(?:\.\d{1,6})?)\s*(?P<percent>%?)")
_BYTES = re.compile(r"(?P<sign>[+-]?)\s*(?P<number>\d{1,12}(?:\.\d{1,6})?)\s*(?P<unit>[kKMGTP]?)(?P<binary>i?)B?")
_POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}


@dataclass(frozen=True, slots=True)
class WhatIf:
    """An assumption with what it is about: `on` is a text that names of series must hold for what is added. `texts` is
    what the address says, by field."""

    growth: GrowthAssumption = field(default_factory=GrowthAssumption)
    on: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is assumed."""
        return self.growth.is_nothing

    def of(self, resource: Resource, name: str) -> GrowthAssumption:
        """What is assumed of one series: nodes share some resources only, bytes are added where `on` says."""
        growth = self.growth
        if not resource.is_shared:
            growth = replace(growth, nodes=0)
        if resource.unit != "bytes" or resource.nature != "stock" or self.on.casefold() not in name.casefold():
            growth = replace(growth, added=0.0)
        return growth

    @property
    def said(self) -> str:
        """The assumption in words; empty where there is none."""
        growth, parts = self.growth, []
        if growth.load_ratio != 1:
            parts.append(f"{growth.load_ratio - 1:+.0%} traffic")
        if growth.load_per_month_ratio != 1:
            parts.append(f"{growth.load_per_month_ratio - 1:+.1%} traffic a month")
        if growth.nodes:
            many = "" if abs(growth.nodes) == 1 else "s"
            parts.append(f"{growth.nodes:+d} node{many} of {growth.nodes_now}")
        if growth.added:
            parts.append(f"{self.texts.get('added', growth.added)} more{f' on {self.on}' if self.on else ''}")
        begin = f", from {self.texts['begin']}" if parts and growth.from_ms is not None else ""
        return ", ".join(parts) + begin


def what_if_of(asked: Mapping[str, str]) -> WhatIf:
    """Reads the fields of an address. A plus that became a space in it is a plus.

    Raises InputError that names the field, what it may be, and what was seen.

    >>> found = what_if_of({"traffic": " 30%", "nodes": "-1", "of": "3"})
    >>> found.growth.load_ratio, found.growth.node_ratio, found.said
    (1.3, 1.5, '+30% traffic, -1 node of 3')
    """
    texts = {name: _plus(asked[name]) for name in FIELDS if asked.get(name, "").strip()}
    nodes = _whole("nodes", texts.get("nodes", "0"), -NODES_MAX, NODES_MAX)
    nodes_now = _whole("of", texts.get("of", str(1 + max(0, -nodes))), 1, NODES_MAX)
    if nodes_now + nodes < 1:
        raise InputError(
            f"nodes: {nodes} of {nodes_now} leave none; of is how many there are now", field="nodes", value=nodes
        )
    growth = GrowthAssumption(
        _ratio("traffic", texts.get("traffic", "")),
        _ratio("monthly", texts.get("monthly", "")),
        nodes,
        nodes_now,
        _bytes("added", texts.get("added", "")),
        _date("begin", texts["begin"]) if "begin" in texts else None,
    )
    return WhatIf(growth, texts.get("on", ""), texts)


def _plus(text: str) -> str:
    """A plus in an address that nobody encoded came as a space."""
    bare = text.strip()[:TEXT_CHARS_MAX]
    return f"+{bare}" if text.startswith(" ") and bare[:1].isdigit() else bare


def _ratio(name: str, text: str) -> float:
    """`+30%` is 1.3, `-20%` 0.8, `30%` 1.3, `1.5` 1.5."""
    if not text:
        return 1.0
    found = _RATIO.fullmatch(text)
    if found:
        number = float(found["number"])
        signed = -number if found["sign"] == "-" else number
        ratio = 1 + signed / 100 if found["percent"] or found["sign"] else number
        if RATIO_LOW <= ratio <= RATIO_HIGH:
            return ratio
    raise InputError(
        f"{name} is a change such as +30% or -20%, or a factor such as 1.5, between {RATIO_LOW} and {RATIO_HIGH} times;"
        f" not {text[:40]!r}",
        field=name,
        value=text[:40],
    )


def _whole(name: str, text: str, low: int, high: int) -> int:
    if re.fullmatch(r"[+-]?\d{1,6}", text) and low <= int(text) <= high:
        return int(text)
    raise InputError(f"{name} is a whole number from {low} to {high}, not {text[:40]!r}", field=name, value=text[:40])


def _bytes(name: str, text: str) -> float:
    if not text:
        return 0.0
    found = _BYTES.fullmatch(text)
    if found is None:
        raise InputError(f"{name} is a size such as 200GB or 1.5TiB, not {text[:40]!r}", field=name, value=text[:40])
    size = float(found["number"]) * (1024.0 if found["binary"] else 1000.0) ** _POWERS[found["unit"]]
    return -size if found["sign"] == "-" else size


def _date(name: str, text: str) -> int:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{name} is a date such as 2026-12-24, not {text[:40]!r}", field=name, value=text[:40]
        ) from None
    return int(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp() * 1000)
