"""Places are right whatever the text: texts are written with known places, and places are found again."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.app.toml_places import Path, Place, find_places

SPACES = st.sampled_from(["", " ", "  ", "\t"])
BREAKS = st.sampled_from(["", " ", "\n", "\n\n  ", "\n# a ] } \" ' = comment\n", "   # x\n"])
LETTERS = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])
NAMES = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True),
    st.text(LETTERS, max_size=5),
    st.sampled_from(["a.b", 'say "hi"', "it's", "", "\\", "[x]", "#", "=", "\t", "🜁"]),
)
SCALARS = st.sampled_from(
    [
        "1",
        "0x1F",
        "1e5",
        "nan",
        "true",
        "1979-05-27 07:32:00Z",
        "07:32:00",
        '""',
        "''",
        '"a ] } # , = \\" b"',
        "'a \" ] } # \\'",
        '"\\u00e9\\t"',
        '"""a\n"" ] # \\""" b\\\n  c"""',
        "'''\nx'' ] # \"\n'''",
        '""""quoted" at both ends"""""',
        "''''x'''''",
    ]
)


@dataclass
class Writer:
    """Writes a text and remembers where things stand."""

    draw: Any
    text: str = ""
    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)

    def here(self) -> Place:
        lines = self.text.split("\n")
        return Place(len(lines), len(lines[-1]) + 1)

    def key(self, name: str) -> None:
        quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'
        forms = [quoted]
        if name and all(c.isascii() and (c.isalnum() or c in "_-") for c in name):
            forms.append(name)
        if "'" not in name:
            forms.append(f"'{name}'")
        self.text += self.draw(st.sampled_from(forms))

    def dotted(self, path: Path, names: list[str]) -> Path:
        for number, name in enumerate(names):
            if number:
                self.text += self.draw(SPACES) + "." + self.draw(SPACES)
            path = (*path, name)
            self.keys.setdefault(path, self.here())
            self.key(name)
        return path

    def pair(self, path: Path, names: list[str], depth: int) -> None:
        path = self.dotted(path, names)
        self.text += self.draw(SPACES) + "=" + self.draw(SPACES)
        self.value(path, depth)

    def value(self, path: Path, depth: int) -> None:
        self.values[path] = self.here()
        kind = self.draw(st.sampled_from(["scalar", "scalar", "array", "table"])) if depth else "scalar"
        if kind == "scalar":
            self.text += self.draw(SCALARS)
        elif kind == "array":
            self.text += "[" + self.draw(BREAKS)
            count = self.draw(st.integers(0, 3))
            for number in range(count):
                self.value((*path, number), depth - 1)
                self.text += self.draw(BREAKS)
                if number < count - 1 or self.draw(st.booleans()):
                    self.text += "," + self.draw(BREAKS)
            self.text += "]"
        else:
            self.text += "{" + self.draw(SPACES)
            for number, names in enumerate(self.unlike_names(2)):
                if number:
                    self.text += "," + self.draw(SPACES)
                self.pair(path, names, depth - 1)
                self.text += self.draw(SPACES)
            self.text += "}"

    def unlike_names(self, count_max: int) -> Iterator[list[str]]:
        """Dotted names that differ in their first part."""
        firsts = self.draw(st.lists(NAMES, max_size=count_max, unique=True))
        for first in firsts:
            yield [first, *self.draw(st.lists(NAMES, max_size=2))]

    def line_end(self) -> None:
        self.text += self.draw(SPACES) + self.draw(st.sampled_from(["\n", "\n\n", " # [no] header = 1\n"]))

    def document(self) -> None:
        names = self.unlike_names(4)
        for pair in itertools.islice(names, self.draw(st.integers(0, 2))):
            self.pair((), pair, 2)
            self.line_end()
        for header in names:  # what is left of the unlike names are tables
            times = self.draw(st.sampled_from([None, None, 1, 2]))
            for number in range(times or 1):
                place = self.here()
                brackets = ("[", "]") if times is None else ("[[", "]]")
                self.text += brackets[0] + self.draw(SPACES)
                held = dict(self.keys)
                self.dotted((), header)
                self.keys = held
                path: Path = tuple(header) if times is None else (*header, number)
                self.keys.setdefault(tuple(header), place)
                self.keys.setdefault(path, place)
                self.text += self.draw(SPACES) + brackets[1]
                self.line_end()
                for pair in self.unlike_names(3):
                    self.pair(path, pair, 2)
                    self.line_end()


def leaves(value: object, path: Path = ()) -> Iterator[Path]:
    """Every path in a parsed text, in the terms of places."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from leaves(inner, (*path, number))


@pytest.mark.slow
@given(st.data())
def test_places_are_where_they_were_written(data: st.DataObject) -> None:
    writer = Writer(data.draw)
    writer.document()
    parsed = tomllib.loads(writer.text)
    found = find_places(writer.text)
    assert found.values == writer.values
    assert found.keys == writer.keys
    for path in leaves(parsed):
        assert found.value(path) is not None, path


@pytest.mark.slow
@given(st.data())
def test_line_ends_of_windows_change_no_place(data: st.DataObject) -> None:
    writer = Writer(data.draw)
    writer.document()
    assert find_places(writer.text.replace("\n", "\r\n")) == find_places(writer.text)


def test_tables_inside_elements_of_an_array_of_tables() -> None:
    text = "[[a]]\nx = 1\n[a.b]\ny = 2\n[[a]]\n[a.b]\n  y = 3\n[[a.c]]\nz = 4\n"
    tomllib.loads(text)
    found = find_places(text)
    assert found.values[("a", 0, "b", "y")] == Place(4, 5)
    assert found.values[("a", 1, "b", "y")] == Place(7, 7)
    assert found.values[("a", 1, "c", 0, "z")] == Place(9, 5)
    assert found.key(("a", 1, "b")) == Place(6, 1)
