"""The documentation is current, complete, and true where that can be tested."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from docs.generate.attributes import attribute_docs
from docs.generate.command_line import commands
from docs.generate.pages import BLOCKS, DOCS, made
from tests.docs.pages import ROOT, anchors, blocks, links, name, pages
from trimtab.api.asgi import OWN_DOORS
from trimtab.app import events
from trimtab.cli.main import main
from trimtab.observe.postgres.facts import EventKind
from trimtab.store.ledger import Event

CUT = {"|", ">", ">>", "&&", ";", "&"}
"""Where another command begins, or the command's own arguments end."""


def command_lines() -> list[tuple[str, str]]:
    """(page, line) of every documented command line of trimtab's."""
    found = []
    for page in pages():
        for block in blocks(page.read_text("utf-8"), "sh"):
            lines = block.replace("\\\n", " ").splitlines()
            found += [(name(page), line.strip()) for line in lines if re.match(r"\s*(\S*/)?trimtab\s", line)]
    return found


def test_made_pages_are_current() -> None:
    stale = [name(file) for file, text in made().items() if not file.exists() or file.read_text("utf-8") != text]
    assert not stale, f"make docs: {stale} are not what the code says"


def test_every_block_is_used() -> None:
    asked = {
        found for file in DOCS.rglob("*.md") for found in re.findall(r"<!-- generated: (\w+) -->", file.read_text())
    }
    assert asked == set(BLOCKS)


@pytest.mark.parametrize(("page", "line"), command_lines(), ids=lambda text: text[:60])
def test_a_documented_command_line_parses(page: str, line: str) -> None:
    arguments = shlex.split(line, comments=True)[1:]
    end = next((place for place, word in enumerate(arguments) if word in CUT), len(arguments))
    arguments = arguments[:end]
    command: click.Command = main
    path = "trimtab"
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        word = arguments.pop(0)
        assert word in command.commands, f"{page}: there is no {path} {word}"
        command, path = command.commands[word], f"{path} {word}"
    try:
        command.make_context(path, arguments, resilient_parsing=False)
    except click.exceptions.Exit:  # --help, --version
        pass
    except click.UsageError as error:
        pytest.fail(f"{page}: {line}: {error.message}")


def test_command_lines_are_found() -> None:
    assert len(command_lines()) > 20


@pytest.mark.parametrize("page", pages(), ids=name)
def test_no_link_is_dead(page: Path) -> None:
    text = page.read_text("utf-8")
    for target in links(text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{name(page)}: {target} leads nowhere"
        if anchor:
            assert anchor in anchors(file.read_text("utf-8")), f"{name(page)}: {target}: there is no such heading"


def test_every_page_can_be_reached_from_the_index() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md", DOCS / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        targets = [target.partition("#")[0] for target in links(page.read_text("utf-8")) if ":" not in target]
        waiting += [(page.parent / target).resolve() for target in targets if target]
    lost = [name(page) for page in pages() if page not in seen]
    assert not lost, f"no link leads from docs/README.md to {lost}"


def test_every_command_and_option_says_what_it_does() -> None:
    for path, command in commands():
        assert command.help, f"{path} has no help"
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{path} {parameter.opts[0]} has no help"


def test_every_route_beside_the_api_is_told() -> None:
    text = (DOCS / "reference/api.md").read_text("utf-8")
    for door in OWN_DOORS:
        assert door.path in text, f"{door.path} is not in docs/reference/api.md"


def test_every_event_kind_says_what_it_means() -> None:
    for kinds in (EventKind, Event, events.EventKind):
        for kind, text in attribute_docs(kinds).items():
            assert text, f"{kinds.__name__}.{kind} has no docstring under it"


def test_the_code_does_not_hold_what_docs_may_not_hold() -> None:
    for page in pages():
        text = page.read_text("utf-8")
        assert not re.search(r"PASSWORD '[^'.…]", text), f"{name(page)} sets a password"
