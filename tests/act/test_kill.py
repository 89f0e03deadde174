"""SIGKILL on the real thing: a process that runs the machine on PostgreSQL dies at every step and at random moments.

A new process then recovers. Each time: the change is finished or undone, the server has no INVALID and no stray
index, and the ledger, intact, tells it.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.act.support import make_table, ours
from tests.act.waiting import wait_for
from tests.conftest import Database
from trimtab.model.change import ChangeState
from trimtab.store.ledger import Event
from trimtab.store.state import State

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

ROWS_COUNT = 100_000
RANDOM_KILLS = 50 if os.environ.get("TRIMTAB_SOAK") else 8
FINISHED = ("watching", "kept")
KILLED = -9


@dataclass
class Lives:
    """Processes that run the machine, one after the other, over one database."""

    database: Database
    directory: Path
    zygote: subprocess.Popen[str]
    counts: Counter[str] = field(default_factory=Counter)
    number: int = 0

    def new(self) -> None:
        """Forget the last state; drop what was kept."""
        self.number += 1
        for name, _ in ours(self.database):
            self.database.execute(f"DROP INDEX public.{name}")

    def path(self, name: str) -> Path:
        return self.directory / f"{self.number}-{name}"

    def live(self, verdict: str, **command: Any) -> int:
        """One process; its exit code, -9 when it was killed."""
        steps_path = self.path("steps")
        steps_path.unlink(missing_ok=True)
        told = {
            "dsn": self.database.dsn("trimtab_change"),
            "state_path": str(self.path("state.db")),
            "steps_path": str(steps_path),
            "settled_path": str(self.path("settled")),
            "verdict": verdict,
            **command,
        }
        assert self.zygote.stdin is not None
        assert self.zygote.stdout is not None
        self.zygote.stdin.write(json.dumps(told) + "\n")
        self.zygote.stdin.flush()
        code = int(json.loads(self.zygote.stdout.readline())["exit"])
        error = steps_path.with_suffix(".error")
        assert code in (0, KILLED), error.read_text() if error.exists() else code
        return code

    def steps(self) -> list[str]:
        return self.path("steps").read_text().splitlines()

    def recovered(self, verdict: str, final: ChangeState, **command: Any) -> None:
        """A new process recovers and goes on; what must be true then and at the end."""
        before = ours(self.database)
        assert self.live(verdict, recover=True, **command) == 0, before
        settled = json.loads(self.path("settled").read_text())
        finished = settled["state"] in FINISHED
        assert finished or settled["state"] in ("proposed", "failed", "rolled_back")
        assert [valid for _, valid in settled["indexes"]] == ([True] if finished else [])
        self.counts["finished" if finished else "undone"] += 1
        with State.open(self.path("state.db")) as state:
            (change,) = state.changes()
            entries = state.ledger(change.id)
            assert state.verify_chain().intact
        assert change.state is final, change.reason
        left = ours(self.database)
        assert [valid for _, valid in left] == ([True] if final is ChangeState.KEPT else [])
        events = [entry.event for entry in entries]
        applied = sum(event in (Event.APPLIED, Event.KEPT) for event in events[:-1])
        assert applied >= (final is ChangeState.KEPT)
        for number, event in enumerate(events):  # whatever was begun is told to its end
            if event == Event.APPLY_INTENDED:
                assert {Event.APPLIED, Event.UNDONE} & set(events[number:])


@pytest.fixture(scope="module")
def zygote() -> Iterator[subprocess.Popen[str]]:
    """Imports everything once, for all lives."""
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.act.kill_zygote"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


@pytest.fixture
def lives(database: Database, tmp_path: Path, zygote: subprocess.Popen[str]) -> Lives:
    make_table(database, ROWS_COUNT)
    return Lives(database, tmp_path, zygote)


def test_killed_at_every_step_and_at_random_moments(lives: Lives, summary_lines: list[str]) -> None:
    steps_count = 0
    calm_s = {}
    for verdict, final in (("keep", ChangeState.KEPT), ("roll_back", ChangeState.ROLLED_BACK)):
        lives.new()
        began_s = time.monotonic()
        assert lives.live(verdict) == 0
        calm_s[verdict] = time.monotonic() - began_s
        steps = lives.steps()
        begins = 0 if verdict == "keep" else steps.index("after entry applied")  # until there both are the same
        for kill_at in range(begins, len(steps)):
            lives.new()
            assert lives.live(verdict, kill_at=kill_at) == KILLED, steps[kill_at]
            lives.counts["kills"] += 1
            steps_count += 1
            lives.recovered(verdict, final)
    seed = random.SystemRandom().randrange(10**6)
    chance = random.Random(seed)
    for number in range(RANDOM_KILLS):
        verdict, final = (("keep", ChangeState.KEPT), ("roll_back", ChangeState.ROLLED_BACK))[number % 2]
        lives.new()
        if lives.live(verdict, kill_after_s=chance.uniform(0.02, calm_s[verdict])) == KILLED:
            lives.counts["kills"] += 1
        lives.recovered(verdict, final)
    counts = lives.counts
    summary_lines.append(
        f"kill test: steps={steps_count} kills={counts['kills']} finished={counts['finished']} "
        f"undone={counts['undone']} (seed {seed})"
    )
    assert steps_count >= 30
    assert counts["finished"] >= 5
    assert counts["undone"] >= 5


@pytest.mark.parametrize("patient", [True, False], ids=["writer_goes_on_later", "writer_ends_at_once"])
def test_killed_while_the_server_builds(lives: Lives, patient: bool) -> None:
    """Behind an open writer the server goes on building for a process that is dead; the next one takes it up."""
    lives.new()
    with psycopg.connect(lives.database.dsn()) as writer:
        writer.execute("UPDATE public.orders SET total = 1 WHERE id = 1")
        assert lives.live("keep", kill_at="after entry noted", lock_timeout_s=15.0) == KILLED
        assert [valid for _, valid in ours(lives.database)] == [False]
        if patient:
            writer.rollback()
            wait_for(lambda: [valid for _, valid in ours(lives.database)] == [True])
            wait_for(lambda: _sessions(lives.database) == 0)
        else:
            assert _sessions(lives.database) == 1
    lives.recovered("keep", ChangeState.KEPT)
    assert lives.counts["finished"] == 1


def test_killed_while_the_server_builds_and_fails(lives: Lives) -> None:
    """The orphaned build runs into its lock timeout: the INVALID index that it leaves is found and dropped."""
    lives.new()
    with psycopg.connect(lives.database.dsn()) as writer:
        writer.execute("UPDATE public.orders SET total = 1 WHERE id = 1")
        assert lives.live("keep", kill_at="after entry noted", lock_timeout_s=1.0) == KILLED
        wait_for(lambda: _sessions(lives.database) == 0)
        assert [valid for _, valid in ours(lives.database)] == [False]
    lives.recovered("keep", ChangeState.KEPT)
    assert lives.counts["undone"] == 1


def _sessions(database: Database) -> int:
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'trimtab/change/%'"
        ).fetchone()
    assert row is not None
    return int(row[0])
