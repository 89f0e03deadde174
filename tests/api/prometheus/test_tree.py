"""The tree that `parse_query` gives."""

from __future__ import annotations

import json

import pytest

from trimtab.api.prometheus.tree import tree_of
from trimtab.store.promql.parse import parse


def test_a_tree_of_everything() -> None:
    tree = tree_of(
        parse('sum by (job) (rate(a{b=~"c"}[5m] offset 1m)) / on (job) group_left (x) -(d @ end() > bool 2)')
    )
    assert tree["type"] == "binaryExpr"
    assert tree["op"] == "/"
    assert tree["matching"] == {
        "card": "many-to-one",
        "labels": ["job"],
        "on": True,
        "include": ["x"],
        "fillValues": {"lhs": None, "rhs": None},
    }
    left = json.loads(json.dumps(tree["lhs"]))
    assert (left["type"], left["op"], left["grouping"], left["without"]) == ("aggregation", "sum", ["job"], False)
    call = left["expr"]
    assert (call["type"], call["func"]["name"], call["func"]["argTypes"]) == ("call", "rate", ["matrix"])
    matrix = call["args"][0]
    assert (matrix["type"], matrix["range"], matrix["offset"]) == ("matrixSelector", 300_000, 60_000)
    assert {"name": "b", "type": "=~", "value": "c"} in matrix["matchers"]


@pytest.mark.parametrize("query", ["1", '"a"', "(up)", "max_over_time(up[1h:5m])", "topk(3, up)", "a and b", "time()"])
def test_every_kind_of_node_has_a_shape(query: str) -> None:
    assert json.loads(json.dumps(tree_of(parse(query))))["type"]
