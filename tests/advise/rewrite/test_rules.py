"""Golden pairs: each rule gives what its file says, and stays away from what it must not touch."""

from __future__ import annotations

import pytest

from tests.advise.rewrite.conftest import connected, known
from tests.conftest import Database
from trimtab.advise.rewrite.apply import rewrites_of
from trimtab.advise.rewrite.rules.base import Pair, Rule
from trimtab.advise.rewrite.rules.catalogue import RULES
from trimtab.sql.expressions import same_tree
from trimtab.sql.trees import single_statement

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_golden_pairs(golden: Database, rule: Rule) -> None:
    with connected(golden) as connection:
        for pair in rule.golden:
            check(connection, rule, pair)


def check(connection, rule: Rule, pair: Pair) -> None:  # type: ignore[no-untyped-def]
    forms = rewrites_of(pair.before, known(connection, pair.before), [rule])
    if pair.after is None:
        assert not forms, (pair, [form.rewritten for form in forms])
        return
    wanted = single_statement(pair.after)
    found = [form.rewritten for form in forms]
    assert any(same_tree(single_statement(text), wanted) for text in found), (pair.before, pair.after, found)
    for text in found:
        connection.execute(f"EXPLAIN {text}".encode())  # the server understands each form
