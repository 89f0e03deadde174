"""Where each key and each value of a TOML text stands, so that an error can name line and column.

`tomllib` reads the values and says no to what is not TOML, but forgets where things were. This walks the same text
once more and writes down places only; it must be given text that `tomllib` has taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

Path = tuple[str | int, ...]
"""Keys from the outside in; a number is a position in an array (or in an array of tables)."""

_BARE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b", '"': '"', "\\": "\\"}
_END_OF_SCALAR = frozenset(",]}#\n")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line and a column, both from 1; a column counts characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Places:
    """`keys` has the place of each key (of a table: of its header), `values` of each value, by path."""

    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)

    def key(self, path: Path) -> Place | None:
        """Where a key stands; of one that is nowhere named (a table made by what is in it), the first thing in it."""
        if path in self.keys:
            return self.keys[path]
        within = [place for other, place in self.keys.items() if other[: len(path)] == path]
        return min(within, default=None)

    def value(self, path: Path) -> Place | None:
        """Where a value stands; of a table, where its key does."""
        return self.values.get(path) or self.key(path)


def find_places(text: str) -> Places:
    """The places in a TOML text that is known to be right.

    >>> places = find_places('[a]\\nb = [1, { "c d".e = 2 }]\\n')
    >>> places.values[("a", "b", 1, "c d", "e")]
    Place(line=2, column=21)
    >>> places.key(("a", "b", 1, "c d")).column
    11
    """
    walker = _Walker(text.replace("\r\n", "\n"))
    walker.document()
    return walker.places


class _Walker:
    """Reads on from `at`; every method leaves it behind what it read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.places = Places()
        self._lengths: dict[Path, int] = {}
        self._line = 1
        self._line_start = 0
        self._counted_to = 0

    def document(self) -> None:
        """Headers and pairs to the end."""
        table: Path = ()
        while self._skip(" \t\n", comments=True):
            if self._ahead("["):
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        """`[a.b]` or `[[a.b]]`: the path of the table it opens."""
        place = self._place()
        is_array = self._ahead("[[")
        self.at += 2 if is_array else 1
        names = [name for name, _ in self._dotted("]")]
        self.at += 2 if is_array else 1
        path = (*self._resolved(names[:-1]), names[-1])
        if is_array:
            number = self._lengths.get(path, 0)
            self._lengths[path] = number + 1
            self.places.keys.setdefault(path, place)
            path = (*path, number)
        else:
            path = self._resolved(names)
        self.places.keys.setdefault(path, place)
        return path

    def _resolved(self, names: list[str]) -> Path:
        """A header's names, with the newest element of each array of tables on the way."""
        path: Path = ()
        for name in names:
            path = (*path, name)
            if path in self._lengths:
                path = (*path, self._lengths[path] - 1)
        return path

    def _pair(self, table: Path) -> None:
        """`a.b = value`."""
        path = table
        for name, place in self._dotted("="):
            path = (*path, name)
            self.places.keys.setdefault(path, place)
        self.at += 1
        self._skip(" \t")
        self._value(path)

    def _dotted(self, end: str) -> Iterator[tuple[str, Place]]:
        """The parts of a dotted key with their places, up to (not over) `end`."""
        while True:
            self._skip(" \t")
            place = self._place()
            yield self._key(), place
            self._skip(" \t")
            if self._ahead(end):
                return
            self.at += 1  # the dot

    def _key(self) -> str:
        if self._ahead('"'):
            return self._basic('"')
        if self._ahead("'"):
            return self._literal("'")
        start = self.at
        while self.at < len(self.text) and self.text[self.at] in _BARE:
            self.at += 1
        return self.text[start : self.at]

    def _value(self, path: Path) -> None:
        self.places.values[path] = self._place()
        if self._ahead('"""'):
            self._basic('"""')
        elif self._ahead("'''"):
            self._literal("'''")
        elif self._ahead('"'):
            self._basic('"')
        elif self._ahead("'"):
            self._literal("'")
        elif self._ahead("["):
            self._array(path)
        elif self._ahead("{"):
            self._inline_table(path)
        else:
            while self.at < len(self.text) and self.text[self.at] not in _END_OF_SCALAR:
                self.at += 1

    def _array(self, path: Path) -> None:
        self.at += 1
        number = 0
        while self._skip(" \t\n,", comments=True) and not self._ahead("]"):
            self._value((*path, number))
            number += 1
        self.at += 1

    def _inline_table(self, path: Path) -> None:
        self.at += 1
        while self._skip(" \t\n,", comments=True) and not self._ahead("}"):
            self._pair(path)
        self.at += 1

    def _literal(self, quote: str) -> str:
        start = self.at + len(quote)
        self.at = self._past_quotes(self.text.index(quote, start), quote)
        return self.text[start : self.at - len(quote)]

    def _basic(self, quote: str) -> str:
        """A string with escapes; what it says is needed of keys only, which are on one line."""
        self.at += len(quote)
        said: list[str] = []
        while not self._ahead(quote):
            letter = self.text[self.at]
            self.at += 1
            if letter != "\\":
                said.append(letter)
                continue
            escape = self.text[self.at]
            self.at += 1
            digits = {"x": 2, "u": 4, "U": 8}.get(escape)
            if digits is None:
                said.append(_ESCAPES.get(escape, ""))
            else:
                said.append(chr(int(self.text[self.at : self.at + digits], 16)))
                self.at += digits
        self.at = self._past_quotes(self.at, quote)
        return "".join(said)

    def _past_quotes(self, at: int, quote: str) -> int:
        """Behind the closing quotes at `at`; up to two more of them belong to a text of many lines."""
        extra = 0
        while len(quote) == 3 and extra < 2 and self.text[at + 3 + extra : at + 4 + extra] == quote[0]:
            extra += 1
        return at + len(quote) + extra

    def _skip(self, letters: str, *, comments: bool = False) -> bool:
        """Go on to the next thing; False at the end of the text."""
        while self.at < len(self.text):
            if comments and self._ahead("#"):
                while self.at < len(self.text) and not self._ahead("\n"):
                    self.at += 1
            elif self.text[self.at] in letters:
                self.at += 1
            else:
                return True
        return False

    def _ahead(self, text: str) -> bool:
        return self.text.startswith(text, self.at)

    def _place(self) -> Place:
        """Where `at` is; the walker only goes forward, so that lines are counted once."""
        while (found := self.text.find("\n", self._counted_to, self.at)) >= 0:
            self._line += 1
            self._counted_to = self._line_start = found + 1
        return Place(self._line, self.at - self._line_start + 1)
