"""A change window closes while a real server builds: the build is stopped, nothing is left, and it is tried again."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from tests.act.support import FakeClock, Rig, finding, ours, policy
from trimtab.model.change import ChangeState
from trimtab.store.state import State

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@dataclass
class RunningClock(FakeClock):
    """Begins where it is put, and then runs as time does."""

    put_at_s: float = field(default_factory=time.monotonic)

    def now_ms(self) -> int:
        return self.at_ms + round((time.monotonic() - self.put_at_s) * 1000)

    def put(self, hour: int, minute: int, second: int) -> None:
        self.at_ms, self.put_at_s = ms(hour, minute, second), time.monotonic()


def ms(hour: int, minute: int, second: int) -> int:
    """A time of one day."""
    return round(datetime(2026, 11, 24, hour, minute, second, tzinfo=UTC).timestamp() * 1000)


def test_a_build_does_not_outlive_its_window(rig: Rig, tmp_path: Path) -> None:
    clock = RunningClock()
    clock.put(5, 59, 50)
    with State.open(tmp_path / "running.db", now_ms=clock.now_ms) as state:
        case = state.open_case(finding(), "select $1")
        limits = policy(change_windows=("22:00-06:00",), window_margin_s=0.0, lock_timeout_s=60.0)
        rig = Rig(rig.database, state, rig.actuator, rig.judge, clock, case.id, limits)
        with psycopg.connect(rig.database.dsn()) as holder:
            holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            holder.execute("SELECT 1 FROM pg_class LIMIT 1")  # a snapshot older than the index: the build waits for it
            change = rig.until(rig.propose().id, "checkpointed")
            change = rig.machine.advance(change.id)
            assert change.state is ChangeState.PROPOSED
            assert str(change.reason).startswith(
                "the change window closed at Tue 2026-11-24 06:00 UTC while it was built: "
            )
            assert "QueryCanceled" in str(change.reason)
            assert ours(rig.database) == []
            assert clock.now_ms() < ms(6, 0, 15)
        assert rig.machine.advance(change.id).state is ChangeState.PROPOSED
        clock.put(22, 0, 0)
        change = rig.until(change.id, "watching")
        assert len(ours(rig.database)) == 1
        rig.machine.roll_back(change.id, "alice")
        clock.put(23, 0, 0)
        clock.at_ms += 13 * 3_600_000  # noon
        assert rig.machine.advance(change.id).state is ChangeState.ROLLED_BACK, "taking back needs no window"
        assert ours(rig.database) == []
