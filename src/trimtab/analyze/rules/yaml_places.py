"""YAML with the place of each part, so that what is wrong in a file is told with line and column.

Scalars stay as they were written: whoever asks says whether a text, a number or a truth value is wanted, as programs in
Go do that read the same files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import yaml

from trimtab.model.errors import InputError

DEPTH_MAX = 100
ITEMS_MAX = 2_000_000
REPEATED_MAX = 100_000
"""Parts that stand there because of aliases."""
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Item:
    """One part of a document: a text (`text`), a list (`items`) or a mapping (`fields`). Lines count from 1."""

    file: str
    line: int
    column: int
    path: str
    kind: str
    """`text`, `null`, `list` or `mapping`."""
    text: str = ""
    is_quoted: bool = False
    items: list[Item] = field(default_factory=list)
    fields: dict[str, Item] = field(default_factory=dict)
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Where the keys stand."""

    def wrong(self, reason: str, at: tuple[int, int] | None = None) -> InputError:
        """The error that says what is wrong here."""
        return wrong(self.file, *(at or (self.line, self.column)), reason)

    # --- mappings --------------------------------------------------------------------------------------------------

    def only(self, names: Collection[str], what: str) -> Item:
        """This mapping, if it has no other fields."""
        if self.kind == "null":
            return Item(self.file, self.line, self.column, self.path, "mapping")
        if self.kind != "mapping":
            raise self.wrong(f"{what} is a {self.kind}, not a mapping")
        for key in self.fields:
            if key not in names:
                raise self.wrong(f"field {key} not found in {what}", self.keys[key])
        return self

    def get(self, name: str) -> Item | None:
        """One field; None where it is missing or null."""
        item = self.fields.get(name)
        return None if item is None or item.kind == "null" else item

    def string(self, name: str, default: str = "") -> str:
        """A text."""
        item = self.get(name)
        return default if item is None else item.as_string()

    def strings(self, name: str) -> dict[str, str]:
        """A mapping from texts to texts."""
        item = self.get(name)
        if item is None:
            return {}
        if item.kind != "mapping":
            raise item.wrong(f"{name} is a {item.kind}, not a mapping")
        return {key: one.as_string() for key, one in item.fields.items()}

    def each(self, name: str) -> Iterator[Item]:
        """The parts of a list."""
        item = self.get(name)
        if item is not None:
            if item.kind != "list":
                raise item.wrong(f"{name} is a {item.kind}, not a list")
            yield from item.items

    # --- texts -----------------------------------------------------------------------------------------------------

    def as_string(self) -> str:
        """What was written, as a text."""
        if self.kind == "null":
            return ""
        if self.kind != "text":
            raise self.wrong(f"a {self.kind} where a text is wanted")
        return self.text

    def as_number(self) -> float:
        """What was written, as a number."""
        text = self.as_string()
        try:
            if text[:1] == "." and text[1:].lower() in ("inf", "nan"):
                return float(text[1:])
            if text[:2] in ("-.", "+.") and text[2:].lower() == "inf":
                return float(text[0] + "inf")
            return float(text) if not text.lower().startswith("0x") else float(int(text, 16))
        except ValueError:
            raise self.wrong(f"{text!r} is no number") from None

    def as_truth(self) -> bool:
        """What was written, as true or false."""
        text = self.as_string()
        if text.lower() not in ("true", "false"):
            raise self.wrong(f"{text!r} is neither true nor false")
        return text.lower() == "true"


def wrong(file: str, line: int, column: int, reason: str) -> InputError:
    """An error with its place: `file:line:column: reason`."""
    return InputError(f"{file}:{line}:{column}: {reason}", file=file, line=line, column=column, reason=reason)


def read(text: str, file: str) -> Item:
    """The document of a file. Raises InputError with the place where it is no YAML, or has a key twice.

    >>> item = read("groups:\\n- name: a\\n", "rules.yml")
    >>> next(item.each("groups")).fields["name"].line
    2
    """
    documents = read_all(text, file)
    if len(documents) > 1:
        raise documents[1].wrong("a second document; one is wanted")
    return documents[0] if documents else Item(file, 1, 1, "", "null")


def read_all(text: str, file: str) -> list[Item]:
    """All documents of a file (`---` between them)."""
    try:
        nodes = [node for node in yaml.compose_all(text, Loader=_LOADER) if node is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
        raise wrong(file, *place, f"no YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise wrong(file, 1, 1, f"no YAML: {error}") from None
    except RecursionError:
        raise wrong(file, 1, 1, f"no YAML: nested deeper than {DEPTH_MAX} levels") from None
    walker = _Walker(file)
    return [walker.item(node, "", 0) for node in nodes]


class _Walker:
    """From nodes to items; an alias stands for what it names, but not without end."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._count = self._repeated = 0
        self._seen: set[int] = set()

    def item(self, node: yaml.Node, path: str, depth: int) -> Item:
        """One node and all below it."""
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        self._count += 1
        self._repeated += id(node) in self._seen
        self._seen.add(id(node))
        if depth > DEPTH_MAX or self._count > ITEMS_MAX:
            raise wrong(self._file, line, column, f"more than {DEPTH_MAX} levels or {ITEMS_MAX} parts")
        if self._repeated > REPEATED_MAX:
            raise wrong(self._file, line, column, f"aliases stand for more than {REPEATED_MAX} parts")
        if isinstance(node, yaml.ScalarNode):
            is_plain = not node.style
            kind = "null" if is_plain and node.value in _NULLS else "text"
            return Item(self._file, line, column, path, kind, node.value, not is_plain)
        if isinstance(node, yaml.SequenceNode):
            items = [self.item(one, f"{path}[{index}]", depth + 1) for index, one in enumerate(node.value)]
            return Item(self._file, line, column, path, "list", items=items)
        return self._mapping(node, Item(self._file, line, column, path, "mapping"), depth)

    def _mapping(self, node: yaml.Node, found: Item, depth: int) -> Item:
        merged: dict[str, Item] = {}
        for key, value in node.value:
            place = key.start_mark.line + 1, key.start_mark.column + 1
            if not isinstance(key, yaml.ScalarNode):
                raise wrong(self._file, *place, "a key that is no text")
            item = self.item(value, f"{found.path}.{key.value}" if found.path else key.value, depth + 1)
            if key.tag == "tag:yaml.org,2002:merge":
                for one in reversed(item.items or [item]):
                    merged.update(one.fields)
                continue
            if key.value in found.fields:
                raise wrong(self._file, *place, f'mapping key "{key.value}" already defined')
            found.fields[key.value] = item
            found.keys[key.value] = place
        for name, item in merged.items():
            if name not in found.fields:
                found.fields[name] = item
                found.keys[name] = (item.line, item.column)
        return found
