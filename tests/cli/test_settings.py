"""`trimtab config` and `trimtab policy`: a file alone, and a running server whose file is changed under it."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.conftest import CONFIG, TRIMTAB, Server, start_server, trimtab
from tests.cli.test_commands import wait_for
from trimtab.app.server_settings import ServerSettings, host_problem, listen_problem
from trimtab.cli.listening import Listening, check_allowed_host, parse_listen

BAD = Path(__file__).parent.parent / "data" / "config" / "several_errors.bad.toml"


def test_a_right_file_is_summed_up(tmp_path: Path) -> None:
    file = tmp_path / "trimtab.toml"
    file.write_text('[create_index]\nautonomy = "auto"\n')
    done = trimtab("config", "check", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{file}: right, 1 of " in done.stdout
    assert "create_index.autonomy = auto" in done.stdout


def test_the_demos_policy_is_right() -> None:
    assert trimtab("config", "check", "demo/policy.toml").returncode == 0


def test_everything_that_is_wrong_is_told_on_stderr() -> None:
    done = trimtab("config", "check", str(BAD))
    assert (done.returncode, done.stdout) == (2, "")
    expected = [line.removeprefix("# expect: ") for line in BAD.read_text().splitlines() if "expect" in line]
    assert done.stderr.splitlines() == [f"trimtab: {line.replace('FILE', str(BAD))}" for line in expected]


def test_the_same_as_json() -> None:
    done = trimtab("config", "check", str(BAD), "--format", "json")
    assert done.returncode == 2
    told = json.loads(done.stdout)
    assert told["ok"] is False
    assert [(p["setting"], p["line"], p["column"]) for p in told["problems"]] == [
        ("watch.slice_s", 5, 11),
        ("watch.batches_min", 6, 15),
        ("detekt", 8, 1),
    ]


def test_files_that_it_names_and_that_are_not_there_are_told(tmp_path: Path) -> None:
    file = tmp_path / "trimtab.toml"
    file.write_text('[server]\ntls_cert = "cert.pem"\ntls_key = "/nowhere/key.pem"\n')
    done = trimtab("config", "check", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    there = "(a path is relative to the folder of this file)"
    assert done.stderr.splitlines() == [
        f"trimtab: {file}, line 2, column 12: server.tls_cert: there is no file {tmp_path}/cert.pem {there}",
        f"trimtab: {file}, line 3, column 11: server.tls_key: there is no file /nowhere/key.pem {there}",
    ]


def test_standard_input_and_a_missing_file() -> None:
    text = '[target."a b".watch]\nalpha = 0.01\n'
    done = subprocess.run(
        [TRIMTAB, "config", "check", "-"], input=text, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "target.a b.watch.alpha = 0.01" in done.stdout
    done = trimtab("config", "check", "absent.toml")
    assert done.returncode == 2
    assert "absent.toml: could not be read: No such file or directory" in done.stderr


def test_options_come_before_the_file() -> None:
    file = ServerSettings("0.0.0.0:1", ("a.example",), "/c.pem", "/k.pem", require_login=True)
    told = Listening().over(file)
    assert told == Listening("0.0.0.0:1", ("a.example",), Path("/c.pem"), Path("/k.pem"), False, True)
    told = Listening("[::1]:2", ("b.example",), Path("/d.pem"), Path("/l.pem")).over(file)
    assert told == Listening("[::1]:2", ("b.example",), Path("/d.pem"), Path("/l.pem"), False, True)
    assert Listening(tls_cert=Path("/d.pem")).over(file).tls_key is None, "a certificate goes with its own key"
    assert Listening().over(ServerSettings()) == Listening("127.0.0.1:9321")


@given(st.from_regex(r"\[?[A-Za-z0-9.:_-]{1,12}\]?", fullmatch=True), st.integers(0, 99_999))
def test_what_the_file_may_say_can_be_listened_to(host: str, port: int) -> None:
    text = f"{host}:{port}"
    if listen_problem(text) is None:
        assert parse_listen(text)[1] == port
    if host_problem(host) is None:
        assert check_allowed_host(host) == host.lower().strip("[]")


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose file these tests may change."""
    running = start_server(tmp_path_factory.mktemp("settings") / "data", CONFIG)
    yield running
    running.process.terminate()
    assert running.process.wait(timeout=180) == 0


def file_of(server: Server) -> Path:
    """The configuration file that it was started with."""
    return server.data_dir.parent / f"{server.data_dir.name}.toml"


