"""Two shards for the whole run; each test that asks for a store gets an empty database on one or both of them."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clickhouse.kinds import REAL, URL, name_of
from tests.clickhouse.servers import Shard, address_of, drop_database, make_database, new_database, shards
from tests.clickhouse.used_again import UsedAgain
from tests.store.conftest import limits, telemetry
from tests.store.metrics.conftest import kept_by_hand
from trimtab.store.clickhouse.address import Address, parse
from trimtab.store.telemetry import EmbeddedTelemetry

__all__ = ["kept_by_hand", "limits", "telemetry"]

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


@pytest.fixture(scope="session")
def waiting() -> dict[int, UsedAgain]:
    """Empty databases, by how many shards they are on. They go with the shards."""
    return {}


@pytest.fixture(params=[1, 2, *REAL], ids=name_of)
def address(request: pytest.FixtureRequest) -> Iterator[Address]:
    """A store with nothing in it: on one shard, on two, or on the server that CLICKHOUSE_URL names."""
    if request.param == "real server":
        with new_database(parse(os.environ[URL]), f"trimtab_test_{os.getpid()}_{next(_NUMBERS)}") as found:
            yield found
        return
    waiting: dict[int, UsedAgain] = request.getfixturevalue("waiting")
    used = waiting.pop(request.param) if request.param in waiting else _made(request)
    yield used.address
    if used.is_as_new():
        used.empty()
        waiting[request.param] = used
    else:
        drop_database(used.address)


def _made(request: pytest.FixtureRequest) -> UsedAgain:
    """A new one on as many shards as are asked for."""
    chosen: list[Shard] = request.getfixturevalue("running")[: request.param]
    factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    return UsedAgain(make_database(address_of(*chosen), f"telemetry_{next(_NUMBERS)}"), chosen, factory.mktemp("made"))


@pytest.fixture
def everywhere(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a store opens that one."""
    opened = functools.partial(EmbeddedTelemetry.open, address=address)
    monkeypatch.setattr(EmbeddedTelemetry, "open", opened)
