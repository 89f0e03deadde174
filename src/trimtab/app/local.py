"""What can be measured of a server that runs on this very machine, and is not visible by SQL."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psycopg

from trimtab.model.errors import TrimtabError
from trimtab.sql.connect import Reference
from trimtab.store.state import State

LOCAL_ADDRESSES = frozenset({"127.0.0.1", "::1"})


class LocalMeasures:
    """Free disk and processors of systems on this machine; None for those on another one."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._directories: dict[str, Path | None] = {}

    def free_bytes(self, system: str) -> int | None:
        """Free bytes on the file system of the server's data directory."""
        directory = self._directory(system)
        if directory is None:
            return None
        try:
            return shutil.disk_usage(directory).free
        except OSError:
            return None  # we may not look there: the check then says "not visible", which is no pass

    def cpus_count(self, system: str) -> int | None:
        """Processors of this machine, where the server runs on it."""
        return os.cpu_count() if self._directory(system) is not None else None

    def _directory(self, system: str) -> Path | None:
        if system not in self._directories:
            try:
                self._directories[system] = self._look(system)
            except (TrimtabError, psycopg.Error):
                return None  # not reachable now, or not allowed to look: asked again next time
        return self._directories[system]

    def _look(self, system: str) -> Path | None:
        reference = Reference.parse(self._state.system(system).watch_reference)
        with reference.connect("trimtab/probe") as connection:
            row = connection.execute(
                "SELECT host(inet_server_addr()), current_setting('data_directory', true)"
            ).fetchone()
        if row is None or not row[1] or (row[0] is not None and row[0] not in LOCAL_ADDRESSES):
            return None
        return Path(str(row[1]))
