"""One site for a module where nothing is changed: stores are slow to open, and a process has one at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.site import Site, open_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Without a login, as on loopback. Tests put what is read in its place with `monkeypatch`."""
    with open_site(tmp_path_factory.mktemp("site")) as opened:
        yield opened
