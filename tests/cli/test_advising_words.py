"""What `trimtab advise` says to people: sizes in units that fit, costs that do not contradict each other."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import click
import pytest
from click.testing import CliRunner

from trimtab.advise.rewrite.advising import Certified
from trimtab.advise.rewrite.model import Certificate, Rewrite
from trimtab.advise.rewrite.together import Costs, StatementForms, Together
from trimtab.advise.workload.advice import AdvisedIndex, WorkloadAdvice
from trimtab.advise.workload.drops import Drop
from trimtab.app.advising_rewrites import AdvisedTogether
from trimtab.cli.advising import _lines
from trimtab.cli.advising_rewrites import rewrite_lines
from trimtab.cli.common import guarded
from trimtab.model.errors import PermissionMissing
from trimtab.model.index import IndexDefinition, IndexKey

DDL = "CREATE INDEX ON public.t (a)"


def advice_with(size_bytes: int) -> WorkloadAdvice:
    index = AdvisedIndex(
        IndexDefinition("public", "t", (IndexKey("a"),)), DDL, size_bytes, None, ("q",), "why", 2.0, size_bytes / 10
    )
    return WorkloadAdvice((index,), 0.5, (0.4, 0.6), 0.5, 0.5, "closed", (), (), 1, 1, 0.1)


@pytest.mark.parametrize(
    ("size_bytes", "said"), [(16_384, "16 kB"), (99_000, "99 kB"), (150_000, "0.1 MB"), (8_200_000, "8.2 MB")]
)
def test_small_indexes_are_said_in_kb(size_bytes: int, said: str) -> None:
    advice = advice_with(size_bytes)
    text = "\n".join(_lines(advice))
    assert f"1 index, {said}: the workload" in text
    assert f"    {said}, why" in text
    assert " 0.0 MB" not in text
    drop = Drop("public.t", "i", "DROP INDEX i", "unused", size_bytes, "nobody reads it")
    assert f"could go (unused, {said})" in "\n".join(_lines(replace(advice, drops=(drop,))))


def forms(costs: Costs, *, has_indexes: bool) -> str:
    made = Certified(Rewrite(("unnest",), "select 1", "select 2"), Certificate((), 1.0, 0.5))
    together = Together((StatementForms("q", 1.0, made, costs),))
    advised = SimpleNamespace(advice=SimpleNamespace(indexes=(1,) if has_indexes else ()))
    found = SimpleNamespace(together=together, advised=advised, cost_ratio=None)
    return "\n".join(rewrite_lines(cast("AdvisedTogether", found)))


def test_a_form_that_is_cheaper_with_the_indexes_alone_is_said_to_be() -> None:
    said = forms(Costs(100.0, 200.0, 20.0, 13.0), has_indexes=True)
    assert "1 other form is cheaper by the planner's estimate, as things are or with the indexes above" in said
    assert (
        "q: unnest; estimated to cost 2 times what the statement costs as it is written, without the indexes above; "
        "where both forms have them, 0.65 times: "
    ) in said
    said = forms(Costs(100.0, 65.0, 100.0, 65.0), has_indexes=False)
    assert "q: unnest; estimated to cost 0.65 times what the statement costs as it is written: " in said
    assert "index" not in said.split("written: ")[0]


def test_sql_is_told_whole_where_it_is_short_or_nothing_else_helps() -> None:
    def told(**facts: str) -> str:
        @guarded
        def fails() -> None:
            raise PermissionMissing("no", **facts)

        return CliRunner().invoke(click.command()(fails)).stderr

    long = "\n".join(f"line {number};" for number in range(50))
    assert "line 49" in told(sql=long)
    assert "line 49" not in told(sql=long, grants="GRANT a TO b;")
    assert "GRANT a TO b;" in told(sql=long, grants="GRANT a TO b;")
    assert "50 lines that 'trimtab doctor DSN --format sql' prints" in told(sql=long, grants="")
    assert "CREATE EXTENSION hypopg" in told(sql="CREATE EXTENSION hypopg")
