"""Connections without secrets: a reference says where a secret is, never what it is."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

from trimtab.model.errors import DsnError, PermissionMissing, ServerUnreachable, TrimtabError
from trimtab.sql import conninfo, own_cursor
from trimtab.sql.conninfo import ENVIRONMENT_NAME, ENVIRONMENT_REFERENCE, SECRET_KEYWORDS
from trimtab.sql.versions import session_timeouts

Connection = psycopg.Connection[tuple[Any, ...]]

OWN_MARK = own_cursor.OWN_MARK
"""Every connection's cursor puts it into what it sends; where it is written out, it stands where it reads best."""

ANSWER_GRACE_S = 5.0
"""How long after its statement_timeout a server may stay silent before the connection is given up."""

TEXT_LENGTH_MAX = 4096

_DEFAULTS: Mapping[str, str] = {
    "keepalives": "1",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
_REFUSED = re.compile(
    r"authentication failed|no pg_hba\.conf entry|no password supplied|is not permitted to log in"
    r"|permission denied for database|role .* does not exist|pg_hba\.conf rejects",
)


class PatientConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that gives up on a server that went silent (a lost network says nothing for minutes)."""

    answer_timeout_s: float | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """As psycopg's, with `answer_timeout_s` where nothing else is asked; then the connection is closed."""
        limit_s = self.answer_timeout_s if timeout is None else timeout
        try:
            return super().wait(gen, interval=interval, timeout=limit_s)
        except psycopg.OperationalError:
            silent = self.pgconn.transaction_status == pq.TransactionStatus.ACTIVE
            if timeout is not None or not silent:
                raise
            self.pgconn.finish()
        raise psycopg.OperationalError(f"the server did not answer within {limit_s:g} s: connection given up")


@dataclass(frozen=True, slots=True)
class Reference:
    """A connection string that holds no secret, and can therefore be stored and shown.

    `environment_name` is set for `env:NAME` (the whole string is in that variable); otherwise `parts` are libpq's
    keywords and values, where a value may hold `${NAME}`.

    >>> Reference.parse("postgresql://watch:${SHOP_PASSWORD}@db:5433/shop").display
    'postgresql://watch@db:5433/shop'
    >>> Reference.parse("service=shop").stored
    'service=shop'
    >>> Reference.parse("env:SHOP_DSN").display
    'env:SHOP_DSN'
    """

    environment_name: str | None
    parts: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a URL, key=value pairs, `service=NAME`, or `env:NAME`; `${NAME}` may stand in any value.

        Raises `DsnError` when the text holds a literal secret or cannot be read; its message has no part of the text.
        """
        made, problem, keyword = _read(text.strip())
        del text  # so that not even a traceback with local variables shows it
        if made is None:
            raise DsnError(problem, keyword=keyword)
        return made

    @property
    def stored(self) -> str:
        """The reference as one line that `parse` reads again."""
        if self.environment_name is not None:
            return f"env:{self.environment_name}"
        return make_conninfo("", **dict(self.parts))

    @property
    def display(self) -> str:
        """Who, where and which database, for people."""
        if self.environment_name is not None:
            return f"env:{self.environment_name}"
        parts = dict(self.parts)
        if "service" in parts:
            return f"service={parts['service']}"
        user = f"{_readable(parts['user'])}@" if "user" in parts else ""
        port = f":{parts['port']}" if "port" in parts else ""
        host = parts.get("host") or parts.get("hostaddr") or ""
        return f"postgresql://{user}{_readable(host)}{port}/{_readable(parts.get('dbname', ''))}"

    def __str__(self) -> str:
        return self.display

    def connect(
        self,
        application_name: str = "trimtab",
        *,
        read_only: bool = True,
        statement_timeout_ms: int = 5_000,
        lock_timeout_ms: int = 1_000,
        idle_in_transaction_timeout_ms: int = 30_000,
        connect_timeout_s: int = 5,
        autocommit: bool = True,
        environment: Mapping[str, str] | None = None,
    ) -> Connection:
        """Open a connection; secrets are looked up now and kept nowhere.

        A timeout of 0 means none; with a statement timeout, a server that stays silent `ANSWER_GRACE_S` longer
        counts as lost. Raises `DsnError` (a variable is not set, or holds nonsense),
        `PermissionMissing` (the server refused the role) or `ServerUnreachable`.
        """
        variables = os.environ if environment is None else environment
        settings = {
            "default_transaction_read_only": "on" if read_only else "off",
            "statement_timeout": str(statement_timeout_ms),
            "lock_timeout": str(lock_timeout_ms),
            "idle_in_transaction_session_timeout": str(idle_in_transaction_timeout_ms),
            "standard_conforming_strings": "on",
        }
        defaults = {**_DEFAULTS, "connect_timeout": str(connect_timeout_s)}
        outcome = self._attempt(variables.get, defaults, application_name, settings, autocommit)
        if isinstance(outcome, TrimtabError):
            del variables, environment
            raise outcome.with_traceback(None)  # the frames below knew the secrets; this one does not
        return outcome

    def _attempt(
        self,
        look_up: Callable[[str], str | None],
        defaults: Mapping[str, str],
        application_name: str,
        settings: Mapping[str, str],
        autocommit: bool,
    ) -> Connection | TrimtabError:
        try:
            parts = self._resolve(look_up)
        except DsnError as error:
            return error
        forced = {"application_name": application_name, "client_encoding": "utf8"}
        opened, failure = _open({**defaults, **parts, **forced}, settings, autocommit)
        if opened is not None:
            return opened
        failure = scrub(failure, self._unspeakable(parts, look_up))
        kind = PermissionMissing if _REFUSED.search(failure) else ServerUnreachable
        return kind(f"could not connect to {self.display}: {failure}", reference=self.display)

    def _unspeakable(self, parts: Mapping[str, str], look_up: Callable[[str], str | None]) -> list[str]:
        """Values that no message may hold: secrets, and whatever came out of the environment.

        The variables of a server are not for whoever may name them in a connection string.
        """
        if self.environment_name is not None:
            return [value for keyword, value in parts.items() if keyword not in ("port", "sslmode")]
        named = {name for _, value in self.parts for name in ENVIRONMENT_REFERENCE.findall(value)}
        resolved = [value for name in named if (value := look_up(name))]
        return [*resolved, *(value for keyword, value in parts.items() if keyword in SECRET_KEYWORDS)]

    def _resolve(self, look_up: Callable[[str], str | None]) -> dict[str, str]:
        """libpq's keywords with every reference replaced by what the environment holds."""
        if self.environment_name is not None:
            parts = conninfo.parse(_variable(self.environment_name, look_up))
            where = f"the connection string in the environment variable {self.environment_name}"
        else:
            parts = {k: ENVIRONMENT_REFERENCE.sub(lambda m: _variable(m[1], look_up), v) for k, v in self.parts}
            where = f"the connection string {self.display} with its environment variables filled in"
        if parts is None:
            raise DsnError(f"{where} cannot be read")
        stray = conninfo.stray_keyword(parts)
        if stray is not None:
            raise DsnError(f"{where} has characters in its {stray} that cannot be part of it", keyword=stray)
        return parts


def scrub(message: str, secrets: list[str]) -> str:
    """`message` on one line without any of the secrets, in no usual spelling (plain, percent-encoded, escaped).

    >>> scrub('FATAL: no such thing "p ss"', ["p ss"])
    'FATAL: no such thing "***"'
    """
    spellings = {s for secret in secrets for s in (secret, quote(secret, safe=""), quote(secret), repr(secret)[1:-1])}
    for spelling in sorted(spellings, key=len, reverse=True):
        if spelling.strip("*"):
            message = message.replace(spelling, "***")
    return " ".join(message.split())


def _read(text: str) -> tuple[Reference | None, str, str | None]:
    """(reference, "", None), or (None, what is wrong without a word of the text, keyword)."""
    if len(text) > TEXT_LENGTH_MAX:
        return None, f"the connection string has {len(text)} characters, the limit is {TEXT_LENGTH_MAX}", None
    if text.startswith("env:") or ENVIRONMENT_REFERENCE.fullmatch(text):
        name = text.removeprefix("env:").removeprefix("${").removesuffix("}")
        if ENVIRONMENT_NAME.fullmatch(name):
            return Reference(name), "", None
        return None, "env: must be followed by the name of an environment variable (letters, digits, _)", None
    if not text or "\0" in text:
        return None, conninfo.UNREADABLE, None
    problem = conninfo.problem_of(text)
    if problem is not None:
        return None, *problem
    return Reference(None, tuple((conninfo.parse(text) or {}).items())), "", None


def _open(parts: Mapping[str, str], settings: Mapping[str, str], autocommit: bool) -> tuple[Connection | None, str]:
    """A connection with its session settings, or (None, libpq's message). Nothing is raised from inside `except`,
    so that no error is chained to one that holds the secret."""
    connection: PatientConnection | None = None
    statement_timeout_ms = int(settings["statement_timeout"])
    try:
        connection = PatientConnection.connect(
            make_conninfo("", **parts), autocommit=autocommit, cursor_factory=own_cursor.OwnCursor
        )
        connection.answer_timeout_s = statement_timeout_ms / 1000 + ANSWER_GRACE_S if statement_timeout_ms else None
        pairs = {**settings, **dict.fromkeys(session_timeouts(connection.info.server_version), "0")}
        calls = ", ".join("pg_catalog.set_config(%s, %s, false)" for _ in pairs)
        connection.execute(f"SELECT {OWN_MARK} {calls}".encode(), [text for pair in pairs.items() for text in pair])
        if not autocommit:
            connection.commit()
    except psycopg.Error as error:
        if connection is not None:
            connection.close()
        return None, str(error)
    return connection, ""


def _variable(name: str, look_up: Callable[[str], str | None]) -> str:
    value = look_up(name)
    if not value or "\0" in value:
        raise DsnError(f"the environment variable {name} is not set or empty", variable=name)
    return value


def _readable(value: str) -> str:
    return ENVIRONMENT_REFERENCE.sub(lambda m: m[0], quote(value, safe="${},:"))
