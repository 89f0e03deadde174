"""A job and an instance as parts of a path: what would be taken for something else there is written otherwise.

`..` would lead up, `/` begins the next part, an empty part is none.
"""

from __future__ import annotations

from trimtab.web.view import segment

NOTHING = "-"


def host_path(job: str, instance: str) -> str:
    """The path of one host's page.

    >>> host_path("node", "db1:9100"), host_path("", "..")
    ('/infrastructure/hosts/node/db1%3A9100', '/infrastructure/hosts/-/~2..')
    """
    return f"/infrastructure/hosts/{segment(written(job))}/{segment(written(instance))}"


def written(name: str) -> str:
    """A name as a part.

    >>> [written(name) for name in ("", "-", ".", "monitoring/node", "~x", "a..b")]
    ['-', '~2-', '~2.', 'monitoring~1node', '~0x', 'a..b']
    >>> all(read(written(name)) == name for name in ("", "-", ".", "..", "a/b", "~1", "~2-", "~02", "plain"))
    True
    """
    if not name:
        return NOTHING
    escaped = name.replace("~", "~0").replace("/", "~1")
    return f"~2{escaped}" if escaped in (NOTHING, ".", "..") else escaped


def read(part: str) -> str:
    """The name that a part stands for."""
    if part == NOTHING:
        return ""
    return part.removeprefix("~2").replace("~1", "/").replace("~0", "~")
