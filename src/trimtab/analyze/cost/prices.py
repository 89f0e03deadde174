"""A price list, what an hour of measured use comes to, and what is paid whether it is measured or not."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

HOUR_MS = 3_600_000
GIB = 1024**3


class Resource(StrEnum):
    """What has a price."""

    PROCESSOR = "processor"
    IO = "io"
    STORAGE = "storage"
    FIXED = "fixed"


PER = {
    Resource.PROCESSOR: "core-hour",
    Resource.IO: "million requests",
    Resource.STORAGE: "GiB-month",
    Resource.FIXED: "month",
}
"""The unit of each price."""


@dataclass(frozen=True, slots=True)
class Price:
    """One line of a list. `systems` empty: it is for all that have none of their own for this resource."""

    resource: Resource
    price: float
    as_of: str
    source: str
    systems: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices in one currency."""

    currency: str
    prices: tuple[Price, ...]

    def of(self, resource: Resource, system: str) -> Price | None:
        """The price of a resource for a system; None where the list has none."""
        found = [one for one in self.prices if one.resource is resource]
        own = next((one for one in found if system in one.systems), None)
        return own or next((one for one in found if not one.systems), None)

    @property
    def is_metered(self) -> bool:
        """Whether anything has a price that has to be measured."""
        return any(one.resource is not Resource.FIXED for one in self.prices)

    def systems(self) -> tuple[str, ...]:
        """Those that are named."""
        return tuple(dict.fromkeys(name for one in self.prices for name in one.systems))


@dataclass(frozen=True, slots=True)
class Use:
    """What a system used in the hour from `hour_ms` on, as far as it was looked at (`measured_ratio` of the hour).

    `io_requests` are blocks that statements read and wrote; `storage_bytes` None: not known.
    """

    system: str
    hour_ms: int
    processor_s: float
    io_requests: float
    storage_bytes: float | None
    measured_ratio: float


@dataclass(frozen=True, slots=True)
class Costs:
    """Sums by resource, in the currency of the list. What has no price is not in it."""

    processor: float = 0.0
    io: float = 0.0
    storage: float = 0.0
    fixed: float = 0.0

    @property
    def total(self) -> float:
        """All together."""
        return self.processor + self.io + self.storage + self.fixed

    def __add__(self, other: Costs) -> Costs:
        return Costs(
            self.processor + other.processor,
            self.io + other.io,
            self.storage + other.storage,
            self.fixed + other.fixed,
        )


def month_bounds(at_ms: int) -> tuple[int, int]:
    """First millisecond of the month (UTC) that a moment lies in, and of the next one.

    >>> [end - start for start, end in [month_bounds(0)]][0] // HOUR_MS
    744
    """
    day = dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC)
    start = day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    days = calendar.monthrange(start.year, start.month)[1]
    start_ms = int(start.timestamp() * 1000)
    return start_ms, start_ms + days * 24 * HOUR_MS


def cost_of(use: Use, prices: PriceList, part: float = 1.0) -> Costs:
    """What an hour of use costs, without fixed prices; of an hour that is not over, `part` of it has passed.

    >>> listed = PriceList("USD", (Price(Resource.PROCESSOR, 0.1, "", ""), Price(Resource.STORAGE, 7.44, "", "")))
    >>> cost_of(Use("shop", 0, 1800.0, 0.0, float(GIB), 1.0), listed)
    Costs(processor=0.05, io=0.0, storage=0.01, fixed=0.0)
    """
    start_ms, end_ms = month_bounds(use.hour_ms)
    hours = (end_ms - start_ms) / HOUR_MS

    def price(resource: Resource) -> float:
        found = prices.of(resource, use.system)
        return 0.0 if found is None else found.price

    return Costs(
        processor=use.processor_s / 3600 * price(Resource.PROCESSOR),
        io=use.io_requests / 1e6 * price(Resource.IO),
        storage=(use.storage_bytes or 0.0) / GIB / hours * part * price(Resource.STORAGE),
    )


def fixed_cost(system: str, prices: PriceList, from_ms: int, to_ms: int) -> float:
    """What a system's fixed price comes to from one moment to another of the same month.

    >>> fixed_cost("shop", PriceList("EUR", (Price(Resource.FIXED, 310.0, "", ""),)), 0, 24 * HOUR_MS)
    10.0
    """
    found = prices.of(Resource.FIXED, system)
    start_ms, end_ms = month_bounds(from_ms)
    return 0.0 if found is None else found.price * (to_ms - from_ms) / (end_ms - start_ms)


def total(uses: Iterable[Use], prices: PriceList, now_ms: int) -> Costs:
    """Of several hours; the one that `now_ms` lies in counts as far as it went."""
    found = Costs()
    for use in uses:
        part = min(max((now_ms - use.hour_ms) / HOUR_MS, 0.0), 1.0)
        found += cost_of(use, prices, part)
    return found
