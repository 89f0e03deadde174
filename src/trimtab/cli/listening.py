"""Where a server listens, and whether that is this machine alone."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path

from trimtab.app.server_settings import ServerSettings
from trimtab.model.errors import InputError, MissingError


@dataclass(frozen=True, slots=True)
class Listening:
    """What `trimtab up` was told about who may reach it, and how. An empty `listen` is not told."""

    listen: str = ""
    allowed_hosts: tuple[str, ...] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    insecure_http: bool = False
    require_login: bool = False

    def over(self, settings: ServerSettings) -> Listening:
        """The same with what the file says where nothing else was told; a certificate goes with its own key."""
        told_tls = self.tls_cert is not None or self.tls_key is not None
        return Listening(
            self.listen or settings.listen,
            self.allowed_hosts or settings.allowed_hosts,
            self.tls_cert if told_tls or not settings.tls_cert else Path(settings.tls_cert),
            self.tls_key if told_tls or not settings.tls_key else Path(settings.tls_key),
            self.insecure_http or settings.insecure_http,
            self.require_login or settings.require_login,
        )

    @property
    def uses_tls(self) -> bool:
        """Whether certificate and key were given; InputError for one without the other."""
        if (self.tls_cert is None) != (self.tls_key is None):
            raise InputError("--tls-cert and --tls-key go together: one of them was given")
        return self.tls_cert is not None


def parse_listen(listen: str) -> tuple[str, int]:
    """HOST:PORT.

    An address of IPv6 stands in brackets: without them nobody could tell its end from the port.

    >>> parse_listen("127.0.0.1:9321"), parse_listen("[::1]:0")
    (('127.0.0.1', 9321), ('::1', 0))
    >>> parse_listen("127.0.0.1")
    Traceback (most recent call last):
    ...
    trimtab.model.errors.InputError: --listen must be HOST:PORT with a port from 0 to 65535, found '127.0.0.1'
    """
    if listen.count("[") != listen.count("]"):
        raise InputError(f"--listen: a bracket is missing; IPv6 is written as '[::1]:9321', found {listen!r}")
    if listen.endswith("]"):
        raise InputError(f"--listen: the port is missing; it is written '{listen}:9321', found {listen!r}")
    written, colon, port = listen.rpartition(":")
    in_brackets = written.startswith("[") and written.endswith("]")
    host = (written[1:-1] if in_brackets else written).lower()
    if (in_brackets or ":" in host or "[" in host) and not (in_brackets and _is_six(host.partition("%")[0])):
        raise InputError(
            f"--listen takes an address of IPv6, and nothing else, in brackets ('[::1]:9321'), found {listen!r}"
        )
    if not colon or not host or not port.isascii() or not port.isdigit() or len(port) > 5 or int(port) > 65535:
        raise InputError(f"--listen must be HOST:PORT with a port from 0 to 65535, found {listen!r}")
    return host, int(port)


def check_allowed_host(name: str) -> str:
    """A name for the Host header, without a port.

    >>> check_allowed_host("trimtab.example"), check_allowed_host("[FD00:0::1]")
    ('trimtab.example', 'fd00::1')
    >>> check_allowed_host("https://trimtab.example")
    Traceback (most recent call last):
    ...
    trimtab.model.errors.InputError: --allowed-host must be a name without scheme and port, found 'https://trimtab.example'
    """
    plain = name.lower().strip("[]")
    if (
        not plain
        or not all(c.isascii() and (c.isalnum() or c in "._-:") for c in plain)
        or (":" in plain and not _is_address(plain))
    ):
        raise InputError(f"--allowed-host must be a name without scheme and port, found {name!r}")
    return str(ipaddress.ip_address(plain)) if ":" in plain else plain


def bind(host: str, port: int, option: str = "--listen") -> socket.socket:
    """A bound socket; a taken port is said by its number, with the option or setting that names another."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise InputError(f"{option}: {host!r} is no address of this machine: {error.strerror}") from error
    # asyncio spares a connection Nagle's wait (40 ms before every second part of an answer) only where TCP is named
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise MissingError(
            f"could not listen on {in_url(host)}:{port}: {error.strerror}. Another program has the port, or the "
            f"address is not this machine's: choose one with {option} HOST:PORT",
            port=port,
        ) from error
    return listener


def is_loopback(listener: socket.socket) -> bool:
    """Whether only this machine reaches it: asked of the socket itself, since a name may mean anything."""
    return ipaddress.ip_address(str(listener.getsockname()[0]).partition("%")[0]).is_loopback


def url_of(listener: socket.socket, *, tls: bool) -> str:
    """Where this machine reaches it: on loopback, where it listens everywhere."""
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(str(host).partition("%")[0])
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"{'https' if tls else 'http'}://{in_url(str(address))}:{port}"


def in_url(host: str) -> str:
    """A host as it stands before a port: an address of IPv6 in brackets.

    >>> in_url("127.0.0.1"), in_url("::1"), in_url("trimtab.example")
    ('127.0.0.1', '[::1]', 'trimtab.example')
    """
    return f"[{host}]" if ":" in host else host


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_six(text: str) -> bool:
    return ":" in text and _is_address(text)
