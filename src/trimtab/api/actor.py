"""Whose name a program gives on a server that needs no login: the command line says `cli:USER`, a browser says nothing.

The name is believed as much as everything else on loopback, or with the token in the data directory, and counts nowhere
else. A page of another site cannot send
such a header: a browser would ask first, and is not answered.
"""

from __future__ import annotations

from urllib.parse import unquote

from starlette.datastructures import Headers

from trimtab.model.errors import InputError

HEADER = "x-trimtab-actor"
NAME_CHARS_MAX = 100


def actor_of(headers: Headers) -> str | None:
    """The name, percent-decoded; None where none is given, InputError where it is none.

    >>> actor_of(Headers({"X-Trimtab-Actor": "cli%3Aanna"})), actor_of(Headers({}))
    ('cli:anna', None)
    """
    sent = headers.get(HEADER)
    if sent is None:
        return None
    name = unquote(sent)
    if not name.strip() or len(name) > NAME_CHARS_MAX or not name.isprintable():
        raise InputError(f"{HEADER}: a name has 1 to {NAME_CHARS_MAX} printable characters", field=HEADER)
    return name
