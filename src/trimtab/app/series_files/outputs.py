"""Files that are written beside the answer: whether that can be done is asked before the work, not after it."""

from __future__ import annotations

import os
from pathlib import Path

from trimtab.model.errors import InputError, PermissionMissing


def check_output(path: Path | None, option: str) -> None:
    """Refuse a path that cannot be written: InputError where there is no such folder, or the path is one itself;
    PermissionMissing where nobody may write there."""
    if path is None:
        return
    folder = path.parent
    if not folder.is_dir():
        said = "is no folder" if folder.exists() else "is not there"
        raise InputError(f"{option}: {path} cannot be written: the folder {folder} {said}", path=str(path))
    if path.is_dir():
        raise InputError(f"{option}: {path} is a folder, a file was wanted", path=str(path))
    place = path if path.exists() else folder
    if not os.access(place, os.W_OK):
        raise PermissionMissing(f"{option}: {path} cannot be written: there is no right to write {place}")
