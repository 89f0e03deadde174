"""Names in paths: clients escape what is not a letter, digit or underscore, as Prometheus' exposition formats do."""

from __future__ import annotations

import re

PREFIX = "U__"
_ESCAPED = re.compile(r"__|_([0-9a-fA-F]{1,6})_")


def unescaped(name: str) -> str:
    """The name that was meant.

    >>> unescaped("U__http_2e_status"), unescaped("U__a__b"), unescaped("job")
    ('http.status', 'a_b', 'job')
    >>> unescaped("U__not_escaped")
    'U__not_escaped'
    """
    if not name.startswith(PREFIX):
        return name
    rest, out, place = name[len(PREFIX) :], [], 0
    while place < len(rest):
        if rest[place] != "_":
            out.append(rest[place])
            place += 1
            continue
        found = _ESCAPED.match(rest, place)
        if found is None:
            return name
        code = int(found[1], 16) if found[1] else ord("_")
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            return name
        out.append(chr(code))
        place = found.end()
    return "".join(out)
