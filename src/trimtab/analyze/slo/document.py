"""YAML with places: values of a file, and for each the line and column where it stands.

All that is wrong with a file is collected, and told at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import TypeVar

import yaml

from trimtab.analyze.slo.quantities import duration_ms, share
from trimtab.model.errors import ConfigError, InputError

FILE_BYTES_MAX = 4_000_000
NODES_MAX = 200_000
PROBLEMS_MAX = 50
Path = tuple[str | int, ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What is wrong, and where: line and column from 1; line 0 is the file as a whole, which could not be read."""

    line: int
    column: int
    reason: str

    def told(self, file: str) -> str:
        """`FILE, line 2, column 5: ...`"""
        return f"{file}, {self.placed}" if self.line else f"{file} {self.reason}"

    @property
    def placed(self) -> str:
        """The same without the file."""
        return f"line {self.line}, column {self.column}: {self.reason}" if self.line else self.reason


class ObjectivesRefused(ConfigError):
    """A file of objectives that is not taken; `facts["problems"]` are all of its problems."""


def refused(file: str, problems: Iterable[Problem]) -> ObjectivesRefused:
    """The error that tells them."""
    listed = sorted(problems)
    first = listed[0]
    told = [problem.told(file) for problem in listed[:PROBLEMS_MAX]]
    if len(listed) > PROBLEMS_MAX:
        told.append(f"and {len(listed) - PROBLEMS_MAX} more")
    return ObjectivesRefused(
        "\n".join(told), file=file, line=first.line, column=first.column, reason=first.reason, problems=tuple(listed)
    )


@dataclass(slots=True)
class Document:
    """One document of a file. `places` has a key's place under its path, and a value's under the path and `''`.

    `written` has what stands in the file, by path, where YAML makes something else than a text of it: `yes`, `010`.
    """

    value: object
    places: dict[Path, tuple[int, int]]
    problems: list[Problem] = field(default_factory=list)
    written: dict[Path, str] = field(default_factory=dict)

    def root(self) -> Part:
        """The whole of it."""
        return Part(self, ())


@dataclass(frozen=True, slots=True)
class Part:
    """A mapping in a document (or what stands where one should)."""

    document: Document
    path: Path

    @property
    def value(self) -> object:
        """What stands here."""
        found = self.document.value
        for step in self.path:
            if isinstance(found, dict):
                found = found.get(step)
            elif isinstance(found, list) and isinstance(step, int):
                found = found[step]
            else:
                return None
        return found

    @property
    def line(self) -> int:
        """Where it begins."""
        return self.document.places.get(self.path, (1, 1))[0]

    def has(self, key: str) -> bool:
        """Whether something stands under a key."""
        value = self.value
        return isinstance(value, dict) and value.get(key) is not None

    def get(self, key: str) -> object:
        """What stands under a key, as it is."""
        value = self.value
        return value.get(key) if isinstance(value, dict) else None

    def wrong(self, reason: str, key: str | None = None, *, at_value: bool = False) -> None:
        """Write down that something here (of a key) is wrong."""
        path = self.path if key is None else (*self.path, key)
        places = self.document.places
        place = places.get((*path, "")) if at_value else None
        place = place or places.get(path) or places.get(self.path) or (1, 1)
        self.document.problems.append(Problem(*place, reason))

    def known(self, *keys: str) -> None:
        """Keys that are not among these are wrong; and it must be a mapping."""
        value = self.value
        if not isinstance(value, dict):
            self.wrong(f"{self.name} must be a mapping of keys to values")
            return
        for key in value:
            if key not in keys:
                close = difflib.get_close_matches(str(key), keys, 1)
                meant = f" (did you mean {close[0]}?)" if close else f"; known are {', '.join(keys)}"
                self.wrong(f"unknown key {key!r} in {self.name}{meant}", str(key))

    @property
    def name(self) -> str:
        """What to call it."""
        names = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path]
        return "".join(names).lstrip(".") or "the document"

    def part(self, key: str) -> Part:
        """What stands under a key, as a part."""
        return Part(self.document, (*self.path, key))

    def parts(self, key: str, *, required: bool = False) -> list[Part]:
        """What stands in the list under a key."""
        found = self.get(key)
        if found is None:
            if required:
                self.wrong(f"{key} is missing in {self.name}")
            return []
        if not isinstance(found, list):
            self.wrong(f"{key} must be a list", key)
            return []
        return [Part(self.document, (*self.path, key, place)) for place in range(len(found))]

    def text(self, key: str, *, required: bool = False) -> str:
        """A text, as it is written (`no` is no, `010` is 010); '' where there is none."""
        found = self.get(key)
        if found is None or found == "":
            if required:
                self.wrong(f"{key} is missing in {self.name}", None if found is None else key)
            return ""
        if isinstance(found, dict | list):
            self.wrong(f"{key} must be a text", key, at_value=True)
            return ""
        return self.document.written.get((*self.path, key), str(found))

    def flag(self, key: str, *, default: bool) -> bool:
        """Yes or no."""
        found = self.get(key)
        if found is None or isinstance(found, bool):
            return default if found is None else found
        self.wrong(f"{key} must be true or false, found {found!r}", key, at_value=True)
        return default

    def number(self, key: str) -> float | None:
        """A number; None where there is none."""
        found = self.get(key)
        if found is None:
            return None
        try:
            if isinstance(found, bool | dict | list):
                raise ValueError
            return float(str(found))
        except ValueError:
            self.wrong(f"{key} must be a number, found {found!r}", key, at_value=True)
            return None

    def read(self, key: str, reader: Callable[[str], T]) -> T | None:
        """A text that a reader makes something of; its ValueError is what is wrong."""
        text = self.text(key)
        if not text:
            return None
        try:
            return reader(text)
        except ValueError as error:
            self.wrong(f"{key}: {error}", key, at_value=True)
            return None

    def duration_ms(self, key: str) -> int | None:
        """A duration; None where there is none."""
        return self.read(key, duration_ms)

    def share(self, key: str) -> float | None:
        """A share in 0..1; None where there is none."""
        return self.read(key, share)

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        """A mapping of texts to texts, sorted by name."""
        found = self.get(key)
        if found is None:
            return ()
        if not isinstance(found, dict) or any(isinstance(value, dict | list) for value in found.values()):
            self.wrong(f"{key} must be a mapping of names to texts", key)
            return ()
        return tuple(sorted((str(name), _plain(value)) for name, value in found.items() if value is not None))


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def documents(text: str, file: str) -> list[Document]:
    """The documents of a file that are not empty; ObjectivesRefused where it is no YAML."""
    if len(text) > FILE_BYTES_MAX:
        raise refused(file, [Problem(1, 1, f"the file has more than {FILE_BYTES_MAX} characters, which is the limit")])
    loader = yaml.SafeLoader(text)
    found: list[Document] = []
    try:
        while loader.check_node():
            walk = _Walk(loader)
            value = walk.value(loader.get_node(), ())
            if value is not None:
                found.append(Document(value, walk.places, walk.problems, walk.written))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
        raise refused(file, [Problem(*place, f"this is no YAML: {error.problem or error.context}")]) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line = before.count("\n") + 1
        raise refused(file, [Problem(line, error.position - before.rfind("\n"), f"no YAML: {error.reason}")]) from None
    except RecursionError:
        raise refused(file, [Problem(1, 1, "this is nested too deeply")]) from None
    except _TooMany:
        raise refused(file, [Problem(1, 1, f"this has more than {NODES_MAX} values, aliases counted")]) from None
    finally:
        loader.dispose()
    return found


