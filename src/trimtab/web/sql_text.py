"""SQL for reading: keywords, literals and comments marked, nothing changed. Made for any text, right or wrong."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_KEYWORDS = (
    "add all alter analyze and any as asc begin between by cascade case cast check cluster column commit "
    "concurrently constraint create cross current_date current_timestamp default delete desc distinct do drop "
    "else end except exists explain fetch filter first following for foreign from full function grant group "
    "having if ilike in include index inner insert intersect interval into is join key last lateral left like "
    "limit lock materialized natural not nothing notnull null nulls of offset on only or order outer over "
    "partition preceding primary range references refresh returning right rollback row rows select set share "
    "similar some table tablesample temp then to truncate unbounded union unique update using vacuum values view "
    "when where window with within without "
)
_TOKEN = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))"
    r"|(?P<string>[eEbBxXnN]?'(?:[^']|'')*(?:'|\Z)|(?P<tag>\$[A-Za-z_]*\$).*?(?:(?P=tag)|\Z))"
    r"|(?P<quoted>\"(?:[^\"]|\"\")*(?:\"|\Z))"
    r"|(?P<parameter>\$\d+)"
    r"|(?P<number>\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b)"
    r"|(?P<word>[^\W\d]\w*)",
    re.DOTALL,
)
_SHOWN = {"comment": "c", "string": "s", "parameter": "p", "number": "n"}
_WORDS = frozenset(_KEYWORDS.split())
_BREAKS = re.compile(
    r"\s+((?:(?:left|right|full|inner|cross|natural)\s+(?:outer\s+)?)?join"
    r"|from|where|group by|having|order by|limit|offset|union|except|intersect|returning|values|set|on conflict)\b",
    re.IGNORECASE,
)


def sql_markup(text: str) -> Markup:
    """The text with spans around what a reader looks for.

    >>> sql_markup("SELECT 1 FROM t WHERE a < $1")
    Markup('<b>SELECT</b> <i class="n">1</i> <b>FROM</b> t <b>WHERE</b> a &lt; <i class="p">$1</i>')
    """
    parts: list[Markup] = []
    end = 0
    for match in _TOKEN.finditer(text):
        parts.append(escape(text[end : match.start()]))
        token, kind = match.group(), match.lastgroup or ""
        kind = "string" if kind == "tag" else kind
        if kind == "word" and token.lower() in _WORDS:
            parts.append(Markup("<b>{}</b>").format(token))
        elif kind in _SHOWN:
            parts.append(Markup('<i class="{}">{}</i>').format(_SHOWN[kind], token))
        else:
            parts.append(escape(token))
        end = match.end()
    parts.append(escape(text[end:]))
    return Markup("").join(parts)


def sql_lines(text: str) -> str:
    """A one-line statement broken before its clauses; a text that has lines of its own, or quotes, stays as it is.

    >>> sql_lines("SELECT a FROM t LEFT JOIN u ON u.i = t.i WHERE a = $1")
    'SELECT a\\nFROM t\\nLEFT JOIN u ON u.i = t.i\\nWHERE a = $1'
    """
    if "\n" in text or "'" in text or '"' in text or "--" in text or "/*" in text:
        return text
    return _BREAKS.sub(r"\n\1", text)
