"""From the tree of a query to a condition in SQL, with every text of the user's as a parameter.

Words are looked for by the text index (`columns.LINE`): a query's words as whole tokens first, then, where they stand
beside each other or are parts of tokens, by looking at the lines that are left. What a resource says is compared here,
in Python, for each different resource once: rows are then found by which resource they have.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from trimtab.store.logs.answers import LEVELS
from trimtab.store.logs.columns import LINE, PAIRS
from trimtab.store.logs.language import All, Field, LogQueryError, Node, Not, Pattern, Words
from trimtab.store.traces.typed_json import text_of, values_of

_TOKEN = re.compile(r"[0-9A-Za-z\x80-\U0010ffff]+")
_BORDER = r"[^0-9A-Za-z\x{80}-\x{10FFFF}]"
_TOKENS_MAX = 60
_LIKE_CHARS_MIN = 6
"""A shorter part of a word is in so many lines, as a rule, that looking for it first makes a search dearer."""
_CLASS = re.compile(r"\[\^?\]?(?:\\[^pPQ]|[^\]\\\[])*\]")
_LITERAL_RUN = re.compile(r"[0-9A-Za-z]+")
_LITERAL_TOKEN = re.compile(r"(?<=[^0-9A-Za-z\0])[0-9A-Za-z]+(?=[^0-9A-Za-z\0])")
_TEXT_COLUMNS = {
    "service": "service_name",
    "trace_id": "trace_id",
    "span_id": "span_id",
    "event": "event_name",
    "severity_text": "severity_text",
    "scope": "JSONExtractString(scope, 'name')",
}
"""Fields that are no attributes, with what they are. Besides: level, body, pattern."""
RESERVED = (*_TEXT_COLUMNS, "level", "body", "pattern")
_LOWER = str.maketrans({chr(code): chr(code + 32) for code in range(65, 91)})


@dataclass(frozen=True, slots=True)
class Resource:
    """One of the resources that records of the range have. `id` is the engine's hash of its text."""

    id: int
    text: str

    def value(self, name: str) -> str | None:
        """The attribute as text; None where it has none of that name."""
        values = values_of(self.text)
        return text_of(values[name]) if name in values else None


