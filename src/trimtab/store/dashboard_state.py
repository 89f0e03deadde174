"""Dashboards that somebody brought: their JSON as it came, packed; bounded in number and size.

Beside them stands which annotation in a Grafana tells of which change, so that it is updated and not made again.
"""

from __future__ import annotations

import sqlite3
import zlib
from dataclasses import dataclass

from trimtab.model.errors import ConflictError, NotFound
from trimtab.store.state_database import StateDatabase

DASHBOARDS_MAX = 200
DOCUMENT_BYTES_MAX = 2 * 1024 * 1024
"""Of one dashboard's JSON, not packed."""
ALL_BYTES_MAX = 64 * 1024 * 1024
"""Of all together, packed."""
_PACK_LEVEL = 6


@dataclass(frozen=True, slots=True)
class KeptDashboard:
    """What is known of one without reading it. `size_bytes` is that of its JSON."""

    uid: str
    title: str
    size_bytes: int
    added_by: str
    added_at_ms: int


class DashboardState:
    """The table `dashboards`."""

    def __init__(self, database: StateDatabase) -> None:
        self._db = database

    def listed(self) -> list[KeptDashboard]:
        """All, by title."""
        rows = self._db.rows(
            "SELECT uid, title, size_bytes, added_by, added_at_ms FROM dashboards ORDER BY title, uid LIMIT ?",
            (DASHBOARDS_MAX,),
        )
        return [_kept(row) for row in rows]

    def document(self, uid: str) -> tuple[KeptDashboard, bytes] | None:
        """One with its JSON as it came; None where there is none."""
        rows = self._db.rows("SELECT * FROM dashboards WHERE uid = ? LIMIT 1", (uid,))
        return (_kept(rows[0]), zlib.decompress(rows[0]["document"])) if rows else None

    def put(self, kept: KeptDashboard, document: bytes, *, replaces: bool, has_own_uid: bool = True) -> None:
        """Keep one. ConflictError where there is one of that uid and it may not be replaced, or there is no room.

        A uid that was made of a title replaces one of that title alone.
        """
        packed = zlib.compress(document, _PACK_LEVEL)
        with self._db.transaction() as db:
            there = db.execute("SELECT title FROM dashboards WHERE uid = ?", (kept.uid,)).fetchone()
            if there is not None and not has_own_uid and there["title"] != kept.title:
                raise ConflictError(
                    f"the file has no uid, and the one that its title makes, {kept.uid}, is that of another "
                    f"dashboard, “{there['title']}”: give the file a uid",
                    uid=kept.uid,
                )
            if there is not None and not replaces:
                raise ConflictError(
                    f"there is a dashboard {kept.uid} already, “{there['title']}”: replace it (--replace; "
                    '"replace": true), or give the file another uid',
                    uid=kept.uid,
                    replace=True,
                )
            count, taken = db.execute(
                "SELECT count(*), coalesce(sum(length(document)), 0) FROM dashboards WHERE uid <> ?", (kept.uid,)
            ).fetchone()
            if count >= DASHBOARDS_MAX:
                raise ConflictError(
                    f"there are {count} dashboards, which is the limit: delete one",
                    limit=DASHBOARDS_MAX,
                    observed=count,
                )
            if taken + len(packed) > ALL_BYTES_MAX:
                raise ConflictError(
                    f"all dashboards together have {taken} bytes, packed; with this one it would be over "
                    f"{ALL_BYTES_MAX}: delete one",
                    limit=ALL_BYTES_MAX,
                    observed=taken + len(packed),
                )
            db.execute(
                "INSERT INTO dashboards VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (uid) DO UPDATE SET"
                " title = excluded.title,"
                " document = excluded.document, size_bytes = excluded.size_bytes, added_by = excluded.added_by,"
                " added_at_ms = excluded.added_at_ms",
                (kept.uid, kept.title, packed, kept.size_bytes, kept.added_by, kept.added_at_ms),
            )

    def delete(self, uid: str) -> None:
        """Forget one; NotFound where there is none."""
        with self._db.transaction() as db:
            if not db.execute("DELETE FROM dashboards WHERE uid = ?", (uid,)).rowcount:
                raise NotFound(f"there is no dashboard {uid!r} that was imported", uid=uid)


@dataclass(frozen=True, slots=True)
class KeptAnnotation:
    """The annotation that stands for a change in one Grafana, and the fingerprint of what it says."""

    annotation_id: int
    said: str


class AnnotationState:
    """The table `grafana_annotations`, for one Grafana."""

    def __init__(self, database: StateDatabase, server: str) -> None:
        self._db = database
        self._server = server

    def of(self, change_id: str) -> KeptAnnotation | None:
        """What is known to be there; None where nothing is."""
        rows = self._db.rows(
            "SELECT annotation_id, said FROM grafana_annotations WHERE change_id = ? AND server = ? LIMIT 1",
            (change_id, self._server),
        )
        return KeptAnnotation(rows[0]["annotation_id"], rows[0]["said"]) if rows else None

    def put(self, change_id: str, kept: KeptAnnotation) -> None:
        """Write down what is there now."""
        with self._db.transaction() as db:
            db.execute(
                "INSERT INTO grafana_annotations VALUES (?, ?, ?, ?) ON CONFLICT (change_id) DO UPDATE SET"
                " server = excluded.server, annotation_id = excluded.annotation_id, said = excluded.said",
                (change_id, self._server, kept.annotation_id, kept.said),
            )


def _kept(row: sqlite3.Row) -> KeptDashboard:
    return KeptDashboard(row["uid"], row["title"], row["size_bytes"], row["added_by"], row["added_at_ms"])
