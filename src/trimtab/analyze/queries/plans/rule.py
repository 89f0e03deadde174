"""What a rule of the lint is, and what it gets to look at."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from trimtab.analyze.queries.plans import thresholds as limits
from trimtab.analyze.queries.plans.catalogue import DEFAULT_WORK_MEM_KIB, Catalogue, TableFacts
from trimtab.analyze.queries.plans.document import text
from trimtab.analyze.queries.plans.hint import Hint, Mend, ScoreOf
from trimtab.analyze.queries.plans.steps import Step, StepTree
from trimtab.sql.identifiers import quoted

_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)\Z")
_KIB = {"": 1.0, "b": 1 / 1024, "kb": 1.0, "mb": 1024.0, "gb": 1024.0**2, "tb": 1024.0**3}


@dataclass(frozen=True, slots=True)
class Look:
    """A plan, and what is known of the server it is from."""

    tree: StepTree
    catalogue: Catalogue

    @property
    def settings(self) -> Mapping[str, str]:
        """The plan's own (EXPLAIN's SETTINGS) before the server's."""
        own = self.tree.document.raw.get("Settings")
        return dict(self.catalogue.settings) | (dict(own) if isinstance(own, Mapping) else {})

    @property
    def work_mem_kib(self) -> float | None:
        """What is set; None where nobody said it. SETTINGS names what is not the default: without it, that is 4 MB."""
        known = kib_of(self.settings.get("work_mem"))
        return DEFAULT_WORK_MEM_KIB if known is None and "Settings" in self.tree.document.raw else known

    @property
    def hash_memory_factor(self) -> float | None:
        """`hash_mem_multiplier`, where it is known: 1 by default until version 14, 2 from 15 on."""
        value = self.settings.get("hash_mem_multiplier")
        return None if value is None else float(value)

    def is_brief(self, share: float) -> bool:
        """Whether a share of the plan's time is too short for a word, whatever it is a share of."""
        return self.tree.score_of is ScoreOf.TIME and share * self.tree.whole < limits.OWN_MS_MIN

    def table(self, step: Step) -> TableFacts | None:
        """What the catalogue says of a step's relation."""
        name = text(step.raw, "Relation Name")
        return None if name is None else self.catalogue.table(text(step.raw, "Schema"), name)

    def relation_sql(self, step: Step) -> str | None:
        """A step's relation as SQL, with its schema where that is known."""
        name = text(step.raw, "Relation Name")
        if name is None:
            return None
        known = self.table(step)
        schema = text(step.raw, "Schema") or (known.schema if known is not None else None)
        return f"{quoted(schema)}.{quoted(name)}" if schema else quoted(name)


Find = Callable[[Look], Iterable[Hint]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that the lint knows. `says`, `mends` and `score` are for the reference; `needs` what a plan must have.

    `score` says what the score of a finding is a share of: always a share (0..1) of the plan's time, of its pages
    where it was run without timing, or of its cost where it was not run.
    """

    id: str
    title: str
    says: str
    mends: str
    score: str
    find: Find = field(repr=False)
    needs: str = "estimates"


def hint(
    rule: str,
    title: str,
    look: Look,
    step: Step,
    *,
    score: float,
    found: str,
    mends: Sequence[Mend] = (),
    figures: Mapping[str, float] | None = None,
    line: int | None = None,
) -> Hint:
    """A finding at a step."""
    return Hint(
        id=rule,
        title=title,
        score=round(min(1.0, max(0.0, score)), 6),
        score_of=look.tree.score_of,
        line=line or step.line,
        step=step.title,
        found=found,
        mends=tuple(mends),
        figures=figures or {},
    )


def kib_of(setting: str | None) -> float | None:
    """A setting of memory in KiB, as `current_setting` and SHOW write it.

    >>> kib_of("4MB"), kib_of("512kB"), kib_of("64"), kib_of("much")
    (4096.0, 512.0, 64.0, None)
    """
    found = _MEMORY.match((setting or "").strip())
    factor = _KIB.get(found[2].lower()) if found else None
    return None if found is None or factor is None else float(found[1]) * factor


def memory_text(kib: float) -> str:
    """Memory as a setting takes it, rounded up to two digits.

    >>> memory_text(900), memory_text(5000), memory_text(131_073), memory_text(3_000_000)
    ('900kB', '4.9MB', '130MB', '2.9GB')
    """
    for unit, size in (("GB", 1024.0**2), ("MB", 1024.0)):
        if kib >= size:
            return f"{float(f'{kib / size:.2g}'):g}{unit}"
    return f"{kib:.0f}kB"


def setting_text(kib: float) -> str:
    """A value for `SET work_mem`: whole megabytes, rounded up."""
    return f"{max(1, math.ceil(kib / 1024))}MB"


def count_text(value: float) -> str:
    """A count of rows.

    >>> count_text(1234567), count_text(0.25), count_text(3.0)
    ('1,234,567', '0.25', '3')
    """
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"
