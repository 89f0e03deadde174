"""Two shards for the whole run; each test that asks for a store gets a database of its own on one or both of them."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clickhouse.kinds import REAL, URL, name_of
from tests.clickhouse.servers import Shard, address_of, new_database, shards
from tests.store.conftest import limits, telemetry
from trimtab.store.clickhouse.address import Address, parse
from trimtab.store.telemetry import EmbeddedTelemetry

__all__ = ["limits", "telemetry"]

HERE = Path(__file__).parent
TEXTS_ALONE = ("test_address.py", "test_cluster.py", "test_merge.py")
_NUMBERS = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What opens an engine is not for `make check`; here all does but for what only reads texts."""
    for item in items:
        if item.path.parent == HERE and item.path.name not in TEXTS_ALONE:
            item.add_marker(pytest.mark.store)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Shard]]:
    """Two of them."""
    with shards(tmp_path_factory.mktemp("shards"), 2) as found:
        yield found


@pytest.fixture(params=[1, 2, *REAL], ids=name_of)
def address(request: pytest.FixtureRequest) -> Iterator[Address]:
    """A store with nothing in it: on one shard, on two, or on the server that CLICKHOUSE_URL names."""
    if request.param == "real server":
        with new_database(parse(os.environ[URL]), f"trimtab_test_{os.getpid()}_{next(_NUMBERS)}") as found:
            yield found
        return
    used: list[Shard] = request.getfixturevalue("running")[: request.param]
    with new_database(address_of(*used), f"telemetry_{next(_NUMBERS)}") as found:
        yield found


@pytest.fixture
def everywhere(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a store opens that one."""
    opened = functools.partial(EmbeddedTelemetry.open, address=address)
    monkeypatch.setattr(EmbeddedTelemetry, "open", opened)
