"""Real servers beside each other: trimtab as users start it, and Debian's Prometheus and VictoriaMetrics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.servers import QUIET, running
from tests.prometheus import running_prometheus
from tests.promql.sending import Sent, send_example


@pytest.fixture(scope="session")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """trimtab with the windows of Prometheus 2, empty."""
    with running(tmp_path_factory.mktemp("closed"), QUIET, "--promql-window", "closed") as server:
        yield server.url


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Debian's Prometheus, empty."""
    with running_prometheus(tmp_path_factory.mktemp("reference")) as base:
        yield base


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    """trimtab with a few series of an hour."""
    with running(tmp_path_factory.mktemp("filled"), QUIET) as server:
        yield send_example(server.url)


@pytest.fixture
def shared_promql() -> Path:
    """Where the public compliance queries are, beside the project; skipped with a word where they are not."""
    folder = Path(__file__).resolve().parents[2].parent / "shared/promql"
    if not (folder / "compare.py").exists():
        pytest.skip(f"{folder} is not there: PromQL is not compared with Prometheus")
    return folder
