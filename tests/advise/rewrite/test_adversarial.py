"""No form that any rule gives to an awkward statement returns anything else, on data full of NULLs and duplicates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.advise.rewrite.adversarial import CASES
from tests.advise.rewrite.conftest import connected, known
from tests.conftest import Database
from trimtab.advise.index.session import Connection
from trimtab.advise.rewrite.apply import rewrites_of
from trimtab.advise.rewrite.compare import compared, pairing_of
from trimtab.advise.rewrite.filling import fill
from trimtab.advise.rewrite.knowledge import Knowledge
from trimtab.advise.rewrite.model import Check, Data, Outcome, Rewrite
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.scratch import Scratch, made, read_types
from trimtab.model.errors import StatementRefused

pytestmark = pytest.mark.postgres

ALL_TABLES = """SELECT 1 FROM customers, orders, items, parts, loose WHERE customers.city = 'a' AND orders.status = 'a'
 AND items.note = 'a' AND parts.brand = 'a' AND loose.c = 'a' AND orders.paid_on = '2000-01-01' AND parts.code = 'b'
 AND orders.placed = '2000-01-01' AND items.quantity = 4"""
SEEDS = (1, 2, 3, 4)


@pytest.fixture(scope="module")
def connection(golden: Database) -> Iterator[Connection]:
    with connected(golden) as made_connection:
        yield made_connection


@pytest.fixture(scope="module")
def forms(connection: Connection) -> list[tuple[Knowledge, Rewrite]]:
    """Every form of every case."""
    knowledge = known(connection, *CASES, ALL_TABLES)
    return [(knowledge, form) for case in CASES for form in _forms(case, knowledge)]


def _forms(case: str, knowledge: Knowledge) -> list[Rewrite]:
    try:
        return rewrites_of(case, knowledge)
    except StatementRefused:
        return []


def test_there_are_a_hundred_and_most_have_other_forms(forms: list[tuple[Knowledge, Rewrite]]) -> None:
    assert len(set(CASES)) >= 100
    assert len({form.statement for _, form in forms}) >= 60
    fired = Counter(form.rules[0] for _, form in forms)
    assert len(fired) >= 17, fired


def test_not_one_different_result(connection: Connection, forms: list[tuple[Knowledge, Rewrite]]) -> None:
    knowledge = forms[0][0]
    query = Query.of(ALL_TABLES, knowledge)
    with_rows: set[str] = set()
    with made(connection, query, read_types(connection, query)) as scratch:
        for seed in SEEDS:
            fill(scratch, 40, seed)
            for _, form in forms:
                check = _compared(scratch, form, knowledge, seed)
                assert check.outcome is Outcome.SAME, (seed, check, form.statement, form.rewritten, form.rules)
                if check.rows:
                    with_rows.add(form.statement)
            scratch.clear()
    compared_cases = {form.statement for _, form in forms}
    assert len(with_rows) > 0.85 * len(compared_cases), compared_cases - with_rows


def _compared(scratch: Scratch, form: Rewrite, knowledge: Knowledge, seed: int) -> Check:
    pairing = pairing_of(form.statement, form.rewritten, knowledge)
    assert not isinstance(pairing, str)
    return compared(scratch.private, pairing, Data.GENERATED, seed)
