"""kill -9 at random moments and at every named step: acknowledged samples are there, exactly once, by their numbers."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from tests.cli.already_imported import Forked
from tests.empty_store import make_tables
from tests.store.metrics.doomed_sender import LIMITS, METRIC_LIMITS, SERIES_OF_A_SENDER, SLOT_MS, STEPS
from tests.store.metrics.scrapes import now_ms
from trimtab.model.retention import RetentionPolicy
from trimtab.store.metrics.block import Matcher
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = [pytest.mark.store, pytest.mark.slow]
RANDOM_ROUNDS = 50 if os.environ.get("TRIMTAB_SOAK") else 4
SEED = 20261
Said = dict[str, int]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    directory = make_tables(tmp_path / "data")
    (directory / "begin_ms").write_text(str(now_ms() - 3_000_000))
    return directory


def run_until_killed(data_dir: Path, round_name: str, step: str, said: Said, kill_after_s: float | None = None) -> None:
    """Add the greatest acknowledged number of each sender to `said`."""
    output = data_dir.parent / f"{round_name}.said"
    with output.open("wb") as sink:
        arguments = ("doomed_sender", str(data_dir), round_name, step)
        child = Forked(arguments, sink.fileno(), 2, os.environ, "tests.store.metrics.doomed_sender")
    try:
        if kill_after_s is not None:
            deadline = time.monotonic() + 60
            while b"\na " not in output.read_bytes() and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(kill_after_s)
            child.kill()
        child.wait(timeout=90)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == -signal.SIGKILL, output.read_text()[-2000:]
    for line in output.read_text().splitlines():
        assert not line.startswith("refused"), line
        if line.startswith("a "):
            _, sender, number = line.split()
            said[sender] = max(said.get(sender, 0), int(number))


def check(data_dir: Path, said: Said) -> int:
    """How many samples are there; each sequence has all acknowledged numbers, none missing, none twice."""
    with EmbeddedTelemetry.open(data_dir, LIMITS, RetentionPolicy(), METRIC_LIMITS) as telemetry:
        blocks = []
        for _ in range(2):  # while the spool still has some, and when the engine has all
            blocks.append(telemetry.metrics.select([[Matcher("__name__", "=", "m")]], 0, 1 << 60))
            telemetry.flush(60)
        begin_ms = int((data_dir / "begin_ms").read_text())
        for block in blocks:
            found: dict[str, int] = {}
            for number, labels in enumerate(block.labels):
                first, end = block.offsets[number], block.offsets[number + 1]
                values = block.values[first:end]
                assert values.tolist() == list(range(len(values))), "a number is missing, or there twice"
                assert np.array_equal(block.at_ms[first:end], begin_ms + SLOT_MS * np.arange(len(values)))
                found[dict(labels)["name"]] = len(values)
            for sender, count in said.items():
                for number in range(SERIES_OF_A_SENDER):
                    assert found[f"{sender}-{number}"] >= count
        stored = telemetry.query(
            "SELECT count() AS n, uniqExact(id, at_ms) AS u, uniqExact(id) AS s FROM metric_samples"
        )
        row = stored.to_pylist()[0]
        assert row["n"] == row["u"] == len(blocks[1].at_ms), "the engine has a sample twice"
        assert row["s"] == len(blocks[1].labels)
        status = telemetry.status()
        assert (status.quarantined_count, status.spool_bytes) == (0, 0)
        return len(blocks[1].at_ms)


def test_kills_at_random_moments_lose_nothing_and_double_nothing(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = random.Random(SEED)
    said: Said = {}
    for number in range(RANDOM_ROUNDS):
        run_until_killed(data_dir, f"r{number}", "-", said, draw.uniform(0.0, 0.6))
    assert said
    count = check(data_dir, said)
    with capsys.disabled():
        print(f"\nmetrics: {RANDOM_ROUNDS} kills at random moments (seed {SEED}): {count} samples, 0 lost, 0 doubled")


def test_kills_at_every_step_lose_nothing_and_double_nothing(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said: Said = {}
    steps = [step for step in STEPS if step != "-"]
    for number, step in enumerate(steps):
        run_until_killed(data_dir, f"t{number}", step, said)
    count = check(data_dir, said)
    with capsys.disabled():
        print(f"\nmetrics: killed at {len(steps)} named steps: {count} samples, 0 lost, 0 doubled")
