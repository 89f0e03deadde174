"""Open the engine that was asked for, with its tables as this version wants them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.store.engine_tuning import tune
from trimtab.store.limits import TelemetryLimits
from trimtab.store.migrate import migrate
from trimtab.store.retention import Retention, keep

if TYPE_CHECKING:
    from trimtab.model.retention import RetentionPolicy
    from trimtab.store.clickhouse.address import Address
    from trimtab.store.engine import Engine


@dataclass(frozen=True, slots=True)
class Opened:
    """An engine, the version of its tables, how long they keep rows, and the least epoch of new segments."""

    engine: Engine
    schema_version: int
    kept: Mapping[str, Retention]
    epoch_least: int = 0


def open_engine(
    directory: Path, limits: TelemetryLimits, retention: RetentionPolicy | None, address: Address | None
) -> Opened:
    """The engine in this process, with its files under `directory`, or the servers at `address`."""
    if address is None:
        from trimtab.store.engine_embedded import EmbeddedEngine

        embedded = EmbeddedEngine(directory / "engine", limits)
        try:
            version = migrate(embedded)
            tune(embedded)
            return Opened(embedded, version, keep(embedded, retention))
        except BaseException:
            embedded.close()
            raise
    from trimtab.store.clickhouse.opening import open_engine as open_servers

    remote = open_servers(address, limits, directory)
    try:
        found = remote.prepare_with(lambda: (migrate(remote), keep(remote, retention)))
        return Opened(remote, *found, epoch_least=remote.epoch_least)
    except BaseException:
        remote.close()
        raise