@pytest.mark.store
@pytest.mark.slow
class TestOfARunningServer:
    """One after another, on the same server."""

    def test_what_is_in_force_is_shown_with_its_source(self, own_server: Server) -> None:
        rows = {row["name"]: row for row in own_server.json("policy")["settings"]}
        assert (rows["watch.slice_s"]["value"], rows["watch.slice_s"]["source"]) == (1.0, "file")
        assert (rows["create_index.autonomy"]["value"], rows["create_index.autonomy"]["source"]) == (
            "suggest",
            "default",
        )
        table = own_server.run("policy").stdout
        assert "create_index.autonomy" in table
        assert "server.listen" not in table
        table = own_server.run("config", "show").stdout
        assert f"file: {file_of(own_server)}" in table
        assert "server.listen" in table

    def test_an_override_counts_at_once_and_can_be_cleared(self, own_server: Server) -> None:
        done = own_server.run("policy", "set", "create_index.autonomy", "approve")
        assert done.returncode == 0, done.stderr
        assert "create_index.autonomy = approve (set by cli:" in done.stdout
        assert own_server.json("status")["policy"]["create_index"]["autonomy"] == "approve"
        windows = ("Mon-Fri 22:00-06:00 Europe/Berlin", "Sat 00:00-24:00")
        made = own_server.json("policy", "set", "create_index.change_windows", *windows)
        assert made["value"] == list(windows)
        cleared = own_server.json("policy", "clear", "create_index.change_windows")
        assert (cleared["value"], cleared["source"]) == ([], "default")
        own_server.run("policy", "clear", "create_index.autonomy")
        assert own_server.json("status")["policy"]["create_index"]["autonomy"] == "suggest"

    @pytest.mark.parametrize(
        ("arguments", "code", "said"),
        [
            (("policy", "set", "create_index.autonomy", "yes"), 2, "must be one of observe, suggest, approve, auto"),
            (("policy", "set", "create_index.cool_down_s", "-1"), 2, "must be from 0 to 604800, found -1"),
            (("policy", "set", "create_index.cool_down_s", "1", "2"), 2, "takes one value, found 2"),
            (("policy", "set", "create_index.cooldown_s", "1"), 2, "did you mean create_index.cool_down_s?"),
            (("policy", "set", "watch.alpha", "0.1", "--system", "nope"), 2, "no system named 'nope'"),
            (("policy", "clear", "watch.alpha"), 2, "has no override for all systems"),
            (("policy", "--system", "nope"), 2, "no system named 'nope'"),
            (("freeze", "--kind", "create_index"), 2, "name the system, too"),
            (("freeze", "--system", "nope"), 2, "no system named 'nope'"),
            (("thaw", "--system", "nope"), 1, "nothing is frozen on 'nope'"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
    )
    def test_what_cannot_be_is_told(self, own_server: Server, arguments: tuple[str, ...], code: int, said: str) -> None:
        done = own_server.run(*arguments)
        assert (done.returncode, done.stdout) == (code, "")
        assert said in done.stderr

    def test_the_kill_switch_with_a_reason(self, own_server: Server) -> None:
        frozen = own_server.json("freeze", "--reason", "quarter end")["frozen"]
        assert frozen.startswith("frozen by cli:")
        assert frozen.endswith(": quarter end")
        assert "quarter end" in own_server.run("status").stdout
        assert own_server.json("thaw")["frozen"] is None

    def test_the_file_is_read_again_and_a_bad_one_is_not_taken(self, own_server: Server) -> None:
        file = file_of(own_server)
        file.write_text(CONFIG + "[create_index]\ncool_down_s = 77\n")
        own_server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: own_server.json("status")["policy"]["create_index"]["cool_down_s"] == 77.0)
        file.write_text(CONFIG + "[create_index]\ncool_down_s = 88\ncool_down = 1\n")
        wait_for(lambda: own_server.json("status")["config"]["last_error"])
        status = own_server.json("status")
        assert status["policy"]["create_index"]["cool_down_s"] == 77.0
        assert status["config"]["last_error"] == (
            f"{file}, line 13, column 1: unknown setting create_index.cool_down (did you mean cool_down_s?)"
        )
        assert "the last good one is in force" in own_server.run("status").stdout
        assert "unknown setting create_index.cool_down" in own_server.run("config", "show").stdout
        log = (own_server.data_dir.parent / f"{own_server.data_dir.name}.log").read_text()
        assert "config_refused" in log
        file.write_text(CONFIG.replace("slice_s = 1", "slice_s = 2"))
        wait_for(lambda: own_server.json("status")["config"]["needs_restart"])
        status = own_server.json("status")
        assert (status["config"]["last_error"], status["policy"]["watch"]["slice_s"]) == (None, 1.0)
        assert "in force only after a restart: watch.slice_s" in own_server.run("status").stdout
        file.write_text(CONFIG)
        wait_for(lambda: not own_server.json("status")["config"]["needs_restart"])
