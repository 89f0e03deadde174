"""Measures sets of indexes on one database: processor time of the backend, statement by statement, in turn.

Every index of every set is built once and stays; a set is "there" when its indexes are the valid ones (`indisvalid`:
a trick for a private server alone). Statements whose plan is the same with two sets are the same execution and share
their times, so that only what an index changes is told apart; a statement that writes is another one with each set of
indexes of its table. Sets come in turn, forth and back, in every repetition: what else the machine does falls on all
alike.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from trimtab.advise.workload.statements import WorkloadStatement

PREFIX = "bench_advise_"
SHORT_MS = 20.0
"""A statement that is shorter is executed several times in a row, and the mean counts."""

WARM_UP = 4
"""So many times it is executed before: connections of a service are old, and their caches full."""

REPEATS_MAX = 60
WRITES_MAX = 20
"""Writes are taken back, and leave dead rows that the next one meets."""

TIMEOUT_MS = 30_000


@dataclass
class Measured:
    """`times_ms[set][statement]` are processor times, one a repetition; `plan_of` names the plan behind them."""

    times_ms: dict[str, dict[str, list[float]]]
    sizes_bytes: dict[str, int]
    plan_of: dict[tuple[str, str], str]
    plans: dict[str, dict[str, Any]] = field(repr=False)
    load: tuple[float, float] = (0.0, 0.0)

    def size_of(self, ddl: Sequence[str]) -> int:
        """The real bytes of a set."""
        return sum(self.sizes_bytes[one] for one in dict.fromkeys(ddl))


def cpu_ms(pid: int) -> float:
    """Processor time of a process so far."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def definition_of(ddl: str) -> str:
    """What stands behind ON: the index without its name."""
    return ddl.split(" ON ", 1)[1].strip().rstrip(";")


def table_of(definition: str) -> str:
    """The name of the table that an index is on.

    >>> table_of("public.orders USING btree (a)"), table_of("orders (a, b)")
    ('orders', 'orders')
    """
    return definition.split(" ", 1)[0].rsplit(".", 1)[-1].strip('"').lower()


def measure(
    dsn: str,
    statements: Sequence[WorkloadStatement],
    sets: Mapping[str, Sequence[str]],
    *,
    repetitions: int,
    say: Callable[[str], None] = print,
    analyse_plans: bool = False,
    only: Mapping[str, Collection[str]] | None = None,
) -> Measured:
    """Build what `sets` (name → definitions behind ON) need, measure each statement with each set, drop all again.

    `only` names each set's statements, where sets are not for all of them. `analyse_plans` executes each different plan
    once more with EXPLAIN ANALYZE, for its numbers of rows.
    """
    load_before = os.getloadavg()[0]
    with psycopg.connect(dsn, autocommit=True) as connection:
        names = _build(connection, list(dict.fromkeys(one for ddl in sets.values() for one in ddl)), say)
        try:
            sizes = {ddl: _size(connection, name) for ddl, name in names.items()}
            measured = Measured({name: {} for name in sets}, sizes, {}, {})
            for statement in statements:
                mine = {name: ddl for name, ddl in sets.items() if only is None or statement.name in only.get(name, ())}
                _statement(connection, dsn, statement, mine, names, repetitions, measured, analyse_plans)
                say(f"{statement.name}: {_told(measured, statement.name)}")
            measured.load = (load_before, os.getloadavg()[0])
            return measured
        finally:
            for name in names.values():
                connection.execute(f"DROP INDEX IF EXISTS {name}".encode())


def _build(
    connection: psycopg.Connection[Any], definitions: Sequence[str], say: Callable[[str], None]
) -> dict[str, str]:
    began = time.monotonic()
    names: dict[str, str] = {}
    for definition in definitions:
        names[definition] = PREFIX + hashlib.sha256(definition.encode()).hexdigest()[:12]
        connection.execute(f"DROP INDEX IF EXISTS {names[definition]}".encode())
        connection.execute(f"CREATE INDEX {names[definition]} ON {definition}".encode())
    connection.execute(b"VACUUM ANALYZE")
    say(f"built {len(definitions)} indexes in {time.monotonic() - began:.0f} s")
    return names


def _size(connection: psycopg.Connection[Any], name: str) -> int:
    row = connection.execute("SELECT pg_relation_size(%s::regclass)", [name]).fetchone()
    assert row is not None
    return int(row[0])


def _show(connection: psycopg.Connection[Any], names: Sequence[str]) -> None:
    """Only these of our indexes are seen by planners from now on."""
    connection.execute(
        """UPDATE pg_index SET indisvalid = (c.relname = ANY(%s)) FROM pg_class c
            WHERE c.oid = indexrelid AND c.relname LIKE %s AND indisvalid <> (c.relname = ANY(%s))""",
        [list(names), PREFIX.replace("_", r"\_") + "%", list(names)],
    )


