"""`trimtab detect`, `forecast`, `changepoints`, `capacity` on files, as the contract has them."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as arrow_parquet
import pytest
from click.testing import CliRunner

from trimtab.app.series_files import reading
from trimtab.cli.main import main

pytestmark = pytest.mark.slow

HOURS = 24 * 28
FIELDS_OF_FORECAST = ["series", "timestamp", "mean", "lo_80", "hi_80", "lo_90", "hi_90"]


def run(*arguments: str, given: str | None = None, wanted: int = 0) -> tuple[str, str]:
    ended = CliRunner().invoke(main, arguments, input=given)
    assert ended.exit_code == wanted, ended.output
    return ended.stdout, ended.stderr


def answer(*arguments: str, given: str | None = None) -> Any:
    return json.loads(run(*arguments, "--format", "json", given=given)[0])


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four weeks by the hour: a day's curve that is odd for three hours, a level that rises, a disk that fills."""
    draw = np.random.default_rng(5)
    hours = np.arange(HOURS)
    cpu = 40 + 10 * np.sin(hours * 2 * np.pi / 24) + draw.normal(0, 1, HOURS)
    cpu[500:503] += 45
    flat = draw.normal(50, 2, HOURS)
    flat[400:] += 20
    disk = 100 + 0.5 * hours + draw.normal(0, 1, HOURS)
    rows = "".join(
        f"{datetime.fromtimestamp(1767225600 + 3600 * int(hour)).astimezone():%Y-%m-%dT%H:%M:%S%z},"
        f"{cpu[hour]:.3f},{flat[hour]:.3f},{disk[hour]:.3f}\n"
        for hour in hours
    )
    path = tmp_path_factory.mktemp("files") / "day.csv"
    path.write_text("timestamp,cpu,flat,disk_GB\n" + rows)
    return path


