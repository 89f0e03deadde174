"""What the product's own trial on a clone takes out of advice, and whether any statement is slower with what is left.

The trial builds the advised indexes in a transaction, measures old and new in turn, withdraws what harms, and rolls it
all back. What is left of the advice is then measured by the benchmark's own repetitions, as every other set is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg

from benchmarks.advise.coverage import BASE
from benchmarks.advise.intervals import ratio
from benchmarks.advise.measuring import Measured, definition_of
from trimtab.advise.verify.clone import prepared
from trimtab.advise.verify.trials import trials_of
from trimtab.advise.verify.verify import VerifySettings, verify
from trimtab.advise.workload.advice import WorkloadAdvice
from trimtab.advise.workload.statements import WorkloadStatement

SLOWER = 1.10


def withdrawn(
    dsn: str, name: str, statements: Sequence[WorkloadStatement], advice: WorkloadAdvice, *, time_max_s: float
) -> list[str]:
    """Definitions (behind ON) that the trial withdraws; the private database is its own clone."""
    ddl_of = {one.definition: definition_of(one.ddl) for one in advice.indexes}
    with psycopg.connect(dsn, autocommit=True) as original, psycopg.connect(dsn, autocommit=True) as connection:
        clone = prepared(connection, original, "the private database")
        trials, _ = trials_of(clone.connection, statements)
        found = verify(clone, trials, list(ddl_of), settings=VerifySettings(time_max_s=time_max_s))
    low, high = found.interval_90
    print(
        f"{name}: the product's trial on a clone took {found.took_s:.0f} s, {len(found.withdrawn)} indexes withdrawn,"
        f" the rest measured {found.ratio:.3g} [{low:.3g}, {high:.3g}]",
        flush=True,
    )
    for one in found.withdrawn:
        print(f"  withdrawn: {ddl_of[one.definition]}: {one.reason}")
    return [ddl_of[one.definition] for one in found.withdrawn]


def tell(name: str, measured: Measured, calls: Mapping[str, float]) -> list[str]:
    """Print, and return, the queries whose ratio has a lower bound over `SLOWER`; what writers pay stands beside it."""
    found = {one: ratio(measured.times_ms[name], measured.times_ms[BASE], {one: 1.0}) for one in calls}
    writers = {one for one in found if measured.plans[measured.plan_of[name, one]]["Node Type"] == "ModifyTable"}
    slower = {one: of for one, of in found.items() if of.low > SLOWER and one not in writers}
    words = ", ".join(f"{one} {of}" for one, of in slower.items())
    highest = max((of.low for one, of in found.items() if one not in writers), default=1.0)
    paying = ", ".join(f"{one} {found[one]}" for one in found if one in writers)
    print(
        f"  {name}: queries with a lower bound over {SLOWER:.2f}: {words or 'none'} (the highest is {highest:.3g})"
        f"{'; writers pay: ' + paying if paying else ''}"
    )
    return list(slower)
