"""Where the server listens, and to whom it answers: read when it starts."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from trimtab.model.setting import setting
from trimtab.store.clickhouse import address

PORT_MAX = 65_535
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


def listen_problem(text: str) -> str | None:
    """What is wrong with HOST:PORT, None where nothing is.

    >>> listen_problem("127.0.0.1:9321"), listen_problem("[::1]:0")
    (None, None)
    >>> listen_problem("9321")
    "it is HOST:PORT, such as '127.0.0.1:9321' or '[::1]:9321'"
    """
    host, colon, port = text.rpartition(":")
    if not colon or not _is_host(host):
        return "it is HOST:PORT, such as '127.0.0.1:9321' or '[::1]:9321'"
    if not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > PORT_MAX:
        return f"the port must be from 0 to {PORT_MAX}"
    return None


def listen_or_off_problem(text: str) -> str | None:
    """The same where an empty text switches it off.

    >>> listen_or_off_problem(""), listen_or_off_problem("4317")
    (None, "it is HOST:PORT, such as '127.0.0.1:9321' or '[::1]:9321'")
    """
    return listen_problem(text) if text else None


def host_problem(text: str) -> str | None:
    """What is wrong with a host's name, None where nothing is.

    >>> host_problem("trimtab.example.com"), host_problem("https://x")
    (None, "it is a host's name without scheme and port, such as 'trimtab.example.com'")
    """
    if len(text) > 253 or not _is_host(text):
        return "it is a host's name without scheme and port, such as 'trimtab.example.com'"
    return None


def store_problem(text: str) -> str | None:
    """What is wrong with the address of a store, None where nothing is.

    >>> store_problem(""), store_problem("localhost:8123").partition(",")[0]
    (None, 'it begins with clickhouse://')
    """
    return address.problem(text) if text else None


def _is_host(text: str) -> bool:
    """A name, an address, or an address of IPv6 in brackets."""
    if not text.startswith("["):
        return _HOST_NAME.fullmatch(text) is not None
    try:
        ipaddress.IPv6Address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return text.endswith("]")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The one port. Options of `trimtab up` come before these."""

    listen: str = setting(
        "127.0.0.1:9321",
        "Address and port of the page, the API and OTLP; any other address than loopback needs people who can log in.",
        needs_restart=True,
        problem=listen_problem,
    )
    allowed_hosts: tuple[str, ...] = setting(
        (),
        "Further names under which the server is reached; requests to any other host name are refused.",
        low=0,
        high=100,
        needs_restart=True,
        problem=host_problem,
    )
    tls_cert: str = setting(
        "",
        "File with the certificate chain (PEM); with tls_key the port speaks HTTPS. Relative to this file's folder.",
        needs_restart=True,
    )
    tls_key: str = setting(
        "", "File with the private key of tls_cert (PEM). Relative to this file's folder.", needs_restart=True
    )
    require_login: bool = setting(False, "Whether a login is needed on loopback, too.", needs_restart=True)
    insecure_http: bool = setting(
        False,
        "Whether plain HTTP is allowed beyond loopback: passwords and tokens travel in the clear.",
        needs_restart=True,
    )
    otlp_grpc_listen: str = setting(
        "127.0.0.1:4317",
        "Address and port of OTLP over gRPC; empty: none. Taken by another program: a warning in the log, and on.",
        needs_restart=True,
        problem=listen_or_off_problem,
    )
    otlp_http_listen: str = setting(
        "127.0.0.1:4318",
        "Address and port of OTLP over HTTP beside the main port, which takes it, too; empty: none.",
        needs_restart=True,
        problem=listen_or_off_problem,
    )
    scrape_config: str = setting(
        "",
        "File with Prometheus' scrape_configs; its targets are scraped into the own store. Empty: nothing is. "
        "Relative to this file's folder; read again when it changes.",
        needs_restart=True,
    )
    store: str = setting(
        "",
        "Where telemetry is kept: empty for the data directory, else a ClickHouse, such as "
        "clickhouse://trimtab:${PASSWORD}@host:8123/telemetry, with the password in that environment variable.",
        needs_restart=True,
        problem=store_problem,
    )
    samples_per_s_max: int = setting(
        0,
        "Samples of metrics that one token may send a second, over ten seconds; more is answered with 429. "
        "0: as many as come.",
        unit="samples/s",
        low=0,
        high=1_000_000_000,
        needs_restart=True,
    )
