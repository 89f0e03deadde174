"""`trimtab logs` against a real server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner

from tests.api.served import listening, served
from tests.store.logs.requests import record, request
from trimtab.cli import logs_output
from trimtab.cli.client import Client
from trimtab.cli.main import main
from trimtab.model.errors import InputError

pytestmark = pytest.mark.store
PROTOBUF = {"Content-Type": "application/x-protobuf"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data_dir: Path = tmp_path_factory.mktemp("logs") / "data"
    with served(data_dir) as made, listening(made.open_app) as port:
        url = f"http://127.0.0.1:{port}"
        now_ns = time.time_ns()
        lines = [
            record(f"order {number} paid", now_ns - number * 10**9, severity_number=9) for number in range(3, 0, -1)
        ]
        send(url, request(*lines, record("it \x1b[31m broke", now_ns, severity_number=17)))
        made.service.telemetry.flush()
        yield url


def send(url: str, body: bytes) -> None:
    assert httpx2.post(f"{url}/v1/logs", content=body, headers=PROTOBUF).status_code == 200


def run(url: str, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["logs", *arguments, "--server", url])
    return done.exit_code, done.output


def test_records_as_lines_the_oldest_first(url: str) -> None:
    code, said = run(url, "paid OR broke")
    lines = said.splitlines()
    assert code == 0
    assert [line.split("  ", 1)[1].lstrip() for line in lines[:3]] == [f"shop  order {n} paid" for n in (3, 2, 1)]
    assert " error   shop  it " in lines[3]
    assert "\x1b" not in said


def test_options(url: str) -> None:
    found = json.loads(run(url, "--level", "error", "--format", "json")[1])
    assert [one["level"] for one in found["records"]] == ["error"]
    assert "No log records that fit." in run(url, "paid", "--service", "bank")[1]
    assert "There are more" in run(url, "--limit", "1")[1]
    assert "order <*> paid" in run(url, "--patterns")[1]


def test_a_query_that_is_wrong(url: str) -> None:
    code, said = run(url, "ok (this")
    assert (code, said) == (2, "trimtab: column 4: this ( is not closed\n")


def test_following(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    events = Client(url).follow("/logs/tail", query="followed")
    assert next(events)[0] == "beat"
    send(url, request(record("followed"), record("another")))
    for name, data in events:
        logs_output.event("table", name, data)
        if name == "record":
            break
    events.close()  # type: ignore[attr-defined]
    assert capsys.readouterr().out.endswith("  followed\n")
    with pytest.raises(InputError, match="column 1"):
        next(Client(url).follow("/logs/tail", query=")"))
