"""Rules that are answered together give what each gives by itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trimtab.analyze.rules.asking import Outcome, StoreAsker
from trimtab.analyze.rules.families import families_of
from trimtab.analyze.rules.rule_source import RuleSource
from trimtab.model.errors import InputError
from trimtab.store.promql.parse import parse
from trimtab.store.promql.script_series import SeriesValue

SERVICES = ("a", "b", "c.d", "e|f", 'q"u')
AT_MS = 1_200_000
EXPRESSIONS = (
    'up{s="$"}',
    'up{s="$"} == 0',
    'rate(req{s="$"}[5m])',
    'sum(rate(req{s="$"}[5m]))',
    'sum by (code) (rate(req{s="$"}[5m]))',
    'sum by (s, code) (rate(req{s="$"}[5m]))',
    'sum without (s) (rate(req{s="$"}[5m]))',
    'sum without (code) (rate(req{s="$"}[5m]))',
    'sum(rate(req{s="$",code=~"5.."}[5m])) / sum(rate(req{s="$"}[5m]))',
    'sum(rate(req{s="$",code=~"5.."}[5m])) / sum(rate(req{s="$"}[5m])) > 0.01',
    'rate(req{s="$",code="500"}[5m]) / ignoring(code) group_left sum without (code) (rate(req{s="$"}[5m]))',
    'rate(req{s="$"}[5m]) / on(i) group_left(zone) host{s="$"}',
    'rate(req{s="$"}[5m]) * on(s, i) group_left host{s="$"}',
    'up{s="$"} and on() (sum(rate(req{s="$"}[5m])) > 0.1)',
    'up{s="$"} unless on(i) host{s="$"}',
    'up{s="$"} or host{s="$"}',
    'sum(up{s="$"}) or sum(host{s="$"})',
    'avg(up{s="$"}) * 100 > bool 50',
    '100 * (1 - avg(up{s="$"}))',
    '-sum(up{s="$"})',
    'topk(2, rate(req{s="$"}[5m]))',
    'bottomk by (code) (1, rate(req{s="$"}[5m]))',
    'quantile(0.5, rate(req{s="$"}[5m]))',
    'count(up{s="$"} == 0) by (i)',
    'stddev(up{s="$"})',
    'histogram_quantile(0.9, sum by (le) (rate(lat_bucket{s="$"}[5m])))',
    'histogram_quantile(0.9, rate(lat_bucket{s="$"}[5m]))',
    'max_over_time(up{s="$"}[10m])',
    'avg_over_time((sum(up{s="$"}))[10m:1m])',
    'rate(req{s="$"}[5m] offset 2m) > 0',
    'predict_linear(up{s="$"}[10m], 3600) < 0',
    'quantile_over_time(0.9, up{s="$"}[10m])',
    'abs(delta(up{s="$"}[10m]))',
    'clamp_max(up{s="$"}, 0.5)',
    'time() - timestamp(up{s="$"}) > 1',
    'round(up{s="$"}, 0.1)',
    'sum(up{s="$", zone!="x"})',
    'rate(req{s="$"}[5m]) / ignoring(code) host{s="$"}',
    # asked alone: what these do depends on more than the series of one service
    'absent(up{s="$"})',
    'scalar(sum(up{s="$"}))',
    'count_values("v", up{s="$"})',
    'label_replace(up{s="$"}, "x", "$1", "i", "(.*)")',
    'up{s="$"} / on(i) host',
    'sum(up{s="$"}) / sum(up)',
    'up{s="$"} / ignoring(code) sum(up{s="$"})',
    'vector(1) and up{s="$"}',
)


@pytest.fixture(scope="module")
def source() -> RuleSource:
    random = np.random.default_rng(7)
    found = RuleSource()
    steps = range(0, AT_MS + 1, 60_000)

    def load(name: str, values: list[float], **labels: str) -> None:
        pairs = tuple(sorted({"__name__": name, **labels}.items()))
        found.load(pairs, [(at, SeriesValue(value)) for at, value in zip(steps, values, strict=False)])

    for service in SERVICES:
        for instance in ("1", "2"):
            load("up", random.integers(0, 2, 21).astype(float).tolist(), s=service, i=instance)
            if instance == "1" or service != "a":
                load("host", [1.0] * 21, s=service, i=instance, zone=f"z{instance}")
            for code in ("200", "404", "500"):
                load(
                    "req",
                    np.cumsum(random.integers(0, 50, 21)).astype(float).tolist(),
                    s=service,
                    i=instance,
                    code=code,
                )
            total = np.zeros(21)
            for edge in ("0.1", "1", "+Inf"):
                total = total + np.cumsum(random.integers(0, 9, 21))
                load("lat_bucket", total.tolist(), s=service, i=instance, le=edge)
    found.come_to(AT_MS)
    return found


def plain(outcome: Outcome) -> object:
    """What can be compared: series sorted, NaN as text; an error by what it is."""
    if isinstance(outcome, InputError):
        return outcome.message
    return sorted((labels, "NaN" if isinstance(v, float) and math.isnan(v) else v) for labels, v in outcome)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_together_is_as_alone(source: RuleSource, expression: str) -> None:
    services = [*SERVICES, "nobody"]
    exprs = [expression.replace("$1", "\0").replace("$", s.replace('"', '\\"')).replace("\0", "$1") for s in services]
    together = StoreAsker(lambda: source).ask(exprs, AT_MS)
    alone = StoreAsker(lambda: source, families_max=0).ask(exprs, AT_MS)
    assert [plain(one) for one in together] == [plain(one) for one in alone]


def test_most_of_them_are_one_question() -> None:
    alone = [
        expression
        for expression in EXPRESSIONS
        if families_of([parse(expression.replace('"$"', f'"{one}"')) for one in "xy"])[1]
    ]
    assert alone == list(EXPRESSIONS[EXPRESSIONS.index('absent(up{s="$"})') :])


def test_all_expressions_at_once(source: RuleSource) -> None:
    exprs = [e.replace('"$"', f'"{s}"') for e in EXPRESSIONS for s in ("a", "b")] + ["up == 0", "up == 0", "up==0"]
    together = StoreAsker(lambda: source).ask(exprs, AT_MS)
    alone = StoreAsker(lambda: source, families_max=0).ask(exprs, AT_MS)
    assert [plain(one) for one in together] == [plain(one) for one in alone]


def test_one_that_is_wrong_does_not_spoil_the_others(source: RuleSource) -> None:
    source.append((("__name__", "host"), ("i", "1"), ("s", "b"), ("twin", "x")), AT_MS, 1.0)
    exprs = [f'up{{s="{s}"}} * on(i) host{{s="{s}"}}' for s in ("a", "b", "c.d")]
    outcomes = StoreAsker(lambda: source).ask(exprs, AT_MS)
    assert [isinstance(one, InputError) for one in outcomes] == [False, True, False]


def test_of_two_labels_the_one_that_differs_is_taken() -> None:
    trees = [parse(f'sum(x{{job="api", s="{s}"}})') for s in "abc"]
    (family,), alone = families_of(trees)
    assert (family.label, family.values, alone) == ("s", ("a", "b", "c"), [])
