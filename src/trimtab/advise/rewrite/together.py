"""Rewrites and indexes priced together: what each form of a statement costs without and with a set of indexes.

An index and a rewrite often mend the same thing, and then one of them is enough. So every form is asked for in four
ways (original and new, without and with the hypothetical indexes), and the set of indexes is chosen once for the
original statements and once for the rewritten ones: what costs less in sum is the advice.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import psycopg

from trimtab.advise.index.plans import cost
from trimtab.advise.index.session import Connection, server_errors
from trimtab.advise.rewrite.advising import Certified, RewriteSettings
from trimtab.advise.rewrite.certify import certify
from trimtab.advise.rewrite.knowledge import Knowledge, read_knowledge
from trimtab.advise.rewrite.model import Rewrite
from trimtab.advise.rewrite.pricing import COST_RATIO_MAX, cheaper_forms
from trimtab.advise.workload.statements import WorkloadStatement
from trimtab.model.errors import StatementRefused, TrimtabError
from trimtab.observe.postgres.explain import explain
from trimtab.sql.connect import OWN_MARK
from trimtab.sql.trees import single_statement

RELATIONS_MAX = 3_000
STATEMENTS_MAX = 400
"""Of more statements those with most calls are looked at."""


@dataclass(frozen=True, slots=True)
class Costs:
    """The planner's cost of both forms, without and with the indexes."""

    original: float
    rewritten: float
    original_indexed: float
    rewritten_indexed: float