@dataclass
class Conditions:
    """Makes conditions. `find_resources` is asked once, and only where an attribute is compared. `compares` becomes
    true where no index says which records fit, so that texts have to be read; `checks` where one says which records
    have all words of a phrase, so that these alone have to be."""

    find_resources: Callable[[], Sequence[Resource]]
    parameters: dict[str, object] = field(default_factory=dict)
    compares: bool = False
    checks: bool = False

    @cached_property
    def resources(self) -> Sequence[Resource]:
        """Those of the range."""
        return self.find_resources()

    def _parameter(self, type_: str, value: object) -> str:
        name = f"q{len(self.parameters)}"
        self.parameters[name] = value
        return f"{{{name}:{type_}}}"

    def of(self, node: Node) -> str:
        """The condition of a tree."""
        if isinstance(node, Words):
            return self.line(node)
        if isinstance(node, Pattern):
            return self._matches("body", node)
        if isinstance(node, Not):
            return f"NOT ({self.of(node.item)})"
        if isinstance(node, Field):
            return self.field(node)
        if not node.items:
            return "true"
        word = " AND " if isinstance(node, All) else " OR "
        return word.join(f"({self.of(item)})" for item in node.items)

    def line(self, words: Words) -> str:
        """Words in the line."""
        text = words.text
        if not text:
            return "body != ''"
        tokens = _TOKEN.findall(text)
        if tokens == [text] and not words.is_open_left and not words.is_open_right:
            return f"hasAnyTokens({LINE}, {self._parameter('Array(String)', _cases(text))})"
        # The first and the last token of the text may be parts of longer ones; then the index does not know them.
        whole = list(tokens)
        if words.is_open_left and whole and text.startswith(whole[0]):
            whole = whole[1:]
        if words.is_open_right and whole and text.endswith(whole[-1]):
            whole = whole[:-1]
        plain = list(dict.fromkeys(token.translate(_LOWER) for token in whole if token.isascii()))[:_TOKENS_MAX]
        left = "" if words.is_open_left or not _TOKEN.match(text) else f"(?:^|{_BORDER})"
        right = "" if words.is_open_right or not _TOKEN.match(text[-1]) else f"(?:$|{_BORDER})"
        conditions = []
        self.compares, self.checks = self.compares or not plain, self.checks or bool(plain)
        if plain:
            conditions.append(f"hasAllTokens({LINE}, {self._parameter('Array(String)', plain)})")
        if text.isascii() and not (plain and (left or right)):
            like = f"%{_like(text.translate(_LOWER))}%"
            conditions.append(f"{LINE} LIKE {self._parameter('String', like)}")
        if left or right or not text.isascii():
            wanted = f"(?is){left}{_quoted(text)}{right}"
            conditions.append(f"match(body, {self._parameter('String', wanted)})")
        return " AND ".join(conditions)

    def words(self, words: Words) -> str:
        """The same for whole words of ASCII letters, wherever they stand in it: the text index knows."""
        tokens = list(dict.fromkeys(_TOKEN.findall(words.text.translate(_LOWER))))[:_TOKENS_MAX]
        return f"hasAllTokens({LINE}, {self._parameter('Array(String)', tokens)})"

    def _matches(self, text: str, pattern: Pattern) -> str:
        """A regular expression in a text (SQL)."""
        self.compares = True
        flags = "(?is)" if pattern.ignores_case else "(?s)"
        condition = f"match({text}, {self._parameter('String', flags + pattern.text)})"
        if text != "body":
            return condition
        tokens, run = _required(pattern.text)
        if tokens:
            return f"hasAllTokens({LINE}, {self._parameter('Array(String)', tokens)}) AND {condition}"
        if len(run) < _LIKE_CHARS_MIN:
            return condition
        return f"{LINE} LIKE {self._parameter('String', f'%{run}%')} AND {condition}"

    def field(self, item: Field) -> str:
        """A comparison of a field."""
        if item.operator == "!=":
            return f"NOT ({self.field(Field(item.name, '=', item.value, item.column))})"
        if item.name == "level":
            return self._level(item)
        if item.name == "pattern":
            return self._pattern(item)
        if item.name == "body":
            if item.operator != "=":
                raise LogQueryError("body can be searched by body:words, not compared", item.column)
            return self.of(item.value)
        column = _TEXT_COLUMNS.get(item.name)
        if column is not None:
            return self._text(column, item, is_id=item.name.endswith("_id"))
        return self._attribute(item)

    def _level(self, item: Field) -> str:
        value = item.value
        if not isinstance(value, Words) or value.is_open_left or value.is_open_right:
            raise LogQueryError(f"a level is one of {', '.join(LEVELS)}", item.column)
        name = value.text.lower()
        if name not in LEVELS:
            raise LogQueryError(f"there is no level {value.text!r}; there are {', '.join(LEVELS)}", item.column)
        return f"level {item.operator} {LEVELS.index(name)}"

    def _pattern(self, item: Field) -> str:
        value = item.value
        ids = value.text.split(",") if isinstance(value, Words) else []
        try:
            numbers = [int(one, 16) for one in ids]
        except ValueError:
            numbers = []
        if not numbers or item.operator != "=" or not all(0 <= number < 1 << 64 for number in numbers):
            raise LogQueryError("pattern takes the numbers of patterns: pattern:83ed136f8ab743a7,…", item.column)
        return f"pattern IN {self._parameter('Array(UInt64)', numbers)}"

    def _text(self, column: str, item: Field, *, is_id: bool) -> str:
        value = item.value
        if isinstance(value, Pattern):
            return self._matches(column, value)
        text = value.text.lower() if is_id else value.text
        if value.is_open_left or value.is_open_right:
            if not text:
                return f"{column} != ''"
            return f"{column} LIKE {self._parameter('String', _like_of(value))}"
        return f"{column} {item.operator} {self._parameter('String', text)}"

    def _attribute(self, item: Field) -> str:
        """The resource's, where it has one of that name; else the record's."""
        place, _, rest = item.name.partition(".")
        if place == "attributes" and rest:
            return self._own(rest, item)
        name = rest if place == "resource" and rest else item.name
        having = [(one, value) for one in self.resources if (value := one.value(name)) is not None]
        matching = [one.id for one, value in having if _compared(value, item)]
        if name != item.name:
            return self._has_resource(matching)
        if not having:
            return self._own(name, item)
        if len(having) == len(self.resources):
            return self._has_resource(matching)
        others = self._has_resource([one.id for one, _ in having])
        own = self._own(name, item)
        return f"({self._has_resource(matching)}) OR (NOT ({others}) AND ({own}))"

    def _has_resource(self, ids: list[int]) -> str:
        if not ids:
            return "false"
        if len(ids) == len(self.resources):
            return "true"
        return f"cityHash64(resource) IN {self._parameter('Array(UInt64)', ids)}"

    def _own(self, name: str, item: Field) -> str:
        """An attribute of the record itself."""
        value = item.value
        if isinstance(value, Words) and item.operator == "=" and not (value.is_open_left or value.is_open_right):
            pair = f"{self._parameter('String', name)}, {self._parameter('String', value.text)}"
            return f"has({PAIRS}, toString(({pair})))"
        self.compares = True
        key = self._parameter("String", name)
        text = f"attributes[{key}]"
        there = f"mapContains(attributes, {key})"
        if isinstance(value, Pattern):
            return f"{there} AND {self._matches(text, value)}"
        if value.is_open_left or value.is_open_right:
            if not value.text:
                return there
            return f"{there} AND {text} LIKE {self._parameter('String', _like_of(value))}"
        sign = item.operator
        number = _number(value.text)
        if number is not None:
            return f"ifNull(toFloat64OrNull({text}) {sign} {self._parameter('Float64', number)}, false)"
        return f"{there} AND {text} {sign} {self._parameter('String', value.text)}"


