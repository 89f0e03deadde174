"""Whether another trimtab watches this very database: two of them measure each other's changes.

Each watch carries the mark of its process in its application name. Those of one process know of each other.
"""

from __future__ import annotations

from trimtab.model.errors import MissingError
from trimtab.observe.postgres.session import APPLICATION_NAME, WATCH_NAME, ConnectionLost, Session

NAME = "other_trimtab"
SHOWN_MAX = 3
_SQL = """
SELECT application_name, host(client_addr) FROM pg_stat_activity
WHERE datname = current_database() AND left(application_name, %s) = %s AND application_name <> %s
    AND pid <> pg_backend_pid()
ORDER BY backend_start LIMIT 20
"""


def other_trimtab(session: Session) -> str | None:
    """What to tell a person about it, None where this one is alone (or nothing can be seen)."""
    try:
        rows = session.rows(NAME, _SQL, (len(WATCH_NAME), WATCH_NAME, APPLICATION_NAME))
    except ConnectionLost:
        raise
    except MissingError:
        return None
    if not rows:
        return None
    found = [f"{name.removeprefix(WATCH_NAME).strip() or 'an older one'} from {_place(host)}" for name, host in rows]
    return (
        f"another trimtab watches this database, too ({'; '.join(found[:SHOWN_MAX])}): each measures "
        "beside the changes of the other. Stop one of them, or watch without --change-dsn there"
    )


def _place(host: str | None) -> str:
    return "the server's own machine" if host is None else host