def _statement(
    connection: psycopg.Connection[Any],
    dsn: str,
    statement: WorkloadStatement,
    sets: Mapping[str, Sequence[str]],
    names: Mapping[str, str],
    repetitions: int,
    measured: Measured,
    analyse_plans: bool,
) -> None:
    """All repetitions of one statement with every set that changes its plan."""
    stands_for: dict[str, str] = {}
    key_of: dict[frozenset[str], str] = {}
    for name, ddl in sets.items():
        offered = frozenset(one for one in ddl if table_of(one) in statement.text.lower())
        if offered not in key_of:
            _show(connection, [names[one] for one in ddl])
            with psycopg.connect(dsn, autocommit=True) as session:
                plan = _plan(session, statement.text)
            pays = [names[one] for one in offered if table_of(one) == plan.get("Relation Name")]
            told = json.dumps([_bare(plan), sorted(pays) if plan["Node Type"] == "ModifyTable" else []])
            key_of[offered] = hashlib.sha256(told.encode()).hexdigest()[:16]
            measured.plans.setdefault(key_of[offered], plan)
        measured.plan_of[name, statement.name] = key_of[offered]
        stands_for.setdefault(key_of[offered], name)
    times: dict[str, list[float]] = {key: [] for key in stands_for}
    for repetition in range(repetitions):
        order = list(stands_for.items())
        for key, name in order if repetition % 2 == 0 else order[::-1]:
            if times[key] and times[key][0] >= TIMEOUT_MS:
                times[key].append(times[key][0])  # what did not end once will not
                continue
            _show(connection, [names[one] for one in sets[name]])
            plan = measured.plans[key]
            if writes := plan["Node Type"] == "ModifyTable":
                connection.execute(f"VACUUM {plan['Relation Name']}".encode())
            times[key].append(_execute(dsn, statement.text, writes=writes))
    if analyse_plans:
        for key, name in stands_for.items():
            _show(connection, [names[one] for one in sets[name]])
            measured.plans[key] = _analysed(dsn, statement.text) or measured.plans[key]
    for name in sets:
        measured.times_ms[name][statement.name] = times[measured.plan_of[name, statement.name]]


def _execute(dsn: str, text: str, *, writes: bool) -> float:
    """Processor time of one execution, planning with it; what never ends counts as the time limit."""
    with psycopg.connect(dsn, autocommit=True, options=f"-c statement_timeout={TIMEOUT_MS}") as session:
        pid = session.info.backend_pid
        session.execute(b"EXPLAIN " + text.encode())  # the catalogue's caches are filled
        began = cpu_ms(pid)
        try:
            _run(session, text, writes=writes)
        except psycopg.errors.QueryCanceled:
            return float(TIMEOUT_MS)
        once = cpu_ms(pid) - began
        if once >= SHORT_MS:
            return once
        for _ in range(WARM_UP):
            _run(session, text, writes=writes)
        began = cpu_ms(pid)
        _run(session, text, writes=writes)
        once = cpu_ms(pid) - began
        repeats = int(min(WRITES_MAX if writes else REPEATS_MAX, max(5.0, SHORT_MS / max(once, 0.01))))
        began = cpu_ms(pid)
        for _ in range(repeats):
            _run(session, text, writes=writes)
        return (cpu_ms(pid) - began) / repeats


def _run(session: psycopg.Connection[Any], text: str, *, writes: bool) -> None:
    """Execute, and take back what it changed."""
    if not writes:
        session.execute(text.encode(), prepare=False).fetchall()
        return
    with session.transaction(force_rollback=True):
        cursor = session.execute(text.encode(), prepare=False)
        if cursor.description is not None:
            cursor.fetchall()


def _plan(session: psycopg.Connection[Any], text: str) -> dict[str, Any]:
    row = session.execute(b"EXPLAIN (FORMAT JSON) " + text.encode()).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0][0]["Plan"]
    return found


def _analysed(dsn: str, text: str) -> dict[str, Any] | None:
    with psycopg.connect(dsn, autocommit=True, options=f"-c statement_timeout={2 * TIMEOUT_MS}") as session:
        try:
            with session.transaction(force_rollback=True):
                row = session.execute(
                    b"EXPLAIN (ANALYZE, TIMING OFF, BUFFERS, FORMAT JSON) " + text.encode()
                ).fetchone()
        except psycopg.errors.QueryCanceled:
            return None
    assert row is not None
    found: dict[str, Any] = row[0][0]["Plan"]
    return found


def _bare(node: Mapping[str, Any]) -> dict[str, Any]:
    """A plan without its costs: these differ by a page or two after a VACUUM."""
    kept = {
        key: value for key, value in node.items() if key not in ("Startup Cost", "Total Cost", "Plan Rows", "Plans")
    }
    return {**kept, "Plans": [_bare(child) for child in node.get("Plans", [])]}


def _told(measured: Measured, statement: str) -> str:
    return ", ".join(
        f"{name} {np.median(of[statement]):.4g}" for name, of in measured.times_ms.items() if of.get(statement)
    )
