"""The cross-check computes the same numbers from other sources, and says when they differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from demo.crosscheck import crosscheck, main, print_agreements
from demo.outcome import document
from demo.shapes import names_by_shape, shape_id
from tests.demo.recorded import ANSWERED_AT_MS, EFFECT, FAULTS, done

Json = dict[str, Any]


def write_evidence(folder: Path, mean_after_ms: float = 0.252, p95_after_ms: float = 1.0) -> None:
    """Evidence of a run in which the first fault went from 60 ms to `mean_after_ms`."""
    text = FAULTS[0].statement.text
    name = FAULTS[0].statement.name
    (folder / "statements.json").write_text(json.dumps({name: text}))
    latencies = [(at_ms, 80.0) for at_ms in range(EFFECT["before_start_ms"], EFFECT["before_end_ms"], 500)]
    latencies += [(at_ms, p95_after_ms) for at_ms in range(EFFECT["after_start_ms"], EFFECT["after_end_ms"], 500)]
    latencies += [(EFFECT["before_end_ms"] + 100, 5000.0)]  # between the windows: must not count
    log = [json.dumps({"at_ms": at_ms, "name": name, "duration_ms": ms}) for at_ms, ms in latencies]
    (folder / "latency.jsonl").write_text("\n".join(log) + "\n")
    calls, total_ms, counters = 0, 0.0, []
    for at_ms in range(1_000_000, 1_110_000, 1000):
        counters.append(f"{at_ms}\t42\t{calls}\t{total_ms}")
        calls += 2
        total_ms += 2 * (60.0 if at_ms < EFFECT["before_end_ms"] else mean_after_ms)
    (folder / "counters.tsv").write_text("psql: a notice\n" + "\n".join(counters) + "\n")
    (folder / "queries.jsonl").write_text(json.dumps({"queryid": "42", "query": text.replace("%s", "$1")}) + "\n")


def only_first() -> Json:
    return document(done()[:1], FAULTS, ANSWERED_AT_MS)


def test_agreement(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_evidence(tmp_path)
    found = crosscheck(only_first(), tmp_path)
    assert [a.what for a in found] == [
        "p95 before (ms)",
        "p95 after (ms)",
        "mean ratio, as counted",
        "mean ratio, drift taken out",
    ]
    assert all((a.disagreement_percent or 0.0) < 1 for a in found if a.counts)
    assert print_agreements(found)
    assert "% apart" in capsys.readouterr().out


@pytest.mark.parametrize("evidence", [{"mean_after_ms": 0.4}, {"p95_after_ms": 1.3}])
def test_disagreement_fails(tmp_path: Path, evidence: dict[str, float]) -> None:
    write_evidence(tmp_path, **evidence)
    assert not print_agreements(crosscheck(only_first(), tmp_path))


def test_missing_evidence_fails(tmp_path: Path) -> None:
    write_evidence(tmp_path)
    (tmp_path / "counters.tsv").write_text("")
    assert not print_agreements(crosscheck(only_first(), tmp_path))
    assert not print_agreements([])


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_evidence(tmp_path)
    written = tmp_path / "demo.json"
    written.write_text(json.dumps(only_first()))
    monkeypatch.setattr("sys.argv", ["crosscheck", str(written), "--evidence", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    written.unlink()
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2


def test_shapes_meet_whatever_the_placeholders() -> None:
    names = names_by_shape({fault.statement.name: fault.statement.text for fault in FAULTS})
    assert len(names) == len(FAULTS)
    assert shape_id("not sql at all (") is None
