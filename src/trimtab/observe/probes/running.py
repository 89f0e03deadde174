"""Runs one probe: what can go wrong is a value that says why, and harms nobody.

Four things stand between a probe and the data: the text is one SELECT that reads (the parser), nothing in it can do
more than read (the catalogue, `run_safety`), the role has no right to write (asked of the server, not believed), and
the transaction is READ ONLY and commits only where it wrote nothing. How long it may take, how long it may wait for
locks, and how much may come back is said to the server, which keeps it whoever forgets.

All that may be cut off runs behind a savepoint, and the transaction is committed all the same: one that is rolled back
would be counted by the server (`xact_rollback`), and so be among the errors of those who use it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg

from trimtab.model.errors import StatementRefused, TrimtabError
from trimtab.model.probes import REFUSED, Measured, Probe
from trimtab.observe.postgres.run_safety import why_not_run
from trimtab.observe.probes.statements import as_source, statement_of
from trimtab.sql.connect import ANSWER_GRACE_S, OWN_MARK, Connection, PatientConnection, Reference
from trimtab.sql.runnable import CalledNames, called_names, runnable

APPLICATION_NAME = "trimtab/probe"
LOCK_TIMEOUT_MS = 200
"""A probe waits for no lock longer, so that nobody waits behind it."""
IDLE_TIMEOUT_MS = 10_000
CATALOGUE_TIMEOUT_MS = 5_000
"""For what is asked before the probe itself: each look at the catalogue."""
_LOOK = "a look at the catalogue before the probe"
_PLAN = "planning it"
_RUN = "it"
_SAVEPOINT = "trimtab_probe"

_MIGHTY = (
    "pg_write_all_data",
    "pg_execute_server_program",
    "pg_write_server_files",
    "pg_signal_backend",
    "pg_maintain",
)
_ROLE = f"""
SELECT {OWN_MARK} r.rolname::text, r.rolsuper OR r.rolcreaterole OR r.rolreplication,
    ARRAY(SELECT d.rolname::text FROM pg_catalog.pg_roles d WHERE d.rolname = ANY(%(mighty)s)
          AND pg_catalog.pg_has_role(r.oid, d.oid, 'MEMBER') ORDER BY 1)
FROM pg_catalog.pg_roles r WHERE r.rolname = current_user"""
_WRITABLE = f"""
SELECT {OWN_MARK} n.nspname || '.' || c.relname
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN unnest(%(schemas)s::text[], %(names)s::text[]) AS w(schema, name)
    ON c.relname = w.name AND (w.schema = n.nspname OR w.schema IS NULL AND pg_catalog.pg_table_is_visible(c.oid))
 WHERE c.relkind IN ('r', 'p', 'v', 'm')
   AND pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') ORDER BY 1 LIMIT 1"""

_NUMBERS = {
    **dict.fromkeys((20, 21, 23, 26, 700, 701, 1700), "({0})::float8"),
    16: "({0})::int4::float8",
    1186: "extract(epoch FROM {0})::float8",
    **dict.fromkeys((1082, 1114, 1184), "extract(epoch FROM {0})::float8"),
}
"""How a value of a type becomes a number, by the type's OID: numbers, yes and no, durations and moments (seconds)."""

_TOLD_CLASSES = ("42", "0A", "3F", "25", "53", "54", "28")
"""Classes of SQLSTATE whose messages name tables and settings; others may quote what stands in a table."""

_LASTING_CLASSES = ("42", "0A", "3F")
"""Those that say so again until somebody changes the statement, a right or the table."""


def measure(
    reference: Reference, probe: Probe, now_ms: Callable[[], int], begun: Callable[[Connection], None] | None = None
) -> Measured:
    """Ask once. `begun` hears of the connection, so that whoever stops can cancel what runs on it."""
    try:
        text = statement_of(probe)
        connection = reference.connect(
            APPLICATION_NAME,
            read_only=True,
            statement_timeout_ms=CATALOGUE_TIMEOUT_MS,
            lock_timeout_ms=LOCK_TIMEOUT_MS,
            idle_in_transaction_timeout_ms=IDLE_TIMEOUT_MS,
            autocommit=False,
        )
    except StatementRefused as error:
        return Measured(now_ms(), None, f"{REFUSED}{error.message}")
    except TrimtabError as error:
        return Measured(now_ms(), None, error.message)
    try:
        if begun is not None:
            begun(connection)
        connection.read_only = True
        try:
            found = _asked(connection, probe, text, now_ms)
        except psycopg.Error as error:
            found = Measured(now_ms(), None, told(error, CATALOGUE_TIMEOUT_MS, _LOOK))
        return replace(found, rolled_back=not _is_committed(connection))
    finally:
        connection.close()


def _is_committed(connection: Connection) -> bool:
    """Whether it ended well; where the connection is lost, it did not, and what was found before stands."""
    try:
        return _end(connection)
    except psycopg.Error:
        return False


def _end(connection: Connection) -> bool:
    """Commit what has written nothing, as the server says: closed without, each probe would count as rolled back."""
    status, known = connection.info.transaction_status, psycopg.pq.TransactionStatus
    if status is known.INERROR:
        connection.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}".encode())
    elif status is not known.INTRANS:
        return False
    row = connection.execute(f"SELECT {OWN_MARK} pg_current_xact_id_if_assigned() IS NULL".encode()).fetchone()
    if row is None or row[0] is not True:
        return False
    connection.commit()
    return True


