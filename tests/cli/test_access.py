"""Login, TLS, people and tokens from the command line: on the data directory, and against a real server."""

from __future__ import annotations

import getpass
import json
import os
import signal
import ssl
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner, Result

from tests.cli.conftest import CONFIG, Server, start_server, trimtab
from trimtab.cli.client import Way, find_server
from trimtab.cli.listening import bind, check_allowed_host, is_loopback, url_of
from trimtab.cli.main import main
from trimtab.cli.secret_input import read_password
from trimtab.cli.server_note import ServerNote, read_note
from trimtab.cli.tls import ServerTls
from trimtab.model.errors import InputError, ServerUnreachable

PASSWORD = "correct horse battery staple"
NAME = "trimtab.example"


def certificate(folder: Path, name: str = NAME, file: str = "") -> tuple[Path, Path]:
    """A certificate that signed itself, and its key."""
    cert, key = folder / f"{file}cert.pem", folder / f"{file}key.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    about = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    command = ["openssl", "req", "-x509", *curve, "-keyout", str(key), "-out", str(cert), *about]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return cert, key


# --- files for TLS


def test_what_is_wrong_with_the_files_is_said_with_the_file(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    _, other_key = certificate(tmp_path, file="other-")
    junk, broken = tmp_path / "junk", tmp_path / "broken"
    junk.write_bytes(bytes(range(256)))
    broken.write_text("-----BEGIN CERTIFICATE-----\nzzz\n-----END CERTIFICATE-----\n")
    broken_key = tmp_path / "broken-key"
    broken_key.write_text("-----BEGIN PRIVATE KEY-----\nzzz\n-----END PRIVATE KEY-----\n")
    locked = tmp_path / "locked"
    command = ["openssl", "pkey", "-aes256", "-passout", "pass:secret", "-in", str(key), "-out", str(locked)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    for certificate_file, key_file, message in (
        (tmp_path / "nowhere", key, f"--tls-cert {tmp_path / 'nowhere'}: No such file or directory"),
        (tmp_path, key, f"--tls-cert {tmp_path}: Is a directory"),
        (junk, key, f"--tls-cert {junk}: there is no line with -----BEGIN CERTIFICATE-----"),
        (broken, key, f"--tls-cert {broken}: the certificate is damaged"),
        (cert, tmp_path / "nowhere", f"--tls-key {tmp_path / 'nowhere'}: No such file or directory"),
        (cert, cert, f"--tls-key {cert}: there is no line with PRIVATE KEY-----"),
        (cert, broken_key, f"--tls-key {broken_key}: the key is damaged"),
        (cert, other_key, f"--tls-key {other_key}: the key is not the one of the certificate in {cert}"),
        (cert, locked, f"--tls-key {locked}: the key is encrypted"),
    ):
        with pytest.raises(InputError) as refused:
            ServerTls(certificate_file, key_file)
        assert refused.value.message.startswith(message)


def test_files_that_went_bad_are_not_taken(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    tls = ServerTls(cert, key)
    good = cert.read_text()
    cert.write_text("junk")
    with pytest.raises(InputError):
        tls.reload()
    cert.write_text(good)
    tls.reload()


# --- where it listens


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "localhost", "::1"])
def test_loopback_is_known_by_the_socket(host: str) -> None:
    with bind(host, 0) as listener:
        assert is_loopback(listener)


def test_everywhere_is_reached_on_loopback_from_here() -> None:
    with bind("0.0.0.0", 0) as listener:
        assert not is_loopback(listener)
        assert url_of(listener, tls=True) == f"https://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("name", ["", "http://x", "x:1", "a b", "x/y", "*", "é.example"])
def test_names_that_cannot_be_allowed(name: str) -> None:
    with pytest.raises(InputError):
        check_allowed_host(name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--listen", "0.0.0.0:0"), 2, "--tls-cert FILE and --tls-key FILE, or --insecure-http"),
        (("--listen", "0.0.0.0:0", "--tls-cert", "x"), 2, "go together"),
        (("--listen", "192.0.2.7:0"), 3, "could not listen on 192.0.2.7:0"),
        (("--allowed-host", "http://x"), 2, "--allowed-host must be a name"),
    ],
)
def test_it_refuses_to_start(tmp_path: Path, options: tuple[str, ...], code: int, message: str) -> None:
    done = trimtab("up", "--listen", "127.0.0.1:0", "--data-dir", str(tmp_path / "d"), *options)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.store
