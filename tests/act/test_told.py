"""The log of the service tells each decision and each end once, with the case, the change and the statement."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.act.support import effect, policy
from tests.act.world import World, new_world
from trimtab.model.change import Autonomy, ChangeState, JudgementKind

OURS = ("approved", "rejected", "applied", "kept", "rolled_back", "inconclusive", "failed")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with new_world(tmp_path) as made:
        yield made


def told(lines: Any) -> list[str]:
    return [line["event"] for line in lines if line["event"] in OURS]


def test_from_the_yes_to_the_end(world: World) -> None:
    world.policy = policy(autonomy=Autonomy.SUGGEST)
    change = world.propose()
    world.judge.will_say(JudgementKind.KEEP, effect=effect())
    with capture_logs() as lines:
        world.machine.approve(change.id, "anna", change.proposal.content_hash)
        world.until(world.state.change(change.id), ChangeState.KEPT)
    assert told(lines) == ["approved", "applied", "kept"]
    first = next(line for line in lines if line["event"] == "approved")
    assert (first["case"], first["change"], first["by"]) == (change.case_id, change.id, "anna")
    assert first["statement"].startswith("CREATE INDEX CONCURRENTLY trimtab_")
    assert first["log_level"] == "info"


def test_what_is_taken_back_is_told_with_the_statement_that_did_it(world: World) -> None:
    change = world.until(world.propose(), ChangeState.WATCHING)
    world.judge.will_say(JudgementKind.ROLL_BACK, "proven slower")
    with capture_logs() as lines:
        world.machine.advance(change.id)
    assert told(lines) == ["rolled_back"]
    (line,) = lines
    assert line["statement"].startswith("DROP INDEX CONCURRENTLY public.trimtab_")
    assert line["reason"] == "proven slower"


def test_a_no_and_its_reason(world: World) -> None:
    change = world.propose()
    with capture_logs() as lines:
        world.machine.reject(change.id, "anna", "not\nnow")
    assert told(lines) == ["rejected"]
    assert lines[0]["reason"] == "rejected by anna: not now"
    assert world.state.change(change.id).state is ChangeState.REJECTED


def test_the_way_in_between_is_for_the_ledger_alone(world: World) -> None:
    with capture_logs() as lines:
        world.until(world.propose(), ChangeState.CHECKPOINTED)
    assert told(lines) == []
