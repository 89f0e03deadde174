"""kill -9 at random moments and at every named step: what was acknowledged is there, exactly once."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.already_imported import Forked
from tests.empty_store import make_tables
from tests.store.doomed_writer import LIMITS, STEPS
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = [pytest.mark.store, pytest.mark.slow]
RANDOM_ROUNDS = 50 if os.environ.get("TRIMTAB_SOAK") else 6
SEED = 20260


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Where the writer keeps its store; what it says is kept beside it."""
    return make_tables(tmp_path / "data")


@dataclass(frozen=True)
class Kill:
    """When to kill from outside: `after_s` seconds after the writer has said so many lines."""

    lines_count: int
    after_s: float


def run_until_killed(data_dir: Path, round_name: str, step: str, kill: Kill | None = None) -> list[str]:
    """The acknowledgements of a writer that was killed from outside, or by itself at a step."""
    said = data_dir.parent / f"{round_name}.said"
    with said.open("wb") as output:
        arguments = ("doomed_writer", str(data_dir), round_name, step)
        child = Forked(arguments, output.fileno(), 2, os.environ, "tests.store.doomed_writer")
    try:
        if kill is not None:
            deadline = time.monotonic() + 30
            while said.read_bytes().count(b"\n") < kill.lines_count and time.monotonic() < deadline:
                time.sleep(0.002)
            time.sleep(kill.after_s)
            child.kill()
        child.wait(timeout=60)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == -signal.SIGKILL
    return said.read_text().splitlines()


def check(data_dir: Path, acknowledged: Counter[str]) -> tuple[int, int]:
    """Acknowledged messages that were found, and others that are there although the kill came before their word."""
    with EmbeddedTelemetry.open(data_dir, LIMITS) as telemetry:
        telemetry.flush(30)
        rows = telemetry.query("SELECT message, count() AS c FROM server_events GROUP BY message").to_pylist()
        found = Counter({f"a {row['message']}": row["c"] for row in rows})
        assert set(found.values()) <= {2}, "an event has two rows: more is twice, less is half"
        spans = telemetry.query("SELECT name, count() AS c FROM spans GROUP BY name").to_pylist()
        assert {row["c"] for row in spans} <= {1}
        found.update({f"s {row['name']}": 1 for row in spans})
        lines = telemetry.query("SELECT body, count() AS c FROM log_records GROUP BY body").to_pylist()
        assert {row["c"] for row in lines} <= {1}
        found.update({f"l {row['body']}": 1 for row in lines})
        check_minutes(telemetry)
        missing = set(acknowledged) - set(found)
        assert not missing
        status = telemetry.status()
        assert (status.quarantined_count, status.spool_bytes) == (0, 0)
    return len(acknowledged), len(set(found) - set(acknowledged))


def check_minutes(telemetry: EmbeddedTelemetry) -> None:
    """The minutes tell every span once, however often a roll-up was cut off."""
    newest = telemetry.query("SELECT max(spool_segment) AS id FROM spans")["id"][0].as_py()
    give_up_at = time.monotonic() + 30
    while telemetry.marks()["spans"] < newest and time.monotonic() < give_up_at:
        time.sleep(0.02)
    mark = {"mark": telemetry.marks()["spans"]}
    rolled = telemetry.query("SELECT sum(arraySum(counts)) AS n FROM span_minutes WHERE roll <= {mark:UInt64}", mark)
    spans = telemetry.query("SELECT count() AS n FROM spans")
    assert rolled["n"][0].as_py() == spans["n"][0].as_py() > 0


def test_kills_at_random_moments_lose_nothing_and_double_nothing(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = random.Random(SEED)
    acknowledged: Counter[str] = Counter()
    for number in range(RANDOM_ROUNDS):
        if number % 4 == 3:
            kill = Kill(0, draw.uniform(0.3, 1.2))  # often while it opens and settles what the last one left
        else:
            kill = Kill(draw.randrange(1, 200), draw.uniform(0.0, 0.05))
        output = run_until_killed(data_dir, f"r{number}", "-", kill)
        acknowledged.update(line for line in output if line[:2] in {"a ", "s ", "l "})
    assert acknowledged
    assert max(acknowledged.values()) == 1
    found, extra = check(data_dir, acknowledged)
    with capsys.disabled():
        print(
            f"\ntelemetry store: {RANDOM_ROUNDS} kills at random moments (seed {SEED}): {found} acknowledged messages,"
            f" 0 lost, 0 doubled; {extra} more were on disk before their word"
        )


def test_kills_at_every_step_lose_nothing_and_double_nothing(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    acknowledged: Counter[str] = Counter()
    steps = [step for step in STEPS if step != "-"]
    for number, step in enumerate(steps):
        output = run_until_killed(data_dir, f"t{number}", step)
        acknowledged.update(line for line in output if line[:2] in {"a ", "s ", "l "})
    found, extra = check(data_dir, acknowledged)
    with capsys.disabled():
        print(
            f"\ntelemetry store: killed at {len(steps)} named steps: {found} acknowledged messages, 0 lost, 0 doubled;"
            f" {extra} more were on disk before their word"
        )
