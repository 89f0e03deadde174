"""Where a ClickHouse is: `clickhouse://USER:${PASSWORD}@HOST:8123,HOST:8123/DATABASE?option=value`.

Several hosts are shards. A password is never part of what is shown: it comes from the environment variable that
`${NAME}` names, or from the file of `password_file`. In plain text it is refused, since a command line can be seen by
everybody on the machine and a configuration file gets copied.

    secure=true              HTTPS (port 8443 where none is given); `https://` in place of `clickhouse://` says the same
    ca_file=PATH             certificates that are trusted in place of the system's
    password_file=PATH       its first line is the password
    cluster=NAME             tables are Replicated… and Distributed on this cluster of the server's configuration
    collector=DATABASE       tables of the OpenTelemetry collector there are read, too (on the first host)
    insert_quorum=N          with `cluster`: replicas that must have a row before it counts
    connect_timeout_s=N      default 3
    timeout_s=N              default 30: what one statement may take
    connections=N            default 8: to one host
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from trimtab.model.errors import ConfigError

SCHEMES = ("clickhouse", "clickhouses", "http", "https")
_PORTS = {False: 8123, True: 8443}
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CLUSTER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>\d{1,5}))?")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_WHOLE_MAX = 3600


@dataclass(frozen=True, slots=True)
class Address:
    """One store. `password` is in no `repr`."""

    hosts: tuple[str, ...]
    """`name:port` each; a shard each."""
    database: str
    user: str = "default"
    password: str = field(default="", repr=False)
    is_secure: bool = False
    ca_file: str = ""
    cluster: str = ""
    collector: str = ""
    insert_quorum: int = 0
    connect_timeout_s: int = 3
    timeout_s: int = 30
    connections: int = 8

    @property
    def shown(self) -> str:
        """For people: without the password.

        >>> parse("clickhouse://ann:${PW}@a,b:9000/obs", {"PW": "x"}).shown
        'clickhouse://ann@a:8123,b:9000/obs'
        """
        scheme = "clickhouses" if self.is_secure else "clickhouse"
        return f"{scheme}://{self.user}@{','.join(self.hosts)}/{self.database}"

    def url_of(self, host: str) -> str:
        """The base of requests to one host."""
        return f"{'https' if self.is_secure else 'http'}://{host}/"


def problem(text: str) -> str | None:
    """What is wrong with an address, None where nothing is (so far as can be said without environment and files).

    >>> problem("clickhouse://ann:${PW}@h/d"), problem("clickhouse://h/d?secure=maybe")
    (None, "secure is true or false, not 'maybe'")
    """
    try:
        _parse(text, _expanded_by_nothing, lambda _: "")
    except ConfigError as error:
        return error.message.removeprefix("--store: ")
    return None


def parse(text: str, environment: Mapping[str, str] | None = None) -> Address:
    """Take an address apart; ConfigError says what is wrong with it, and does not repeat it.

    >>> parse("clickhouse://localhost/trimtab").hosts
    ('localhost:8123',)
    >>> parse("clickhouse://ann:secret@localhost/trimtab")
    Traceback (most recent call last):
    ...
    trimtab.model.errors.ConfigError: --store: a password in plain text can be read by everybody on this machine: write
    ${NAME} in its place and set the environment variable NAME, or give ?password_file=PATH
    """
    there = os.environ if environment is None else environment
    return _parse(text, lambda part: _expanded(part, there), _from_file)


def _parse(text: str, expanded: Callable[[str], str], from_file: Callable[[Path], str]) -> Address:
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in SCHEMES:
        raise _wrong("it begins with clickhouse://, as in clickhouse://USER:${PASSWORD}@HOST:8123/DATABASE")
    parts = urlsplit(f"//{rest}")
    login, _, hosts = parts.netloc.rpartition("@")
    options = _options(parts.query)
    user, _, password = login.partition(":")
    is_secure = scheme in {"clickhouses", "https"} or _boolean("secure", options.pop("secure", "false"))
    database = _database(unquote(parts.path.strip("/"))) or "default"
    if parts.fragment:
        raise _wrong("it has a # with something behind it: write %23 where that belongs to a name")
    file = options.pop("password_file", "")
    if file and password:
        raise _wrong("it has a password and password_file: give one of them")
    found = Address(
        hosts=_hosts(hosts, is_secure=is_secure),
        database=database,
        user=expanded(unquote(user)) or "default",
        password=from_file(Path(file)) if file else _password(unquote(password), expanded),
        is_secure=is_secure,
        ca_file=options.pop("ca_file", ""),
        cluster=_cluster(options.pop("cluster", "")),
        collector=_database(options.pop("collector", "")),
        insert_quorum=_whole("insert_quorum", options.pop("insert_quorum", "0"), 0),
        connect_timeout_s=_whole("connect_timeout_s", options.pop("connect_timeout_s", "3"), 1),
        timeout_s=_whole("timeout_s", options.pop("timeout_s", "30"), 1),
        connections=_whole("connections", options.pop("connections", "8"), 1),
    )
    if options:
        raise _wrong(f"there is no option {min(options)}", observed=min(options))
    if found.cluster and len(found.hosts) > 1:
        raise _wrong("with cluster=NAME give one host: the cluster spreads rows over its shards by itself")
    return found


def _wrong(message: str, **facts: object) -> ConfigError:
    return ConfigError(f"--store: {message}", field="server.store", **facts)


def _options(query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    options = dict(pairs)
    if len(options) != len(pairs):
        raise _wrong("an option is given twice")
    return options


def _hosts(text: str, *, is_secure: bool) -> tuple[str, ...]:
    found = []
    for host in text.split(","):
        match = _HOST.fullmatch(host)
        if match is None or int(match["port"] or 1) not in range(1, 65_536):
            raise _wrong(f"{host!r} is no HOST or HOST:PORT", observed=host)
        found.append(f"{match['name']}:{match['port'] or _PORTS[is_secure]}")
    if len(set(found)) != len(found):
        raise _wrong("a host is named twice: each is a shard of its own")
    return tuple(found)


def _password(text: str, expanded: Callable[[str], str]) -> str:
    if text and not _VARIABLE.fullmatch(text):
        raise _wrong(
            "a password in plain text can be read by everybody on this machine: write ${NAME} in its place and set the"
            " environment variable NAME, or give ?password_file=PATH"
        )
    return expanded(text)


def _expanded_by_nothing(text: str) -> str:
    return text


def _expanded(text: str, environment: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        if found[1] not in environment:
            raise _wrong(f"there is no environment variable {found[1]}", observed=found[1])
        return environment[found[1]]

    return _VARIABLE.sub(value, text)


def _from_file(path: Path) -> str:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise _wrong(f"password_file {path}: {reason}", observed=str(path)) from None
    return lines[0] if lines else ""


def _database(text: str) -> str:
    if text and not _NAME.fullmatch(text):
        raise _wrong(f"the database has letters, digits and _ in its name, not {text!r}", observed=text)
    return text


def _cluster(text: str) -> str:
    if text and not _CLUSTER.fullmatch(text):
        raise _wrong(f"{text!r} is no name of a cluster", observed=text)
    return text


def _boolean(name: str, text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise _wrong(f"{name} is true or false, not {text!r}", observed=text)
    return _BOOLEANS[text.lower()]


def _whole(name: str, text: str, least: int) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text) <= _WHOLE_MAX):
        raise _wrong(f"{name} is a whole number from {least} to {_WHOLE_MAX}, not {text!r}", observed=text)
    return int(text)
