"""Lines that have the same words but for some: their templates, after Drain (He et al., ICWS 2017), for few lines.

What is given are not lines but their normal forms (`body_kernels`): thousands, not millions. A tree of a fixed depth
finds the templates that a form is compared with: by how many words it has and by its first words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

VARIABLE = "<*>"
SIMILARITY_MIN = 0.6
"""So many of the words must be the same."""
_FIRST_WORDS = 2
_CHARS_MAX = 2048
_WORDS_MAX = 200
_RUN = re.compile(r"[0-9A-Za-z\x80-\U0010ffff]+")
_HEX_RUN = re.compile(r"[a-fA-F]{4,}")
_JOINTS = frozenset("-.:/,+@_")


def normal_form(line: str) -> str:
    """The line with `<*>` in place of numbers and ids; see `body_kernels`, whose hash is of this.

    >>> normal_form("user 17 from 10.0.0.1:80, id 83ed136f-beef-43a7 at 12:30")
    'user <*> from <*>, id <*> at <*>'
    """
    line = line[:_CHARS_MAX]
    parts: list[str] = []
    at = 0
    joint = ""  # between a variable and what comes next
    is_after_variable = False
    for run in _RUN.finditer(line):
        between = line[at : run.start()]
        at = run.end()
        if is_after_variable and len(between) == 1 and between in _JOINTS:
            joint = between
        else:
            joint = ""
            parts.append(between)
            is_after_variable = is_after_variable and not between
        word = run[0]
        is_variable = any(one in "0123456789" for one in word) or (
            joint == "-" and _HEX_RUN.fullmatch(word) is not None
        )
        if is_variable and joint:
            continue
        parts += [joint, VARIABLE if is_variable else word]
        is_after_variable = is_variable
    parts.append(line[at:])
    return "".join(parts)


@dataclass
class Cluster:
    """Forms with one template; `members` are their numbers, the most frequent first."""

    words: list[str]
    members: list[int] = field(default_factory=list)

    @property
    def template(self) -> str:
        """Its words, with `<*>` for those that differ."""
        return " ".join(self.words)


def clusters_of(forms: list[str]) -> list[Cluster]:
    """Group forms; give the most frequent first.

    >>> [cluster.template for cluster in clusters_of(["user ann is in", "user bob is in", "bye"])]
    ['user <*> is in', 'bye']
    """
    found: list[Cluster] = []
    tree: dict[tuple[object, ...], list[Cluster]] = {}
    for number, form in enumerate(forms):
        words = form.split()[:_WORDS_MAX]
        best, best_share = None, 0.0
        for key in _keys(words):
            for cluster in tree.get(key, ()):
                share = _similarity(cluster.words, words)
                if share > best_share:
                    best, best_share = cluster, share
        if best is not None and best_share >= SIMILARITY_MIN:
            best.words = [one if one == other else VARIABLE for one, other in zip(best.words, words, strict=True)]
        else:
            best = Cluster(words)
            found.append(best)
            for key in _keys(words):
                tree.setdefault(key, []).append(best)
        best.members.append(number)
    return found


def _keys(words: list[str]) -> list[tuple[object, ...]]:
    """Leaves of the tree: how many words, and the first ones or, for lines whose first words differ, the last one."""
    head = tuple(VARIABLE if VARIABLE in word else word for word in words[:_FIRST_WORDS])
    return [(len(words), "first", *head[:1]), (len(words), "last", *words[-1:])]


def _similarity(template: list[str], words: list[str]) -> float:
    """Which part of the words is the same; a variable is like nothing, but for itself in the same place."""
    if not words:
        return 1.0
    return sum(one == other for one, other in zip(template, words, strict=True)) / len(words)
