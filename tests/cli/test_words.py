"""Errors are in the words that somebody typed, and a command that cannot answer leaves without a traceback."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.cli.conftest import TRIMTAB, Server, start_server
from tests.cli.test_access import certificate
from trimtab.cli.listening import parse_listen
from trimtab.cli.main import main
from trimtab.model.errors import InputError

pytestmark = [pytest.mark.store, pytest.mark.slow]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = start_server(tmp_path_factory.mktemp("words") / "data")
    yield server
    server.process.terminate()
    assert server.process.wait(timeout=180) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("case", "99999999999999999999999"), "NUMBER must be from 1 to 999999999999999, found 9999"),
        (("case", "0"), "NUMBER must be from 1 to"),
        (("ledger", "--before", "0"), "--before must be from 1 to"),
        (("ledger", "--limit", "0"), "--limit must be from 1 to 1000, found 0"),
        (("audit", "--before", "99999999999999999999"), "--before must be from 1 to"),
        (("queries", "--from", "soon"), "--from: 'soon' is no moment"),
        (("token", "create", "a b", "--role", "viewer"), "a name has 1 to 64 characters: letters and digits"),
        (("token", "create", "", "--role", "viewer"), "a name has 1 to 64 characters"),
        (("user", "add", "a b", "--role", "viewer", "--password-stdin"), "found 'a b'"),
    ],
    ids=" ".join,
)
def test_errors_are_in_the_words_of_the_command(running: Server, arguments: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(main, [*arguments, "--data-dir", str(running.data_dir)])
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.parametrize("form", ["table", "json"])
def test_an_answer_that_cannot_be_written_is_said(running: Server, form: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [TRIMTAB, "status", "--format", form, "--data-dir", str(running.data_dir)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 3
    assert done.stderr == "trimtab: the answer could not be written: No space left on device\n"


def test_plain_http_to_a_port_that_speaks_https_is_said(tmp_path: Path) -> None:
    files = certificate(tmp_path)
    server = start_server(tmp_path / "data", "", "--tls-cert", str(files[0]), "--tls-key", str(files[1]))
    try:
        plain = server.url.replace("https://", "http://")
        done = CliRunner().invoke(main, ["status", "--server", plain])
        assert done.exit_code == 3
        assert f"the server at {plain} speaks https: name it with {server.url}" in done.stderr
    finally:
        server.process.terminate()
        assert server.process.wait(timeout=180) == 0


@pytest.mark.parametrize(
    ("listen", "said"),
    [
        ("[::1", "a bracket is missing"),
        ("::1]:9321", "a bracket is missing"),
        ("[::1]", "the port is missing; it is written '[::1]:9321'"),
    ],
)
def test_what_is_missing_in_an_address_is_said(listen: str, said: str) -> None:
    with pytest.raises(InputError, match=r".*") as caught:
        parse_listen(listen)
    assert said in caught.value.message


def test_a_port_that_is_none_is_explained() -> None:
    done = CliRunner().invoke(main, ["doctor", "postgresql://x@127.0.0.1:99999/y"])
    assert "a port is a number from 1 to 65535" in " ".join(done.stdout.split())
    assert "seen here" not in done.stdout


def test_a_freeze_without_a_reason_is_said_once(running: Server) -> None:
    running.run("freeze")
    lines = running.run("status").stdout.splitlines()
    running.run("thaw")
    (line,) = (line for line in lines if line.startswith("FROZEN"))
    assert line.lower().count("frozen") == 1
    assert line.startswith("FROZEN everywhere, by cli:")
