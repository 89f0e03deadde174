"""Who wants something of a change that has ended is told what can still be done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.site import Site, open_site
from tests.web.stories import Stories
from trimtab.model.change import Change, ChangeState
from trimtab.model.errors import GuardRefused
from trimtab.store.ledger import Event

pytestmark = pytest.mark.store


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("closed")) as opened:
        yield opened


@pytest.fixture
def stories(site: Site) -> Stories:
    made = Stories(site.service.state, site.service.now_ms())
    made.watch("shop")
    return made


def test_a_kept_change_is_dropped_by_hand(site: Site, stories: Stories) -> None:
    change: Change = stories.kept("shop")
    with pytest.raises(GuardRefused, match="run by hand: DROP INDEX CONCURRENTLY public") as refused:
        site.service.roll_back(change.case_id, "anna")
    assert str(refused.value.facts["sql"]).startswith("DROP INDEX CONCURRENTLY public.")
    with pytest.raises(GuardRefused, match="was applied and kept"):
        site.service.approve(change.case_id, "anna", change.proposal.content_hash)


def test_who_approves_what_was_rejected_is_told_when_it_may_come_again(site: Site, stories: Stories) -> None:
    change = stories.proposed("shop")
    stories.move(change, Event.REJECTED, ChangeState.REJECTED, "anna", reason="rejected by anna: not today")
    with pytest.raises(GuardRefused, match="rejected by anna: not today") as refused:
        site.service.approve(change.case_id, "bernd", change.proposal.content_hash)
    assert "it gets a new case, with a proposal of its own, from " in refused.value.message
    assert "advise.reopen_after_s" in refused.value.message
