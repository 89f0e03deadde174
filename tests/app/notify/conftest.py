"""A house with one receiver, over a real state."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.notify.support import House
from trimtab.store.state import State


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """One route, one receiver."""
    with State.open(tmp_path / "state.db") as state:
        yield House(state)
