"""The latency log and its readers."""

from __future__ import annotations

from pathlib import Path

from demo.latencies import LatencyTail, p95, read_calls
from demo.load.latency_log import LatencyLog


def test_what_is_written_is_read(tmp_path: Path) -> None:
    log = LatencyLog(tmp_path / "latency.jsonl")
    log.write(1000, "a", 1.23456)
    log.write(2000, "b", 7.0, error="57014")
    log.close()
    log.write(3000, "c", 1.0)
    calls = list(read_calls(tmp_path / "latency.jsonl"))
    assert [(c.at_ms, c.name, c.duration_ms, c.failed) for c in calls] == [
        (1000, "a", 1.235, False),
        (2000, "b", 7.0, True),
    ]


def test_the_log_is_bounded_and_both_parts_are_read(tmp_path: Path) -> None:
    log = LatencyLog(tmp_path / "latency.jsonl", bytes_max=1000)
    for number in range(35):
        log.write(number, "statement", 1.0)
    log.close()
    assert [call.at_ms for call in read_calls(tmp_path / "latency.jsonl")][-1] == 34
    assert sum(part.stat().st_size for part in tmp_path.iterdir()) < 2500


def test_a_line_that_is_not_whole_yet_is_left_for_later(tmp_path: Path) -> None:
    path = tmp_path / "latency.jsonl"
    whole = '{"at_ms": 100000, "name": "a", "duration_ms": 5.0}\n'
    path.write_text(whole + whole[:20])
    assert len(list(read_calls(path))) == 1
    tail = LatencyTail(path, seconds=10)
    tail.read(100_000)
    assert tail.p95_of("a") == 5.0
    path.write_text(whole + whole)
    tail.read(100_000)
    assert tail.calls_per_s == 0.2


def test_the_tail_forgets_and_survives_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "latency.jsonl"
    path.write_text("".join(f'{{"at_ms": {at}, "name": "a", "duration_ms": 5.0}}\n' for at in (1000, 2000, 30_000)))
    tail = LatencyTail(path, seconds=10)
    tail.read(30_000)
    assert tail.calls_per_s == 0.1
    path.write_text('{"at_ms": 31000, "name": "a", "duration_ms": 9.0, "error": "x"}\n')
    tail.read(31_000)
    assert tail.errors_count == 1


def test_no_log_yet_is_no_call(tmp_path: Path) -> None:
    tail = LatencyTail(tmp_path / "latency.jsonl")
    tail.read(0)
    assert tail.p95_of("a") is None
    assert p95([]) is None
