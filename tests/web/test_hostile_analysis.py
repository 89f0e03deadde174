"""Labels that senders choose are shown as text on the pages of Analysis, whatever is in them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.api.serving import running
from tests.app.forecasting import series_there
from tests.app.patterns import patterns_there
from tests.web import capacity_there
from tests.web.anomalies_there import Series, shop, write
from tests.web.change_points_there import host
from tests.web.markup import refused_by_policy, tags_of
from tests.web.site import Site, open_site
from tests.web.stories import HOSTILE
from trimtab.web.view import segment

pytestmark = [pytest.mark.store, pytest.mark.slow]
CHOSEN = frozenset({"instance", "device", "mountpoint", "service_name", "queue"})
"""Labels whose values a sender makes up."""
SHOWN = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&lt;img src=x"


def spoiled(labels: Mapping[str, str]) -> dict[str, str]:
    """The same labels with hostile values."""
    return {name: f"{value}{HOSTILE}" if name in CHOSEN else value for name, value in labels.items()}


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Everything that Analysis finds, in series with hostile labels."""
    with open_site(tmp_path_factory.mktemp("hostile")) as site, pytest.MonkeyPatch.context() as patch:
        now_ms = time.time_ns() // 1_000_000

        def append(service: Any, labels: Mapping[str, str], *more: Any) -> None:
            series_there.append(service, spoiled(labels), *more)

        for there in (capacity_there, patterns_there):
            patch.setattr(there, "append", append)
        capacity_there.fill(site.service, now_ms)
        patterns_there.fill(site.service, now_ms, days=4)
        sent: list[Series] = [*shop(), *host()]
        with running(site.app) as url:
            write(url, [(spoiled(labels), values) for labels, values in sent], now_ms)
        site.service.telemetry.flush()
        site.service.anomalies.tick(site.service.now_ms())
        site.service.change_points.round(site.service.now_ms())
        site.service.forecasts.round(now_ms)
        site.service.capacity.round(now_ms)
        site.service.patterns.look()
        yield site


def paths(site: Site) -> list[tuple[str, bool]]:
    """Pages of Analysis, and whether they name a series."""
    visitor = site.visitor()
    episode = visitor.get("/api/trimtab/anomalies").json()["episodes"][0]["id"]
    change = visitor.get("/api/trimtab/change-points?from=now-1d").json()["rows"][0]["id"]
    series = next(iter(site.service.forecasts.now.series))
    return [
        ("/anomalies", True),
        (f"/anomalies/{segment(str(episode))}", True),
        (f"/anomalies?q={segment(HOSTILE)}", True),
        ("/change-points?from=now-1d", True),
        (f"/change-points/{segment(str(change))}", True),
        (f"/change-points?q={segment(HOSTILE)}", True),
        ("/patterns", True),
        (f"/patterns?q={segment(HOSTILE)}", True),
        (f"/patterns?kind={segment(HOSTILE)}", False),
        ("/forecasts", True),
        (f"/forecasts?series={segment(series)}", True),
        (f"/forecasts?q={segment(HOSTILE)}", True),
        ("/capacity", True),
        (f"/capacity?traffic={segment(HOSTILE)}&on={segment(HOSTILE)}", True),
    ]


def test_nothing_breaks_out_of_the_pages_of_analysis(looked: Site) -> None:
    for path, is_named in paths(looked):
        answer = looked.visitor().get(path)
        assert answer.status_code in ({200} if is_named else {200, 400}), f"{path}: {answer.status_code}"
        assert HOSTILE not in answer.text, path
        assert "<img" not in answer.text, path
        assert refused_by_policy(answer.text) == [], path
        assert not [tag for tag, _ in tags_of(answer.text) if tag == "img"], path
        if is_named:
            assert SHOWN in answer.text, f"{path} names no hostile series: this shows nothing"
