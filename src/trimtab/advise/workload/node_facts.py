"""Small facts of a plan's node that counting its work needs: what its texts hold, what it stops, what lies below."""

from __future__ import annotations

import re

from trimtab.advise.index.plans import Node
from trimtab.sql.catalog import Table

FAR_PAGES, FAR_SHARE_MIN = 26_000.0, 0.3
ROWS_A_PAGE = 60.0
"""Rows of some 130 bytes."""

_OPERATOR = re.compile(r"(?: (?:=|<>|<|>|<=|>=|IS NOT|IS|~~\*?|!~~\*?|~\*?|!~\*?|@>|&&|\?) )|(?:\(NOT )")
_CAST = re.compile(r"::\w[\w ]*(?:\([\d, ]+\))?(?:\[\])?")
_CALL = re.compile(r"(?<!\w)[^\WA-Za-z_]*[A-Za-z_]\w*+\(")
_ARRAY = re.compile(r" ANY \('\{([^}]*)\}'")
HASHED_ELEMENTS_MIN = 9
"""An array of constants with so many elements is looked up by a hash."""
_BLOCKING = frozenset({"Sort", "Hash", "Materialize", "WindowAgg", "SetOp", "CTE Scan", "Bitmap Heap Scan"})


def far_share(table: Table | None) -> float:
    """What a row somewhere in a table costs, as a share of one in a table that no cache of the processor holds a part
    of: measured 1,300 ns with 112,000 pages and with 26,000, 1,030 with 17,000, 500 with 5,000."""
    pages = float(table.pages) if table is not None else FAR_PAGES
    return min(1.0, max(FAR_SHARE_MIN, pages / FAR_PAGES))


def scanned_by_cost(node: Node) -> tuple[float, float]:
    """Pages and rows of a table that is not in the catalogue, a partition as a rule, by the planner's cost of reading
    all of it: 1 for a page, 0.01 for a row and 0.0025 for a comparison."""
    of_row = 0.01 + 0.0025 * (operators(str(node["Filter"])) if "Filter" in node else 0.0)
    pages = max(1.0, float(node["Total Cost"]) / (1.0 + ROWS_A_PAGE * of_row))
    return pages, max(float(node["Plan Rows"]), pages * ROWS_A_PAGE)


def operators(text: str) -> float:
    """Comparisons in a condition, as PostgreSQL prints it."""
    return max(1.0, float(len(_OPERATOR.findall(text))))


def value_share(table: Table, name: str, value: str) -> float | None:
    """The share of rows that have a value in a column; None where the statistics name no values."""
    column = table.columns.get(name)
    known = column.statistics if column is not None else None
    if known is None or not known.most_common:
        return None
    common = known.share_of(value)
    if common is not None:
        return common
    rest = 1.0 - known.null_share - sum(share for _, share in known.most_common)
    return max(rest, 0.0) / max(known.distinct_count(table.rows_estimate) - len(known.most_common), 1.0)


def calls(text: str) -> int:
    """Calls of functions in a condition, as PostgreSQL prints it.

    >>> calls("((lower((name)::text) = 'x'::character varying(20)) AND (EXTRACT(year FROM at) = ANY ('{1}'::int[])))")
    2
    """
    return len(_CALL.findall(_CAST.sub("", text)))


def elements(text: str) -> int:
    """Elements of constant arrays that a value is compared with one by one."""
    counts = [found.count(",") + 1 for found in _ARRAY.findall(text)]
    return sum(count for count in counts if count < HASHED_ELEMENTS_MIN)


def stopped_share(limit: Node, below: Node) -> float:
    """The share of what is below a LIMIT that is run before it has its rows, as the planner believes."""
    run = float(below["Total Cost"]) - float(below["Startup Cost"])
    if run <= 0:
        return 1.0
    return min(1.0, max(0.0, (float(limit["Total Cost"]) - float(below["Startup Cost"])) / run))


def blocks(node: Node) -> bool:
    """Whether a node reads all that is below it before it gives its first row."""
    if node["Node Type"] == "Aggregate":
        return node.get("Strategy") != "Sorted"
    return node["Node Type"] in _BLOCKING


def index_below(node: Node) -> str:
    """The first index that a bitmap is made from."""
    while node.get("Plans"):
        node = node["Plans"][0]
        if "Index Name" in node:
            return str(node["Index Name"])
    return ""
