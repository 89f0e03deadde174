"""Messages that the troubleshooting page explains are messages that the code gives."""

from __future__ import annotations

import ast
import functools
import re

import pytest

from tests.docs.pages import ROOT

PAGE = ROOT / "docs/how-to/troubleshooting.md"
FRAGMENT_CHARS_MIN = 6
_GENERATED = re.compile(r"<!-- generated: \w+ -->.*?<!-- end -->", re.DOTALL)
_ROW = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)


@functools.cache
def templates() -> set[str]:
    """Every text in the code, with … for what is filled in."""
    found: set[str] = set()
    for file in (ROOT / "src/trimtab").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
                found.add("".join(str(part) for part in parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def messages() -> list[str]:
    """The messages on the page."""
    return _ROW.findall(_GENERATED.sub("", PAGE.read_text("utf-8")))


@pytest.mark.slow
@pytest.mark.parametrize("message", messages())
def test_a_message_on_the_page_is_one_of_the_code(message: str) -> None:
    pieces = [piece.strip() for piece in message.split("…")]
    wanted = [piece for piece in pieces if len(piece) >= FRAGMENT_CHARS_MIN]
    assert wanted, "nothing in it is long enough to be looked for"
    assert any(all(piece in text for piece in wanted) for text in templates()), f"no text of the code has {wanted}"


def test_there_are_messages() -> None:
    assert len(messages()) > 20
