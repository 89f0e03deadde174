"""Takes a `multipart/form-data` body apart: what a form with a file field sends, and a browser without script can."""

from __future__ import annotations

import re

from trimtab.model.errors import InputError

MEDIA = "multipart/form-data"
PARTS_MAX = 100
HEADER_BYTES_MAX = 2_000
"""Of one part."""
_BOUNDARY = re.compile(r"""boundary=(?:"([^"]{1,70})"|([0-9A-Za-z'()+_,./:=?-]{1,70}))\s*(?:;|$)""", re.ASCII)
_QUOTED = r'{}="((?:[^"\\]|\\.){{0,500}})"'
_NAME, _FILE = (re.compile(rf"(?:^|;)\s*{_QUOTED.format(word)}") for word in ("name", "filename"))


def parts_of(content_type: str, body: bytes) -> dict[str, bytes]:
    """Values by name; the name of a file stands under `NAME.filename`. InputError where it is no such form.

    >>> body = b'--x\\r\\nContent-Disposition: form-data; name="file"; filename="a.json"\\r\\n\\r\\n{}\\r\\n--x--\\r\\n'
    >>> parts_of("multipart/form-data; boundary=x", body)
    {'file': b'{}', 'file.filename': b'a.json'}
    >>> parts_of("multipart/form-data; boundary=x", b"--x\\r\\nfile")
    Traceback (most recent call last):
    ...
    trimtab.model.errors.InputError: the form could not be read
    """
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise _unreadable()
    first, *parts = (b"\r\n" + body).split(b"\r\n--" + (boundary[1] or boundary[2]).encode("latin-1"), PARTS_MAX + 2)
    if first or not parts or not parts[-1].startswith(b"--") or len(parts) > PARTS_MAX:
        raise _unreadable()
    found: dict[str, bytes] = {}
    for part in parts[:-1]:
        name, file, value = _one(part)
        if name in found:
            raise InputError("a field of the form came twice", field="body")
        found[name] = value
        if file is not None:
            found[f"{name}.filename"] = file
    return found


def _one(part: bytes) -> tuple[str, bytes | None, bytes]:
    head, gap, value = part.partition(b"\r\n\r\n")
    if not gap or not head.startswith(b"\r\n") or len(head) > HEADER_BYTES_MAX:
        raise _unreadable()
    for line in head[2:].decode("utf-8", "replace").split("\r\n"):
        key, _, told = line.partition(":")
        if key.strip().lower() == "content-disposition" and (name := _NAME.search(told)):
            file = _FILE.search(told)
            return name[1], None if file is None else file[1].encode(), value
    raise _unreadable()


def _unreadable() -> InputError:
    return InputError("the form could not be read", field="body")
