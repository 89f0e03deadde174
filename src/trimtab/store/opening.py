"""What is said where files of the store cannot be opened: which, why, and what to do. Nothing was changed by then."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trimtab.model.errors import EngineRefused, StoreError

_ENGINE_HAS_NO_ROOM = 243
_TO_DO = {
    errno.EACCES: "give it to the user who runs trimtab",
    errno.EPERM: "give it to the user who runs trimtab",
    errno.EROFS: "its file system is mounted read-only: make it writable, or take another --data-dir",
    errno.ENOSPC: "make room on its disk, and start again: what was acknowledged is still there",
    errno.EDQUOT: "raise the quota of the user who runs trimtab, and start again: what was acknowledged is still there",
    errno.EISDIR: "a folder has the name of a file of trimtab's: move it away",
    errno.ENOTDIR: "a file has the name of a folder of trimtab's: move it away",
    errno.EEXIST: "a file has the name of a folder of trimtab's: move it away",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
}


@contextmanager
def opening(what: str, path: Path) -> Iterator[None]:
    """Errors of the operating system, and refusals of the engine, become a StoreError that names the file."""
    try:
        yield
    except OSError as error:
        place = error.filename if isinstance(error.filename, str) else str(path)
        to_do = _TO_DO.get(error.errno or 0, "see what is wrong with that file or its disk")
        raise StoreError(
            f"could not open {what} in {path}: {place}: {error.strerror or error}: {to_do}",
            path=place,
            errno=error.errno,
        ) from error
    except EngineRefused as error:
        to_do = f": {_TO_DO[errno.ENOSPC]}" if error.facts.get("code") == _ENGINE_HAS_NO_ROOM else ""
        raise StoreError(f"could not open {what} in {path}: {error.message}{to_do}", path=str(path)) from error
