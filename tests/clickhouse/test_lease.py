"""One trimtab at a time writes to a database, and who comes second is told who has it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.clickhouse.kinds import name_of
from tests.clickhouse.servers import Shard
from tests.store.facts_of_a_shop import events
from trimtab.model.errors import EngineRefused, StoreError, StoreLocked
from trimtab.store.clickhouse import lease as lease_module
from trimtab.store.clickhouse.address import Address
from trimtab.store.clickhouse.engine import ClickHouseEngine
from trimtab.store.clickhouse.lease import TABLE, Lease, holder_of
from trimtab.store.limits import TelemetryLimits
from trimtab.store.telemetry import EmbeddedTelemetry

one_shard = pytest.mark.parametrize("address", [1], indirect=True, ids=["one shard"])


@pytest.fixture
def engine(address: Address) -> Iterator[ClickHouseEngine]:
    """Without a lease."""
    with closing(ClickHouseEngine(address, TelemetryLimits(), "somebody")) as engine:
        yield engine


@one_shard
def test_of_many_that_start_together_one_goes_on(engine: ClickHouseEngine) -> None:
    for round_number in range(4):
        names = [f"{round_number}-{number}" for number in range(6)]
        leases = [Lease(engine.ask, "the place", name, Path("/data") / name) for name in names]
        barrier = threading.Barrier(len(leases))
        taken: list[Lease] = []
        refused: list[str] = []

        def take(lease: Lease, barrier: threading.Barrier, taken: list[Lease], refused: list[str]) -> None:
            barrier.wait()
            try:
                lease.take()
            except StoreLocked as error:
                refused.append(str(error.facts["holder"]))
            else:
                taken.append(lease)

        threads = [threading.Thread(target=take, args=(lease, barrier, taken, refused)) for lease in leases]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(taken) == 1
        assert len(refused) == len(leases) - 1
        assert all("data directory /data/" in holder for holder in refused)
        taken[0].check()
        taken[0].release()
        with pytest.raises(EngineRefused, match="ran out"):
            taken[0].check()


@one_shard
def test_epochs_grow_from_writer_to_writer(engine: ClickHouseEngine) -> None:
    epochs = []
    for name in ("a", "b", "a"):
        lease = Lease(engine.ask, "the place", name, Path("/data"))
        lease.take()
        epochs.append(lease.epoch)
        lease.release()
    assert epochs[0] < epochs[1] < epochs[2]


@one_shard
def test_who_lost_it_writes_nothing_until_it_is_free(engine: ClickHouseEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Lease(engine.ask, "the place", "first", Path("/data/first"))
    first.take()
    monkeypatch.setattr(first, "_until_s", 0.0)  # as after a pause of a minute
    engine.ask(f"ALTER TABLE {TABLE} DELETE WHERE holder = 'first'", {})
    second = Lease(engine.ask, "the place", "second", Path("/data/second"))
    second.take()
    first.renew()
    with pytest.raises(EngineRefused, match=r"ran out: .*another trimtab.*/data/second"):
        first.check()
    second.check()
    second.release()
    first.renew()
    first.check()
    first.release()


@one_shard
def test_a_holder_that_cannot_renew_stops_before_others_begin(
    engine: ClickHouseEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "HELD_S", int(lease_module._MARGIN_S))
    lease = Lease(engine.ask, "the place", "first", Path("/data/first"))
    lease.take()
    with pytest.raises(EngineRefused) as caught:
        lease.check()
    assert caught.value.facts["is_machine"] is True
    lease.release()


@pytest.mark.parametrize("address", [1, 2], indirect=True, ids=name_of)
def test_a_second_trimtab_is_refused_and_the_first_one_comes_back(
    address: Address, tmp_path: Path, running: list[Shard]
) -> None:
    (tmp_path / "other").mkdir()
    with EmbeddedTelemetry.open(tmp_path / "one", address=address) as telemetry:
        with (
            pytest.raises(StoreLocked, match=r"written by another trimtab: process \d+ on .*/one/telemetry"),
            ExitStack() as undo,
        ):
            undo.enter_context(EmbeddedTelemetry.open(tmp_path / "other", address=address))
        telemetry.write("server_events", events("shop", ["a"]))
        telemetry.flush(10)
    with EmbeddedTelemetry.open(tmp_path / "other", address=address) as telemetry:
        assert telemetry.query("SELECT message FROM server_events")["message"].to_pylist() == ["a"]
    database = address.database
    running[0].ask(
        f"INSERT INTO {database}.{TABLE} SELECT holder, 'holding', number, epoch, host, process_id, data_dir, seq + 1,"
        f" now64(3, 'UTC') + 60 FROM {database}.{TABLE} FINAL WHERE data_dir LIKE '%/one/%'"
    )  # as after kill -9: nobody gave it back
    with pytest.raises(StoreLocked, match="/one/telemetry"):
        EmbeddedTelemetry.open(tmp_path / "other", address=address)
    EmbeddedTelemetry.open(tmp_path / "one", address=address).close()


def test_a_data_directory_keeps_its_name(tmp_path: Path) -> None:
    assert holder_of(tmp_path) == holder_of(tmp_path)
    (tmp_path / "writer_id").write_text("x")
    with pytest.raises(StoreError, match="writer_id is damaged"):
        holder_of(tmp_path)
