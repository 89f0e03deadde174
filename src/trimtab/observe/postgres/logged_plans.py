"""Looks for plans that auto_explain wrote into the server's log, through the function that a DBA may install.

Without it (or without a log of the server's own) nothing is asked. Entries are handed on as the log has them, with
their statements' literals: private data, in memory only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib import resources

from trimtab.observe.postgres.facts import Facts, Moment
from trimtab.observe.postgres.session import Session
from trimtab.sql.identifiers import quoted

FUNCTION = "trimtab.logged_plans"
ENTRIES_MAX = 200
"""Of one look; the newest are taken."""

_MAY = f"""
    SELECT has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname || '.' || p.proname = '{FUNCTION}'
"""
_SQL = f"SELECT file, byte, form, entries FROM {FUNCTION}(%s, %s)"
_OCTAL = re.compile(rb"\\(\d{3}|\\)")

Hear = Callable[[Sequence[str]], None]
"""Takes entries `duration: … ms  plan:` and what follows."""


class LoggedPlanLooks:
    """Remembers how far the log was read."""

    name = "logged_plans"

    def __init__(self, hear: Hear) -> None:
        self._hear = hear
        self._may: bool | None = None
        self._file: str | None = None
        self._byte = 0

    def forget(self) -> None:
        """After a gap it is asked again whether the function is there; the place in the log stays."""
        self._may = None

    def collect(self, session: Session, moment: Moment) -> Facts:  # noqa: ARG002  (all looks take a moment)
        """Read on."""
        if self._may is None:
            self._may = any(may for (may,) in session.rows(self.name, _MAY))
        if self._may:
            [(file, byte, form, entries)] = session.rows(self.name, _SQL, (self._file, self._byte))
            self._file, self._byte = file, byte
            if entries:
                self._hear([message_of(form, entry) for entry in entries[-ENTRIES_MAX:]])
        return Facts()


def message_of(form: str, entry: str) -> str:
    """An entry as it was written: the log's own quoting and the function's are taken off.

    >>> message_of("text", "duration: 1.0 ms  plan:\\n\\tQuery Text: SELECT '\\\\303\\\\244'\\n\\tResult\\n")
    "duration: 1.0 ms  plan:\\nQuery Text: SELECT 'ä'\\nResult\\n"
    >>> message_of("csv", '"duration: 1.0 ms  plan:\\nQuery Text: SELECT ""a"" b",')
    'duration: 1.0 ms  plan:\\nQuery Text: SELECT "a" b'
    """
    text = _OCTAL.sub(_byte, entry.encode()).decode(errors="replace")
    if form == "text":
        return text.replace("\n\t", "\n")
    if form == "csv":
        return text[1 : text.rindex('"')].replace('""', '"')
    return _of_json(text)


def _of_json(line: str) -> str:
    """The message of a line; '' where the line was cut off."""
    try:
        message = json.loads(line)["message"]
    except (ValueError, KeyError, TypeError):
        return ""
    return message if isinstance(message, str) else ""


def _byte(match: re.Match[bytes]) -> bytes:
    return b"\\" if match[1] == b"\\" else bytes((int(match[1], 8) & 255,))


@lru_cache(maxsize=1)
def _template() -> str:
    return resources.files("trimtab.observe.postgres").joinpath("log_function.sql").read_text("utf-8")


def install_sql(role: str) -> str:
    """The whole script for psql, with `role` as the one that may call the function.

    >>> 'GRANT USAGE ON SCHEMA trimtab TO "night watch";' in install_sql("night watch")
    True
    """
    return _template().replace(':"watch_role"', quoted(role))
