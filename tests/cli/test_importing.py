"""`trimtab import`: into a directory without a server, into a running one, and what is refused is said."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import TRIMTAB, Server, start_server, trimtab
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = pytest.mark.store
DAY_US = 86_400 * 10**6


def jaeger(*ages_days: float, trace_id: str = "ab") -> dict[str, Any]:
    """A trace in Jaeger's JSON, a span for each age."""
    now_us = time.time_ns() // 1000
    return {
        "data": [
            {
                "traceID": trace_id,
                "processes": {"p1": {"serviceName": "shop", "tags": []}},
                "spans": [
                    {
                        "spanID": str(number),
                        "operationName": f"span {number}",
                        "startTime": now_us - int(age * DAY_US) - 10**6,
                        "duration": 5,
                        "processID": "p1",
                    }
                    for number, age in enumerate(ages_days, 1)
                ],
            }
        ]
    }


def written(path: Path, document: object) -> str:
    path.write_text(json.dumps(document))
    return str(path)


def names_in(data_dir: Path) -> list[str]:
    with EmbeddedTelemetry.open(data_dir) as store:
        store.flush()
        return sorted(store.query("SELECT name FROM spans").column("name").to_pylist())


def test_into_a_directory_and_what_is_too_old_is_refused_and_said(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    file = written(tmp_path / "a.json", jaeger(0, 30, 1))
    missing = trimtab("import", "jaeger", file, "--data-dir", str(data_dir))
    assert missing.returncode == 2
    assert f"there is no data directory {data_dir}" in missing.stderr
    data_dir.mkdir()
    done = trimtab("import", "jaeger", file, "--data-dir", str(data_dir), "--format", "json", is_executed=True)
    assert done.returncode == 1, done.stderr
    (told,) = json.loads(done.stdout)["files"]
    assert (told["file"], told["spans"], told["refused"]) == (file, 2, 1)
    assert told["why"] == ["1 spans refused: 1 began before the 7 days that spans are kept"]
    assert names_in(data_dir) == ["span 1", "span 3"]


def test_from_standard_input(tmp_path: Path) -> None:
    piped = subprocess.run(
        [TRIMTAB, "import", "jaeger", "-", "--data-dir", str(tmp_path)],
        input=json.dumps(jaeger(0, 0)),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert piped.stdout == "-: 2 spans imported\n"


def test_a_bad_file_leaves_nothing_behind(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    good = written(tmp_path / "good.json", jaeger(0))
    broken = jaeger(0, 0)
    broken["data"][0]["spans"][1]["duration"] = "long"
    bad = written(tmp_path / "bad.json", broken)
    done = trimtab("import", "jaeger", good, bad, "--data-dir", str(data_dir))
    assert done.returncode == 2
    assert done.stderr.startswith(f"trimtab: {bad}: data[0].spans[1].duration: Expected `int | float`, got `str`")
    assert "Nothing was imported" in done.stderr
    assert names_in(data_dir) == []
    absent = trimtab("import", "jaeger", str(tmp_path / "absent.json"), "--data-dir", str(data_dir))
    assert (absent.returncode, absent.stderr) == (
        2,
        f"trimtab: {tmp_path / 'absent.json'}: No such file or directory\n",
    )


@pytest.fixture
def server(tmp_path: Path) -> Any:
    started: Server = start_server(tmp_path / "data")
    yield started
    started.process.terminate()
    started.process.wait(30)


def test_into_a_running_server(server: Server, tmp_path: Path) -> None:
    file = written(tmp_path / "a.json", jaeger(0, 30))
    done = server.run("import", "jaeger", file)
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines() == [
        f"{file}: 1 spans imported",
        "  1 spans refused: 1 began before the 7 days that spans are kept",
    ]
    lines = b"\n".join(json.dumps(otlp(name)).encode() for name in ("one", "two"))
    (tmp_path / "lines.json").write_bytes(lines)
    by_url = trimtab("import", "otlp", str(tmp_path / "lines.json"), "--server", server.url)
    assert by_url.returncode == 0, by_url.stderr
    assert by_url.stdout == f"{tmp_path / 'lines.json'}: 2 spans imported\n"
    server.process.terminate()
    assert server.process.wait(30) == 0
    names = names_in(server.data_dir)  # with the server's own
    assert [name for name in names if "/" not in name] == ["one", "span 1", "two"]


def otlp(name: str) -> dict[str, Any]:
    now_ns = time.time_ns()
    span = {"traceId": "ab" * 16, "spanId": "cd" * 8, "name": name, "startTimeUnixNano": str(now_ns)}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def test_a_server_that_wants_a_token_says_so(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    added = trimtab("token", "create", "sender", "--role", "ingest", "--data-dir", str(data_dir), "--format", "json")
    assert added.returncode == 0, added.stderr
    token = json.loads(added.stdout)["secret"]
    made = start_server(data_dir, "", "--require-login") if _has_admin(data_dir) else None
    assert made is not None
    try:
        file = written(tmp_path / "a.json", jaeger(0))
        refused = trimtab("import", "jaeger", file, "--server", made.url)
        assert refused.returncode == 3
        assert "a login is needed. Give a token of the role ingest" in refused.stderr
        done = trimtab("import", "jaeger", file, "--server", made.url, TRIMTAB_TOKEN=token)
        assert done.returncode == 0, done.stderr
    finally:
        made.process.terminate()
        made.process.wait(30)


def _has_admin(data_dir: Path) -> bool:
    password = data_dir.parent / "password"
    password.write_text("correct horse battery staple")
    arguments = ("--role", "admin", "--password-file", str(password), "--data-dir", str(data_dir))
    return trimtab("user", "add", "ada", *arguments).returncode == 0
