"""Other sites and other names are refused, whatever the route."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers
from starlette.types import Scope

from trimtab.api.hosts import Names, refused_because

LOOPBACK = Names()
OPEN = Names(frozenset({"trimtab.example"}), login_needed=True)


def why(
    headers: dict[str, str], names: Names = LOOPBACK, method: str = "POST", server: str = "127.0.0.1"
) -> str | None:
    scope: Scope = {"type": "http", "method": method, "scheme": "http", "server": (server, 9321)}
    return refused_because(scope, Headers(headers), names)


@pytest.mark.parametrize("host", ["127.0.0.1:9321", "localhost:9321", "LOCALHOST", "[::1]:9321"])
def test_this_machine_is_answered(host: str) -> None:
    assert why({"Host": host}) is None
    assert why({"Host": host, "Origin": f"http://{host}"}) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "evil.example:9321"},
        {"Host": "127.0.0.1@evil.example"},
        {"Host": "evil.example@127.0.0.1"},
        {"Host": "127.0.0.1, evil.example"},
        {"Host": "localhost."},
        {"Host": "0177.0.0.1"},
        {"Host": "2130706433"},
        {"Host": ""},
        {"Host": "[::1"},
        {},
        {"Host": "127.0.0.1:9321", "Origin": "http://evil.example"},
        {"Host": "127.0.0.1:9321", "Origin": "null"},
        {"Host": "127.0.0.1:9321", "Origin": "http://127.0.0.1:8000"},
        {"Host": "127.0.0.1:9321", "Origin": "https://127.0.0.1:9321"},
        {"Host": "127.0.0.1:9321", "Sec-Fetch-Site": "cross-site"},
        {"Host": "127.0.0.1:9321", "Sec-Fetch-Site": "same-site"},
        {"Host": "127.0.0.1:9321", "X-Forwarded-For": "192.0.2.1"},
        {"Host": "127.0.0.1:9321", "X-Forwarded-Host": "trimtab.example"},
        {"Host": "127.0.0.1:9321", "Forwarded": "for=192.0.2.1"},
        {"Host": "127.0.0.1:9321", "X-Real-IP": "192.0.2.1"},
    ],
    ids=str,
)
def test_everybody_else_is_refused(headers: dict[str, str]) -> None:
    assert why(headers) is not None


def test_two_host_headers_are_refused() -> None:
    scope: Scope = {"type": "http", "method": "GET", "scheme": "http", "server": ("127.0.0.1", 9321)}
    headers = Headers(raw=[(b"host", b"127.0.0.1"), (b"host", b"127.0.0.1")])
    assert refused_because(scope, headers, LOOPBACK) is not None


def test_with_a_login_names_that_were_given_and_the_own_address_count_too() -> None:
    assert why({"Host": "trimtab.example"}, OPEN) is None
    assert why({"Host": "192.0.2.9:9321"}, OPEN, server="192.0.2.9") is None
    assert why({"Host": "192.0.2.9:9321"}, OPEN, server="192.0.2.10") is not None
    assert why({"Host": "evil.example"}, OPEN, server="192.0.2.9") is not None
    assert (
        why({"Host": "trimtab.example", "X-Forwarded-For": "192.0.2.1", "Origin": "https://trimtab.example"}, OPEN)
        is None
    )


def test_a_link_from_elsewhere_shows_a_page_and_does_nothing() -> None:
    link = {
        "Host": "127.0.0.1:9321",
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    assert why(link, method="GET") is None
    assert why(link, method="POST") is not None
    assert why({**link, "Sec-Fetch-Dest": "iframe"}, method="GET") is not None
    assert why({**link, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}, method="GET") is not None


def test_a_proxy_before_a_server_without_a_login_is_told_how() -> None:
    reason = why({"Host": "localhost", "X-Forwarded-For": "192.0.2.1"})
    assert reason is not None
    assert "--require-login" in reason
