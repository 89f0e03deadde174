"""All rules, in the order in which they are tried."""

from __future__ import annotations

from trimtab.advise.rewrite.rules import (
    bare_column,
    coalesce_equal,
    count_to_exists,
    cte_inlined,
    cte_predicate,
    date_to_range,
    distinct_by_key,
    distinct_inside,
    distinct_to_semi,
    exists_or,
    foreign_key_join,
    ilike_to_lower,
    not_in,
    or_to_union,
    scalar_to_join,
    self_join,
    shared_scan,
    transitive_range,
    union_all,
)
from trimtab.advise.rewrite.rules.base import Rule

RULES: tuple[Rule, ...] = (
    scalar_to_join.RULE,
    not_in.RULE,
    exists_or.RULE,
    count_to_exists.RULE,
    shared_scan.RULE,
    cte_predicate.RULE,
    cte_inlined.RULE,
    distinct_by_key.RULE,
    distinct_inside.RULE,
    distinct_to_semi.RULE,
    or_to_union.RULE,
    union_all.RULE,
    foreign_key_join.RULE,
    self_join.RULE,
    transitive_range.RULE,
    date_to_range.RULE,
    bare_column.RULE,
    coalesce_equal.RULE,
    ilike_to_lower.RULE,
)
