"""Text that people and databases bring is shown as text, wherever it comes from and on every page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.web.alerts_there import hostile_alert, labels, write
from tests.web.markup import refused_by_policy, tags_of
from tests.web.site import open_site
from tests.web.stories import HOSTILE, Stories
from trimtab.model.change import ChangeState
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.store.ledger import Event
from trimtab.web.pages.alerts.words import matchers_text
from trimtab.web.view import segment

pytestmark = pytest.mark.store

HOUR_MS = 3_600_000

TABLE = IndexDefinition("public", 'o"><script>', (IndexKey("<img src=x onerror=alert(3)>"),))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server on which every text is hostile."""
    with open_site(tmp_path_factory.mktemp("web")) as site:
        stories = Stories(site.service.state, site.service.now_ms())
        stories.watch(HOSTILE)
        stories.noticed(HOSTILE, text=f"SELECT '{HOSTILE}'", title=HOSTILE)
        stories.proposed(
            HOSTILE, summary=HOSTILE, verified=(HOSTILE,), not_verified=(HOSTILE,), interval_source=HOSTILE
        )
        change = stories.proposed(HOSTILE, index=TABLE, risk_reasons=(HOSTILE,), parameters_source=HOSTILE)
        stories.move(change, Event.REJECTED, ChangeState.REJECTED, HOSTILE, reason=HOSTILE)
        stories.kept(HOSTILE)
        stories.rolled_back(HOSTILE, reason=HOSTILE)
        watching = stories.watching(HOSTILE)
        stories.move(watching, Event.NOTED, ChangeState.WATCHING, HOSTILE, reason=HOSTILE, deep={"a": [HOSTILE]})
        site.service.freeze(True, HOSTILE, HOSTILE)
        site.service.freeze(True, HOSTILE, HOSTILE, system=HOSTILE)
        site.service.set_override(HOSTILE, "create_index.autonomy", "approve", HOSTILE)
        site.service.access.audit(HOSTILE, HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, address=HOSTILE)
        alert = hostile_alert(site.service.now_ms())
        write(site.service, alert)
        site.service.notify.silencing.make(HOSTILE, matchers_text(labels(alert)), alert.active_at_ms + HOUR_MS, HOSTILE)
        yield site.visitor()


PATHS = [
    "/",
    "/alerts",
    "/alerts/1",
    "/alerts?tab=history",
    f"/alerts?tab=history&q={segment(HOSTILE)}&severity={segment(HOSTILE)}",
    f"/alerts?tab=silences&matchers={segment(HOSTILE)}&comment={segment(HOSTILE)}&place={segment(HOSTILE)}",
    "/alerts?tab=silences&matchers=job%3D~%22.%2B%22",
    "/alerts?tab=told",
    "/queries",
    f"/queries/{segment(HOSTILE)}/0000000000000001",
    "/cases",
    f"/cases?q={segment(HOSTILE)}&system={segment(HOSTILE)}",
    *(f"/cases/{number}" for number in range(1, 7)),
    "/cases/1?notice=<script>",
    "/changes",
    "/ledger",
    f"/ledger?q={segment(HOSTILE)}",
    "/ledger?tab=entries",
    "/settings",
    f"/settings?tab=policy&system={segment(HOSTILE)}",
    "/settings?tab=audit",
    f"/settings?tab=configuration&q={segment(HOSTILE)}",
    "/self",
    f"/settings?tab={segment(HOSTILE)}",
    f"/cases?state={segment(HOSTILE)}",
    f"/{segment(HOSTILE)}",
    f"/login?next={segment(HOSTILE)}",
]


@pytest.mark.parametrize("path", PATHS)
def test_nothing_breaks_out(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code < 500, f"{path}: {answer.status_code}"
    assert HOSTILE not in answer.text
    assert refused_by_policy(answer.text) == []
    assert not [attributes for tag, attributes in tags_of(answer.text) if tag == "img"]


def test_it_is_shown_all_the_same(client: TestClient) -> None:
    page = client.get("/cases/1").text
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in page


def test_a_table_with_a_hostile_name_gets_a_quoted_statement(client: TestClient) -> None:
    page = client.get("/cases/3").text
    assert "&#34;o&#34;&#34;&gt;&lt;script&gt;&#34;" in page
