"""Plans by hand, for what a server cannot be made to do at will: slow disks, compiling, old statistics.

Their forms are those of the versions' own EXPLAIN (PostgreSQL 15; `JIT` as of 13 to 16 and as of 17).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trimtab.analyze.queries.plans.catalogue import Catalogue, TableFacts


def step(kind: str, *below: Mapping[str, Any], **facts: Any) -> dict[str, Any]:
    """A step; `facts` have `_` for the spaces of their names. Below it, the first is Outer and the second Inner."""
    made: dict[str, Any] = {
        "Node Type": kind,
        "Startup Cost": 0.0,
        "Total Cost": 100.0,
        "Plan Rows": 1,
        "Plan Width": 8,
    }
    made |= {name.replace("_", " "): value for name, value in facts.items()}
    if below:
        made["Plans"] = [
            {"Parent Relationship": "Outer" if place == 0 else "Inner", **one} for place, one in enumerate(below)
        ]
    return made


def ran(
    kind: str, *below: Mapping[str, Any], ms: float, rows: float = 1, loops: int = 1, **facts: Any
) -> dict[str, Any]:
    """A step that was run: `ms` and `rows` are of one loop."""
    actual = {"Actual_Startup_Time": 0.0, "Actual_Total_Time": ms, "Actual_Rows": rows, "Actual_Loops": loops}
    return step(kind, *below, **actual, **facts)


def scan(table: str = "orders", **facts: Any) -> dict[str, Any]:
    """A whole scan that took 80 ms for 1,000 rows of 1,000 expected."""
    wanted: dict[str, Any] = {"ms": 80.0, "rows": 1000, "Plan_Rows": 1000, "Relation_Name": table, "Alias": table}
    return ran("Seq Scan", **(wanted | facts))


@dataclass(frozen=True)
class Handwritten:
    """A plan of which a rule speaks, and one of which it does not."""

    rule: str
    fires: Mapping[str, Any]
    quiet: Mapping[str, Any]
    catalogue: Catalogue = field(default_factory=Catalogue)
    quiet_catalogue: Catalogue | None = None


def plan(root: Mapping[str, Any], **beside: Any) -> dict[str, Any]:
    """The object with the key "Plan"."""
    return {"Plan": root} | {name.replace("_", " "): value for name, value in beside.items()}


def facts_of(**known: Any) -> Catalogue:
    """What the catalogue says of `orders`."""
    return Catalogue({"orders": TableFacts("public", "orders", **({"rows": 10_000.0} | known))})


WAITED = {"Shared Hit Blocks": 10, "Shared Read Blocks": 900}
PARTS_MS = {"Generation": 2.0, "Inlining": 9.0, "Optimization": 20.0, "Emission": 9.0}

BY_INDEX = ran(
    "Index Only Scan",
    ms=9.0,
    Relation_Name="orders",
    Index_Name="by_b_a",
    Index_Cond="(a = 5)",
    Shared_Hit_Blocks=400,
)

HANDWRITTEN = (
    Handwritten(
        "index-not-leading",
        plan(BY_INDEX),
        plan(BY_INDEX),
        facts_of(indexes={"by_b_a": ("b", "a")}),
        facts_of(indexes={"by_b_a": ("a", "b")}),
    ),
    Handwritten(
        "read-from-disk",
        plan(scan() | WAITED | {"I/O Read Time": 60.0}, Execution_Time=81.0),
        plan(scan() | WAITED | {"I/O Read Time": 6.0}, Execution_Time=81.0),
    ),
    Handwritten(
        "jit-time",
        plan(scan(), JIT={"Functions": 18, "Timing": PARTS_MS | {"Total": 40.0}}, Execution_Time=121.0),
        plan(scan(), JIT={"Functions": 18, "Timing": PARTS_MS | {"Total": 2.0}}, Execution_Time=83.0),
    ),
    Handwritten(
        "planning-time",
        plan(scan(ms=1.0), Planning_Time=9.0, Execution_Time=1.1),
        plan(scan(), Planning_Time=9.0, Execution_Time=81.0),
    ),
    Handwritten(
        "missing-statistics",
        plan(scan()),
        plan(scan()),
        facts_of(has_statistics=False),
        facts_of(has_statistics=None),
    ),
    Handwritten(
        "stale-statistics",
        plan(scan(rows=90_000)),
        plan(scan()),
        facts_of(has_statistics=True, changed_since_analyze=80_000.0),
    ),
)