def text_of(file: FilePath) -> str:
    """The text of a file; InputError where it cannot be read, with the `reason` as a fact."""
    try:
        with file.open("rb") as opened:
            data = opened.read(FILE_BYTES_MAX + 1)
        if len(data) > FILE_BYTES_MAX:
            told = f"the file has more than {FILE_BYTES_MAX} bytes, which is the limit"
            raise refused(str(file), [Problem(1, 1, told)])
        return data.decode("utf-8-sig")
    except OSError as error:
        reason = f"could not be read: {error.strerror}"
        raise InputError(f"{file} {reason}", file=str(file), reason=reason) from None
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise refused(str(file), [Problem(*place, f"this is not UTF-8: {error.reason}")]) from None


class _TooMany(Exception):
    """More values than are walked."""


class _Walk:
    """Makes plain values of nodes and writes down where they stand."""

    def __init__(self, loader: yaml.SafeLoader) -> None:
        self._loader = loader
        self._left = NODES_MAX
        self.places: dict[Path, tuple[int, int]] = {}
        self.problems: list[Problem] = []
        self.written: dict[Path, str] = {}

    def value(self, node: yaml.Node, path: Path) -> object:
        """The value of a node."""
        self._left -= 1
        if self._left < 0:
            raise _TooMany
        place = (node.start_mark.line + 1, node.start_mark.column + 1)
        self.places.setdefault(path, place)
        self.places[(*path, "")] = place
        if isinstance(node, yaml.MappingNode):
            return dict(self._mapping(node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(inner, (*path, number)) for number, inner in enumerate(node.value)]
        if node.tag.endswith((":timestamp", ":binary")):
            return str(node.value)
        if not node.tag.endswith(":str"):
            self.written[path] = str(node.value)
        try:
            return self._loader.construct_object(node, deep=True)
        except ValueError as error:
            self.problems.append(Problem(*place, f"this cannot be read: {error}"))
            return None

    def _mapping(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, object]]:
        self._loader.flatten_mapping(node)
        seen: set[str] = set()
        for key_node, value_node in node.value:
            key = str(key_node.value)
            place = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if key in seen:
                self.problems.append(Problem(*place, f"{key!r} stands here twice"))
                continue
            seen.add(key)
            self.places[(*path, key)] = place
            yield key, self.value(value_node, (*path, key))
