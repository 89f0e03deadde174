"""Markdown of a text panel as safe HTML: everything is escaped first, and only what is known here becomes a tag.

Headings, paragraphs, lists, code, emphasis, links. Of HTML the text alone is kept; addresses lead to http and https, or
stay on this server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from markupsafe import Markup, escape

_TAG = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>|</?[a-zA-Z][^<>]*>", re.DOTALL | re.IGNORECASE)
_INLINE = re.compile(
    r"`(?P<code>[^`\n]+)`|!\[(?P<image>[^\]\n]*)\]\([^)\s]*\)|\[(?P<text>[^\]\n]+)\]\((?P<address>[^)\s]+)(?:\s+\"[^\"]*\")?\)|"
    r"(?P<bare>https?://[^\s<>\"')]+)|\*\*(?P<strong>[^*\n]+)\*\*|__(?P<strong_>[^_\n]+)__|\*(?P<em>[^*\s][^*\n]*)\*"
)
_HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*#*$")
_ITEM = re.compile(r"\s*(?:[-*+]|[0-9]{1,4}[.)])\s+(.*)")
_NUMBERED = re.compile(r"\s*[0-9]")
_FENCE = re.compile(r"\s*(```|~~~)")
_HEADINGS = {
    1: Markup('<p class="md-1">{}</p>'),
    2: Markup('<p class="md-2">{}</p>'),
    3: Markup('<p class="md-3">{}</p>'),
}
"""No headings of the page: those of a panel would stand anywhere in its order."""


def text_of_html(text: str) -> str:
    """The words of HTML, without its tags.

    >>> text_of_html("<h1>Hi</h1><script>alert(1)</script> there &amp; then")
    'Hi there & then'
    """
    return unescape(_TAG.sub("", text)).strip()


def markdown(text: str) -> Markup:
    """Markup of a text.

    >>> print(markdown("# Hi\\n\\nSee **this** [page](https://example.com) <b>x</b>\\n\\n- a\\n- b"))
    <p class="md-1">Hi</p>
    <p>See <strong>this</strong> <a href="https://example.com" rel="noreferrer">page</a> x</p>
    <ul><li>a</li><li>b</li></ul>
    >>> print(markdown("[x](javascript:alert(1)) <img src=x onerror=alert(1)>"))
    <p>[x](javascript:alert(1))</p>
    """
    lines = _TAG.sub("", text).replace("\r\n", "\n").split("\n")
    return Markup("\n").join(_blocks(lines))


def _blocks(lines: list[str]) -> Iterator[Markup]:
    at, paragraph = 0, list[str]()

    def ended() -> Iterator[Markup]:
        if paragraph:
            yield Markup("<p>{}</p>").format(_inline("\n".join(paragraph)))
            paragraph.clear()

    while at < len(lines):
        line = lines[at]
        if _FENCE.match(line):
            yield from ended()
            end = next((n for n in range(at + 1, len(lines)) if _FENCE.match(lines[n])), len(lines))
            yield Markup("<pre><code>{}</code></pre>").format("\n".join(lines[at + 1 : end]))
            at = end + 1
            continue
        if heading := _HEADING.match(line):
            yield from ended()
            yield _HEADINGS[min(len(heading[1]), 3)].format(_inline(heading[2]))
        elif _ITEM.match(line) and not paragraph:
            end = next((n for n in range(at, len(lines)) if not _ITEM.match(lines[n])), len(lines))
            list_ = Markup("<ol>{}</ol>") if _NUMBERED.match(line) else Markup("<ul>{}</ul>")
            items = Markup().join(Markup("<li>{}</li>").format(_inline(_item(one))) for one in lines[at:end])
            yield list_.format(items)
            at = end
            continue
        elif line.strip():
            paragraph.append(line.strip())
        else:
            yield from ended()
        at += 1
    yield from ended()


def _item(line: str) -> str:
    found = _ITEM.match(line)
    return found[1] if found else line


def _inline(text: str) -> Markup:
    made, at = Markup(), 0
    for found in _INLINE.finditer(text):
        made += escape(text[at : found.start()])
        made += _one(found)
        at = found.end()
    return made + escape(text[at:])


def _one(found: re.Match[str]) -> Markup:
    if found["code"] is not None:
        return Markup("<code>{}</code>").format(found["code"])
    if found["image"] is not None:
        return escape(found["image"])
    if found["bare"] is not None:
        return _link(found["bare"], escape(found["bare"]))
    if found["text"] is not None:
        return _link(found["address"], _inline(found["text"])) or escape(found[0])
    strong = found["strong"] or found["strong_"]
    return Markup("<strong>{}</strong>").format(strong) if strong else Markup("<em>{}</em>").format(found["em"])


def _link(address: str, inner: Markup) -> Markup:
    """A link, or nothing where it leads elsewhere than it may."""
    if address.startswith(("http://", "https://")):
        return Markup('<a href="{}" rel="noreferrer">{}</a>').format(address, inner)
    if address.startswith("/") and not address.startswith("//") and "\\" not in address:
        return Markup('<a href="{}">{}</a>').format(address, inner)
    return Markup()
