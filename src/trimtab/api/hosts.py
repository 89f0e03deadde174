"""Which names this server answers to, and which pages may send it something.

Without this, any web page in a browser could reach it under a name of its own (DNS rebinding), or send it a form
(cross-site request forgery); and a proxy could carry strangers to a server that asks nobody for a login.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Scope

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_HOST = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::[0-9]{1,5})?")
_PROXY_HEADERS = frozenset({"forwarded", "via", "x-real-ip", "x-client-ip", "x-original-host"})
_OWN_SITE = frozenset({"same-origin", "none"})


@dataclass(frozen=True, slots=True)
class Names:
    """Names in the Host header that are ours, beside loopback's and the address that the request came in on."""

    allowed: frozenset[str] = frozenset()
    login_needed: bool = False


def host_name(value: str) -> str:
    """The name in a Host header, without the port; empty where it is none.

    >>> host_name("127.0.0.1:9321"), host_name("[::1]:9321"), host_name("evil.example"), host_name("evil@127.0.0.1")
    ('127.0.0.1', '::1', 'evil.example', '')
    """
    match = _HOST.fullmatch(value.lower())
    return "" if match is None else match["six"] or match["name"]


def refused_because(scope: Scope, headers: Headers, names: Names) -> str | None:
    """Why a request is not answered at all; None when it may go on."""
    hosts = headers.getlist("host")
    host = host_name(hosts[0]) if len(hosts) == 1 else ""
    if not host or not (host in LOOPBACK_NAMES or host in names.allowed or host == _own_address(scope)):
        return (
            "this server does not answer to that name. It answers to 127.0.0.1, localhost, [::1], its own address, "
            "and what was given with --allowed-host"
        )
    if not names.login_needed:
        proxied = [name for name in headers if name in _PROXY_HEADERS or name.startswith("x-forwarded")]
        if proxied:
            return (
                f"the header {proxied[0]} shows that a proxy is in between, and this server asks nobody for a login: "
                "start it with --require-login, or reach it directly"
            )
    return _other_site(scope, headers, hosts[0].lower(), names)


def _other_site(scope: Scope, headers: Headers, host: str, names: Names) -> str | None:
    """A page of another site is behind it. A plain link from elsewhere is fine: it shows a page and does nothing."""
    origins = headers.getlist("origin")
    schemes = {str(scope.get("scheme", "http"))} | ({"https"} if names.login_needed else set())
    if origins and (len(origins) > 1 or origins[0].lower() not in {f"{scheme}://{host}" for scheme in schemes}):
        return "requests from another site are refused"
    site = headers.get("sec-fetch-site", "none").lower()
    if site in _OWN_SITE:
        return None
    link = (
        scope["method"] in SAFE_METHODS
        and headers.get("sec-fetch-mode", "").lower() == "navigate"
        and headers.get("sec-fetch-dest", "document").lower() == "document"
    )
    return None if link else "requests from another site are refused"


def _own_address(scope: Scope) -> str | None:
    """The address of this machine that the request came to. An address as a name cannot be rebound."""
    server = scope.get("server")
    return None if server is None else str(server[0]).partition("%")[0].lower()
