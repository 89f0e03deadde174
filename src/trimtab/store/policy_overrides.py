"""What an admin set at run time, over what the file says. Small: a handful of rows, read as a whole."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from trimtab.model.errors import StoreError
from trimtab.store.state_database import StateDatabase

ALL_SYSTEMS = ""
OVERRIDES_MAX = 1000

Value = str | int | float | bool | list[str]


@dataclass(frozen=True, slots=True)
class Override:
    """One setting for one system or (`system` is '') for all; `kind` is its section, `name` its key in it."""

    system: str
    kind: str
    name: str
    value: Value
    set_by: str
    set_at_ms: int


class PolicyOverrides:
    """The table `policy_overrides`."""

    def __init__(self, database: StateDatabase) -> None:
        self._db = database

    def every(self) -> tuple[Override, ...]:
        """Every override, by system, kind and name."""
        rows = self._db.rows(
            "SELECT system, kind, name, value, set_by, set_at_ms FROM policy_overrides"
            " ORDER BY system, kind, name LIMIT ?",
            (OVERRIDES_MAX,),
        )
        return tuple(
            Override(r["system"], r["kind"], r["name"], _value(r["value"]), r["set_by"], r["set_at_ms"]) for r in rows
        )

    def put(self, override: Override) -> None:
        """Set one; the newest counts."""
        with self._db.transaction() as db:
            db.execute(
                "INSERT INTO policy_overrides (system, kind, name, value, set_by, set_at_ms) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (system, kind, name) DO UPDATE SET value = excluded.value, set_by = excluded.set_by,"
                " set_at_ms = excluded.set_at_ms",
                (
                    override.system,
                    override.kind,
                    override.name,
                    msgspec.json.encode(override.value).decode(),
                    override.set_by,
                    override.set_at_ms,
                ),
            )

    def clear(self, system: str, kind: str, name: str) -> bool:
        """Take one away; False when there was none."""
        with self._db.transaction() as db:
            done = db.execute(
                "DELETE FROM policy_overrides WHERE system = ? AND kind = ? AND name = ?", (system, kind, name)
            )
            return done.rowcount > 0


def _value(text: str) -> Value:
    try:
        value: Value = msgspec.json.decode(text, type=Value)
    except msgspec.DecodeError as error:
        raise StoreError(f"could not read an override from the state: {error}") from error
    return value
