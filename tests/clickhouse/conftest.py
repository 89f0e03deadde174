"""Two shards for the whole run; each test that asks for a store gets a database of its own on one or both of them."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

import pytest

from tests.clickhouse.servers import Shard, address_of, shards
from tests.store.conftest import limits, telemetry
from trimtab.store.clickhouse.address import Address
from trimtab.store.telemetry import EmbeddedTelemetry

__all__ = ["limits", "telemetry"]

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Shard]]:
    """Two of them."""
    with shards(tmp_path_factory.mktemp("shards"), 2) as found:
        yield found


@pytest.fixture(params=[1, 2], ids=["one shard", "two shards"])
def address(request: pytest.FixtureRequest, running: list[Shard]) -> Iterator[Address]:
    """A store with nothing in it."""
    used = running[: request.param]
    name = f"telemetry_{next(_NUMBERS)}"
    for shard in used:
        shard.ask(f"CREATE DATABASE {name}")
    yield address_of(*used, database=name)
    for shard in used:
        shard.ask(f"DROP DATABASE {name}")


@pytest.fixture
def everywhere(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a store opens that one."""
    opened = functools.partial(EmbeddedTelemetry.open, address=address)
    monkeypatch.setattr(EmbeddedTelemetry, "open", opened)
