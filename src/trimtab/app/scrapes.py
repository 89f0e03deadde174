"""Scraping as the server does it: begun behind the start, told in `/api/v1/targets`, ended before the stores close."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from trimtab.model.errors import TrimtabError

if TYPE_CHECKING:
    from trimtab.observe.scrape.scraper import Scraper, TargetStatus
    from trimtab.store.metrics.contract import MetricStore

log = structlog.get_logger()


class Scrapes:
    """Nothing where `file` is empty. Thread-safe."""

    def __init__(self, file: str, store: Callable[[], MetricStore | None]) -> None:
        self._file = file
        self._store = store
        self._lock = threading.Lock()
        self._scraper: Scraper | None = None
        self._is_over = False

    def start(self) -> None:
        """On a thread: the libraries are loaded there, so that the server answers first."""
        if self._file:
            threading.Thread(target=self._begin, name="scrape-start", daemon=True).start()

    def _begin(self) -> None:
        from trimtab.observe.scrape.scraper import Scraper

        store = self._store()
        if store is None:
            log.warning("scrape_without_a_store", file=self._file)
            return
        with self._lock:
            if self._is_over:
                return
            try:
                self._scraper = Scraper(Path(self._file), store)
            except TrimtabError as error:
                log.error("scrape_config_wrong", reason=error.message)
                return
            self._scraper.start()

    def targets(self) -> Sequence[TargetStatus]:
        """Who is asked, and how it went."""
        scraper = self._scraper
        return () if scraper is None else scraper.status()

    def stop(self) -> None:
        """No further scrape. Before the stores are closed."""
        with self._lock:
            self._is_over = True
            if self._scraper is not None:
                self._scraper.stop()
                self._scraper = None
