"""`trimtab roles`: decides what the role script has to say, from options and, where a DSN is given, the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from trimtab.model.errors import InputError, ServerUnreachable
from trimtab.sql.connect import OWN_MARK, Connection, Reference
from trimtab.sql.identifiers import qualified
from trimtab.sql.role_script import READ_ALL_DATA_VERSION, RolePlan, role_script

WATCH_ROLE = "trimtab_watch"
CHANGE_ROLE = "trimtab_change"
TABLES_MAX = 100_000

_TABLES = f"""
SELECT {OWN_MARK} n.nspname::text, c.relname::text, r.rolname::text, r.rolsuper
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'trimtab')
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2 LIMIT {TABLES_MAX}
"""


@dataclass(frozen=True, slots=True)
class Script:
    """What psql is to run. `warning`: it does less than was asked for."""

    text: str
    warning: str | None


def script_for(
    *,
    dsn: str | None = None,
    watch_role: str = WATCH_ROLE,
    change_role: str | None = None,
    owners: Sequence[str] = (),
    schemas: Sequence[str] = (),
    major: int | None = None,
) -> Script:
    """The script. With a DSN, schemas, owners and version are what the database says, where options do not say more.

    A role for changes is made when one is named, or an owner is.
    """
    change = change_role or (CHANGE_ROLE if owners else None)
    if dsn is None:
        named = tuple(schemas) or ("public",)
        return _script(RolePlan(watch_role, change, tuple(owners), named, major or READ_ALL_DATA_VERSION))
    with Reference.parse(dsn).connect("trimtab/roles") as connection:
        tables, version = _look(connection)
    wanted = [row for row in tables if (not schemas or row[0] in schemas) and (not owners or row[2] in owners)]
    if schemas and (unknown := sorted(set(schemas) - {row[0] for row in tables})):
        raise InputError(f"--schema: there is no table in {', '.join(unknown)}", field="--schema")
    super_owned = [row for row in wanted if row[3]]
    supers = {row[2] for row in tables if row[3]}
    found_owners = tuple(o for o in dict.fromkeys(owners or [row[2] for row in wanted]) if o not in supers)
    changes = change is not None and bool(found_owners)
    return _script(
        RolePlan(
            watch_role,
            change if changes else None,
            found_owners,
            tuple(schemas) or tuple(dict.fromkeys(row[0] for row in wanted)) or ("public",),
            major or version,
            tuple(qualified(schema, table) for schema, table, _, _ in super_owned) if change else (),
            super_owned[0][2] if super_owned and change else None,
            None if changes else change,
        )
    )


def _script(plan: RolePlan) -> Script:
    return Script(role_script(plan), plan.warning)


Row = tuple[str, str, str, bool]


def _look(connection: Connection) -> tuple[list[Row], int]:
    try:
        rows = connection.execute(_TABLES.encode()).fetchall()
        version = connection.info.server_version // 10_000
    except psycopg.Error as error:
        raise ServerUnreachable(f"could not read which tables there are: {type(error).__name__}") from None
    return [(str(schema), str(table), str(owner), bool(is_super)) for schema, table, owner, is_super in rows], version


def logged_plans_script(watch_role: str) -> str:
    """What a superuser runs so that plans of auto_explain can be read from the server's log."""
    from trimtab.observe.postgres.logged_plans import install_sql

    return install_sql(watch_role)
