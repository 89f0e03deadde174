"""Open a ClickHouse store: ask whether it is there, take the right to write, make its tables."""

from __future__ import annotations

from pathlib import Path

from trimtab.store.clickhouse.address import Address
from trimtab.store.clickhouse.engine import ClickHouseEngine
from trimtab.store.clickhouse.lease import Lease, holder_of
from trimtab.store.limits import TelemetryLimits


def open_engine(address: Address, limits: TelemetryLimits, directory: Path) -> ClickHouseEngine:
    """The engine, with the right to write until it is closed. `directory` is where what is spooled lies.

    Raises StoreLocked where another trimtab has it, and StoreError where the first host does not answer.
    """
    holder = holder_of(directory)
    engine = ClickHouseEngine(address, limits, holder)
    try:
        engine.open()
        lease = Lease(engine.ask, engine.place, holder, directory)
        lease.take()
        engine.keep(lease)
    except BaseException:
        engine.close()
        raise
    return engine