def test_detect_names_episodes_and_writes_scores(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    found = answer("detect", str(file), "--value-column", "cpu", "--scores", str(out))
    assert {"series", "start", "end", "score", "expected", "observed"} <= set(found["episodes"][0])
    assert "2026-01-21T20:00:00Z" in [one["start"] for one in found["episodes"]]  # hour 500
    lines = out.read_text().splitlines()
    assert lines[0] == "timestamp,cpu,flat,disk_GB,anomaly_score"
    assert [line.rsplit(",", 1)[0] for line in lines[1:]] == file.read_text().splitlines()[1:]
    scores = np.array([float(line.rsplit(",", 1)[1]) for line in lines[1:]])
    assert ((scores >= 0) & (scores <= 1)).all()
    assert scores[500:503].max() == scores.max()


def test_a_score_uses_no_later_row(file: Path, tmp_path: Path) -> None:
    lines = file.read_text().splitlines(keepends=True)
    short = "".join(lines[:502])
    run("detect", str(file), "--scores", str(tmp_path / "all.csv"))
    run("detect", "-", "--scores", str(tmp_path / "short.csv"), given=short)
    written = (tmp_path / "all.csv").read_text().splitlines(), (tmp_path / "short.csv").read_text().splitlines()
    assert written[0][:502] == written[1]


def test_fail_on_turns_episodes_into_an_exit_code(file: Path) -> None:
    run("detect", str(file), "--fail-on", "0.01", wanted=1)
    run("detect", "-", "--fail-on", "0.01", given="timestamp,value\n0,1\n60,1\n")


def test_forecast_has_each_step_and_intervals_in_order(file: Path) -> None:
    found = answer("forecast", str(file), "--horizon", "24h")
    assert found["model"]
    assert [list(row) for row in found["forecasts"][:1]] == [FIELDS_OF_FORECAST]
    assert len(found["forecasts"]) == 3 * 24
    assert found["forecasts"][0]["timestamp"] == "2026-01-29T00:00:00Z"
    for row in found["forecasts"]:
        assert row["lo_90"] <= row["lo_80"] <= row["hi_80"] <= row["hi_90"]
    wide = answer("forecast", str(file), "--horizon", "2d", "--step", "6h", "--value-column", "flat")
    assert len(wide["forecasts"]) == 8


def test_changepoints_have_index_and_ratio(file: Path) -> None:
    found = answer("changepoints", str(file), "--value-column", "flat")["change_points"]
    assert [one["index"] for one in found] == [400]
    one = found[0]
    assert one["timestamp"] == "2026-01-17T16:00:00Z"
    assert 1.3 < one["ratio"] < 1.5
    assert one["interval_90"][0] < one["ratio"] < one["interval_90"][1]
    assert one["provisional"] is False


def test_capacity_takes_a_limit_with_a_unit(file: Path) -> None:
    found = answer("capacity", str(file), "--value-column", "disk_GB", "--limit", "500GB")["saturation"]
    assert found[0]["limit"] == 500
    assert found[0]["earliest"] <= found[0]["date"] <= found[0]["latest"]
    assert found[0]["earliest"] <= "2026-02-03T08:00:00Z" <= found[0]["latest"]  # hour 800
    _, told = run("capacity", str(file), "--value-column", "cpu", "--limit", "1GB", wanted=2)
    assert "name it by --unit" in told


def test_capacity_answers_for_the_series_that_a_limit_fits(file: Path, tmp_path: Path) -> None:
    said, told = run("capacity", str(file), "--limit", "500GB", "--format", "json", "--plot", str(tmp_path / "a.png"))
    assert [one["series"] for one in json.loads(said)["saturation"]] == ["disk_GB"]
    assert "left out: --limit 500GB has a unit, and nobody says what 'cpu' is in" in told
    assert "'flat'" in told
    _, told = run("capacity", str(file), "--limit", "5 parsecs", wanted=2)
    assert "no unit that is known" in told
    many = "timestamp," + ",".join([f"c{n}" for n in range(9)]) + ",d_GB\n0" + ",1" * 10 + "\n60" + ",2" * 10 + "\n"
    _, told = run("capacity", "-", "--limit", "5GB", given=many)
    assert "either: 'c5', 'c6', 'c7', 'c8'" in told


@pytest.mark.parametrize("option", ["--plot", "--scores"])
def test_where_nothing_can_be_written_is_said_before_the_work(
    file: Path, tmp_path: Path, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("the work began")

    monkeypatch.setattr(reading, "read_series", never)
    _, told = run("detect", str(file), option, str(tmp_path / "not there" / "out.png"), wanted=2)
    assert told.startswith(f"trimtab: {option}: ")
    assert "not there is not there" in told
    (tmp_path / "folder.png").mkdir()
    assert "is a folder" in run("detect", str(file), option, str(tmp_path / "folder.png"), wanted=2)[1]
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "no right to write" in run("detect", str(file), option, str(tmp_path / "out.png"), wanted=3)[1]


@pytest.mark.parametrize("command", ["detect", "forecast", "changepoints", "capacity"])
def test_pictures_and_tables(file: Path, tmp_path: Path, command: str) -> None:
    options = ["--limit", "500"] if command == "capacity" else []
    suffixes = [(".png", b"\x89PNG"), (".svg", b"<?xml")]
    for suffix, begins in suffixes[: 2 if command == "detect" else 1]:
        path = tmp_path / f"picture{suffix}"
        told, _ = run(command, str(file), "--plot", str(path), *options)
        assert path.read_bytes().startswith(begins)
        assert "cpu" in told or "flat" in told


def test_a_bad_row_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    _, told = run("detect", "-", "--scores", str(out), given="timestamp,value\n0,1\n60,much\n", wanted=2)
    assert told == "trimtab: standard input, line 3, column value: 'much' is no number\n"
    assert not out.exists()


def test_plots_without_matplotlib_say_what_to_install(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    _, told = run("detect", str(file), "--plot", str(tmp_path / "p.png"), wanted=3)
    assert "pip install 'trimtab[plot]'" in told
    _, told = run("detect", str(file), "--plot", str(tmp_path / "p.gif"), wanted=2)
    assert "neither in .png nor in .svg" in told


def test_files_that_are_not_there(tmp_path: Path) -> None:
    _, told = run("forecast", str(tmp_path / "none.csv"), wanted=2)
    assert "there is no such file" in told
    _, told = run("forecast", str(tmp_path), wanted=2)
    assert "it is a folder" in told
    _, told = run("forecast", "-", "--horizon", "soon", given="timestamp,value\n0,1\n", wanted=2)
    assert "--horizon: 'soon' is no duration" in told


def test_a_series_of_one_sample_does_not_stop_the_others() -> None:
    rows = "".join(f"2026-01-01T{hour:02}:00Z,a,{hour}\n" for hour in range(20)) + "2026-01-01T05:00Z,b,1\n"
    told, said = run("forecast", "-", "--format", "json", "--horizon", "2h", given="timestamp,series,value\n" + rows)
    assert {row["series"] for row in json.loads(told)["forecasts"]} == {"a"}
    assert "no forecast of 'b': it has 1 sample, two are needed for a step" in said
    _, said = run("forecast", "-", given="timestamp,value\n2026-01-01T00:00Z,1\n", wanted=2)
    assert "'value' has 1 sample, two are needed for a step" in said
    weekly = "".join(f"2026-01-{day:02},1\n" for day in (1, 8, 15, 22))
    _, said = run("forecast", "-", given="timestamp,value\n" + weekly, wanted=2)
    assert "'value' has samples 7 days apart, the limit is 1 day (--step 1d)" in said


def test_a_step_that_is_too_small_is_named(file: Path) -> None:
    for step in ("1ms", "30d"):
        _, told = run("forecast", str(file), "--step", step, wanted=2)
        assert "is not between 1 s and 1 day" in told
        assert told.startswith("trimtab: --step: ")
    years = "timestamp,value\n2020-01-01T00:00Z,1\n2026-01-01T00:00Z,2\n"
    _, told = run("forecast", "-", "--step", "1s", given=years, wanted=2)
    assert "name a greater step (--step)" in told


def test_what_is_refused_is_called_as_the_option_is(file: Path) -> None:
    _, told = run("forecast", str(file), "--time-zone", "Europe/Nowhere", wanted=2)
    assert "--time-zone: there is no zone 'Europe/Nowhere'" in told
    _, told = run("forecast", str(file), "--holiday", "2026-13-01", wanted=2)
    assert told.startswith("trimtab: --holiday: '2026-13-01' is no date")
    _, told = run("capacity", str(file), "--limit", "8GB", "--value-column", "flat", wanted=2)
    assert "nobody says what 'flat' is in: name it by --unit" in told
    _, told = run("capacity", str(file), "--limit", "90%", "--value-column", "disk_GB", wanted=2)
    assert "--limit 90% does not fit to 'disk_GB', which is in GB" in told


def test_a_series_without_numbers_or_with_few_is_said_to_be_so() -> None:
    rows = [f"2026-01-01T{hour:02}:00Z,{hour},NaN" for hour in range(9)]
    given = "timestamp,few,none\n" + "\n".join(rows) + "\n"
    told, said = run("forecast", "-", "--format", "json", "--horizon", "2h", given=given)
    assert {row["series"] for row in json.loads(told)["forecasts"]} == {"few"}
    assert "no forecast of 'none': it has no value in any row" in said
    told, said = run("changepoints", "-", given=given)
    assert "'few', 'none': two levels need 10 numbers, and there are fewer" in said
    told, _ = run("capacity", "-", "--limit", "20", given="timestamp,value\n2026-01-01T00:00Z,1\n")
    assert "it has one peak, a trend needs 8" in " ".join(told.split())


def test_change_points_of_a_very_long_series(tmp_path: Path) -> None:
    count, change = 220_000, 150_001
    values = np.random.default_rng(2).normal(10, 1, count)
    values[change:] += 3
    path = tmp_path / "long.csv"
    path.write_text(
        "timestamp,value\n" + "".join(f"{1767225600 + at},{value:.4f}\n" for at, value in enumerate(values))
    )
    told, said = run("changepoints", str(path), "--format", "json")
    found = json.loads(told)["change_points"]
    assert [abs(one["index"] - change) <= 3 for one in found] == [True]
    assert "medians of 3 were looked at" in said


def test_noise_by_the_day_is_hardly_ever_odd() -> None:
    values = np.random.default_rng(3).normal(10, 1, 400)
    rows = "".join(f"{1767225600 + 86400 * day},{value:.3f}\n" for day, value in enumerate(values))
    assert len(answer("detect", "-", given="timestamp,value\n" + rows)["episodes"]) <= 3


def test_a_series_without_a_name_is_no_load(tmp_path: Path) -> None:
    path = tmp_path / "unnamed.parquet"
    at = [1767225600 + 60 * place for place in range(300)]
    level = np.random.default_rng(4).normal(50, 1, 300) + np.repeat([0, 10], 150)
    arrow_parquet.write_table(pa.table({"timestamp": at, "": level}), str(path))
    found = answer("changepoints", str(path), "--value-column", "")["change_points"]
    assert [(one["index"], one["adjusted_for"]) for one in found] == [(150, [])]


def test_names_are_no_markup_and_letters_without_a_font_are_said(tmp_path: Path) -> None:
    rows = "".join(f"{1767225600 + 3600 * at},{at % 9 + 50 * (at == 500)},{at % 5}\n" for at in range(600))
    given = "timestamp,latency [ms],\u65e5\n" + rows
    told, said = run("detect", "-", "--plot", str(tmp_path / "p.svg"), given=given)
    assert "latency [ms]" in told
    assert said == "trimtab: letters that the font of the picture lacks are boxes in it\n"


def test_too_few_numbers_are_not_called_usual() -> None:
    _, said = run("detect", "-", given="timestamp,value\n" + "".join(f"{1767225600 + at},1\n" for at in range(60)))
    assert said == "trimtab: 'value': nothing is said of the first 60 numbers of a series, and there are no more\n"
    without = "timestamp,value\n" + "".join(f"{1767225600 + at},NaN\n" for at in range(90))
    assert answer("capacity", "-", "--limit", "5", given=without)["saturation"][0]["horizon"] is None
