"""Files about business: what is right is read, what is wrong is refused with its place, the last good reading stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from trimtab.analyze.cost.prices import Resource
from trimtab.analyze.slo.document import FILE_BYTES_MAX, ObjectivesRefused
from trimtab.app.business.files import business_files
from trimtab.app.business.reading import definitions_in, price_lists
from trimtab.model.probes import Dimension, ProbeKind

GOOD = """
probes:
  - {name: fresh, system: shop, freshness: {table: public.orders, column: made_at}, good: < 5 minutes, every: 1m}
  - {name: many, system: shop, volume: {table: orders, where: "made_at > now() - interval '1 day'"}, good: ">= 100"}
  - {name: nulls, system: shop, nulls: {table: orders, columns: [a, b]}, good: <= 0.1%, weight: 2}
  - {name: keys, system: shop, unique: {table: orders, column: id}}
  - name: refs
    system: shop
    references: {table: orders, column: customer_id, to: customers, to_column: id}
  - {name: states, system: shop, accepted: {table: orders, column: state, values: [a, "yes", 3, 010, 1.50, 2026-11-01]}}
  - {name: stock, system: shop, sql: SELECT sum(stock) FROM goods, unit: pieces, dimension: volume, timeout: 2s}
quality: {weights: {freshness: 2, volume: 0}}
prices:
  list: aws-aurora-postgresql-us-east-1
  entries:
    - {resource: processor, price: 0.05, systems: [shop], as_of: 2026-11-01, source: our bill}
    - {resource: fixed, price: 744, as_of: 2026-11-01, source: our bill}
budget: {month: 500}
---
satisfaction:
  - {name: csat, csat: answers.csv, scale: 5}
  - {name: web, apdex: {service: shop-web, target: 500ms}, window: 30m}
  - {name: nps, query: avg(nps_score), scale: 100}
