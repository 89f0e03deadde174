"""Copies of files as they were read last and were right: what a restart goes on with where a file is wrong by then.

Without them, a restart would end what such a file had said: alerts that still hold, guards of changes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import structlog

_ENDING, _UNFINISHED = ".yml", ".new"
log = structlog.get_logger()


class KeptTexts:
    """The copies in one folder. A folder that cannot be written to stops nothing; the log says so."""

    def __init__(self, folder: Path | None) -> None:
        """`folder` None: nothing is kept."""
        self._folder = folder

    def keep(self, path: Path, text: str) -> None:
        """Keep this as what the file says."""
        copy = self._copy_of(path)
        if copy is None:
            return
        data = text.encode()
        new = copy.with_suffix(_UNFINISHED)
        try:
            if copy.is_file() and copy.read_bytes() == data:
                return
            copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with new.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            new.replace(copy)
        except OSError as error:
            log.warning("copy_not_kept", file=str(path), copy=str(copy), reason=error.strerror)

    def of(self, path: Path) -> str | None:
        """What the file said when it was right last; None where nobody knows."""
        copy = self._copy_of(path)
        if copy is None:
            return None
        try:
            return copy.read_bytes().decode()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            log.warning("copy_not_read", file=str(path), copy=str(copy), reason=str(error))
            return None

    def only(self, paths: Iterable[Path]) -> None:
        """Forget the copies of all other files: one that is named again later begins anew."""
        if self._folder is None or not self._folder.is_dir():
            return
        mine = {self._copy_of(path) for path in paths}
        try:
            for copy in self._folder.iterdir():
                if copy not in mine and copy.suffix in (_ENDING, _UNFINISHED):
                    copy.unlink(missing_ok=True)
        except OSError as error:
            log.warning("copies_not_forgotten", folder=str(self._folder), reason=error.strerror)

    def _copy_of(self, path: Path) -> Path | None:
        if self._folder is None:
            return None
        return self._folder / f"{hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32]}{_ENDING}"
