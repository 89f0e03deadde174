"""One site for a module where nothing is changed: stores are slow to open, and a process has one at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.site import Site, open_site

PATIENT_MS = 60_000.0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Without a login, as on loopback. Tests put what is read in its place with `monkeypatch`."""
    with open_site(tmp_path_factory.mktemp("site")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages wait for all that they ask, however crowded the machine is; tests that count on less say so."""
    from trimtab.web.pages import meanwhile
    from trimtab.web.pages.logs import histogram
    from trimtab.web.pages.logs import page as logs_page
    from trimtab.web.pages.traces import listing

    for module in (histogram, logs_page, listing):
        monkeypatch.setattr(module, "PAGE_MS", PATIENT_MS)
    monkeypatch.setattr(meanwhile, "PATIENCE_S", PATIENT_MS / 1000)
