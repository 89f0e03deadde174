"""Functions that change labels, and functions that sort series."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cmp_to_key

import numpy as np
import re2

from trimtab.store.metrics.block import METRIC_NAME, Labels
from trimtab.store.promql import notes
from trimtab.store.promql.errors import QueryError
from trimtab.store.promql.evaluation import Evaluation, Value, function
from trimtab.store.promql.functions import numbers_only
from trimtab.store.promql.syntax import Call
from trimtab.store.promql.vector import Steps, Vector, merged

_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")
_LEGACY_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DIGITS = re.compile(r"(\d+|\D+)")


def check_label_name(name: str, what: str, *, is_legacy: bool) -> None:
    """Raise where a name cannot be one of a label: any UTF-8 can; up to Prometheus 2, letters, digits and `_`."""
    is_text = bool(name) and not any(0xDC80 <= ord(char) <= 0xDCFF for char in name)
    if not is_text or (is_legacy and not _LEGACY_NAME.fullmatch(name)):
        raise QueryError(f"invalid {what}: {name}")


def _relabelled(vector: Vector, name: str, labels: list[Labels], is_set: list[bool]) -> Vector:
    late = vector.drops_name
    if late is not None and name == METRIC_NAME:
        late = late & ~np.array(is_set, dtype=np.bool_)
    return merged(replace(vector, labels=labels, drops_name=late))


def with_label(labels: Labels, name: str, value: str) -> Labels:
    """Labels with one set, or removed where the value is empty.

    >>> with_label((("a", "1"), ("c", "3")), "b", "2")
    (('a', '1'), ('b', '2'), ('c', '3'))
    """
    rest = [pair for pair in labels if pair[0] != name]
    return tuple(sorted([*rest, (name, value)] if value else rest))


@function("label_replace")
def eval_label_replace(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    """Set a label to a text with what an expression found in another label."""
    target, replacement, source, regex = (evaluation.text(argument) for argument in call.arguments[1:])
    options = re2.Options()
    options.log_errors = False
    try:
        pattern = re2.compile(f"^(?s:{regex})$", options)
    except re2.error as error:
        raise QueryError(f"invalid regular expression in label_replace(): {regex}") from error
    is_legacy = not evaluation.options.is_left_open
    check_label_name(target, "destination label name in label_replace()", is_legacy=is_legacy)
    vector = evaluation.vector(call.arguments[0], steps)
    labels: list[Labels] = []
    replaced: dict[str, str | None] = {}
    for one in vector.labels:
        value = next((text for name, text in one if name == source), "")
        if value not in replaced:
            found = pattern.fullmatch(value)
            replaced[value] = None if found is None else _expanded(replacement, pattern, found)
        text = replaced[value]
        labels.append(one if text is None else with_label(one, target, text))
    is_set = [replaced[dict(one).get(source, "")] is not None for one in vector.labels] if target == METRIC_NAME else []
    return _relabelled(vector, target, labels, is_set)


def _expanded(template: str, pattern: re2._Regexp[str], found: re2._Match[str]) -> str:
    named = pattern.groupindex

    def text_of(reference: re.Match[str]) -> str:
        if reference[1]:
            return "$"
        group = reference[2] or reference[3]
        if group.isdigit():
            return (found.group(int(group)) or "") if int(group) <= pattern.groups else ""
        return (found.group(group) or "") if group in named else ""

    return _REFERENCE.sub(text_of, template)


@function("label_join")
def eval_label_join(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    """Set a label to the values of others, with a separator between them."""
    target, separator, *sources = (evaluation.text(argument) for argument in call.arguments[1:])
    is_legacy = not evaluation.options.is_left_open
    for source in sources:
        check_label_name(source, "source label name in label_join()", is_legacy=is_legacy)
    check_label_name(target, "destination label name in label_join()", is_legacy=is_legacy)
    vector = evaluation.vector(call.arguments[0], steps)
    labels: list[Labels] = []
    for one in vector.labels:
        found = dict(one)
        labels.append(with_label(one, target, separator.join(found.get(source, "") for source in sources)))
    return _relabelled(vector, target, labels, [True] * len(labels))


def _note_in_range(evaluation: Evaluation, call: Call, steps: Steps) -> None:
    if steps.count > 1:
        evaluation.note(notes.sort_in_range(), call)


@function("sort", "sort_desc")
def eval_sort(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    """By value, NaN last; a range is always sorted by labels."""
    _note_in_range(evaluation, call, steps)
    vector = numbers_only(evaluation.vector(call.arguments[0], steps))
    if steps.count > 1:
        return vector
    values = vector.values[:, 0]
    return vector.rows(np.argsort(-values if call.name == "sort_desc" else values, kind="stable"))


@function("sort_by_label", "sort_by_label_desc")
def eval_sort_by_label(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    """By the values of labels, numbers in them as numbers; then by all labels."""
    _note_in_range(evaluation, call, steps)
    vector = evaluation.vector(call.arguments[0], steps)
    if steps.count > 1:
        return vector
    names = [evaluation.text(argument) for argument in call.arguments[1:]]

    def compared(left: int, right: int) -> int:
        first, second = dict(vector.labels[left]), dict(vector.labels[right])
        for name in names:
            one, other = first.get(name, ""), second.get(name, "")
            if one != other:
                return -1 if is_naturally_before(one, other) else 1
        return -1 if vector.labels[left] < vector.labels[right] else 1

    rows = sorted(range(len(vector.labels)), key=cmp_to_key(compared), reverse=call.name == "sort_by_label_desc")
    return vector.rows(rows)


def is_naturally_before(left: str, right: str) -> bool:
    """Order of texts in which numbers count as numbers.

    >>> sorted(["10", "9", "1"], key=cmp_to_key(lambda a, b: -1 if is_naturally_before(a, b) else 1))
    ['1', '9', '10']
    """
    firsts, seconds = _DIGITS.findall(left), _DIGITS.findall(right)
    for one, other in zip(firsts, seconds, strict=False):
        if one == other:
            continue
        if one.isdigit() and other.isdigit():
            if int(one) != int(other):
                return int(one) < int(other)
            return len(one) < len(other)
        return bool(one < other)
    return len(firsts) < len(seconds)
