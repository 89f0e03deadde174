"""How a setting is declared: once, in code, with default, unit, limits and what it does.

The configuration file, the run-time overrides, the command line, the page and the reference are all made from these
declarations: see `trimtab.app.settings`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

METADATA_KEY = "about"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class About:
    """What is said of a setting beside its name, type and default.

    `low` and `high` are the smallest and the largest value (both included), of a list its length. `problem` says
    what is wrong with a text (or with one item of a list), None where nothing is.
    """

    doc: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    needs_restart: bool = False
    problem: Callable[[str], str | None] | None = None


def setting(
    default: T,
    doc: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    needs_restart: bool = False,
    problem: Callable[[str], str | None] | None = None,
) -> T:
    """A dataclass field that is a setting.

    >>> from dataclasses import fields
    >>> @dataclass(frozen=True)
    ... class Section:
    ...     depth_s: float = setting(5.0, "How deep.", unit="s", low=1, high=10)
    >>> Section().depth_s, fields(Section)[0].metadata["about"].unit
    (5.0, 's')
    """
    about = About(doc, unit, low, high, needs_restart, problem)
    metadata: dict[str, Any] = {METADATA_KEY: about}
    made: T = field(default=default, metadata=metadata)
    return made
