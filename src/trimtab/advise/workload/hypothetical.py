"""Hypothetical indexes of one session of HypoPG, made and dropped by the difference to what is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace

import psycopg
from psycopg.pq import TransactionStatus

from trimtab.advise.index.candidates import Candidate
from trimtab.advise.index.frames import is_safe_predicate
from trimtab.advise.index.session import Connection, is_lost, server_errors
from trimtab.model.errors import StatementRefused
from trimtab.model.index import IndexDefinition
from trimtab.sql.connect import OWN_MARK
from trimtab.sql.identifiers import quoted
from trimtab.sql.index_ddl import create_statement

MADE_MAX = 1_500
"""Hypothetical indexes at a time: HypoPG has some 2,500 numbers to give."""


class Hypothetical:
    """Indexes by the places of `candidates`; `schema` is HypoPG's."""

    def __init__(self, connection: Connection, schema: str, candidates: Sequence[Candidate]) -> None:
        self._connection, self._schema, self._candidates = connection, quoted(schema), candidates
        self._made: dict[int, tuple[int, str]] = {}
        self._statements: dict[int, str] = {}
        self.numbers: dict[str, int] = {}
        """Candidates by the name that an index had when it was made."""
        self.refused: dict[int, str] = {}
        """Candidates that cannot be made, and why."""

    def name(self, number: int) -> str:
        """The name of an index that is there, else nothing."""
        return self._made.get(number, (0, ""))[1]

    def forget(self) -> None:
        """Drop all, also those of others in this session."""
        with server_errors(self._connection, "reset HypoPG"):
            self._connection.execute(f"SELECT {OWN_MARK} {self._schema}.hypopg_reset()".encode(), prepare=False)
        self._made.clear()

    def have(self, wanted: frozenset[int], tables: frozenset[int] | None, need_time: Callable[[], None]) -> None:
        """Have these indexes, and no other on any of these tables (by oid; None: on any table). `need_time` raises
        where there is none."""
        if tables is not None and len(self._made.keys() | wanted) > MADE_MAX:
            tables = None
        others = [n for n in self._made if n not in wanted]
        gone = [self._made.pop(n)[0] for n in others if tables is None or self._candidates[n].table.oid in tables]
        room = MADE_MAX - len(self._made)
        new = [number for number in sorted(wanted - self._made.keys()) if self._statement(number)][:room]
        if (gone or new) and not self._change(gone, new):
            self.forget()  # HypoPG knows no transactions: those before the one that failed are there
            for number in sorted(wanted):
                need_time()
                if self._statement(number) and len(self._made) < MADE_MAX:
                    self._change([], [number])

    def _statement(self, number: int) -> str:
        """The statement that makes a candidate; empty where it is refused."""
        if number in self.refused:
            return ""
        if number not in self._statements:
            definition = self._candidates[number].definition
            if definition.predicate is not None and not is_safe_predicate(definition.predicate):
                self.refused[number] = "cannot be priced: HypoPG may crash the server on this predicate"
                return ""
            try:
                self._statements[number] = _hypothetical(definition)
            except StatementRefused as error:
                self.refused[number] = f"cannot be built: {error.message}"
                return ""
        return self._statements[number]

    def _change(self, gone: Sequence[int], numbers: Sequence[int]) -> bool:
        """Drop hypothetical indexes by their oids and make others, in one trip to the server; False (and none made)
        where it refuses one of several."""
        dropping = f"SELECT {OWN_MARK} {self._schema}.hypopg_drop_index(o) FROM unnest(%s::oid[]) AS o"
        making = f"""SELECT w.place, h.indexrelid::bigint, h.indexname
                       FROM {OWN_MARK} unnest(%s::text[]) WITH ORDINALITY AS w(statement, place)
                       CROSS JOIN LATERAL {self._schema}.hypopg_create_index(w.statement) AS h"""
        is_alone = self._connection.autocommit and self._connection.info.transaction_status == TransactionStatus.IDLE
        try:
            with self._connection.pipeline(), nullcontext() if is_alone else self._connection.transaction():
                if gone:
                    self._connection.execute(dropping.encode(), [list(gone)], prepare=False)
                statements = [self._statements[number] for number in numbers]
                rows = self._connection.execute(making.encode(), [statements], prepare=False).fetchall()
        except psycopg.Error as error:
            if is_lost(self._connection, error):
                with server_errors(self._connection, "create a hypothetical index"):
                    raise
            if len(numbers) == 1:
                words = (error.diag.message_primary or type(error).__name__).removeprefix("hypopg: ")
                self.refused[numbers[0]] = f"cannot be built: {words}"
            return False
        for place, oid, name in rows:
            self._made[numbers[int(place) - 1]] = (int(oid), str(name))
            self.numbers[str(name)] = numbers[int(place) - 1]
        return True


def _hypothetical(definition: IndexDefinition) -> str:
    """CREATE INDEX for HypoPG. It takes B-trees to be a fifth larger than they come out of a build: full pages make
    up for some of it."""
    whole = create_statement(definition, "trimtab_hypothetical", concurrently=False)
    if definition.method != "btree":
        return whole
    head = create_statement(replace(definition, predicate=None), "trimtab_hypothetical", concurrently=False)
    return f"{head} WITH (fillfactor = 100){whole[len(head) :]}"