def _compared(text: str, item: Field) -> bool:
    """As the engine compares an attribute of a record."""
    value = item.value
    if isinstance(value, Pattern):
        import re2

        options = re2.Options()
        options.case_sensitive = not value.ignores_case
        options.dot_nl = True
        return re2.compile(value.text, options).search(text) is not None
    if item.operator == "=":
        if value.is_open_left and value.is_open_right:
            return value.text in text
        if value.is_open_left:
            return text.endswith(value.text)
        return text.startswith(value.text) if value.is_open_right else text == value.text
    number = _number(value.text)
    one: float | str = text
    other: float | str = value.text
    if number is not None:
        found = _number(text)
        if found is None:
            return False
        one, other = found, number
    if item.operator in {"<", "<="}:
        return one < other or (item.operator == "<=" and one == other)  # type: ignore[operator]
    return one > other or (item.operator == ">=" and one == other)  # type: ignore[operator]


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return None if math.isnan(found) or "_" in text else found


def _cases(token: str) -> list[str]:
    """A token as the index has it. Its letters are small there where they are ASCII; others are as they were written,
    so the usual ways of writing them are asked for.

    >>> _cases("Timeout"), _cases("Übung")
    (['timeout'], ['Übung', 'übung'])
    """
    ways = [token, token.lower(), token.upper(), token.capitalize()]
    return list(dict.fromkeys(way.translate(_LOWER) for way in ways))


def _like(text: str) -> str:
    r"""
    >>> _like("50%_")
    '50\\%\\_'
    """
    return re.sub(r"([%_\\])", r"\\\1", text)


def _like_of(value: Words) -> str:
    return f"{'%' if value.is_open_left else ''}{_like(value.text)}{'%' if value.is_open_right else ''}"


def _quoted(text: str) -> str:
    r"""A text as a regular expression of RE2.

    >>> _quoted("a.b\n")
    'a\\.b\\x0a'
    """
    return "".join(
        one if one.isalnum() or one in " _" or ord(one) > 127 else f"\\x{ord(one):02x}" if ord(one) < 32 else f"\\{one}"
        for one in text
    )


def _required(pattern: str) -> tuple[list[str], str]:
    r"""Whole tokens that every text has that an expression matches, and the longest run of letters and digits that it
    has, in small letters; nothing where that is not easily said. What stands in brackets is not looked at.

    >>> _required(r"order \d+ timeout"), _required("(abcd)?efg?"), _required("abcd|efgh"), _required("[abcdef]+")
    (([], 'timeout'), ([], 'ef'), ([], ''), ([], ''))
    >>> _required(r"took (9\d|1\d\d) ms"), _required(r"(?i)Fetch(ed|ing) the\|Row (a|b)"), _required(r"[\]a]bcd")
    (([], 'took'), (['the', 'row'], 'fetch'), ([], 'bcd'))
    >>> _required(r"a\012"), _required(r"\Qa.b\E"), _required(r"a{2,3} b [\w]+ [^]c]d")
    (([], ''), ([], ''), (['b'], 'b'))
    """
    nothing: tuple[list[str], str] = [], ""
    if not pattern.isascii():
        return nothing
    plain: list[str] = []
    depth, at = 0, 0
    while at < len(pattern):
        one = pattern[at]
        if one == "\\":
            escaped = pattern[at + 1 : at + 2]
            if escaped in "pPxQ0123456789":
                return nothing
            plain.append("\0" if depth or escaped.isalnum() else escaped)
            at += 2
            continue
        if one == "[":
            found = _CLASS.match(pattern, at)
            if found is None:
                return nothing
            plain.append("\0")
            at = found.end()
            continue
        if one == "|" and not depth:
            return nothing
        depth += (one == "(") - (one == ")")
        if one in "?*{":
            if plain:
                plain[-1] = "\0"
            plain.append("\0")
            if one == "{":
                at = max(pattern.find("}", at), at)
        else:
            plain.append("\0" if depth or one in "().^$+" else one)
        at += 1
    if depth:
        return nothing
    text = "".join(plain).translate(_LOWER)
    return _LITERAL_TOKEN.findall(text)[:_TOKENS_MAX], max(_LITERAL_RUN.findall(text), key=len, default="")