@dataclass(frozen=True, slots=True)
class StatementForms:
    """The best form of one statement of a workload. `is_advised`: certified, and cheaper with the indexes as well.

    `certificate` is None where nothing was compared: then it is only possible.
    """

    name: str
    calls: float
    found: Certified
    costs: Costs
    is_advised: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A statement that no rule may touch, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Together:
    """All statements that have another form; `refused` are those that must stay as they are."""

    forms: tuple[StatementForms, ...] = ()
    refused: tuple[Refused, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def texts(self) -> dict[str, str]:
        """The advised texts, by statement."""
        return {one.name: one.found.rewrite.rewritten for one in self.forms if one.is_advised}


def forms_together(
    connection: Connection,
    statements: Sequence[WorkloadStatement],
    indexes: Sequence[str],
    *,
    private: Connection | None = None,
    run: bool = False,
    settings: RewriteSettings | None = None,
    time_max_s: float = 60.0,
) -> Together:
    """Look for other forms of all statements, beside a set of indexes (CREATE INDEX statements, hypothetical here)."""
    chosen = settings or RewriteSettings()
    deadline = time.monotonic() + time_max_s
    trees = {}
    refused: list[Refused] = []
    looked_at = sorted(statements, key=lambda one: -one.calls)[:STATEMENTS_MAX]
    for statement in looked_at:
        try:
            trees[statement.name] = single_statement(statement.text)
        except StatementRefused as error:
            refused.append(Refused(statement.name, error.message))
    knowledge = read_knowledge(connection, list(trees.values()), relations_max=RELATIONS_MAX)
    forms: list[StatementForms] = []
    late = [""] * (len(statements) - len(looked_at))
    for statement in looked_at:
        if statement.name not in trees:
            continue
        if time.monotonic() > deadline:
            late.append(statement.name)
            continue
        try:
            best = _best(connection, statement, indexes, knowledge, private, run, chosen, deadline)
        except StatementRefused as error:
            refused.append(Refused(statement.name, error.message))
            continue
        except TrimtabError as error:
            if connection.closed:
                raise
            refused.append(Refused(statement.name, error.message))
            continue
        if best is not None:
            forms.append(best)
    notes = (f"no time was left to look for other forms of {len(late)} statements",) if late else ()
    return Together(tuple(forms), tuple(refused), notes)


def _best(
    connection: Connection,
    statement: WorkloadStatement,
    indexes: Sequence[str],
    knowledge: Knowledge,
    private: Connection | None,
    run: bool,
    settings: RewriteSettings,
    deadline: float,
) -> StatementForms | None:
    found: dict[str, Rewrite] = {}
    with hypothetical(connection, knowledge, indexes):
        beside = cheaper_forms(statement.text, knowledge, connection, calls_max=settings.calls_max, deadline=deadline)
    alone = cheaper_forms(statement.text, knowledge, connection, calls_max=settings.calls_max, deadline=deadline)
    for one in (*beside[: settings.forms_max], *alone[: settings.forms_max]):
        found.setdefault(one.rewrite.rewritten, one.rewrite)
    if not found:
        return None
    priced = _priced(connection, statement.text, list(found), knowledge, indexes)
    looked: list[StatementForms] = []
    for text, costs in sorted(priced.items(), key=lambda item: (item[1].rewritten_indexed, item[1].rewritten)):
        if len(looked) >= settings.forms_max:
            break
        certificate = certify(
            found[text], knowledge, connection, run_on_real_data=run, private=private, settings=settings.certify
        )
        pays = costs.rewritten_indexed < costs.original_indexed * COST_RATIO_MAX
        advised = certificate.is_advisable and pays
        looked.append(
            StatementForms(statement.name, statement.calls, Certified(found[text], certificate), costs, advised)
        )
        if advised or not (run and private is not None):
            break
    return next((one for one in looked if one.is_advised), looked[0])


def _priced(
    connection: Connection, original: str, forms: Sequence[str], knowledge: Knowledge, indexes: Sequence[str]
) -> dict[str, Costs]:
    texts = [original, *forms]
    without = [_cost(connection, text) for text in texts]
    with hypothetical(connection, knowledge, indexes):
        beside = [_cost(connection, text) for text in texts]
    return {
        text: Costs(without[0], without[place], beside[0], beside[place])
        for place, text in enumerate(texts)
        if place > 0
    }


def total_cost(
    connection: Connection, statements: Sequence[WorkloadStatement], forms: Mapping[str, str], indexes: Sequence[str]
) -> float:
    """The planner's cost of all calls, each statement in its cheaper form, with these hypothetical indexes."""
    total = 0.0
    known = read_knowledge(connection, [single_statement(one.text) for one in statements], relations_max=RELATIONS_MAX)
    with hypothetical(connection, known, indexes):
        for one in statements:
            texts = [one.text, *([forms[one.name]] if one.name in forms else [])]
            total += one.calls * min(_cost(connection, text) for text in texts)
    return total


def rewritten_statements(statements: Sequence[WorkloadStatement], forms: Mapping[str, str]) -> list[WorkloadStatement]:
    """The workload with other texts."""
    return [replace(one, text=forms.get(one.name, one.text)) for one in statements]


def _cost(connection: Connection, text: str) -> float:
    return cost(explain(connection, text)["Plan"])


@contextmanager
def hypothetical(connection: Connection, knowledge: Knowledge, indexes: Sequence[str]) -> Iterator[None]:
    """These indexes as the planner's fiction; one that HypoPG refuses is left out."""
    schema = knowledge.catalog.hypopg_schema
    if schema is None or not indexes:
        yield
        return
    made: list[int] = []
    try:
        for index in indexes:
            try:
                with connection.transaction():
                    row = connection.execute(
                        f"SELECT {OWN_MARK} indexrelid::bigint FROM {schema}.hypopg_create_index(%s)".encode(),
                        [index],
                        prepare=False,
                    ).fetchone()
            except psycopg.Error:
                if connection.closed:
                    raise
                continue  # HypoPG knows fewer kinds of indexes than the server
            if row is not None:
                made.append(int(row[0]))
        yield
    finally:
        if made and not connection.closed:
            with server_errors(connection, "drop hypothetical indexes"):
                connection.execute(
                    f"SELECT {OWN_MARK} {schema}.hypopg_drop_index(o) FROM unnest(%s::oid[]) AS o".encode(),
                    [made],
                    prepare=False,
                )
