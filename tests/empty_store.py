"""Stores that begin with their tables made.

Most of what opening a new telemetry store takes is making its tables, one statement after another, always the same. A
worker of a run does that once; each further store begins with a copy of those files, and opens as one does that was
closed with nothing in it. Where a store comes from nothing is what a test is about, it opens an empty folder.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from trimtab.model.errors import StoreError
from trimtab.store.telemetry import EmbeddedTelemetry

MakeTables = Callable[[Path], Path]
ENGINE = "telemetry/engine"
ROOT = Path(__file__).parents[1]

_OPEN = EmbeddedTelemetry.open
"""As it is, also where a suite makes everybody open a store elsewhere."""


def make_tables(data_dir: Path) -> Path:
    """Put the empty tables into a data directory that has none, and name it again."""
    if not (data_dir / ENGINE).exists():
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copytree(_template() / ENGINE, data_dir / ENGINE, symlinks=True, copy_function=shutil.copyfile)
    return data_dir


@functools.cache
def _template() -> Path:
    """Where the tables are that are copied; made by another process where this one has a store open."""
    folder = Path(tempfile.mkdtemp(prefix="trimtab-tables-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        _make(folder)
    except StoreError:
        subprocess.run([sys.executable, "-m", __name__, str(folder / "there")], cwd=ROOT, check=True, timeout=600)
        return folder / "there"
    return folder


def _make(folder: Path) -> None:
    with _OPEN(folder):
        pass


@pytest.fixture(scope="session")
def tables_made() -> MakeTables:
    """The same, as a fixture."""
    return make_tables


if __name__ == "__main__":
    _make(Path(sys.argv[1]))
