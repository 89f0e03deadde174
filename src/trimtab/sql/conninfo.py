"""Reads a connection string the way libpq does, and finds what must not stand in it.

libpq keeps only the last of two equal keywords, so that `password=literal password=${NAME}` looks clean after its
parser: the text is therefore scanned here as well, and both answers count.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

import psycopg
from psycopg import pq

ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ENVIRONMENT_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

SECRET_KEYWORDS = frozenset(
    {"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"}
) | {o.keyword.decode() for o in pq.Conninfo.get_defaults() if o.dispchar == b"*"}
"""libpq's keywords whose value is a secret."""

_URL_PREFIXES = ("postgresql://", "postgres://")
_PAIR = re.compile(r"\s*([^\s=]+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)(?:[^\s\\]|\\.)*|)", re.DOTALL)
_SECRET_OPTION = re.compile(r"(passw|passwd|passphrase|secret|token|credential)[^\s=]*\s*=", re.IGNORECASE)

UNREADABLE = (
    "the connection string cannot be read: expected postgresql://user@host:port/database, "
    "key=value pairs (host=… port=… dbname=… user=…), service=NAME or env:NAME; "
    "special characters in a URL must be percent-encoded"
)
INSTEAD = (
    "use a passfile (~/.pgpass or passfile=FILE), a service file (service=NAME), or a reference to an environment "
    "variable (password=${NAME}, or env:NAME for the whole connection string)"
)


def problem_of(text: str) -> tuple[str, str | None] | None:
    """Why a connection string must not be used: (message without any of its text, keyword), or None if it is fine.

    >>> problem_of("host=db dbname=shop user=watch") is None
    True
    >>> problem_of("postgresql://watch:${PW}@db/shop") is None
    True
    >>> problem_of("postgresql://watch:hunter2@db/shop")[1]
    'password'
    """
    parsed = parse(text)
    if parsed is None or (written := _written_pairs(text)) is None:
        return UNREADABLE, None
    for keyword, value in (*written, *parsed.items()):
        if keyword in SECRET_KEYWORDS and value and ENVIRONMENT_REFERENCE.sub("", value):
            return f"the connection string holds a literal secret ({keyword}); {INSTEAD}", keyword
        if "${" in ENVIRONMENT_REFERENCE.sub("", value):
            return "a reference to an environment variable must look like ${NAME} (letters, digits, _)", None
        if keyword == "options" and _SECRET_OPTION.search(value):
            return f"the connection string's options seem to hold a literal secret; {INSTEAD}", keyword
    stray = stray_keyword(parsed)
    if stray is None:
        return None
    return (
        f"the {stray} of the connection string has characters that cannot be part of it; "
        f"if they belong to a password, {INSTEAD}",
        stray,
    )


def parse(text: str) -> dict[str, str] | None:
    """What libpq reads, keyword → value, only what the text sets; None when libpq refuses it."""
    try:
        options = pq.Conninfo.parse(text.encode())
        return {o.keyword.decode(): o.val.decode() for o in options if o.val}
    except (psycopg.Error, UnicodeError):
        return None


def stray_keyword(parsed: dict[str, str]) -> str | None:
    """The field that looks as if a password that was not escaped had ended up in it, or None.

    >>> stray_keyword(parse("postgresql://watch:12/3@db/shop"))
    'dbname'
    """
    looks = {
        "user": r".*:.*",
        "host": r".*[@\s?].*",
        "hostaddr": r".*[@\s?].*",
        "port": r".*[^0-9,].*",
        "dbname": r".*([@=?]|://).*",
    }
    for keyword, look in looks.items():
        if re.fullmatch(look, ENVIRONMENT_REFERENCE.sub("", parsed.get(keyword, "")), re.DOTALL):
            return keyword
    return None


def _written_pairs(text: str) -> list[tuple[str, str]] | None:
    """Every keyword and value as written, repeated ones too; None when it cannot be split."""
    prefix = next((p for p in _URL_PREFIXES if text.startswith(p)), None)
    return _keyword_pairs(text) if prefix is None else _url_pairs(text[len(prefix) :])


def _url_pairs(rest: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    slash = rest.find("/")
    at = rest.find("@", 0, slash if slash >= 0 else len(rest))
    if at >= 0:
        pairs.append(("password", unquote(rest[:at].partition(":")[2])))
        rest = rest[at + 1 :]
    for parameter in rest.partition("?")[2].split("&"):
        keyword, _, value = parameter.partition("=")
        pairs.append((unquote(keyword), unquote(value)))
    return pairs


def _keyword_pairs(text: str) -> list[tuple[str, str]] | None:
    pairs: list[tuple[str, str]] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _PAIR.match(text, position)
        if match is None:
            return None
        value = match.group(2)
        if value.startswith("'"):
            value = value[1:-1]
        pairs.append((match.group(1), re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)))
        position = match.end()
    return pairs
