"""`trimtab doctor`: what trimtab can and cannot see on a server, what matters most first, and the SQL for the rest.

Needs no running server, and writes nothing anywhere: both sessions are read-only.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from enum import StrEnum

import psycopg

from trimtab.act.change_role import look_at_change_role
from trimtab.model.errors import MissingError, ServerUnreachable
from trimtab.model.system import Capability
from trimtab.observe.postgres.capabilities import probe
from trimtab.observe.postgres.surroundings import Surroundings, look_around, notices
from trimtab.sql.connect import Connection, Reference
from trimtab.sql.connection_causes import cause_of
from trimtab.sql.connection_clues import clues
from trimtab.sql.database_identity import DatabaseIdentity, compare_live, identity_of

APPLICATION_NAME = "trimtab/doctor"
STATEMENT_TIMEOUT_MS = 15_000


class Weight(StrEnum):
    """How much a check matters. `ESSENTIAL` and `IMPORTANT` make the answer a no."""

    ESSENTIAL = "essential"
    IMPORTANT = "important"
    USEFUL = "useful"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What it is like without something."""

    weight: Weight
    without: str


MEANINGS: dict[str, Meaning] = {
    "server_version": Meaning(Weight.ESSENTIAL, "the statistics of this version are not known to trimtab"),
    "pg_stat_statements": Meaning(Weight.ESSENTIAL, "nothing is found: no statement is counted"),
    "pg_monitor": Meaning(Weight.ESSENTIAL, "the statements of your application stay hidden: only trimtab's own show"),
    "direct_connection": Meaning(Weight.ESSENTIAL, "time-outs and settings of a session may be lost between two looks"),
    "hypopg": Meaning(Weight.IMPORTANT, "slow queries are found, but no index is proposed: none can be priced"),
    "plans": Meaning(Weight.IMPORTANT, "slow queries are found, but neither plans nor proposals come with them"),
    "track_activities": Meaning(Weight.IMPORTANT, "no waits are seen, and no parameters: advice rests on statistics"),
    "primary": Meaning(Weight.USEFUL, "what runs on the primary is not seen here; watch that one, too"),
    "track_activity_query_size": Meaning(Weight.USEFUL, "long statements are cut off and give no real parameters"),
    "compute_query_id": Meaning(Weight.USEFUL, "running statements are matched to their counters by text, which costs"),
    "plans_of_writes": Meaning(
        Weight.USEFUL, "advice on INSERT, UPDATE and DELETE comes from the rows that they look up"
    ),
    "track_io_timing": Meaning(Weight.USEFUL, "reading from disk and computing cannot be told apart"),
    "least_rights": Meaning(Weight.USEFUL, "the watch has rights that it does not need"),
    "temp_file_limit": Meaning(Weight.USEFUL, "a probe that sorts much can fill the disk until its time-out"),
    "change_same_database": Meaning(Weight.ESSENTIAL, "changes would go to another database than the one watched"),
    "change_on_primary": Meaning(Weight.ESSENTIAL, "nothing can be changed"),
    "change_timeouts": Meaning(Weight.ESSENTIAL, "a build could block others for as long as it likes"),
    "change_owner": Meaning(Weight.IMPORTANT, "changes of those tables are refused before they begin"),
    "change_create": Meaning(Weight.IMPORTANT, "indexes in those schemas are refused before they begin"),
    "change_drop": Meaning(Weight.IMPORTANT, "what was built could not be taken back, so nothing is built"),
    "change_sees_sessions": Meaning(Weight.USEFUL, "long transactions and the load are not looked at before a build"),
    "change_least_rights": Meaning(Weight.USEFUL, "a fault or an intruder could do more than build an index"),
}
"""Every check by name, what matters most first. A check that is not here is useful, and comes last."""

TOLD_BY_FILES = frozenset({"service_unknown", "service_file_broken", "no_password_found", "wrong_password"})
"""Causes about which the files on this machine say more."""

