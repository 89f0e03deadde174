"""Measure what a fault costs and what an index really does to it, each inside a transaction that is taken back."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from demo.faults.fault import Fault
from demo.load.draws import Draws
from demo.load.statement import Parameters, Statement
from demo.shop.catalogue import index_named, rows_at

Connection = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Measured:
    """One statement under one set of indexes.

    `cost` is the planner's (median), `time_ms` the median execution time, `cpu_ms` the smallest processor time of the
    backend: what others do on the machine moves it least.
    """

    cost: float
    time_ms: float
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A statement before and after one index. `after` is None where the index was priced but not built."""

    index: str
    before: Measured
    hypothetical_cost: float
    after: Measured | None

    @property
    def cost_ratio(self) -> float:
        """The planner's cost with the hypothetical index ÷ without it."""
        return self.hypothetical_cost / self.before.cost

    @property
    def time_ratio(self) -> float | None:
        """The backend's processor time with the real index ÷ without it."""
        return None if self.after is None else self.after.cpu_ms / self.before.cpu_ms


def connect(dsn: str) -> Connection:
    """A session that binds parameters on the client, as the application does."""
    return psycopg.connect(
        dsn,
        autocommit=True,
        connect_timeout=10,
        cursor_factory=psycopg.ClientCursor,
        options="-c statement_timeout=60000 -c maintenance_work_mem=128MB",
    )


def draws_for(connection: Connection, seed: int, scale: float = 1.0) -> Draws:
    """Draws that hit rows of the filled shop."""
    rows = connection.execute("SELECT email FROM users WHERE id % 997 = 0 ORDER BY id").fetchall()
    return Draws(seed, rows_at(scale), [str(row[0]) for row in rows])


def parameter_sets(statement: Statement, draws: Draws, count: int) -> list[Parameters]:
    """`count` sets of parameters as the application would draw them."""
    if statement.draw is None:
        raise ValueError(f"{statement.name} takes its parameters from a request")
    return [statement.draw(draws) for _ in range(count)]


def plan_cost(connection: Connection, statement: Statement, parameters: Parameters) -> float:
    """The planner's total cost with the indexes there are, hypothetical ones included."""
    row = connection.execute(("EXPLAIN (FORMAT JSON) " + statement.text).encode(), parameters).fetchone()
    return _total_cost(_plan(row))


def measure(connection: Connection, statement: Statement, sets: Sequence[Parameters]) -> Measured:
    """Run the statement once to warm up, then once for each set of parameters."""
    explain = ("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + statement.text).encode()
    connection.execute(explain, sets[0])
    times_ms = []
    cpus_ms = []
    costs = []
    for parameters in sets:
        began_ms = _cpu_ms(connection)
        document = _plan(connection.execute(explain, parameters).fetchone())
        cpus_ms.append(_cpu_ms(connection) - began_ms)
        times_ms.append(float(str(document["Execution Time"])))
        costs.append(_total_cost(document))
    return Measured(statistics.median(costs), statistics.median(times_ms), min(cpus_ms))


def compare_all(
    connection: Connection, fault: Fault, sets: Sequence[Parameters], *, build_below_cost_ratio: float = math.inf
) -> list[Comparison]:
    """The cure of a fault that has one, else every candidate: priced by HypoPG, then built for real and measured.

    Candidates whose cost ratio is `build_below_cost_ratio` or more are priced only. An index of the healthy shop that
    the fault leaves out is dropped for the time of the measurement; nothing stays behind.
    """
    definitions = (index_named(fault.left_out).definition,) if fault.left_out else fault.candidates
    found = []
    with _taken_back(connection):
        if fault.left_out:
            connection.execute(f"DROP INDEX {fault.left_out}".encode())
        before = measure(connection, fault.statement, sets)
        for definition in definitions:
            cost = _hypothetical_cost(connection, fault.statement, definition, sets[0])
            after = None
            if cost < before.cost * build_below_cost_ratio:
                with _taken_back(connection):
                    connection.execute(f"CREATE INDEX demo_candidate ON {definition}".encode())
                    connection.execute(f"ANALYZE {fault.table}".encode())
                    after = measure(connection, fault.statement, sets)
            found.append(Comparison(definition, before, cost, after))
    return found


def _cpu_ms(connection: Connection) -> float:
    """Processor time of the session's backend so far; the server must run on this machine."""
    return int(Path(f"/proc/{connection.info.backend_pid}/schedstat").read_text().split()[0]) / 1e6


def _hypothetical_cost(connection: Connection, statement: Statement, definition: str, parameters: Parameters) -> float:
    connection.execute("SELECT hypopg_reset()")
    connection.execute("SELECT hypopg_create_index(%s)", (f"CREATE INDEX ON {definition}",))
    cost = plan_cost(connection, statement, parameters)
    connection.execute("SELECT hypopg_reset()")
    return cost


@contextmanager
def _taken_back(connection: Connection) -> Iterator[None]:
    with connection.transaction(force_rollback=True):
        yield


def _plan(row: tuple[object, ...] | None) -> dict[str, object]:
    if row is None or not isinstance(row[0], list):
        raise RuntimeError("EXPLAIN gave no plan")
    document: dict[str, object] = row[0][0]
    return document


def _total_cost(document: dict[str, object]) -> float:
    plan = document["Plan"]
    if not isinstance(plan, dict):
        raise RuntimeError("EXPLAIN gave no plan")
    return float(plan["Total Cost"])
