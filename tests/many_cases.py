"""More open cases than any list shows, for tests of what is counted."""

from __future__ import annotations

from tests.act.support import finding
from trimtab.store.state import State
from trimtab.store.state_codec import CASE_COLUMNS


def many_cases(state: State, count: int, system: str = "shop") -> None:
    """Open so many, alike but for their numbers."""
    state.open_case(finding(system), "select $1")
    columns = ", ".join(name for name in CASE_COLUMNS.split(", ") if name != "id")
    values = columns.replace("fingerprint", "printf('f%015x', n)", 1)
    with state.database.transaction() as connection:
        connection.execute(
            f"WITH RECURSIVE more(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM more WHERE n < {int(count)})"
            f" INSERT INTO cases ({columns}) SELECT {values} FROM cases, more WHERE system = ?",
            (system,),
        )
