"""Stores that begin with their tables made.

Most of what opening a new telemetry store takes is making its tables, one statement after another, always the same. A
worker of a run does that once; each further store begins with a copy of those files, and opens as one does that was
closed with nothing in it. Where a store comes from nothing is what a test is about, it opens an empty folder.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trimtab.store.telemetry import EmbeddedTelemetry

MakeTables = Callable[[Path], Path]
ENGINE = "telemetry/engine"

_OPEN = EmbeddedTelemetry.open
"""As it is, also where a suite makes everybody open a store elsewhere."""


@pytest.fixture(scope="session")
def tables_made(tmp_path_factory: pytest.TempPathFactory) -> MakeTables:
    """Put the empty tables into a data directory that has none, and name it again."""
    template = tmp_path_factory.mktemp("tables")
    with _OPEN(template):
        pass

    def make(data_dir: Path) -> Path:
        data_dir.mkdir(parents=True, exist_ok=True)
        shutil.copytree(template / ENGINE, data_dir / ENGINE, symlinks=True, copy_function=shutil.copyfile)
        return data_dir

    return make
