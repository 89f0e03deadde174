"""The file of routes while the server runs: read again when it changes, and the last good one is kept."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from trimtab.app.notify.routes_file import Routes, load
from trimtab.extend.receivers import Kind
from trimtab.model.errors import ConfigError

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RoutesStatus:
    """`last_error` is why the file as it is now is not in force; None where it is."""

    file: str | None
    loaded_at_ms: int | None
    last_error: str | None


class RoutesNow:
    """Thread-safe."""

    def __init__(self, file: str, kinds: Callable[[], Mapping[str, Kind]], now_ms: Callable[[], int]) -> None:
        """Nothing where `file` is empty. One that is wrong now raises ConfigError at the first `open`."""
        self._file = Path(file) if file else None
        self._kinds = kinds
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._routes: Routes | None = None
        self._signature: object = None
        self._loaded_at_ms: int | None = None
        self._last_error: str | None = None

    @property
    def routes(self) -> Routes | None:
        """What is in force."""
        return self._routes

    def status(self) -> RoutesStatus:
        """Where it comes from, and what is wrong with it."""
        return RoutesStatus(None if self._file is None else str(self._file), self._loaded_at_ms, self._last_error)

    def look(self) -> bool:
        """Read the file if it has changed; whether other routes are in force now. What is wrong with it is kept."""
        if self._file is None:
            return False
        signature = _signature(self._file)
        with self._lock:
            if signature == self._signature and signature is not None:
                return False
            self._signature = signature
            try:
                routes = load(self._file, self._kinds())
            except ConfigError as error:
                if error.message != self._last_error:
                    log.error("routes_refused", file=str(self._file), error=error.message)
                self._last_error = error.message
                return False
            changed = routes != self._routes
            self._routes, self._last_error, self._loaded_at_ms = routes, None, self._now_ms()
        if changed:
            log.info("routes_loaded", file=str(self._file), receivers=len(routes.targets))
        return changed


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116  (one call for all three)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
