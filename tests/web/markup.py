"""Looks at the markup of a page as a browser would."""

from __future__ import annotations

from html.parser import HTMLParser


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def tags_of(text: str) -> list[tuple[str, dict[str, str | None]]]:
    """Every start tag with its attributes."""
    reader = _Reader()
    reader.feed(text)
    return reader.tags


def ids_of(text: str) -> list[str]:
    """Every id, in order."""
    return [str(attributes["id"]) for _, attributes in tags_of(text) if "id" in attributes]


def refused_by_policy(text: str) -> list[str]:
    """What the content policy would refuse: inline styles, inline handlers, inline scripts, addresses elsewhere."""
    found: list[str] = []
    for tag, attributes in tags_of(text):
        found += [f"<{tag} {name}>" for name in attributes if name == "style" or name.startswith(("on", "hx-on"))]
        if tag == "style" or (tag == "script" and not attributes.get("src")):
            found.append(f"<{tag}>")
        for name in ("src", "action", "hx-get", "hx-post"):
            if (attributes.get(name) or "/").startswith(("http:", "https:", "//", "javascript:")):
                found.append(f"<{tag} {name}={attributes[name]}>")
    return found