RESTART_LINE = "-- then restart the server"
RELOAD_LINE = "SELECT pg_reload_conf();"
USEFUL_LINES_MAX = 20


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `sql` is what a DBA would run, None where there is nothing to run."""

    name: str
    ok: bool
    weight: Weight
    detail: str
    needed_for: str
    without: str
    sql: str | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there was no connection: libpq's words, the likely cause, what to try, and what this machine's files say."""

    message: str
    cause: str | None
    remedy: str | None
    clues: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two roles: where its reference leads, and what it may do there."""

    reference: str
    role: str | None
    database: str | None
    server: str | None
    sees: tuple[str, ...]
    checks: tuple[Check, ...]
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The whole answer. `script` is everything that is missing as one text for psql, '' where nothing is; in
    `script_to_read` much SQL for something that is only useful is one line that says where it is."""

    watch: Side
    change: Side | None
    script: str
    script_to_read: str
    next_step: str

    @property
    def sides(self) -> tuple[Side, ...]:
        """The watching role, and the changing role where one was given."""
        return (self.watch,) if self.change is None else (self.watch, self.change)

    @property
    def exit_code(self) -> int:
        """0 all there, 1 something is missing that matters, 3 no connection."""
        if any(side.trouble is not None for side in self.sides):
            return 3
        return int(any(not check.ok and check.weight is not Weight.USEFUL for s in self.sides for check in s.checks))


def examine(dsn: str, change_dsn: str | None = None) -> Report:
    """Look at both roles. Raises `DsnError` for a reference that cannot be used; no connection is an answer."""
    reference = Reference.parse(dsn)
    change_reference = None if change_dsn is None else Reference.parse(change_dsn)
    watch, place = _watch_side(reference)
    change = None if change_reference is None else _change_side(change_reference, place)
    report = Report(watch, change, "", "", "")
    return replace(
        report,
        script=_script(report, whole=True),
        script_to_read=_script(report, whole=False),
        next_step=_next_step(report, dsn, change_dsn),
    )


def _watch_side(reference: Reference) -> tuple[Side, DatabaseIdentity | None]:
    opened = _open(reference)
    if isinstance(opened, Side):
        return opened, None
    with opened as connection:
        try:
            found = probe(connection)
            if any(c.name == "server_version" and not c.available for c in found):
                return Side(reference.display, None, None, None, (), _ordered(found)), None
            readable = {c.name for c in found if c.available} >= {"pg_stat_statements"}
            seen = look_around(connection, statements_readable=readable)
            place = identity_of(connection)
        except ServerUnreachable as error:
            return Side(reference.display, None, None, None, (), (), Trouble(error.message, None, None, ())), None
        except psycopg.Error as error:
            return _broke_off(reference, error), None
    checks = _ordered((*found, *notices(seen)))
    version = next((c.detail.partition(";")[0] for c in found if c.name == "server_version"), None)
    return Side(reference.display, seen.role, seen.database, version, _sees(seen), checks), place


def _change_side(reference: Reference, watched: DatabaseIdentity | None) -> Side:
    opened = _open(reference)
    if isinstance(opened, Side):
        return opened
    with opened as connection:
        try:
            found = look_at_change_role(connection)
            arrived = identity_of(connection)
        except ServerUnreachable as error:
            return Side(reference.display, None, None, None, (), (), Trouble(error.message, None, None, ()))
        except psycopg.Error as error:
            return _broke_off(reference, error)
    capabilities = found.capabilities
    if watched is not None:
        capabilities = (_same_database(watched, arrived), *capabilities)
    return Side(reference.display, found.role, found.database, None, (), _ordered(capabilities))


def _open(reference: Reference) -> Connection | Side:
    try:
        return reference.connect(APPLICATION_NAME, read_only=True, statement_timeout_ms=STATEMENT_TIMEOUT_MS)
    except MissingError as error:
        cause = cause_of(error.message)
        told = clues(reference) if cause is None or cause.name in TOLD_BY_FILES else []
        likely = None if cause is None else cause.cause
        remedy = None if cause is None else cause.remedy
        return Side(reference.display, None, None, None, (), (), Trouble(error.message, likely, remedy, tuple(told)))


