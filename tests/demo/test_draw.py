"""Draws of faults: one of each kind, never two on one table, and controls enough for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from demo.faults.draw import draw, possible_draws
from demo.faults.fault import Fault, FaultKind
from demo.load.draws import Draws
from demo.load.requests import HEALTHY, mix_for
from demo.load.statement import Parameters, Statement
from demo.load.statements import ALL, BY_NAME
from demo.shop.catalogue import index_named, rows_at

CONTROLS_MIN = 5
CONTROL_CALLS_PER_S_MIN = 3.0


class Recorder:
    """Counts the statements that requests run, without a database."""

    def __init__(self) -> None:
        self.draws = Draws(1, rows_at(1.0), ("A.B1@Example.com",))
        self.names: list[str] = []

    def run(self, statement: Statement, parameters: Parameters | None = None) -> list[tuple[object, ...]]:
        self.names.append(statement.name)
        if parameters is None:
            assert statement.draw is not None
            parameters = statement.draw(self.draws)
        assert statement.text.count("%s") == len(parameters), statement.name
        return [(7,)]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        yield


def calls_per_s(faults: tuple[Fault, ...]) -> Counter[str]:
    """Calls a second of each statement under these faults."""
    rates: Counter[str] = Counter()
    for request in mix_for(faults):
        recorder = Recorder()
        for _ in range(100):
            request.handle(recorder)  # type: ignore[arg-type]
        for name, count in Counter(recorder.names).items():
            rates[name] += request.calls_per_s * count / 100  # type: ignore[assignment]
    return rates


def test_every_draw_has_one_fault_of_each_kind_on_four_tables() -> None:
    draws = possible_draws()
    assert len(draws) >= 50
    for faults in draws:
        assert [fault.kind for fault in faults] == list(FaultKind)
        assert len({fault.table for fault in faults}) == 4


def test_a_seed_always_draws_the_same_and_seeds_differ() -> None:
    assert draw(3) == draw(3)
    assert len({tuple(fault.name for fault in draw(seed)) for seed in range(30)}) > 10


def test_every_variant_comes_up() -> None:
    drawn = {fault.name for seed in range(300) for fault in draw(seed)}
    possible = {fault.name for faults in possible_draws() for fault in faults}
    assert drawn == possible


@pytest.mark.parametrize("seed", range(12))
def test_every_fault_is_called_and_has_controls_on_other_tables(seed: int) -> None:
    faults = draw(seed)
    rates = calls_per_s(faults)
    for fault in faults:
        assert rates[fault.statement.name] >= 1.0, fault.name
        suffering = {other.statement.name for other in faults}
        controls = [
            name
            for name, rate in rates.items()
            if rate >= CONTROL_CALLS_PER_S_MIN and name not in suffering and fault.table not in BY_NAME[name].tables
        ]
        assert len(controls) >= CONTROLS_MIN, (fault.name, controls)


def test_the_mix_has_reads_and_writes_of_every_table() -> None:
    rates = calls_per_s(())
    called = [BY_NAME[name] for name in rates]
    assert 25 <= len(called) <= 45
    assert {statement.operation for statement in called} == {"SELECT", "INSERT", "UPDATE"}
    assert {table for statement in called for table in statement.tables} == set(rows_at(1.0))
    assert sum(request.calls_per_s for request in HEALTHY) > 50


def test_statements_have_their_own_names_and_faults_name_indexes_that_exist() -> None:
    assert len(BY_NAME) == len(ALL)
    for faults in possible_draws():
        for fault in faults:
            if fault.left_out is not None:
                assert index_named(fault.left_out).table == fault.table