@pytest.mark.parametrize("options", [("--listen", "0.0.0.0:0", "--insecure-http"), ("--require-login",)])
def test_it_refuses_to_start_without_an_admin(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = trimtab("up", "--listen", "127.0.0.1:0", "--data-dir", str(tmp_path / "d"), *options)
    assert done.returncode == 3
    assert "trimtab user add NAME --role admin" in done.stderr
    assert ("WARNING: plain HTTP beyond this machine" in done.stderr) == ("--insecure-http" in options)
    assert not (tmp_path / "d" / "server.json").exists()


# --- the data directory


def run(*arguments: str) -> Result:
    """The command in this process."""
    return CliRunner(env={"COLUMNS": "200"}).invoke(main, arguments)


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    return str(file)


def test_people_and_tokens_without_a_server(tmp_path: Path, password_file: str) -> None:
    directory = tmp_path / "data"
    here = ("--data-dir", str(directory))
    assert run("user", "list", *here).exit_code == 2
    added = run("user", "add", "anna", "--role", "admin", "--password-file", password_file, *here)
    assert (added.exit_code, added.stdout) == (0, "anna is admin\n")
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / "state.db").stat().st_mode) == 0o600
    again = run("user", "add", "Anna", "--role", "viewer", "--password-file", password_file, *here)
    assert (again.exit_code, again.stdout) == (1, "")
    assert "there is a user named 'Anna' already" in again.stderr
    made = run("token", "create", "ci", "--role", "ingest", "--expires", "90d", *here)
    assert made.stdout.startswith("tt_")
    assert made.stdout.count("\n") == 1
    assert "tt_" in run("token", "list", *here).stdout
    assert made.stdout.strip() not in run("token", "list", "--format", "json", *here).stdout
    assert run("token", "revoke", "ci", *here).exit_code == 0
    assert run("token", "revoke", "ci", *here).exit_code == 2
    assert run("user", "role", "anna", "operator", *here).stdout == "anna is operator\n"
    assert run("user", "remove", "anna", *here).stdout == "anna is removed\n"
    entries = json.loads(run("audit", "--format", "json", *here).stdout)
    assert [(entry["action"], entry["outcome"]) for entry in entries] == [
        ("user remove", "done"),
        ("user role", "done"),
        ("token revoke", "done"),
        ("token create", "done"),
        ("user add", "failed"),
        ("user add", "done"),
    ]
    assert {entry["how"] for entry in entries} == {"directory"}
    assert PASSWORD not in json.dumps(entries)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--password-stdin",), "there is no password in it"),
        ((), "no terminal to ask for the password"),
        (("--password-file", "/nowhere"), "No such file or directory"),
        (("--password-stdin", "--password-file", "/nowhere"), "one of them"),
    ],
)
def test_a_password_comes_from_somewhere_or_not_at_all(tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    done = run("user", "add", "anna", "--role", "admin", *options, "--data-dir", str(tmp_path / "d"))
    assert done.exit_code == 2
    assert message in done.stderr
    assert not (tmp_path / "d").exists()


def test_there_is_no_option_for_a_password_itself(password_file: str) -> None:
    for command in (("user", "add"), ("user", "password")):
        text = run(*command, "--help").stdout
        assert "--password-file" in text
        assert "--password TEXT" not in text
    assert read_password("x", Path(password_file), from_stdin=False, twice=True) == PASSWORD


# --- clients


def test_a_token_does_not_travel_in_the_clear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIMTAB_TOKEN", "tt_x")
    with pytest.raises(InputError, match="in the clear"):
        find_server(Way(tmp_path, "http://trimtab.example:9321"))
    find_server(Way(tmp_path, "http://127.0.0.1:9321"))
    find_server(Way(tmp_path, "https://trimtab.example:9321"))
    find_server(Way(tmp_path, "http://trimtab.example:9321", insecure_http=True))


@pytest.mark.parametrize("content", ["", "two words", "ümlaut", "tt_x\nand more"])
def test_a_file_without_a_token(tmp_path: Path, content: str) -> None:
    file = tmp_path / "token"
    file.write_text(content)
    with pytest.raises(InputError, match="--token-file"):
        find_server(Way(tmp_path, "http://127.0.0.1:9321", token_file=file))


def test_the_note_of_a_server_is_its_owners_alone(tmp_path: Path) -> None:
    note = ServerNote("https://127.0.0.1:1", 7, "tt_x", "/cert.pem")
    note.write(tmp_path)
    note.write(tmp_path)
    assert read_note(tmp_path) == note
    assert stat.S_IMODE((tmp_path / "server.json").stat().st_mode) == 0o600
    (tmp_path / "server.json").write_text("[]")
    with pytest.raises(ServerUnreachable):
        read_note(tmp_path)


# --- a real server with TLS and a login


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("access")
    cert, key = certificate(folder)
    (folder / "password").write_text(PASSWORD)
    here = ("--password-file", str(folder / "password"), "--data-dir", str(folder / "data"))
    assert trimtab("user", "add", "anna", "--role", "admin", *here).returncode == 0
    options = ("--require-login", "--tls-cert", str(cert), "--tls-key", str(key), "--allowed-host", NAME)
    running = start_server(folder / "data", CONFIG, *options)
    yield running
    running.process.terminate()
    assert running.process.wait(timeout=30) == 0
    log = (folder / "data.log").read_text()
    assert PASSWORD not in log
    assert "tt_" not in log


def _unverified(server: Server) -> httpx2.Client:
    context = ssl.create_default_context(cafile=str(server.data_dir.parent / "cert.pem"))
    context.check_hostname = False
    return httpx2.Client(base_url=server.url, verify=context, trust_env=False, timeout=30)


@pytest.mark.store
@pytest.mark.slow
def test_who_may_read_the_data_directory_is_admin(server: Server) -> None:
    assert server.url.startswith("https://127.0.0.1:")
    assert server.run("status").returncode == 0
    added = server.run(
        "user", "add", "vera", "--role", "viewer", "--password-file", str(server.data_dir.parent / "password")
    )
    assert added.stdout == "vera is viewer\n"
    refused = server.run("user", "remove", "anna")
    assert refused.returncode == 1
    assert "last admin" in refused.stderr
    entries = server.json("audit")
    assert entries[0]["principal"] == entries[1]["principal"] == f"cli:{getpass.getuser()}"
    assert [(entry["action"], entry["outcome"]) for entry in entries[:2]] == [
        ("user remove", "failed"),
        ("user add", "done"),
    ]


@pytest.mark.store
@pytest.mark.slow
def test_from_elsewhere_a_token_and_a_certificate_are_needed(server: Server, tmp_path: Path) -> None:
    ca = str(server.data_dir.parent / "cert.pem")
    here = ("--data-dir", str(tmp_path), "--server", server.url)
    unknown = trimtab("status", *here)
    assert unknown.returncode == 3
    assert "is not trusted" in unknown.stderr
    wrong_name = trimtab("status", *here, "--ca-file", ca)
    assert wrong_name.returncode == 3
    assert "not valid for '127.0.0.1'" in wrong_name.stderr
    secret = server.run("token", "create", "looks", "--role", "viewer").stdout.strip()
    with _unverified(server) as http:
        nobody = http.get("/api/trimtab/status")
        assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")
        viewer = {"Authorization": f"Bearer {secret}", "Host": NAME}
        assert http.get("/api/trimtab/status", headers=viewer).status_code == 200
        assert http.post("/api/trimtab/freeze", headers=viewer, json={"frozen": True}).status_code == 403
        assert http.get("/api/trimtab/status", headers={**viewer, "Host": "evil.example"}).status_code == 403
        page = http.get("/", headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["location"]) == (303, "/login?next=%2F")
        answer = http.post("/api/trimtab/access/login", json={"name": "vera", "password": PASSWORD})
        assert answer.headers["set-cookie"].startswith("__Host-trimtab_session=")
        assert "; Secure" in answer.headers["set-cookie"]


@pytest.mark.store
@pytest.mark.slow
def test_a_renewed_certificate_is_taken_on_a_signal(server: Server) -> None:
    folder = server.data_dir.parent
    host, port = server.url.removeprefix("https://").split(":")
    before = ssl.get_server_certificate((host, int(port)))
    certificate(folder, "renewed.example")
    os.kill(server.process.pid, signal.SIGHUP)
    give_up_at = time.monotonic() + 20
    while (now := ssl.get_server_certificate((host, int(port)))) == before:
        assert time.monotonic() < give_up_at
        time.sleep(0.1)
    assert now.split() == (folder / "cert.pem").read_text().split()
    assert server.run("status").returncode == 0
