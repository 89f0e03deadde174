"""A database on shards that tests use one after the other: its tables are made once, and emptied after each test.

Making them takes longer than most tests do. Where a test changed more than rows (columns, lifetimes, versions), its
database is not used again. Stores that make their tables on shards with nothing on them are in other files here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.clickhouse.servers import Shard
from trimtab.store.clickhouse.address import Address
from trimtab.store.telemetry import EmbeddedTelemetry

VERSIONS = "schema_migrations"

_OPEN = EmbeddedTelemetry.open
"""As it is, also where a suite makes everybody open a store elsewhere."""


class UsedAgain:
    """One database with its tables made; `data_dir` is for whoever makes them."""

    def __init__(self, address: Address, shards: Sequence[Shard], data_dir: Path) -> None:
        self.address, self._shards = address, tuple(shards)
        _OPEN(data_dir, address=address).close()
        self._as_new = self._form()
        self.empty()

    def is_as_new(self) -> bool:
        """Whether nothing but rows has changed."""
        return self._form() == self._as_new

    def empty(self) -> None:
        """Remove all rows but those that say which version this is."""
        database = self.address.database
        for shard in self._shards:
            for table in shard.ask(
                f"SELECT DISTINCT table FROM system.parts WHERE database = '{database}' AND table != '{VERSIONS}'"
            ).split():
                shard.ask(f"TRUNCATE TABLE {database}.{table}")

    def _form(self) -> list[str]:
        database = self.address.database
        tables = f"SELECT name, create_table_query FROM system.tables WHERE database = '{database}' ORDER BY name"
        versions = f"SELECT version FROM {database}.{VERSIONS} ORDER BY version"
        return [shard.ask(text) for shard in self._shards for text in (tables, versions)]
