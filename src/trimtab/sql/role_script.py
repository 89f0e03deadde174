"""The script for psql that makes trimtab's roles: least rights, no passwords, safe to run again.

>>> script = role_script(RolePlan("trimtab_watch"))
>>> "GRANT pg_monitor, pg_read_all_data TO trimtab_watch;" in script, "PASSWORD '" in script
(True, False)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from trimtab.model.errors import InputError
from trimtab.sql.identifiers import quoted
from trimtab.sql.versions import READ_ALL_DATA

READ_ALL_DATA_VERSION = READ_ALL_DATA.since
"""The first major version with the role pg_read_all_data."""
TABLES_SHOWN_MAX = 50
TEMP_FILE_LIMIT = "1GB"
"""What one session of the role that watches may have in temporary files at a time: a sort stops there."""
_RESERVED = frozenset({"public", "none", "current_user", "session_user", "current_role"})


@dataclass(frozen=True, slots=True)
class RolePlan:
    """What the script is to make. `change_role` None: only the role that watches.

    `owners` own the tables that may be changed; `super_owned` are tables ("schema.table", quoted) whose owner is a
    superuser, which nothing is granted on. `major` is the server's version (13, or anything later). `refused_role` is
    the role for changes that was asked for and is not made, since it could change nothing.
    """

    watch_role: str
    change_role: str | None = None
    owners: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ("public",)
    major: int = READ_ALL_DATA_VERSION
    super_owned: tuple[str, ...] = ()
    super_owner: str | None = None
    refused_role: str | None = None

    @property
    def warning(self) -> str | None:
        """What whoever runs the script has to know, since it does less than was asked for."""
        role = self.change_role or self.refused_role
        if role is None or not (self.super_owned or self.refused_role):
            return None
        made = f"; the role {quoted(role)} is not made" if self.change_role is None else ""
        if not self.super_owned:
            return f"no table was found that could be changed{made}"
        count = len(self.super_owned)
        tables = "1 table belongs" if count == 1 else f"{count} tables belong"
        return (
            f"{tables} to {quoted(self.super_owner or 'nobody')}, a superuser: nothing is granted on "
            f"{'it' if count == 1 else 'them'}, and trimtab can change nothing there{made}. "
            "The script says how to give them an owner of their own"
        )


def role_script(plan: RolePlan) -> str:
    """The whole script. Raises InputError for names that cannot be roles."""
    _check(plan)
    parts = [_HEAD, _watch_part(plan)]
    if plan.change_role is not None:
        parts.append(_change_part(plan, plan.change_role))
    if plan.super_owned:
        parts.append(_super_owned_part(plan))
    parts += [_EXTENSIONS, _foot(plan)]
    parts.append(_said_by_the_server("NOTICE", _passwords_to_set(plan)))
    if plan.warning is not None:
        parts.append(_said_by_the_server("WARNING", plan.warning))
    return "\n".join(parts)


def text_literal(text: str) -> str:
    """A string constant that means the same whatever standard_conforming_strings is.

    >>> text_literal("it's"), text_literal(chr(92)) == " E'" + 2 * chr(92) + "'"
    ("'it''s'", True)
    """
    doubled = text.replace("'", "''")
    return " E'" + doubled.replace("\\", "\\\\") + "'" if "\\" in doubled else f"'{doubled}'"


_HEAD = """\
-- Roles for trimtab. Paste into psql, connected as a superuser to the database that is to be watched.
-- It may be run again. It holds no passwords: how to set one stands at the end.
"""

_EXTENSIONS = """\
-- What trimtab reads. pg_stat_statements also has to stand in shared_preload_libraries: trimtab doctor says if it does.
DO $trimtab$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'pg_stat_statements') THEN
        RAISE WARNING 'pg_stat_statements is not on the server''s machine: install PostgreSQL''s contrib package';
    ELSIF NOT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pg_stat_statements') THEN
        CREATE EXTENSION pg_stat_statements;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'hypopg') THEN
        RAISE WARNING 'hypopg is not on the server''s machine: without it no index is proposed';
    ELSIF NOT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'hypopg') THEN
        CREATE EXTENSION hypopg;
    END IF;
