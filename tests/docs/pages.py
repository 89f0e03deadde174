"""The Markdown files of the project, and what stands in them."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


def pages() -> list[Path]:
    """Every page that a user may read."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def name(page: Path) -> str:
    """A page's name in messages."""
    return str(page.relative_to(ROOT))


def without_code(text: str) -> str:
    """The text without fenced blocks and code spans."""
    return re.sub(r"`[^`\n]*`", "", _FENCE.sub("", text))


def blocks(text: str, language: str) -> Iterator[str]:
    """The fenced blocks in one language."""
    for match in _FENCE.finditer(text):
        if match[1] == language:
            yield match[2]


def links(text: str) -> list[str]:
    """Targets of links and pictures."""
    return _LINK.findall(without_code(text))


@functools.cache
def anchors(text: str) -> set[str]:
    """Anchors of headings, made as GitHub makes them.

    >>> sorted(anchors("# One, two\\n\\n## `trimtab up`"))
    ['one-two', 'trimtab-up']
    """
    found: set[str] = set()
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        base = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        anchor, number = base, 0
        while anchor in found:
            number += 1
            anchor = f"{base}-{number}"
        found.add(anchor)
    return found
