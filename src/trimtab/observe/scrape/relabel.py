"""Prometheus' relabelling: rules that change the labels of a target or of a series, or leave it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5
from typing import Literal, Protocol, get_args

import re2

from trimtab.model.errors import InputError

Action = Literal[
    "replace",
    "keep",
    "drop",
    "keepequal",
    "dropequal",
    "hashmod",
    "labelmap",
    "labeldrop",
    "labelkeep",
    "lowercase",
    "uppercase",
]
ACTIONS: tuple[str, ...] = get_args(Action)


class _Found(Protocol):
    """What a regular expression found."""

    def group(self, group: int) -> str | None: ...
    def groups(self) -> tuple[str | None, ...]: ...
    def groupdict(self) -> dict[str, str | None]: ...


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, with Prometheus' defaults."""

    action: Action = "replace"
    source_labels: tuple[str, ...] = ()
    separator: str = ";"
    regex: str = "(.*)"
    target_label: str = ""
    replacement: str = "$1"
    modulus: int = 0

    def check(self) -> None:
        """InputError where it could not work."""
        try:
            re2.compile(f"^(?s:{self.regex})$")
        except re2.error as error:
            raise InputError(f"relabelling: {self.regex!r} is no regular expression: {error}") from error
        needs_target = {"replace", "hashmod", "lowercase", "uppercase", "keepequal", "dropequal"}
        if self.action in needs_target and not self.target_label:
            raise InputError(f"relabelling: {self.action} needs target_label")
        if self.action == "hashmod" and self.modulus <= 0:
            raise InputError("relabelling: hashmod needs a modulus above 0")


def relabelled(labels: Mapping[str, str], rules: Sequence[Rule]) -> dict[str, str] | None:
    """The labels after all rules, without empty ones; None where a rule left them out.

    >>> relabelled({"a": "x:1", "b": "2"}, [Rule(source_labels=("a",), regex="(.*):.*", target_label="c")])
    {'a': 'x:1', 'b': '2', 'c': 'x'}
    >>> relabelled({"a": "1"}, [Rule("drop", ("a",), regex="1|2")]) is None
    True
    """
    found = {name: value for name, value in labels.items() if value}
    for rule in rules:
        if not _apply(found, rule):
            return None
    return {name: value for name, value in found.items() if value}


def _apply(labels: dict[str, str], rule: Rule) -> bool:
    """Change the labels; False where they are left out."""
    source = rule.separator.join(labels.get(name, "") for name in rule.source_labels)
    pattern = re2.compile(f"^(?s:{rule.regex})$")
    match rule.action:
        case "keep":
            return pattern.search(source) is not None
        case "drop":
            return pattern.search(source) is None
        case "keepequal":
            return labels.get(rule.target_label, "") == source
        case "dropequal":
            return labels.get(rule.target_label, "") != source
        case "replace":
            found = pattern.search(source)
            if found is not None:
                target = _expanded(found, rule.target_label)
                if target:
                    labels[target] = _expanded(found, rule.replacement)
        case "lowercase":
            labels[rule.target_label] = source.lower()
        case "uppercase":
            labels[rule.target_label] = source.upper()
        case "hashmod":
            digest = md5(source.encode(), usedforsecurity=False).digest()
            labels[rule.target_label] = str(int.from_bytes(digest[8:], "big") % rule.modulus)
        case "labelmap":
            for name, value in list(labels.items()):
                found = pattern.search(name)
                if found is not None:
                    labels[_expanded(found, rule.replacement)] = value
        case "labeldrop" | "labelkeep":
            for name in list(labels):
                if (pattern.search(name) is not None) == (rule.action == "labeldrop"):
                    del labels[name]
    return True


def _expanded(found: _Found, template: str) -> str:
    """`$1`, `${1}` and `${name}` replaced by what was found, `$$` by `$`."""
    out: list[str] = []
    at = 0
    while at < len(template):
        if template[at] != "$":
            out.append(template[at])
            at += 1
            continue
        rest = template[at + 1 :]
        if rest.startswith("$"):
            out.append("$")
            at += 2
            continue
        if rest.startswith("{") and "}" in rest:
            name = rest[1 : rest.index("}")]
            at += len(name) + 3
        else:
            size = next((n for n, char in enumerate(rest) if not (char.isalnum() or char == "_")), len(rest))
            name = rest[:size]
            at += size + 1
        out.append(_group(found, name))
    return "".join(out)


def _group(found: _Found, name: str) -> str:
    groups = found.groups()
    if name.isdigit():
        number = int(name)
        return str(found.group(0)) if number == 0 else (groups[number - 1] or "") if number <= len(groups) else ""
    return str(found.groupdict().get(name) or "")
