"""From query ids to shapes: a text is read from the server once per id, a bounded number in one look."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trimtab.observe.postgres.session import Session
from trimtab.observe.postgres.shapes import ShapeBook

NAME = "statement_texts"
NEW_TEXTS_MAX = 500
"""Texts read in one look; entries beyond it are counted in the next slice."""
TRIES_MAX = 3
"""So often a text may be missing (the server is rewriting its file) until the id has to do as the shape's name."""

_SQL = """
SELECT queryid, max(query) FROM {schema}.pg_stat_statements(true)
WHERE dbid = %s::oid AND queryid = ANY(%s) GROUP BY queryid
"""


class TextReader:
    """Resolves ids with the help of a `ShapeBook`."""

    def __init__(self, book: ShapeBook) -> None:
        self._book = book
        self._tries: dict[int, int] = {}

    def resolve(
        self,
        session: Session,
        query_ids: npt.NDArray[np.int64],
        weights: npt.NDArray[np.float64],
    ) -> tuple[list[str | None], npt.NDArray[np.bool_]]:
        """(fingerprint of each id, None where it is left out; whether it has to wait for the next slice).

        `query_ids` and `weights` have shape [N]; of too many new ids the heaviest are read first.
        """
        ids = [int(i) for i in query_ids]
        known = {query_id: self._book.known(query_id) for query_id in ids}
        by_weight = (ids[i] for i in np.argsort(-weights, kind="stable"))
        wanted = list(dict.fromkeys(i for i in by_weight if known[i] is None))[:NEW_TEXTS_MAX]
        if wanted:
            sql = _SQL.format(schema=session.facts.statements_schema)
            texts = dict(session.rows(NAME, sql, (session.facts.database_oid, wanted)))
            self._learn(wanted, texts)
            known |= {query_id: self._book.known(query_id) for query_id in wanted}
        found = [known[i] for i in ids]
        return [None if k is None else k.fingerprint for k in found], np.array([k is None for k in found], np.bool_)

    def _learn(self, wanted: list[int], texts: dict[int, str | None]) -> None:
        tries, self._tries = self._tries, {}
        for query_id in wanted:
            text = texts.get(query_id)
            if text is None and tries.get(query_id, 0) + 1 < TRIES_MAX:
                self._tries[query_id] = tries.get(query_id, 0) + 1
            else:
                self._book.learn(query_id, text)