"""


def test_what_is_right() -> None:
    said = definitions_in(GOOD, "a.yml")
    assert [probe.kind for probe in said.probes] == list(ProbeKind)
    fresh, many, nulls, _keys, refs, states, stock = said.probes
    assert (fresh.interval_ms, str(fresh.wanted), fresh.dimension) == (60_000, "< 300", Dimension.FRESHNESS)
    assert many.where.startswith("made_at")
    assert (nulls.columns, nulls.weight, nulls.line) == (("a", "b"), 2.0, 5)
    assert (refs.to_table, refs.to_columns) == ("customers", ("id",))
    assert states.values == ("a", "yes", "3", "010", "1.50", "2026-11-01"), "as they are written"
    assert (stock.unit, stock.timeout_ms, stock.is_scored) == ("pieces", 2000, False)
    assert said.weights == {Dimension.FRESHNESS: 2.0, Dimension.VOLUME: 0.0}
    assert said.prices is not None
    assert said.prices.currency == "USD"
    own = said.prices.of(Resource.PROCESSOR, "shop")
    other = said.prices.of(Resource.PROCESSOR, "bank")
    assert own is not None
    assert other is not None
    assert (own.price, other.price) == (0.05, 0.13)
    assert said.budget is not None
    assert said.budget.month == 500
    assert [(one.kind, one.scale, one.window_ms) for one in said.satisfaction] == [
        ("csat", 5.0, 30 * 86_400_000),
        ("apdex", 1.0, 1_800_000),
        ("series", 100.0, 30 * 86_400_000),
    ]


def test_zones_and_rows_of_the_future() -> None:
    entry = "{name: a, system: s, timezone: Asia/Tokyo, freshness: {table: x, column: y, ignore_future: true}}"
    [probe] = definitions_in(f"probes: [{entry}]", "a.yml").probes
    assert (probe.timezone, probe.ignores_future) == ("Asia/Tokyo", True)
    [probe] = definitions_in("probes: [{name: a, system: s, sql: SELECT 1}]", "a.yml").probes
    assert (probe.timezone, probe.ignores_future) == ("UTC", False)


def test_a_text_is_what_is_written() -> None:
    """YAML makes false of `no` and 8 of `010`."""
    said = definitions_in("probes: [{name: 010, system: no, volume: {table: off}}]", "a.yml")
    assert [(probe.name, probe.system, probe.table) for probe in said.probes] == [("010", "no", "off")]


def test_what_must_not_be_old_is_looked_at_often_enough() -> None:
    """The age grows by the clock between looks: five looks fall into what is allowed, from 10 s to 5 minutes apart."""
    entry = "{{name: a{0}, system: s, freshness: {{table: x, column: y}}, good: '{1}'}}"
    wishes = ["< 5 minutes", "< 1h", "< 30s"]
    listed = ", ".join(entry.format(place, wish) for place, wish in enumerate(wishes))
    bare = "{name: bare, system: s, freshness: {table: x, column: y}}"
    said = definitions_in(f"probes: [{listed}, {bare}]", "a.yml")
    assert [probe.interval_ms for probe in said.probes] == [60_000, 300_000, 10_000, 60_000]


BAD = [
    (
        "probes: [{name: a, system: s, sql: 'SELECT 1; DROP TABLE x'}]",
        "1, column 36: the probe 'a': one statement was wanted",
    ),
    ("probes:\n- {name: a, system: s, sql: DELETE FROM x}", "2, column 29: the probe 'a': it is no SELECT"),
    ("probes:\n- {name: a, system: s, sql: 'SELECT 1, 2'}", "found 2 columns"),
    ("probes: [{name: a, system: s}]", "what is probed is missing"),
    ("probes: [{name: a, system: s, sql: SELECT 1, volume: {table: x}}]", "is given 2 times"),
    ("probes: [{name: a, sql: SELECT 1}]", "system is missing"),
    ("probes: [{name: a b, system: s, sql: SELECT 1}]", "name: a name has letters"),
    ("probes: [{name: a, system: s, volume: {table: x, wher: y}}]", "did you mean where?"),
    ("probes: [{name: a, system: s, volume: {table: a.b.c}}]", "schema.table"),
    ("probes: [{name: a, system: s, volume: {table: x, where: 'a) UNION SELECT (1'}}]", "where is one condition"),
    ("probes: [{name: a, system: s, volume: {table: x}, every: 1s}]", "every must be from 10s to 7d, found 1s"),
    ("probes: [{name: a, system: s, volume: {table: x}, timeout: 10m}]", "timeout must be from 100ms to 5m"),
    ("probes: [{name: a, system: s, volume: {table: x}, every: 10s, timeout: 11s}]", "timeout is longer than every"),
    ("probes: [{name: a, system: s, volume: {table: x}, good: < 5m}]", "compared as in '>= 1000', found '< 5m'"),
    ("probes: [{name: a, system: s, freshness: {table: x, column: y}, good: '> 5m'}]", "as in '< 5m', found '> 5m'"),
    ("probes: [{name: a, system: s, volume: {table: x}, good: 5}]", "did you mean '>= 5'?"),
    ("probes: [{name: a, system: s, nulls: {table: x, column: y}, good: 0%}]", "found '0%'; did you mean '<= 0%'?"),
    ("probes: [{name: a, system: s, sql: SELECT 1, good: p95 < 5ms}]", "as in '>= 1000', '<= 0.1%' or '< 5m', found"),
    (
        "probes: [{name: a, system: s, freshness: {table: x, column: y}, good: < 5m, every: 5m}]",
        "column 84: the probe 'a': every: a look every 5m cannot tell whether rows are younger than 5m; at most 2m30s",
    ),
    (
        "probes: [{name: a, system: s, accepted: {table: x, column: y, values: [a, yes]}}]",
        "column 75: the probe 'a': values[1]: yes without quotes is true to YAML; a text is written as 'yes'",
    ),
    (
        "probes: [{name: a, system: s, accepted: {table: x, column: y, values: [null]}}]",
        "column 72: the probe 'a': values[0]: null without quotes is nothing to YAML",
    ),
    (
        "probes: [{name: a, system: s, accepted: {table: x, column: y, values: [.nan]}}]",
        'number "not a number" to YAML',
    ),
    (
        "probes: [{name: a, system: s, accepted: {table: x, column: y, values: [-.inf]}}]",
        "values[0]: -.inf without quotes is the number -infinity to YAML; a text is written as '-.inf'",
    ),
    (
        "probes:\n- name: a\n  system: s\n  accepted:\n    table: x\n    column: y\n    values:\n      - b\n      -\n",
        "the probe 'a': values[1] is empty: it must be a text or a number",
    ),
    ("probes: [{name: a, system: s, sql: SELECT 1, timezone: Europe/Berln}]", "(did you mean Europe/Berlin?)"),
    ("probes: [{name: a, system: s, volume: {table: x, ignore_future: true}}]", "unknown key 'ignore_future'"),
    ("probes: [{name: a, system: s, accepted: {table: x, column: y, values: [[1]]}}]", "must be a text or a number"),
    ("probes: [{name: a, system: s, nulls: {table: x, column: y}, good: < 5}]", "a share lies between 0 and 1"),
    ("probes: [{name: a, system: s, nulls: {table: x}}]", "column or columns is missing"),
    ("probes: [{name: a, system: s, accepted: {table: x, column: y, values: []}}]", "values must be a list"),
    ("probes: [{name: a, system: s, references: {table: x, columns: [a, b], to: y, to_column: z}}]", "give as many"),
    ("probes: [{name: a, system: s, sql: SELECT 1, dimension: beauty}]", "dimension is one of"),
    ("probes: [{name: a, system: s, sql: SELECT 1}, {name: a, system: s, sql: SELECT 1}]", "stands in line 1 already"),
    ("quality: {weights: {freshness: -1}}", "a weight is from 0 to 1000"),
    ("budget: {month: 0}", "more than 0"),
    ("prices: {list: mine}", "there is no price list 'mine'; known are aws-"),
    ("prices: {currency: EUR}", "prices are missing"),
    ("prices: {currency: EUR, entries: [{resource: memory, price: 1}]}", "resource is one of processor, io"),
    ("prices: {currency: EUR, entries: [{resource: io, price: 1, source: x}]}", "as_of is missing"),
    ("prices: {currency: euro, entries: [{resource: io, price: 1, as_of: x, source: x}]}", "three letters"),
    ("prices: {list: aws-aurora-postgresql-us-east-1, currency: EUR}", "the list is in USD"),
    ("prices: {currency: EUR, entries: [{resource: io, price: 1, per: GiB, as_of: x, source: x}]}", "per million"),
    ("satisfaction: [{name: a}]", "the source of satisfaction is missing"),
    ("satisfaction: [{name: a, apdex: {service: x}}]", "target is missing"),
    ("satisfaction: [{name: a, apdex: {service: x, target: 1s}, scale: 5}]", "it has no scale"),
    ("satisfaction: [{name: a, query: 'sum('}]", "query"),
    ("budget: {month: 1}\n---\nbudget: {month: 2}", "budget is said twice"),
    ("probe: []", "did you mean probes?"),
    ("- a", "must be a mapping"),
    ("a: [", "this is no YAML"),
    ("", "the file is empty"),
]


@pytest.mark.parametrize(("text", "reason"), BAD, ids=[reason for _, reason in BAD])
def test_what_is_wrong_is_told_with_its_place(text: str, reason: str) -> None:
    with pytest.raises(ObjectivesRefused) as caught:
        definitions_in(text, "b.yml")
    assert reason in caught.value.message
    assert caught.value.message.startswith("b.yml, line ")


def test_lists_of_the_package_say_when_and_where_from() -> None:
    lists = price_lists()
    assert len(lists) == 3
    for listed in lists.values():
        assert all(price.as_of and price.source for price in listed.prices)


def test_the_last_good_reading_stays_also_over_a_restart(tmp_path: Path) -> None:
    path, kept = tmp_path / "b.yml", tmp_path / "kept"
    path.write_text("budget: {month: 5}\nsatisfaction: [{name: a, csat: x.csv}]")
    files = business_files(lambda: [str(path)], lambda: 1, kept)
    assert files.look()
    assert files.whole.satisfaction[0].csat == str(tmp_path / "x.csv")
    assert not files.look()
    path.write_text("budget: {month: none}")
    assert files.look()
    [status] = files.status
    assert (status.count, [(one.line, one.column) for one in status.problems]) == (2, [(1, 17), (1, 17)])
    again = business_files(lambda: [str(path)], lambda: 1, kept)
    again.look()
    for one in (files, again):
        assert one.whole.budget is not None
        assert one.whole.budget.month == 5
        assert one.whole.satisfaction[0].csat == str(tmp_path / "x.csv")
    path.unlink()
    files.look()
    assert files.whole.budget is not None
    other = tmp_path / "c.yml"
    other.write_text("budget: {month: 7}")
    path.write_text("budget: {month: 6}")
    both = business_files(lambda: [str(path), str(other)], lambda: 1)
    both.look()
    assert both.whole.budget is not None
    assert both.whole.budget.month == 6
    assert "budget is said twice" in both.status[1].problems[0].reason


def test_a_file_that_is_not_there_is_said_once_and_a_clash_goes_away_with_its_cause(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yml", tmp_path / "b.yml"
    files = business_files(lambda: [str(first), str(second)], lambda: 1)
    second.write_text("budget: {month: 7}")
    files.look()
    assert files.status[0].told == (f"{first} could not be read: No such file or directory",)
    first.write_text("probes: []\n---\nbudget: {month: 6}")
    files.look()
    assert [one.count for one in files.status] == [1, 0]
    assert files.status[1].told == (f"{second}, line 1, column 1: budget is said twice: this one is left out",)
    first.write_text("satisfaction: [{name: a, query: vector(1)}]")
    files.look()
    assert [one.told for one in files.status] == [(), ()]
    assert files.whole.budget is not None


def test_a_file_that_is_too_long_is_said_to_be_so_wherever_it_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_bytes(b"# " + "ä".encode() * (FILE_BYTES_MAX // 2))
    files = business_files(lambda: [str(path)], lambda: 1)
    files.look()
    assert [one.reason for one in files.status[0].problems] == [
        f"the file has more than {FILE_BYTES_MAX} bytes, which is the limit"
    ]
