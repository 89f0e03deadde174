"""The language in which logs are searched, as docs/reference/log-search.md tells it to people: text → tree.

    error timeout            both words            -debug             not that word
    "connection refused"     these words so        /order \\d+/i       a regular expression (RE2)
    time* *out *fer*         parts of words        a OR b, (a b) OR c
    service:checkout         a field               level>=warn        and its order
    http.status_code>=500    an attribute          user.name:* -k:*   there, and not there

Errors name the column (from 1).

>>> parse('error -"cache miss" service:shop')
All((Words('error'), Not(Words('cache miss')), Field('service', '=', Words('shop'))))
>>> parse('a OR (b level>=warn)')
Any((Words('a'), All((Words('b'), Field('level', '>=', Words('warn'))))))
>>> parse('a ) b')
Traceback (most recent call last):
trimtab.store.logs.language.LogQueryError: column 3: this ) closes nothing
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trimtab.model.errors import InputError

TEXT_CHARS_MAX = 4000
TERMS_MAX = 100
DEPTH_MAX = 20


class LogQueryError(InputError):
    """The text is not of the language; `facts["column"]` counts from 1."""

    def __init__(self, message: str, column: int = 1, **facts: object) -> None:
        super().__init__(f"column {column}: {message}", column=column, **facts)

    def __reduce__(self) -> tuple[object, ...]:
        column = self.facts["column"]
        return LogQueryError, (self.message.removeprefix(f"column {column}: "), column)


@dataclass(frozen=True, slots=True, repr=False)
class Words:
    """Words that stand so in the line, whatever the case. With `is_open_*` the first or the last may go on there."""

    text: str
    is_open_left: bool = False
    is_open_right: bool = False

    def __repr__(self) -> str:
        more = [f"{name}=True" for name in ("is_open_left", "is_open_right") if getattr(self, name)]
        return f"Words({', '.join([repr(self.text), *more])})"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression (RE2)."""

    text: str
    ignores_case: bool = False
    column: int = 1


@dataclass(frozen=True, slots=True, repr=False)
class Field:
    """A comparison: `=`, `!=`, `<`, `<=`, `>`, `>=`."""

    name: str
    operator: str
    value: Words | Pattern
    column: int = 1

    def __repr__(self) -> str:
        return f"Field({self.name!r}, {self.operator!r}, {self.value!r})"


@dataclass(frozen=True, slots=True, repr=False)
class Not:
    """What is not so."""

    item: Node

    def __repr__(self) -> str:
        return f"Not({self.item!r})"


@dataclass(frozen=True, slots=True, repr=False)
class All:
    """All of them; of none, everything is found."""

    items: tuple[Node, ...]

    def __repr__(self) -> str:
        return f"All({self.items!r})"


@dataclass(frozen=True, slots=True, repr=False)
class Any:
    """One of them at least."""

    items: tuple[Node, ...]

    def __repr__(self) -> str:
        return f"Any({self.items!r})"


Node = Words | Pattern | Field | Not | All | Any