def _asked(connection: Connection, probe: Probe, text: str, now_ms: Callable[[], int]) -> Measured:
    connection.execute(f"SAVEPOINT {_SAVEPOINT}".encode())
    connection.execute(f"SELECT {OWN_MARK} pg_catalog.set_config('TimeZone', %s, true)".encode(), [probe.timezone])
    reason = why_not_role(connection, text) or why_not_run(connection, text)
    if reason is not None:
        return Measured(now_ms(), None, f"{REFUSED}{reason}")
    connection.execute(f"SET LOCAL statement_timeout = {probe.timeout_ms}".encode())
    if isinstance(connection, PatientConnection):
        connection.answer_timeout_s = probe.timeout_ms / 1000 + ANSWER_GRACE_S
    # Nothing is run for this: it has no rows. The server plans it, though, and makes its constants.
    started_s = time.perf_counter()
    try:
        described = connection.execute(f"SELECT {OWN_MARK} * FROM {as_source(text)} LIMIT 0".encode(), prepare=False)
    except psycopg.Error as error:
        return _cut_off(error, probe, _PLAN, now_ms(), started_s)
    columns = described.description or []
    if len(columns) != 1:
        return Measured(now_ms(), None, f"{REFUSED}it has {len(columns)} columns; a probe is one number")
    form = _NUMBERS.get(columns[0].type_code)
    if form is None:
        kind = columns[0].type_display
        return Measured(now_ms(), None, f"{REFUSED}its value is of type {kind}; a number is wanted")
    value = form.format("probe.v")
    started_s = time.perf_counter()
    try:
        rows = connection.execute(
            f"SELECT {OWN_MARK} {value} FROM {as_source(text)}(v) LIMIT 2".encode(), prepare=False, binary=True
        ).fetchall()
    except psycopg.Error as error:
        return _cut_off(error, probe, _RUN, now_ms(), started_s)
    return _of_rows(rows, now_ms(), (time.perf_counter() - started_s) * 1000)


def _cut_off(error: psycopg.Error, probe: Probe, step: str, at_ms: int, started_s: float) -> Measured:
    took_ms = (time.perf_counter() - started_s) * 1000
    if not error.sqlstate and took_ms >= probe.timeout_ms:
        limit = f"cut off: {step} took longer than its time-out of {probe.timeout_ms / 1000:g} s"
        reason = f"{limit}; the server, which ends it, had not said so after {took_ms / 1000:.3g} s: given up"
        return Measured(at_ms, None, reason, took_ms)
    if error.sqlstate == "57014" and took_ms < probe.timeout_ms:
        return Measured(at_ms, None, f"cut off: {step} was cancelled by somebody after {took_ms / 1000:.3g} s", took_ms)
    return Measured(at_ms, None, told(error, probe.timeout_ms, step), took_ms)


def _of_rows(rows: list[tuple[Any, ...]], at_ms: int, duration_ms: float) -> Measured:
    if len(rows) != 1:
        count = "no row" if not rows else "more than one row"
        return Measured(at_ms, None, f"it gave {count}; a probe is one number", duration_ms)
    value = rows[0][0]
    if value is None:
        return Measured(at_ms, None, "nothing to measure: there are no rows, or none that has a value", duration_ms)
    number = float(value)
    if not math.isfinite(number):
        return Measured(at_ms, None, f"its value is {number}, which is no number to compare", duration_ms)
    return Measured(at_ms, number, "", duration_ms)


def why_not_role(connection: Connection, text: str) -> str | None:
    """Why this role must not run probes: it could write. None where it cannot."""
    rows = connection.execute(_ROLE.encode(), {"mighty": list(_MIGHTY)}, prepare=False).fetchall()
    role, is_mighty, member_of = rows[0]
    if is_mighty:
        return f"the role {role} is a superuser, or may make roles or replicate; probes run with a role that only reads"
    if member_of:
        return f"the role {role} is a member of {', '.join(member_of)}; probes run with a role that only reads"
    names = CalledNames()
    called_names(runnable(text), names)
    ordered = sorted(names.relations, key=str)
    values = {"schemas": [schema for schema, _ in ordered], "names": [name for _, name in ordered]}
    writable = connection.execute(_WRITABLE.encode(), values, prepare=False).fetchall()
    if writable:
        return f"the role {role} may write to {writable[0][0]}; probes run with a role that only reads"
    return None


def told(error: psycopg.Error, timeout_ms: int, step: str) -> str:
    """What went wrong in a step that may take so long, without a value out of a table."""
    code = error.sqlstate or ""
    words = error.diag.message_primary or ""
    if code == "57014":
        whose = "the" if step == _LOOK else "its time-out of"
        allowed = " that it may" if step == _LOOK else ""
        return f"cut off: {step} took longer than {whose} {timeout_ms / 1000:g} s{allowed}"
    if code == "53400":
        return f"cut off: it would have written more temporary files than the server lets this role ({words})"
    if code == "22023" and "TimeZone" in words:
        return f"{REFUSED}the server does not know its time zone: {words}"
    if code == "55P03":
        return f"cut off: it would have waited for a lock longer than {LOCK_TIMEOUT_MS} ms"
    if code == "25006":
        return f"{REFUSED}it would write, and the transaction only reads"
    if code == "42501":
        return f"{REFUSED}{words} (GRANT SELECT to the role that watches)"
    if not code or code.startswith(("08", "57P")):
        return "the connection to the server was lost"
    said = words if code.startswith(_TOLD_CLASSES) else type(error).__name__
    return f"{REFUSED if code.startswith(_LASTING_CLASSES) else ''}the server says: {said} ({code})"
