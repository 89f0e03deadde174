"""The adviser's figures, read from the TOML files beside this one: they are data, each with its source."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Costs:
    """`costs.toml`, flattened."""

    entry_write_ms: float
    entry_wal_bytes: float
    hot_lost_ms_per_index: float
    scan_bytes_per_s: float
    sort_rows_per_s: float
    build_fixed_s: float
    floor_ms: float
    floor_ms_per_row: float
    among_others_ms: float
    ms_per_cost: float
    leaf_fill: float
    inner_factor: float
    posting_bytes_max: int
    page_bytes: int


class Kind(NamedTuple):
    """What a row takes in an index of some kind, as a multiple of what it takes in a B-tree."""

    ms: float
    wal: float


BTREE = Kind(1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Prior:
    """One class of `prior.toml`: quantiles of log(measured ÷ predicted) before trimtab has its own record.

    `lost_bet_factor` is how much worse than its own price a plan can be whose LIMIT does not stop early.
    """

    name: str
    low: float
    high: float
    source: str
    lost_bet_factor: float = 1.0


@cache
def costs() -> Costs:
    """The cost figures."""
    data = _read("costs.toml")
    return Costs(
        entry_write_ms=data["entry"]["write_ms"],
        entry_wal_bytes=data["entry"]["wal_bytes"],
        hot_lost_ms_per_index=data["hot_lost"]["write_ms_per_index"],
        scan_bytes_per_s=data["build"]["scan_bytes_per_s"],
        sort_rows_per_s=data["build"]["sort_rows_per_s"],
        build_fixed_s=data["build"]["fixed_s"],
        floor_ms=data["call"]["floor_ms"],
        floor_ms_per_row=data["call"]["floor_ms_per_row"],
        among_others_ms=data["call"]["among_others_ms"],
        ms_per_cost=data["call"]["ms_per_cost"],
        leaf_fill=data["model"]["leaf_fill"],
        inner_factor=data["model"]["inner_factor"],
        posting_bytes_max=data["model"]["posting_bytes_max"],
        page_bytes=data["model"]["page_bytes"],
    )


def entry_kind(method: str, opclasses: str = "") -> Kind:
    """By the index's method; `opclasses` is any text that names its operator classes.

    >>> entry_kind("btree").ms, entry_kind("brin").wal, entry_kind("gin", "body gin_trgm_ops").ms
    (1.0, 0.0, 7.0)
    """
    name = "trigrams" if method == "gin" and "gin_trgm_ops" in opclasses else method
    found = _kinds().get(name)
    return BTREE if found is None else Kind(float(found[0]), float(found[1]))


@cache
def _kinds() -> dict[str, Any]:
    return {name: one for name, one in _read("costs.toml")["entry_by_kind"].items() if name != "source"}


@cache
def priors() -> dict[str, Prior]:
    """The priors by class, see `prior.toml`."""
    return {
        name: Prior(name, row["log_low"], row["log_high"], row["source"], row.get("lost_bet_factor", 1.0))
        for name, row in _read("prior.toml").items()
    }


def _read(name: str) -> dict[str, dict[str, Any]]:
    return tomllib.loads(files("trimtab.advise.index").joinpath(name).read_text())
