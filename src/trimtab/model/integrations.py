"""Stores of logs and traces beside the own one: which there are. What they are asked is `trimtab.extend.sources`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from trimtab.model.setting import setting

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_KIND = re.compile(r"[a-z][a-z0-9]{0,30}")
SOURCES_MAX = 20
RESERVED = {"all": "all stores", "trimtab": "the own store"}


@dataclass(frozen=True, slots=True)
class Named:
    """A store as the configuration names it: `prod=elasticsearch+https://es.example:9200/logs-*`."""

    name: str
    kind: str
    url: str
    path: str

    @property
    def authorization_variable(self) -> str:
        """The environment variable that holds the value of the Authorization header; with `_FILE` behind it, the one
        that names a file with it.

        >>> named_of("my-es=elasticsearch+http://es:9200/").authorization_variable
        'TRIMTAB_SOURCE_MY_ES_AUTHORIZATION'
        """
        return f"TRIMTAB_SOURCE_{self.name.replace('-', '_').upper()}_AUTHORIZATION"


def named_of(text: str) -> Named:
    """The parts of a text that `source_problem` finds nothing wrong with.

    >>> named_of("prod=elasticsearch+https://es.example:9200/logs-*,old-*")
    Named(name='prod', kind='elasticsearch', url='https://es.example:9200', path='logs-*,old-*')
    """
    name, _, rest = text.partition("=")
    kind, _, url = rest.partition("+")
    parts = urlsplit(url)
    return Named(name, kind, f"{parts.scheme}://{parts.netloc}", parts.path.strip("/"))


def source_problem(text: str) -> str | None:
    """What is wrong with NAME=KIND+URL, None where nothing is.

    >>> source_problem("prod=elasticsearch+http://es:9200/logs"), source_problem("http://es:9200").partition(",")[0]
    (None, 'it is NAME=KIND+URL')
    >>> source_problem("a=jaeger+http://me:secret@j:16686").partition(":")[0]
    'the URL holds a password'
    """
    name, equals, rest = text.partition("=")
    kind, plus, url = rest.partition("+")
    if not equals or not plus or not _NAME.fullmatch(name) or not _KIND.fullmatch(kind):
        return "it is NAME=KIND+URL, such as 'prod=elasticsearch+https://es.example:9200/logs-*'; NAME has a-z 0-9 - _"
    if name in RESERVED:
        return f"no source can be named {name}: that stands for {RESERVED[name]}"
    try:
        parts = urlsplit(url)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        return "the URL cannot be read"
    if parts.username is not None or parts.password is not None:
        variable = named_of(f"{name}={kind}+http://x").authorization_variable
        return f"the URL holds a password: put the value of the Authorization header into {variable}"
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_right:
        return "the URL begins with http:// or https://, and names a host"
    return "the URL has a query or fragment" if parts.query or parts.fragment else None


def _name_problem(text: str) -> str | None:
    return None if _NAME.fullmatch(text) else "it is the name of a source"


@dataclass(frozen=True, slots=True)
class IntegrationsPolicy:
    """Stores that are asked where a question names them. Nothing is written to them unless it says so here."""

    logs: tuple[str, ...] = setting(
        (),
        "Stores of logs, as NAME=KIND+URL/INDEX with the kinds elasticsearch and opensearch. Credentials are of the "
        "environment: TRIMTAB_SOURCE_NAME_AUTHORIZATION or ..._AUTHORIZATION_FILE.",
        low=0,
        high=SOURCES_MAX,
        needs_restart=True,
        problem=source_problem,
    )
    traces: tuple[str, ...] = setting(
        (),
        "Stores of traces, as NAME=jaeger+URL, with the address of Jaeger's pages (port 16686); behind it, to write, "
        "the one of its collector: NAME=jaeger+http://HOST:16686/HOST:4318. Credentials as above.",
        low=0,
        high=SOURCES_MAX,
        needs_restart=True,
        problem=source_problem,
    )
    write_logs_to: tuple[str, ...] = setting(
        (),
        "Names of stores of `logs` to which every log record that is stored here is written as well.",
        low=0,
        high=SOURCES_MAX,
        needs_restart=True,
        problem=_name_problem,
    )
    write_traces_to: tuple[str, ...] = setting(
        (),
        "Names of stores of `traces` to which every span that is stored here is written as well.",
        low=0,
        high=SOURCES_MAX,
        needs_restart=True,
        problem=_name_problem,
    )
    write_hours_max: float = setting(
        24.0,
        "How old records and spans may become while a store does not take them; then they stay here alone, and are "
        "counted as lost.",
        unit="h",
        low=0.01,
        high=8760,
        needs_restart=True,
    )
    ca_file: str = setting(
        "",
        "A file with authorities (PEM) to believe for https:// of these stores, beside the usual ones: Elasticsearch "
        "makes one of its own (http_ca.crt).",
        needs_restart=True,
    )
    timeout_s: float = setting(10.0, "How long a store is waited for.", unit="s", low=0.1, high=300, needs_restart=True)
    pause_s: float = setting(
        30.0,
        "How long a store is not asked after it failed three times one behind the other.",
        unit="s",
        low=0,
        high=3600,
        needs_restart=True,
    )
