"""A plan that ends in the middle of a line is said to; whole ones are read, wherever they end."""

from __future__ import annotations

import pytest

from trimtab.analyze.queries.plans.document import BadPlan
from trimtab.analyze.queries.plans.read_text import read_text

WHOLE = """Sort  (cost=74520.86..75145.86 rows=250000 width=145) (actual time=1171.614..1414.141 rows=250000 loops=1)
  Sort Key: subject, (lower(name))
  Sort Method: external merge  Disk: 39296kB
  Buffers: shared hit=541 read=5018, temp read=19623 written=20790
  ->  Seq Scan on tickets  (cost=0.00..8056.00 rows=250000 width=145) (actual time=0.029..234.661 rows=250000 loops=1)
        Filter: (note = 'two
lines'::text)
        Rows Removed by Filter: 7
Planning:
  Buffers: shared hit=183
Planning Time: 0.477 ms
Execution Time: 1460.294 ms"""


def test_a_plan_is_read_wherever_a_line_of_it_ends() -> None:
    lines = WHOLE.splitlines()
    for count in range(1, len(lines) + 1):
        if lines[count - 1] in ("Planning:", "        Filter: (note = 'two"):
            continue  # what they begin is not there
        read_text("\n".join(lines[:count]))


@pytest.mark.parametrize(
    ("end", "line"),
    [
        ("external merg", 3),
        ("external merge  Disk: 392", 3),
        ("Sort Key: subject, (lower", 2),
        ("temp read=", 4),
        ("(note = 'tw", 6),
        ("Rows Rem", 8),
        ("Planning Time: 0.4", 11),
        ("Execution Ti", 12),
    ],
)
def test_a_plan_that_ends_in_the_middle_of_a_line_is_said_to(end: str, line: int) -> None:
    cut = WHOLE[: WHOLE.index(end) + len(end)]
    with pytest.raises(BadPlan, match=f"cut off: line {line}, its last") as said:
        read_text(cut)
    assert said.value.facts["line"] == line
    framed = "QUERY PLAN\n-----------\n " + cut.replace("\n", "\n ")
    with pytest.raises(BadPlan, match="cut off"):
        read_text(framed)


def test_a_step_that_is_cut_off_is_no_step() -> None:
    for end in ("75145.86 rows=2500", "(cost=0.00..80"):
        with pytest.raises(BadPlan, match=r"cut off|no step of a plan"):
            read_text(WHOLE[: WHOLE.index(end) + len(end)])
