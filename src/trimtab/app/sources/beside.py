"""Several stores asked at once: who does not answer is told, and what the others say is there all the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from trimtab.model.errors import TrimtabError

T = TypeVar("T")
OWN = ""
"""The name of trimtab's own store."""
OWN_SHOWN = "trimtab"
ALL = "all"
"""Stands for every store; no source can be named so."""


@dataclass(frozen=True, slots=True)
class Beside(Generic[T]):
    """Answers by name, in the order of the questions. `missing` says who did not answer, and why."""

    answers: Mapping[str, T]
    missing: tuple[str, ...]


def ask_beside(questions: Mapping[str, Callable[[], T]]) -> Beside[T]:
    """Ask everybody, each on a thread of its own.

    >>> def fail(): raise TrimtabError("no answer")
    >>> ask_beside({"": lambda: 1, "old": fail})
    Beside(answers={'': 1}, missing=('old: no answer',))
    """
    answers: dict[str, T] = {}
    missing: list[str] = []
    with ThreadPoolExecutor(max(len(questions), 1), "beside") as threads:
        running = {name: threads.submit(question) for name, question in questions.items()}
        for name, one in running.items():
            try:
                answers[name] = one.result()
            except TrimtabError as error:
                missing.append(f"{shown_name(name)}: {error.message}")
    return Beside(answers, tuple(missing))


def shown_name(name: str) -> str:
    """How a store is called on pages.

    >>> shown_name(""), shown_name("old"), shown_name("all")
    ('trimtab', 'old', 'all stores')
    """
    return {OWN: OWN_SHOWN, ALL: "all stores"}.get(name, name)
