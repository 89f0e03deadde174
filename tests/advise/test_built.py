"""What is proposed is built for real: the planner must then use it, at about the cost that was promised."""

from __future__ import annotations

import psycopg
import pytest

from tests.advise.golden import GOLDEN, Golden
from tests.advise.test_golden import asked
from tests.conftest import Database
from trimtab.advise.index.plans import cost, uses
from trimtab.observe.postgres.explain import explain
from trimtab.sql.connect import Connection
from trimtab.sql.explainable import explainable
from trimtab.sql.identifiers import qualified
from trimtab.sql.index_ddl import create_statement

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

COMPLETE = [golden for golden in GOLDEN if golden.best and "$" not in golden.text]


@pytest.mark.parametrize("golden", COMPLETE, ids=[g.text[:60] for g in COMPLETE])
def test_the_real_index_is_used_as_promised(shop: Database, watch: Connection, golden: Golden) -> None:
    best = asked(watch, golden).proposals[0]
    text = explainable(golden.text)
    with psycopg.connect(shop.dsn()) as builder:
        builder.execute("SET LOCAL search_path = public, archive")
        before = cost(explain(builder, text)["Plan"])
        builder.execute(create_statement(best.index, "promised", concurrently=False).encode())
        builder.execute(f"ANALYZE {qualified(best.index.schema, best.index.table)}".encode())
        plan = explain(builder, text)["Plan"]
        builder.rollback()
    assert uses(plan, "promised")
    assert cost(plan) / before < max(2 * best.cost_after / best.cost_before, 0.02)