def _broke_off(reference: Reference, error: psycopg.Error) -> Side:
    words = error.diag.message_primary or type(error).__name__
    lost = ServerUnreachable(f"the server at {reference.display} broke off: {words}")
    return Side(reference.display, None, None, None, (), (), Trouble(lost.message, None, None, ()))


def _same_database(watched: DatabaseIdentity, changed: DatabaseIdentity) -> Capability:
    compared = compare_live(watched, changed)
    other = compared.same is False
    detail = f"the two references lead to different databases: {compared.message}" if other else compared.message
    sql = "-- give --change-dsn the same host, port and database as the reference that watches" if other else None
    return Capability("change_same_database", not other, "changing what is watched", detail, sql)


def _ordered(capabilities: tuple[Capability, ...]) -> tuple[Check, ...]:
    order = list(MEANINGS)
    unknown = Meaning(Weight.USEFUL, "some numbers are missing")
    made = []
    for c in capabilities:
        meaning = MEANINGS.get(c.name, unknown)
        made.append(Check(c.name, c.available, meaning.weight, c.detail, c.needed_for, meaning.without, c.sql))
    return tuple(sorted(made, key=lambda check: order.index(check.name) if check.name in MEANINGS else len(order)))


def _sees(seen: Surroundings) -> tuple[str, ...]:
    lines = []
    if seen.statements_count is not None:
        lines.append(f"{seen.statements_count:,} statements with {seen.statements_calls:,} calls (pg_stat_statements)")
    lines.append(f"{seen.tables_count:,} tables, {seen.tables_bytes / 2**20:,.0f} MiB")
    line = f"{seen.sessions_count:,} sessions of others in this database now"
    if seen.sessions_telling_count:
        line += (
            f"; {seen.sessions_binding_count:,} of {seen.sessions_telling_count:,} bind their parameters ($1), "
            "whose values are then taken from the statistics of the columns"
        )
    return (*lines, line)


def _script(report: Report, *, whole: bool) -> str:
    """The SQL of every check that failed, each once: what matters, then what is useful; a restart is told last."""
    missing = [check for side in report.sides for check in side.checks if not check.ok and check.sql]
    parts: list[str] = []
    notes: set[str] = set()
    for heading, useful in (("", False), ("-- Useful, and not needed for a first finding:", True)):
        found: dict[str, None] = {}
        for check in missing:
            if (check.weight is Weight.USEFUL) is useful:
                found |= dict.fromkeys([_part(check, notes, whole=whole)])
        if found and heading and parts:
            parts.append(heading)
        parts += found
    if not parts:
        return ""
    database = report.watch.database or "the watched one"
    head = [f"-- For a database administrator, with psql in the database {_plain(database)}, as a superuser."]
    if any("ALTER SYSTEM" in part for part in parts):
        head.append("-- Where a provider runs the server, ALTER SYSTEM is refused: set these in its console instead.")
    tail = [RELOAD_LINE] if RELOAD_LINE in notes else []
    if RESTART_LINE in notes:
        tail.append("-- Now restart the server: some of these settings are read only when it starts.")
    return "\n".join([*head, *parts, *tail]) + "\n"


def _part(check: Check, notes: set[str], *, whole: bool) -> str:
    """The SQL of one check without its lines about reload and restart, which are noted."""
    lines = (check.sql or "").splitlines()
    if not whole and check.weight is Weight.USEFUL and len(lines) > USEFUL_LINES_MAX:
        return f"-- {check.name}: {len(lines)} lines, which trimtab doctor --format sql has"
    notes |= {line for line in lines if line in (RESTART_LINE, RELOAD_LINE)}
    return "\n".join(line for line in lines if line not in (RESTART_LINE, RELOAD_LINE))


def _next_step(report: Report, dsn: str, change_dsn: str | None) -> str:
    watch = f"trimtab watch {shlex.quote(dsn.strip())}"
    if change_dsn is not None:
        watch += f" --change-dsn {shlex.quote(change_dsn.strip())}"
    if report.exit_code == 3:
        return f"Next: mend the connection, then ask again; then {watch}"
    if report.exit_code == 1:
        return f"Next: run the script above, then {watch}"
    return f"Next: {watch}   (with the server running: trimtab up)"


def _plain(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name)
