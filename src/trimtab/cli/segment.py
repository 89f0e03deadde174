"""A name as one part of a path: whatever is in it, it cannot lead anywhere else."""

from __future__ import annotations

from urllib.parse import quote

from trimtab.model.errors import InputError

_DOTS = (".", "..")


def segment(name: str) -> str:
    """The name with everything escaped that means something in a path; dots alone, too, which programs on the way cut.

    >>> segment("db:5432/shop"), segment("../access"), segment("..")
    ('db%3A5432%2Fshop', '..%2Faccess', '%2E%2E')
    """
    if not name:
        raise InputError("a name has at least one character")
    return name.replace(".", "%2E") if name in _DOTS else quote(name, safe="")


def check_path(path: str) -> str:
    """The path of a request as it is; InputError where a part of it is '.' or '..', and would lead to another route."""
    if any(part in _DOTS for part in path.split("/")):
        raise InputError(f"a path with '.' or '..' leads to another route: {path!r} is not asked for")
    return path