_SPACE = re.compile(r"\s+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_PATTERN = re.compile(r"/((?:[^/\\]|\\.)+)/(i?)(?=[\s)]|$)", re.DOTALL)
_NAME = re.compile(r'[^\s()"/:=<>!*-][^\s()":=<>!*]*')
_OPERATOR = re.compile(r"!=|>=|<=|[:=<>]")
_BARE = re.compile(r'[^\s()"]+')
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def parse(text: str) -> Node:
    """The tree of a query; LogQueryError says what is wrong where."""
    if len(text) > TEXT_CHARS_MAX:
        raise LogQueryError(
            f"a query may have {TEXT_CHARS_MAX} characters; this one has {len(text)}",
            TEXT_CHARS_MAX + 1,
            limit=TEXT_CHARS_MAX,
            observed=len(text),
        )
    parser = _Parser(text)
    found = parser.any_of(0)
    if parser.at < len(text):
        raise parser.wrong("this ) closes nothing")
    return found


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self._terms_count = 0

    def wrong(self, message: str, at: int | None = None) -> LogQueryError:
        return LogQueryError(message, (self.at if at is None else at) + 1)

    def _skip(self) -> None:
        found = _SPACE.match(self.text, self.at)
        if found:
            self.at = found.end()

    def _keyword(self, word: str) -> bool:
        """Whether this word stands here by itself; then it is passed."""
        end = self.at + len(word)
        if self.text.startswith(word, self.at) and (end == len(self.text) or self.text[end] in " \t\n()"):
            self.at = end
            return True
        return False

    def any_of(self, depth: int) -> Node:
        """Terms with OR between them, up to a bracket that closes."""
        if depth > DEPTH_MAX:
            raise self.wrong(f"brackets may stand {DEPTH_MAX} deep")
        choices = [self._all_of(depth)]
        while self._keyword("OR"):
            if choices[-1] == All(()):
                raise self.wrong("before OR something must stand", self.at - 2)
            begun = self.at - 2
            choices.append(self._all_of(depth))
            if choices[-1] == All(()):
                raise self.wrong("behind OR something must stand", begun)
        return choices[0] if len(choices) == 1 else Any(tuple(choices))

    def _all_of(self, depth: int) -> Node:
        items: list[Node] = []
        while True:
            self._skip()
            begun = self.at
            if self._keyword("AND"):
                if not items:
                    raise self.wrong("before AND something must stand", begun)
                self._skip()
                if self.at >= len(self.text) or self.text[self.at] == ")" or self.text.startswith("OR ", self.at):
                    raise self.wrong("behind AND something must stand", begun)
                continue
            if self.at >= len(self.text) or self.text[self.at] == ")" or self._is_or():
                return items[0] if len(items) == 1 else All(tuple(items))
            items.append(self._term(depth))

    def _is_or(self) -> bool:
        here = self.at
        found = self._keyword("OR")
        self.at = here
        return found

    def _term(self, depth: int) -> Node:
        self._terms_count += 1
        if self._terms_count > TERMS_MAX:
            raise self.wrong(f"a query may have {TERMS_MAX} terms")
        text, begun = self.text, self.at
        if text[begun] == "-" and begun + 1 < len(text) and not text[begun + 1].isspace():
            self.at += 1
            return Not(self._inner(depth, begun))
        if self._keyword("NOT"):
            self._skip()
            return Not(self._inner(depth, begun))
        if text[begun] == "(":
            self.at += 1
            found = self.any_of(depth + 1)
            if self.at >= len(text):
                raise self.wrong("this ( is not closed", begun)
            self.at += 1
            return found
        return self._field() or self._value()

    def _inner(self, depth: int, begun: int) -> Node:
        """What a `-` or NOT is of."""
        if self.at >= len(self.text) or self.text[self.at] == ")":
            raise self.wrong("here something must follow that is not to be there", begun)
        if depth > DEPTH_MAX:
            raise self.wrong(f"brackets may stand {DEPTH_MAX} deep")
        return self._term(depth + 1)

    def _field(self) -> Node | None:
        """A name, an operator and a value; None where there is no such thing."""
        begun = self.at
        quoted = _QUOTED.match(self.text, begun)
        name = quoted or _NAME.match(self.text, begun)
        if name is None:
            return None
        operator = _OPERATOR.match(self.text, name.end())
        if operator is None or (quoted is None and self._is_address(name.end())):
            return None
        self.at = operator.end()
        if self.at >= len(self.text) or self.text[self.at].isspace() or self.text[self.at] in "()":
            raise self.wrong(f"behind {operator[0]} a value must stand; text with a {operator[0]} in it needs quotes")
        told = _ESCAPED.sub(r"\1", quoted[1]) if quoted else name[0]
        sign = "=" if operator[0] == ":" else operator[0]
        value = self._value()
        if sign in {"<", "<=", ">", ">="} and (isinstance(value, Pattern) or _is_open(value)):
            raise self.wrong(f"behind {sign} a number or a text must stand, without * and no regular expression", begun)
        return Field(told, sign, value, begun + 1)

    def _is_address(self, at: int) -> bool:
        """`http://…` and `12:30` are no fields."""
        return self.text.startswith("://", at) or (self.text[at] == ":" and self.text[self.at : at].isdigit())

    def _value(self) -> Words | Pattern:
        begun = self.at
        quoted = _QUOTED.match(self.text, begun)
        if quoted:
            self.at = quoted.end()
            told = _ESCAPED.sub(r"\1", quoted[1])
            if not told and not (begun and self.text[begun - 1] in ":=<>"):
                raise self.wrong("these quotes have nothing in them", begun)
            return Words(told)
        if self.text[begun] == '"':
            raise self.wrong("this quote is not closed", begun)
        pattern = _PATTERN.match(self.text, begun)
        if pattern:
            self.at = pattern.end()
            return _checked(Pattern(pattern[1].replace("\\/", "/"), bool(pattern[2]), begun + 1))
        bare = _BARE.match(self.text, begun)
        if bare is None:
            raise self.wrong(f"{self.text[begun]} cannot stand here", begun)
        self.at = bare.end()
        told = bare[0]
        inner = told.strip("*")
        if "*" in inner:
            raise self.wrong(
                "a * stands at the beginning or at the end of a word; inside, use a /regular expression/",
                begun + told.index("*", len(told) - len(told.lstrip("*"))),
            )
        return Words(inner, told.startswith("*"), told.endswith("*"))


def _is_open(value: Words | Pattern) -> bool:
    return isinstance(value, Words) and (value.is_open_left or value.is_open_right)


def _checked(pattern: Pattern) -> Pattern:
    """LogQueryError where RE2 does not know it, or it would need too much memory."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        re2.compile(pattern.text, options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        told = reason.decode() if isinstance(reason, bytes) else str(reason)
        raise LogQueryError(f"no regular expression (RE2): {told}", pattern.column) from None
    return pattern
