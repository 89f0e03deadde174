"""What the changing role may do, asked before anything is to be done. Reads the catalogue, changes nothing.

`index_checks` asks the same of one table right before a build; here it is all tables, for the doctor.
"""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.act.catalogue import Connection
from trimtab.model.system import Capability
from trimtab.sql.connect import OWN_MARK
from trimtab.sql.identifiers import quoted

NAMES_SHOWN_MAX = 5
LOCK_TIMEOUT_TRIED = "4321ms"

_ROLE = f"""
SELECT {OWN_MARK} current_user::text, current_database()::text, pg_is_in_recovery(), pg_backend_pid(),
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
    coalesce((SELECT string_agg(quote_ident(r.rolname), ', ' ORDER BY r.rolname) FROM pg_roles r
              WHERE r.rolsuper AND r.rolname <> current_user AND pg_has_role(current_user, r.oid, 'MEMBER')), ''),
    pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
"""
_OWNERS = f"""
SELECT {OWN_MARK} pg_get_userbyid(c.relowner)::text, pg_has_role(c.relowner, 'USAGE'), r.rolsuper, count(*)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'trimtab')
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1
"""
_SCHEMAS = f"""
SELECT {OWN_MARK} n.nspname::text, has_schema_privilege(n.oid, 'CREATE')
FROM pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'trimtab')
  AND EXISTS (SELECT FROM pg_class c
              WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'm') AND c.relpersistence <> 't')
ORDER BY 1
"""
_TRY_TIMEOUT = f"SELECT {OWN_MARK} set_config('lock_timeout', '{LOCK_TIMEOUT_TRIED}', false)"
_SHOW_TIMEOUT = f"SELECT {OWN_MARK} current_setting('lock_timeout')"


@dataclass(frozen=True, slots=True)
class ChangeRole:
    """Who the changing role is, where it arrived, and what it may do there."""

    role: str
    database: str
    capabilities: tuple[Capability, ...]


@dataclass(frozen=True, slots=True)
class _Owner:
    name: str
    held: bool
    is_superuser: bool
    tables_count: int


def look_at_change_role(connection: Connection) -> ChangeRole:
    """A handful of round trips. The only thing set is the session's own lock_timeout, which ends with the session."""
    row = connection.execute(_ROLE.encode()).fetchone() or ()
    role, database, is_standby, backend_pid, is_super, supers, sees_all = row
    owners = [_Owner(*found) for found in connection.execute(_OWNERS.encode()).fetchall()]
    schemas = [(str(name), bool(may)) for name, may in connection.execute(_SCHEMAS.encode()).fetchall()]
    connection.execute(_TRY_TIMEOUT.encode())
    shown = connection.execute(_SHOW_TIMEOUT.encode()).fetchone()
    pooled = backend_pid != connection.info.backend_pid
    return ChangeRole(
        role,
        database,
        (
            Capability(
                "change_on_primary",
                not is_standby,
                "every change",
                "this is a standby: nothing can be built on it" if is_standby else "the server takes writes",
                "-- give --change-dsn the primary's address" if is_standby else None,
            ),
            _owns(role, owners, is_super),
            _creates(role, schemas),
            _sets_timeouts(shown is not None and shown[0] == LOCK_TIMEOUT_TRIED, pooled=pooled),
            _drops(owners),
            Capability(
                "change_sees_sessions",
                sees_all,
                "waiting for a moment without long transactions, and seeing the load before a build",
                "may read all statistics" if sees_all else f"role {role} sees its own sessions only",
                None if sees_all else f"GRANT pg_monitor TO {quoted(role)};",
            ),
            _least_rights(role, is_super, supers),
        ),
    )


def _owns(role: str, owners: list[_Owner], is_super: bool) -> Capability:
    """Only the owner of a table may index it; membership is how another role gets that."""
    name, needed = "change_owner", "building an index: PostgreSQL lets only a table's owner do that"
    lacking = [owner for owner in owners if not owner.held]
    total = sum(owner.tables_count for owner in owners)
    if not owners:
        return Capability(name, True, needed, "there are no tables in this database yet")
    if not lacking:
        return Capability(name, True, needed, f"may act as the owner of all {total} tables")
    count = sum(owner.tables_count for owner in lacking)
    detail = f"{count} of {total} tables belong to {_listed([owner.name for owner in lacking])}"
    lines = []
    for owner in lacking:
        if owner.is_superuser and not is_super:
            lines += [
                f"-- {_in_comment(owner.name)} is a superuser, and a member of it could become one. Give the tables",
                "-- to another role first (the superuser may use them as before): for each of them",
                "--   ALTER TABLE schema.name OWNER TO app_owner;",
                f"-- and then: GRANT app_owner TO {quoted(role)};",
            ]
        else:
            lines.append(f"GRANT {quoted(owner.name)} TO {quoted(role)};")
    return Capability(name, False, needed, detail, "\n".join(lines))


def _creates(role: str, schemas: list[tuple[str, bool]]) -> Capability:
    name, needed = "change_create", "putting an index into the schema of its table"
    lacking = [schema for schema, may in schemas if not may]
    if not lacking:
        return Capability(name, True, needed, f"may create in {_listed([schema for schema, _ in schemas]) or 'none'}")
    sql = "\n".join(f"GRANT CREATE ON SCHEMA {quoted(schema)} TO {quoted(role)};" for schema in lacking)
    return Capability(name, False, needed, f"may not create in {_listed(lacking)}", sql)


def _sets_timeouts(lasts: bool, *, pooled: bool) -> Capability:
    name, needed = "change_timeouts", "giving up a lock or a build that takes too long, rather than blocking others"
    if pooled or not lasts:
        why = "a pooler stands between: its process ids are not the server's" if pooled else "lock_timeout did not last"
        return Capability(name, False, needed, why, "-- connect to the server's own port, not to the pooler's")
    return Capability(name, True, needed, "lock_timeout can be set and lasts")


def _drops(owners: list[_Owner]) -> Capability:
    """An index belongs to the owner of its table: whoever may build it may drop it again."""
    held = sum(owner.tables_count for owner in owners if owner.held)
    detail = (
        f"may drop again what it builds, on {held} tables" if held else "may drop nothing here, as it owns no table"
    )
    return Capability("change_drop", held > 0 or not owners, "taking a change back", detail)


def _least_rights(role: str, is_super: bool, supers: str) -> Capability:
    name, needed = "change_least_rights", "a changing role that can do no more than trimtab lets it"
    if is_super:
        detail = f"role {role} is a superuser: only trimtab's allow-list stands between it and everything else"
        return Capability(name, False, needed, detail, "-- make a role for changes: trimtab roles --owner OWNER")
    if supers:
        detail = f"role {role} is a member of a superuser ({supers}), and could become it"
        return Capability(name, False, needed, detail, f"REVOKE {supers} FROM {quoted(role)};")
    return Capability(name, True, needed, "no superuser, nor a member of one")


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:NAMES_SHOWN_MAX])
    return f"{shown} and {len(names) - NAMES_SHOWN_MAX} more" if len(names) > NAMES_SHOWN_MAX else shown


def _in_comment(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name)
