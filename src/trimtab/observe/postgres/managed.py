"""Managed PostgreSQL, as far as SQL shows it: who runs it, and where its settings are changed instead of ALTER SYSTEM.

A service is known by the role that it makes in place of a superuser. Known from the services' own manuals; tested with
the roles of that name made on a plain server, not on the services.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Managed:
    """A service. `settings_place` ends "settings are changed in …"; `extensions_first` is what comes before CREATE
    EXTENSION, None where nothing does."""

    name: str
    marker_role: str
    settings_place: str
    extensions_first: str | None = None


SERVICES: tuple[Managed, ...] = (
    Managed("Amazon RDS or Aurora", "rds_superuser", "the DB parameter group of the instance or cluster"),
    Managed("AlloyDB", "alloydbsuperuser", "the database flags of the instance"),
    Managed("Google Cloud SQL", "cloudsqlsuperuser", "the database flags of the instance"),
    Managed(
        "Azure Database for PostgreSQL",
        "azure_pg_admin",
        "the server parameters",
        "add the extension to the server parameter azure.extensions",
    ),
    Managed("Supabase", "supabase_admin", "the project's database settings"),
    Managed("Neon", "neon_superuser", "the project's settings"),
)
"""The first whose role is there counts: some services have the role of another one, too."""

NO_ALTER_SYSTEM = Managed("a server with allow_alter_system = off", "", "the configuration that its operator manages")
"""Since 17 whoever runs a server may switch ALTER SYSTEM off."""

MARKER_ROLES = tuple(service.marker_role for service in SERVICES)


def service_of(roles: Collection[str], *, may_alter_system: bool = True) -> Managed | None:
    """The service that these roles of the server belong to; None for a server of one's own.

    >>> service_of(["rds_superuser"]).name, service_of([]), service_of([], may_alter_system=False).settings_place
    ('Amazon RDS or Aurora', None, 'the configuration that its operator manages')
    """
    found = next((service for service in SERVICES if service.marker_role in roles), None)
    return found or (None if may_alter_system else NO_ALTER_SYSTEM)


def setting_sql(service: Managed | None, name: str, value: str) -> str:
    """What changes a setting: SQL, or a comment that says where.

    >>> setting_sql(None, "track_io_timing", "on")
    'ALTER SYSTEM SET track_io_timing = on;'
    >>> print(setting_sql(SERVICES[0], "track_io_timing", "on"))
    -- Amazon RDS or Aurora: settings are changed in the DB parameter group of the instance or cluster, not by SQL:
    --   track_io_timing = on
    """
    if service is None:
        return f"ALTER SYSTEM SET {name} = {value};"
    return f"-- {service.name}: settings are changed in {service.settings_place}, not by SQL:\n--   {name} = {value}"