END
$trimtab$;
"""


def _watch_part(plan: RolePlan) -> str:
    role = quoted(plan.watch_role)
    modern = plan.major >= READ_ALL_DATA_VERSION
    lines = [
        "-- The role that watches: it reads statistics, and data for plans. It cannot write.",
        "BEGIN;",
        "SET LOCAL client_min_messages = warning;",
        _make(plan.watch_role, _VERSION_GUARD if modern else ()),
    ]
    if modern:
        lines.append(f"GRANT pg_monitor, pg_read_all_data TO {role};")
    else:
        lines.append(f"GRANT pg_monitor TO {role};")
        for schema in plan.schemas:
            lines += [
                f"GRANT USAGE ON SCHEMA {quoted(schema)} TO {role};",
                f"GRANT SELECT ON ALL TABLES IN SCHEMA {quoted(schema)} TO {role};",
            ]
            lines += [
                f"ALTER DEFAULT PRIVILEGES FOR ROLE {quoted(owner)} IN SCHEMA {quoted(schema)}"
                f" GRANT SELECT ON TABLES TO {role};"
                for owner in plan.owners
            ]
        if not plan.owners:
            lines.append(
                "-- Tables that are made later need a GRANT SELECT of their own (--owner NAME writes it down)."
            )
    lines += [
        f"ALTER ROLE {role} SET default_transaction_read_only = on;",
        _bounded(plan.watch_role),
        "COMMIT;",
        "",
    ]
    return "\n".join(lines)


def _bounded(role: str) -> str:
    """Only a superuser may set it for a role, and no role for itself. A limit that somebody chose stays."""
    name = text_literal(role)
    return "\n".join(
        [
            "-- A probe, or a statement that is run for its plan, must not fill the disk with temporary files.",
            "DO $trimtab$",
            "BEGIN",
            "    IF NOT EXISTS (SELECT FROM pg_catalog.pg_db_role_setting s,",
            "                   pg_catalog.unnest(s.setconfig) AS one(setting)",
            f"                   WHERE s.setrole = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = {name})",
            "                   AND pg_catalog.split_part(one.setting, '=', 1) = 'temp_file_limit') THEN",
            f"        ALTER ROLE {quoted(role)} SET temp_file_limit = '{TEMP_FILE_LIMIT}';",
            "    END IF;",
            "EXCEPTION WHEN insufficient_privilege THEN",
            "    RAISE WARNING 'trimtab: temp_file_limit is not set, which a superuser alone may do:"
            " nothing bounds the temporary files of probes';",
            "END",
            "$trimtab$;",
        ]
    )


_VERSION_GUARD = (
    "    IF pg_catalog.current_setting('server_version_num')::int4 < 140000 THEN",
    "        RAISE EXCEPTION 'this is for PostgreSQL 14 and later; before that: trimtab roles --server-version 13';",
    "    END IF;",
)


def _change_part(plan: RolePlan, change_role: str) -> str:
    role = quoted(change_role)
    owners = [owner for owner in plan.owners if owner != change_role]
    lines = [
        "-- The role that changes what you approve. It acts as the owner of the tables; trimtab lets it run only",
        "-- CREATE INDEX CONCURRENTLY, DROP INDEX CONCURRENTLY of its own indexes, ANALYZE, and time-outs.",
        "BEGIN;",
        "SET LOCAL client_min_messages = warning;",
        _make(change_role, [line for owner in owners for line in _no_superuser(owner)]),
        f"GRANT pg_monitor TO {role};",
        *(f"GRANT {quoted(owner)} TO {role};" for owner in owners),
        *(f"GRANT CREATE ON SCHEMA {quoted(schema)} TO {role};" for schema in plan.schemas),
        "COMMIT;",
        "",
    ]
    return "\n".join(lines)


def _make(role: str, before: Iterable[str]) -> str:
    return "\n".join(
        [
            "DO $trimtab$",
            "BEGIN",
            *before,
            f"    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {text_literal(role)}) THEN",
            f"        CREATE ROLE {quoted(role)} LOGIN;",
            "    END IF;",
            "    EXECUTE pg_catalog.format('GRANT CONNECT ON DATABASE %I TO %I',"
            f" pg_catalog.current_database(), {text_literal(role)});",
            "END",
            "$trimtab$;",
        ]
    )


def _no_superuser(owner: str) -> tuple[str, ...]:
    return (
        f"    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {text_literal(owner)} AND rolsuper) THEN",
        "        RAISE EXCEPTION 'a member of a superuser could become one: give the tables to another owner first';",
        "    END IF;",
    )


def _super_owned_part(plan: RolePlan) -> str:
    owner = quoted("app_owner")
    shown = plan.super_owned[:TABLES_SHOWN_MAX]
    more = len(plan.super_owned) - len(shown)
    lines = [
        f"-- {len(plan.super_owned)} tables belong to {quoted(plan.super_owner or 'nobody')}, a superuser.",
        "-- A member of a superuser could become one, so nothing is granted on them. To let trimtab change what you",
        "-- approve there, give them an owner of their own first (a superuser may use them as before):",
        f"--   CREATE ROLE {owner} NOLOGIN;",
        *(f"--   ALTER TABLE {table} OWNER TO {owner};" for table in shown),
        *([f"--   and {more} more"] if more > 0 else []),
        f"-- and then run: trimtab roles --owner {owner}",
        "",
    ]
    return "\n".join(lines)


def _roles_of(plan: RolePlan) -> list[str]:
    return [plan.watch_role, *([plan.change_role] if plan.change_role else [])]


def _passwords_to_set(plan: RolePlan) -> str:
    """What the script cannot do, said where whoever pipes it into psql reads it."""
    commands = ", ".join(f"\\password {quoted(role)}" for role in _roles_of(plan))
    return (
        f"next, unless they have passwords: in psql {commands}; then a line for each role in ~/.pgpass (mode 0600) of "
        "the user who runs trimtab: HOST:PORT:DATABASE:ROLE:PASSWORD"
    )


def _said_by_the_server(level: str, text: str) -> str:
    """Said by the server, so that it is read where comments are not: psql prints it on stderr."""
    return "\n".join(
        [
            "DO $trimtab$",
            "BEGIN",
            f"    RAISE {level} USING MESSAGE = {text_literal(f'trimtab: {text}')};",
            "END",
            "$trimtab$;",
            "",
        ]
    )


def _foot(plan: RolePlan) -> str:
    roles = _roles_of(plan)
    lines = ["-- Passwords: in psql, which asks for it and sends only a hash:"]
    lines += [f"--   \\password {quoted(role)}" for role in roles]
    lines.append("-- and a line each in the file ~/.pgpass (mode 0600) of the user who runs trimtab:")
    lines += [f"--   HOST:PORT:DATABASE:{_in_passfile(role)}:PASSWORD" for role in roles]
    if plan.change_role is None:
        lines.append("-- A role for changes, only if you want one: trimtab roles --owner THE_OWNER_OF_YOUR_TABLES")
    lines.append(f"-- Next: trimtab doctor 'postgresql://{quote(plan.watch_role, safe='')}@HOST:PORT/DATABASE'")
    return "\n".join(lines) + "\n"


def _in_passfile(name: str) -> str:
    return name.replace("\\", "\\\\").replace(":", "\\:")


def _check(plan: RolePlan) -> None:
    named = {"--watch-role": (plan.watch_role,), "--owner": plan.owners, "--schema": plan.schemas}
    if plan.change_role is not None:
        named["--change-role"] = (plan.change_role,)
    for option, names in named.items():
        for name in names:
            if not name.isprintable() or "$trimtab$" in name:
                raise InputError(f"{option}: a name must be printable, and not hold $trimtab$", field=option)
            quoted(name)  # refuses empty and too long ones
            if option != "--schema" and (name.startswith("pg_") or name.lower() in _RESERVED):
                raise InputError(f"{option}: {name!r} is a name that PostgreSQL keeps for itself", field=option)
    if plan.change_role == plan.watch_role:
        raise InputError("--change-role must be another role than --watch-role: that one cannot write", field="roles")
    if plan.change_role is not None and not plan.owners and not plan.super_owned:
        raise InputError(
            "--change-role: which role owns the tables? Say so with --owner NAME, or give a DSN to look it up",
            field="--owner",
        )
