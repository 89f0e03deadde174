"""Words of a query, with their places.

What a word means depends on where it stands: in braces a keyword is the name of a label; in brackets a colon comes
before the step of a subquery, elsewhere it is part of a name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from trimtab.store.promql.errors import parse_error

Kind = Literal["end", "identifier", "metric identifier", "keyword", "string", "number", "duration", "symbol"]


def words(text: str) -> tuple[str, ...]:
    """Names, written with spaces between them.

    >>> words("and or")
    ('and', 'or')
    """
    return tuple(text.split())


AGGREGATORS = frozenset(
    words("sum avg count min max group stddev stdvar topk bottomk count_values quantile limitk limit_ratio")
)
KEYWORDS = AGGREGATORS | frozenset(
    words("""and or unless atan2 offset smoothed anchored by without on ignoring group_left group_right fill fill_left
    fill_right bool start end step range max_of min_of""")
)

OPERATORS = frozenset(words("+ - * / % ^ == != <= < >= > </ >/ =~ !~ and or unless atan2"))

_SPACE = re.compile(r"(?:[ \t\r\n]+|#[^\n\r]*)+")
_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DURATION = re.compile(r"(?:\d+(?:ms|[ywdhms]))+(?![A-Za-z0-9_.])")
_NUMBER = re.compile(r"(?:0[xX][0-9A-Fa-f]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?![A-Za-z0-9_.])")
_BAD_NUMBER = re.compile(r"[0-9.][A-Za-z0-9_.]*")
_SYMBOL = re.compile(r"=~|!~|==|!=|<=|>=|</|>/|[-+*/%^<>=(){}\[\],@:]")
_SYMBOL_IN_BRACES = re.compile(r"=~|!~|!=|[={},]")
_ESCAPED = re.compile(r"\\(?:([abfnrtv\\'\"])|([0-7]{3})|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))")
_ESCAPES = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, "'": 39, '"': 34}


@dataclass(frozen=True, slots=True)
class Token:
    """A word: `text` as written (of a string: what it says), at `[start, end)`."""

    kind: Kind
    text: str
    start: int
    end: int
    written: str = ""

    def __str__(self) -> str:
        """Prometheus' way to name it in an error.

        >>> [str(token) for token in tokens("sum + (up)")[:4]]
        ['<aggr:sum>', '<op:+>', '"("', 'identifier "up"']
        """
        if self.kind == "end":
            return "end of input"
        if self.kind in ("keyword", "symbol"):
            if self.text in AGGREGATORS:
                return f"<aggr:{self.written or self.text}>"
            if self.text in OPERATORS:
                return f"<op:{self.written or self.text}>"
            return f"<{self.written}>" if self.kind == "keyword" else quoted(self.text)
        written = self.written or self.text
        if self.kind in ("identifier", "metric identifier") or len(written) <= 10:
            return f"{self.kind} {quoted(written)}"
        return f"{self.kind} {quoted(written[:10])}..."


def quoted(text: str) -> str:
    """A string as Go's `%q` writes it: bytes that are no UTF-8 (kept as surrogates) are written as `\\xNN`.

    >>> print(quoted('say "hi"'), quoted("a\\udcc5z"))
    "say \\"hi\\"" "a\\xc5z"
    """
    out = ['"']
    for char in text:
        code = ord(char)
        if char in '"\\':
            out.append("\\" + char)
        elif char in _NAMED:
            out.append(_NAMED[char])
        elif 0xDC80 <= code <= 0xDCFF:
            out.append(f"\\x{code - 0xDC00:02x}")
        elif char.isprintable():
            out.append(char)
        else:
            out.append(f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
    return "".join([*out, '"'])


_NAMED = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def tokens(query: str) -> list[Token]:
    """All words of a query; the last one is the end.

    >>> [token.text for token in tokens('sum by (job) (up{le="+Inf"}[5m:1m])')]
    ['sum', 'by', '(', 'job', ')', '(', 'up', '{', 'le', '=', '+Inf', '}', '[', '5m', ':', '1m', ']', ')', '']
    """
    found: list[Token] = []
    at = 0
    is_in_braces = is_in_brackets = False
    depth = 0
    while True:
        if space := _SPACE.match(query, at):
            at = space.end()
        if at >= len(query):
            break
        char = query[at]
        if char in "\"'`":
            token = _string(query, at)
        elif is_in_braces:
            token = _word_in_braces(query, at)
            is_in_braces = token.text != "}" or token.kind == "string"
        else:
            token = _word(query, at, is_in_brackets)
            if token.kind == "symbol":
                depth += {"(": 1, ")": -1}.get(token.text, 0)
                if depth < 0:
                    raise parse_error(query, at, "unexpected right parenthesis ')'")
                if token.text == "[" and is_in_brackets:
                    raise parse_error(query, at, "unexpected left bracket '['")
                if token.text == "]" and not is_in_brackets:
                    raise parse_error(query, at, "unexpected right bracket ']'")
                if token.text in "[]":
                    is_in_brackets = token.text == "["
                is_in_braces = token.text == "{"
                if token.text == "}":
                    raise parse_error(query, at, "unexpected right brace '}'")
        found.append(token)
        at = token.end
    for is_open, what in (
        (is_in_braces, "unexpected end of input inside braces"),
        (is_in_brackets, "unclosed left bracket"),
        (depth > 0, "unclosed left parenthesis"),
    ):
        if is_open:
            raise parse_error(query, len(query), what)
    found.append(Token("end", "", len(query), len(query)))
    return found


def _word(query: str, at: int, is_in_brackets: bool) -> Token:
    char = query[at]
    if char.isdigit() or (char == "." and query[at + 1 : at + 2].isdigit()):
        for kind, pattern in (("duration", _DURATION), ("number", _NUMBER)):
            if match := pattern.match(query, at):
                return Token("duration" if kind == "duration" else "number", match[0], at, match.end())
        bad = _BAD_NUMBER.match(query, at)
        raise parse_error(query, at, f"bad number or duration syntax: {quoted(bad[0] if bad else char)}")
    if match := (_LABEL if is_in_brackets else _NAME).match(query, at):
        word = match[0]
        lower = word.lower()
        if lower in ("inf", "nan"):
            return Token("number", lower, at, match.end(), word)
        if lower in KEYWORDS:
            return Token("keyword", lower, at, match.end(), word)
        return Token("metric identifier" if ":" in word else "identifier", word, at, match.end())
    if match := _SYMBOL.match(query, at):
        if match[0] == ":" and not is_in_brackets:
            raise parse_error(query, at, "unexpected character: ':'")
        if match[0] == "=" and query[at : at + 2] == "=~":
            raise parse_error(query, at, "unexpected character after '=': '~'")
        return Token("symbol", match[0], at, match.end())
    if char == "!":
        raise parse_error(query, at, f"unexpected character after '!': {query[at + 1 : at + 2]!r}")
    raise parse_error(query, at, f"unexpected character: {char!r}")


def _word_in_braces(query: str, at: int) -> Token:
    if match := _LABEL.match(query, at):
        return Token("identifier", match[0], at, match.end())
    if match := _SYMBOL_IN_BRACES.match(query, at):
        return Token("symbol", match[0], at, match.end())
    if query[at] == "{":
        raise parse_error(query, at, "unexpected left brace '{'")
    if query[at] == "!":
        raise parse_error(query, at, f"unexpected character after '!' inside braces: {query[at + 1 : at + 2]!r}")
    raise parse_error(query, at, f"unexpected character inside braces: {query[at]!r}")


def _string(query: str, at: int) -> Token:
    quote = query[at]
    if quote == "`":
        end = query.find("`", at + 1)
        if end < 0:
            raise parse_error(query, at, "unterminated raw string")
        return Token("string", query[at + 1 : end], at, end + 1, query[at : end + 1])
    out = bytearray()
    here = at + 1
    while here < len(query):
        char = query[here]
        if char == quote:
            text = out.decode("utf-8", "surrogateescape")
            return Token("string", text, at, here + 1, query[at : here + 1])
        if char == "\n":
            break
        if char == "\\":
            match = _ESCAPED.match(query, here)
            if match is None:
                raise parse_error(query, here, f"unknown escape sequence {query[here : here + 2]!r}")
            named, octal, byte, short, long = match.groups()
            if named:
                out.append(_ESCAPES[named])
            elif octal or byte:
                out.append(int(octal, 8) & 255 if octal else int(byte, 16))
            else:
                code = int(short or long, 16)
                if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                    raise parse_error(query, here, "escape sequence is an invalid Unicode code point")
                out += chr(code).encode()
            here = match.end()
        else:
            out += char.encode("utf-8", "surrogateescape")
            here += 1
    raise parse_error(query, at, "unterminated quoted string")
