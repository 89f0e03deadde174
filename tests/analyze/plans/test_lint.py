"""The rules: each has a plan of which it speaks and one of which it does not; scores are what they say they are."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.analyze.plans.cases import CASES
from tests.analyze.plans.handwritten import HANDWRITTEN, Handwritten, plan, ran, scan, step
from trimtab.analyze.queries.plans.catalogue import Catalogue, TableFacts
from trimtab.analyze.queries.plans.hint import Hint, MendKind, ScoreOf
from trimtab.analyze.queries.plans.hints import RULES, hints_of


def found(hints: list[Hint], rule: str) -> Hint:
    [hint] = [one for one in hints if one.id == rule]
    return hint


@pytest.mark.parametrize("case", HANDWRITTEN, ids=lambda case: case.rule)
def test_a_rule_speaks_of_the_one_and_not_of_the_other(case: Handwritten) -> None:
    hint = found(hints_of(case.fires, case.catalogue), case.rule)
    assert 0.01 <= hint.score <= 1.0
    assert hint.mends
    quiet = case.catalogue if case.quiet_catalogue is None else case.quiet_catalogue
    assert case.rule not in {one.id for one in hints_of(case.quiet, quiet)}


def test_every_rule_has_a_case_and_every_case_a_rule() -> None:
    cases = Counter([case.rule for case in CASES] + [case.rule for case in HANDWRITTEN])
    assert set(cases) == {rule.id for rule in RULES}
    assert max(Counter(rule.id for rule in RULES).values()) == 1
    for rule in RULES:
        assert rule.title
        assert rule.says.endswith(".")
        assert rule.mends.endswith(".")
        assert rule.score.endswith(".")


def test_a_score_is_the_share_of_what_it_explains() -> None:
    thrown = scan(rows=1000, Filter="(a = 5)", Rows_Removed_by_Filter=9000)
    root = ran("Aggregate", thrown, ms=100.0, Strategy="Plain")
    hint = found(hints_of(plan(root, Execution_Time=160.0)), "rows-thrown-away")
    assert hint.score == pytest.approx(80.0 / 160.0 * 0.9, abs=1e-4)
    assert (hint.score_of, hint.line, hint.step) == (ScoreOf.TIME, 2, "Seq Scan on orders")
    assert hint.figures["removed_rows"] == 9000


def test_without_times_a_score_is_of_pages_and_without_a_run_of_cost() -> None:
    raw = scan(Filter="(a = 5)", Rows_Removed_by_Filter=999_000, Shared_Hit_Blocks=50)
    untimed = {key: value for key, value in raw.items() if "Time" not in key}
    assert found(hints_of(plan(untimed)), "rows-thrown-away").score_of is ScoreOf.PAGES
    estimated = step("Seq Scan", Relation_Name="orders", Filter="(a = 5)", Total_Cost=5000.0)
    facts = Catalogue({"orders": TableFacts("public", "orders", 10_000.0)})
    assert hints_of(plan(estimated)) == [], "how many rows the table has is not known"
    hint = found(hints_of(plan(estimated), facts), "rows-thrown-away")
    assert hint.score_of is ScoreOf.COST
    assert hint.mends[0].sql == "CREATE INDEX CONCURRENTLY ON public.orders (a)"


def test_an_index_has_equalities_first_and_then_one_range() -> None:
    condition = "((at > '2026-01-01'::date) AND (b = ANY ('{1,2}'::integer[])) AND (a = 1) AND (c <> 3))"
    hint = found(hints_of(plan(scan(Filter=condition, Rows_Removed_by_Filter=90_000))), "rows-thrown-away")
    assert hint.mends[0].sql == "CREATE INDEX CONCURRENTLY ON orders (b, a, at)"


def test_an_index_that_is_there_is_not_proposed_again() -> None:
    raw = plan(scan(Filter="((a = 1) AND (b = 2))", Rows_Removed_by_Filter=90_000))
    facts = TableFacts("public", "orders", 1e5, indexes={"by_b": ("b", "a", "c"), "by_c": ("c",)})
    [mend] = found(hints_of(raw, Catalogue({"orders": facts})), "rows-thrown-away").mends
    assert mend.kind is MendKind.ANALYZE
    assert mend.words.startswith("index by_b has these columns already and was not taken")
    other = TableFacts("public", "orders", 1e5, indexes={"by_a": ("a",), "by_c": ("c", "a", "b")})
    [mend] = found(hints_of(raw, Catalogue({"orders": other})), "rows-thrown-away").mends
    assert mend.sql == "CREATE INDEX CONCURRENTLY ON public.orders (a, b)"


@pytest.mark.parametrize(
    ("condition", "sql"),
    [
        ("(name ~~ '%x%'::text)", "USING gin (name gin_trgm_ops)"),
        ("(tags @> '{a}'::text[])", "USING gin (tags)"),
        ("(deleted_at IS NULL)", "(deleted_at) WHERE deleted_at IS NULL"),
        ("((deleted_at IS NULL) AND (tags @> '{a}'::text[]))", "USING gin (tags)"),
        ("(NOT is_paid)", "(is_paid) WHERE NOT is_paid"),
        ('("Order No" = 5)', '("Order No")'),
        ("(a = ?)", "(a)"),
    ],
)
def test_other_conditions_have_other_indexes(condition: str, sql: str) -> None:
    hint = found(hints_of(plan(scan(Filter=condition, Rows_Removed_by_Filter=90_000))), "rows-thrown-away")
    assert hint.mends[0].sql == f"CREATE INDEX CONCURRENTLY ON orders {sql}"


def test_a_varchar_that_is_read_as_text_is_no_cast() -> None:
    raw = plan(scan(Filter="((code)::text = '5'::text)", Rows_Removed_by_Filter=90_000))
    varchar = Catalogue({"orders": TableFacts("public", "orders", 1e5, column_types={"code": "character varying"})})
    integer = Catalogue({"orders": TableFacts("public", "orders", 1e5, column_types={"code": "integer"})})
    assert "implicit-cast" not in {one.id for one in hints_of(raw)}
    assert "implicit-cast" not in {one.id for one in hints_of(raw, varchar)}
    hint = found(hints_of(raw, integer), "implicit-cast")
    assert "code (integer) is cast to text" in hint.found


def test_a_masked_expression_has_no_statement_made_of_it() -> None:
    for condition in ("((doc ->> ?) = ?)", "((doc ->> ?::text) = ?::text)"):
        raw = plan(scan(Filter=condition, Rows_Removed_by_Filter=900_000, rows=100_000))
        hints = hints_of(raw)
        assert found(hints, "function-on-column").mends[0].sql is None
        assert all("?" not in (mend.sql or "") for hint in hints for mend in hint.mends)


def test_a_date_of_a_time_is_mended_by_a_range() -> None:
    raw = plan(scan(Filter="((at)::date = '2026-01-01'::date)", Rows_Removed_by_Filter=90_000))
    hint = found(hints_of(raw), "function-on-column")
    assert [mend.kind for mend in hint.mends] == [MendKind.REWRITE, MendKind.INDEX]
    assert "at >= … AND at < …" in hint.mends[0].words


def test_a_misestimate_is_told_where_it_begins() -> None:
    inner = scan("lines", ms=1.0, rows=50, loops=5000, Plan_Rows=50)
    outer = scan(rows=5000, Plan_Rows=5, Filter="((a = 1) AND (b = 2))")
    root = ran("Nested Loop", outer, inner, ms=5100.0, rows=250_000, Plan_Rows=250, Join_Type="Inner")
    hints = hints_of(plan(ran("Aggregate", root, ms=5200.0, Strategy="Plain"), Execution_Time=5200.0))
    hint = found(hints, "misestimate")
    assert (hint.step, hint.figures["factor"]) == ("Seq Scan on orders", 1000)
    assert hint.score > 0.95, "the loop was planned by it, and so was all that it ran"
    assert [mend.kind for mend in hint.mends] == [MendKind.ANALYZE, MendKind.STATISTICS]
    assert hint.mends[1].sql == "CREATE STATISTICS orders_a_b_together ON a, b FROM orders"


def test_an_error_on_few_rows_that_a_join_makes_many_is_told_where_the_few_are() -> None:
    users = scan("users", ms=40.0, rows=1, Plan_Rows=300, Filter="(lower(email) = 'a@b.c'::text)")
    hashed = ran("Hash", users, ms=40.0, rows=1, Plan_Rows=300)
    orders = scan("orders", ms=80.0, rows=200_000, Plan_Rows=200_000)
    root = ran("Hash Join", orders, hashed, ms=200.0, rows=2, Plan_Rows=1_200, Hash_Cond="(user_id = users.id)")
    hint = found(hints_of(plan(root, Execution_Time=200.0)), "misestimate")
    assert (hint.step, hint.line) == ("Seq Scan on users", 5)
    assert hint.mends[1].sql == "CREATE STATISTICS users_email_given ON (lower(email)) FROM users"
    assert hint.score == pytest.approx(0.6, abs=0.05), "the join was planned by it, too"


def test_what_a_limit_stopped_is_not_wrong() -> None:
    root = ran("Limit", scan(rows=10, Plan_Rows=100_000), ms=80.0, rows=10, Plan_Rows=10)
    assert "misestimate" not in {one.id for one in hints_of(plan(root))}


def test_a_hash_needs_less_work_mem_where_it_may_take_it_twice() -> None:
    hashed = ran("Hash", scan(), ms=90.0, Hash_Batches=8, Original_Hash_Batches=1, Peak_Memory_Usage=1000)
    root = ran("Hash Join", scan("lines"), hashed, ms=200.0, Join_Type="Inner", Hash_Cond="(a.x = b.x)")
    once = found(hints_of(plan(root, Settings={"work_mem": "1MB", "hash_mem_multiplier": "1"})), "hash-spill")
    twice = found(hints_of(plan(root, Settings={"work_mem": "1MB", "hash_mem_multiplier": "2"})), "hash-spill")
    assert once.mends[0].sql == "SET work_mem = '8MB'"
    assert twice.mends[0].sql == "SET work_mem = '4MB'"


def test_what_is_wrong_with_every_partition_is_one_finding() -> None:
    parts = [
        scan(f"t{n}", ms=2.0, Filter="(a = 5)", rows=10, Rows_Removed_by_Filter=5000)
        | {"Parent Relationship": "Member"}
        for n in range(300)
    ]
    hints = hints_of(plan(ran("Append", ms=600.0, rows=3000) | {"Plans": parts}))
    hint = found(hints, "rows-thrown-away")
    assert hint.score == pytest.approx(0.998, abs=0.002)
    assert hint.figures["parts_count"] == 300
    assert "the same in 300 parts" in hint.found


def test_a_not_exists_for_each_row_is_no_not_in() -> None:
    sub = scan("lines", ms=0.5, rows=0, loops=500, Filter="(order_id = o.id)", Rows_Removed_by_Filter=3000)
    sub |= {"Parent Relationship": "SubPlan", "Subplan Name": "SubPlan 1"}
    root = scan(ms=300.0, rows=400, Filter="((a = 1) OR (NOT (SubPlan 1)))", Rows_Removed_by_Filter=100) | {
        "Plans": [sub]
    }
    ids = {one.id for one in hints_of(plan(root))}
    assert "correlated-subplan" in ids
    assert "not-in-subplan" not in ids


def test_small_things_are_not_said() -> None:
    small = scan("lines", ms=0.1, Filter="(a = 5)", rows=1, Rows_Removed_by_Filter=5000, Plan_Rows=1)
    root = ran("Nested Loop", scan(ms=900.0), small, ms=1000.0, Join_Type="Inner")
    assert "rows-thrown-away" not in {one.id for one in hints_of(plan(root))}
