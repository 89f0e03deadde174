"""Files of objectives, whoever's form they have: our own, OpenSLO's or Sloth's, several documents in one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from trimtab.analyze.slo import openslo, own_format, sloth
from trimtab.analyze.slo.document import Document, Problem, documents, refused, text_of
from trimtab.model.objectives import Objective

FORMS = "objectives: (trimtab), apiVersion: openslo/v1 (OpenSLO), version: prometheus/v1 (Sloth)"


def objectives_in(text: str, file: str) -> tuple[Objective, ...]:
    """The objectives of a text, in its order; ObjectivesRefused tells all that is wrong, each with line and column.

    >>> objectives_in("objectives: [{name: a, target: 99.9}]", "a.yml")
    Traceback (most recent call last):
    ...
    trimtab.analyze.slo.document.ObjectivesRefused: a.yml, line 1, column 14: what is counted is missing: one of events,
    availability, latency, freshness, throughput, threshold
    a.yml, line 1, column 32: target: 99.9 is no share: write '99.9%' or 0.999
    """
    found = documents(text, file)
    if not found:
        raise refused(file, [Problem(1, 1, "the file is empty; it holds objectives")])
    objectives: list[Objective] = []
    for document in found:
        reader = _reader_of(document, found)
        if reader is None:
            document.root().wrong(f"this is none of the forms that are known: {FORMS}")
        else:
            objectives += reader(document, file)
    problems = [problem for document in found for problem in document.problems]
    if not problems:
        problems = list(_twice(objectives))
    if problems:
        raise refused(file, problems)
    return tuple(_with_what_cannot_fire(one) for one in objectives)


def _with_what_cannot_fire(one: Objective) -> Objective:
    """Its notices say which burn rules could not fire if everything were bad."""
    most = 1 / (1 - one.target)
    told = [
        f"rule {rule.name} cannot fire: its limit is {rule.factor:.4g}, and if everything is bad the burn rate is "
        f"{most:.4g}"
        for rule in one.burn_rules
        if rule.factor >= most
    ]
    return replace(one, notices=(*one.notices, *told)) if told else one


def _reader_of(document: Document, among: list[Document]) -> Callable[[Document, str], list[Objective]] | None:
    if own_format.is_own(document):
        return own_format.objectives_of
    if sloth.is_sloth(document):
        return sloth.objectives_of
    if openslo.is_openslo(document):
        return lambda one, origin: openslo.objectives_of(one, among, origin)
    return None


def _twice(objectives: Iterable[Objective]) -> Iterable[Problem]:
    seen: dict[str, int] = {}
    for one in objectives:
        if one.name in seen:
            yield Problem(one.line, 1, f"the name {one.name!r} stands in line {seen[one.name]} already")
        seen.setdefault(one.name, one.line)


def objectives_of_file(path: Path) -> tuple[Objective, ...]:
    """The objectives of a file; InputError where it cannot be read."""
    return read_objectives(path)[0]


def read_objectives(path: Path) -> tuple[tuple[Objective, ...], str]:
    """The objectives of a file, and its text; InputError where it cannot be read."""
    text = text_of(path)
    return tuple(replace(one, origin=str(path)) for one in objectives_in(text, str(path))), text
