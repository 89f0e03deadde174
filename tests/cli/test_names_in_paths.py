"""A name that a command puts into a path stays one part of it: no name calls another route."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import unquote

import click
import pytest
from click.testing import CliRunner, Result

from trimtab.cli.client import Client
from trimtab.cli.main import main
from trimtab.model.errors import InputError

pytestmark = pytest.mark.slow

HOSTILE = ["../access/tokens/2", "..", ".", "a/../b", "%2e%2e/x", "a?b=c", "a#b", "Sh op%", "ä/ö", "x/"]

COMMANDS: dict[str, tuple[str, str]] = {
    "unwatch": ("/systems/", ""),
    "user remove": ("/access/users/", ""),
    "user role": ("/access/users/", "/role"),
    "user password": ("/access/users/", "/password"),
    "user unlock": ("/access/users/", "/unlock"),
    "slo show": ("/objectives/", ""),
    "packs show": ("/packs/", ""),
    "packs enable": ("/packs/", ""),
    "packs disable": ("/packs/", ""),
    "probes run": ("/probes/", ""),  # first it asks how long the probe may take
}
"""Commands that put a name into a path, with what stands before and after it."""

ELSEWHERE = {"user add", "token create", "token revoke", "policy set", "policy clear", "alerts trigger", "packs export"}
"""Commands that take a name and send it in a body or behind the `?`, or look it up in a list."""


@dataclass
class Heard:
    """A server that answers anything with an answer of a shape that no command expects."""

    url: str
    paths: list[str] = field(default_factory=list)


@pytest.fixture
def heard() -> Iterator[Heard]:
    class Handler(BaseHTTPRequestHandler):
        def do_DELETE(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.answer()

        def answer(self) -> None:
            made.paths.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *_arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Heard(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def asked(heard: Heard, command: str, name: str) -> Result:
    """The command with that name."""
    more = ["viewer"] if command == "user role" else []
    options = ["--password-stdin"] if command == "user password" else []
    arguments = [*command.split(), *options, "--server", heard.url, "--", name, *more]
    return CliRunner().invoke(main, arguments, input="a long enough password 5\n")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_one_part_of_the_path(heard: Heard, command: str, name: str) -> None:
    done = asked(heard, command, name)
    before, after = COMMANDS[command]
    (path,) = heard.paths
    assert path.startswith(f"/api/trimtab{before}")
    assert path.endswith(after)
    part = path.removeprefix(f"/api/trimtab{before}").removesuffix(after)
    assert "/" not in part
    assert part not in (".", "..")
    assert unquote(part) == name
    assert done.exit_code == 3, done.output  # the answer has another shape: said, and no traceback
    assert "not as this command expects" in done.output


def test_every_command_with_a_name_is_looked_at() -> None:
    found = {" ".join(path) for path in named(main, ())}
    assert found == COMMANDS.keys() | ELSEWHERE


def named(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Commands that take an argument of the name of something that a server knows."""
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from named(inner, (*path, name))
    elif any(
        isinstance(parameter, click.Argument) and parameter.name in ("name", "token", "system")
        for parameter in command.params
    ):
        yield path


def test_a_path_that_leads_elsewhere_is_not_asked_for(heard: Heard) -> None:
    with pytest.raises(InputError, match="another route"):
        Client(heard.url).delete("/systems/../access/tokens/2")
    assert heard.paths == []
