"""Which share of its table's rows a partial index holds: counted on a sample, else by statistics."""

from __future__ import annotations

from trimtab.advise.index.candidates import Candidate
from trimtab.advise.index.partial import Constant, rows_share
from trimtab.advise.workload.shapes import Workload


class RowShares:
    """Shares of one workload, looked up by table: there may be thousands of shapes, and as many candidates."""

    def __init__(self, workload: Workload) -> None:
        self._counted = workload.shares
        self._constants: dict[int, dict[tuple[Constant, ...], frozenset[str]]] = {}
        for (_, oid), constants in workload.constants.items():
            of_table = self._constants.setdefault(oid, {})
            of_table.setdefault(constants, frozenset(one.predicate for one in constants))

    def of(self, candidate: Candidate) -> float:
        """The share, 0..1; 1 for an index on all rows."""
        if candidate.definition.predicate is None:
            return 1.0
        wanted = frozenset(candidate.constants)
        counted = self._counted.get((candidate.table.oid, wanted))
        if counted is not None:
            return counted
        for constants, predicates in self._constants.get(candidate.table.oid, {}).items():
            if wanted <= predicates:
                return rows_share(constants, candidate.constants)
        return 1.0
