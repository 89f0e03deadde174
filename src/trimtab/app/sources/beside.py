"""Several stores asked at once: who does not answer is told, and what the others say is there all the same."""

from __future__ import annotations

import time
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
PATIENCE_S = 3.0
"""How long other stores are waited for where several are asked: less than one that is asked alone."""
_THREADS = ThreadPoolExecutor(16, "beside")


@dataclass(frozen=True, slots=True)
class Beside(Generic[T]):
    """Answers by name, in the order of the questions. `missing` says who did not answer, and why."""

    answers: Mapping[str, T]
    missing: tuple[str, ...]


def ask_beside(questions: Mapping[str, Callable[[], T]], patience_s: float = PATIENCE_S) -> Beside[T]:
    """Ask everybody at once: the own store here, the others on threads of their own. Who of them is late is told, and
    goes on for nobody.

    >>> def fail(): raise TrimtabError("no answer")
    >>> ask_beside({"": lambda: 1, "old": fail})
    Beside(answers={'': 1}, missing=('old: no answer',))
    """
    give_up_s = time.monotonic() + patience_s
    running = {name: _THREADS.submit(question) for name, question in questions.items() if name != OWN}
    answers: dict[str, T] = {}
    missing: list[str] = []
    for name, question in questions.items():
        try:
            answers[name] = question() if name == OWN else running[name].result(max(give_up_s - time.monotonic(), 0.0))
        except TimeoutError:
            running[name].cancel()
            missing.append(f"{shown_name(name)}: no answer within {patience_s:g} s")
        except TrimtabError as error:
            missing.append(f"{shown_name(name)}: {error.message}")
    return Beside(answers, tuple(missing))


def shown_name(name: str) -> str:
    """How a store is called on pages.

    >>> shown_name(""), shown_name("old"), shown_name("all")
    ('trimtab', 'old', 'all stores')
    """
    return {OWN: OWN_SHOWN, ALL: "all stores"}.get(name, name)
