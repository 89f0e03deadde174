"""Whatever is asked is answered or refused: no other error, and no warning of NumPy's."""

from __future__ import annotations

import random

import pytest

from trimtab.model.errors import InputError
from trimtab.store.promql.evaluate import evaluate_instant, evaluate_range
from trimtab.store.promql.options import Options
from trimtab.store.promql.script import Load, commands_of
from trimtab.store.promql.script_source import ScriptSource

SAMPLES = """
load 1m
  metric{a="1",job="x",instance="i"} 0+1x20
  metric{a="2",job="x",instance="j"} 0+2x10 NaN Inf stale 4 5
  requests_total{job="x", instance="i"} 0+20x5 3+20x5
  target_info{job="x",instance="i",data="d"} 1x20
  h{job="x"} {{schema:1 sum:15 count:10 buckets:[3 2 5 7 9]}}x20
  h{job="y"} 1 2 {{schema:1 sum:15 count:10 buckets:[3 2 5 7 9]}}x10 3 4
  b_bucket{le="1"} 0+1x20
  b_bucket{le="2"} 0+2x20
  b_bucket{le="+Inf"} 0+3x20
"""
PARTS = """
metric | h | requests_total | {job="x"} | {__name__=~".+"} | nothing | 1 | -1 | 0 | NaN | Inf | time ( )
scalar ( h ) | rate ( | increase ( | delta ( | irate ( | deriv ( | predict_linear ( | sum_over_time (
avg_over_time ( | quantile_over_time ( | absent_over_time ( | last_over_time ( | stddev_over_time ( | changes (
resets ( | mad_over_time ( | abs ( | exp ( | ln ( | sgn ( | histogram_quantile ( 0.9 , | histogram_count (
histogram_sum ( | histogram_fraction ( 0 , 1 , | info ( | absent ( | vector ( | round ( | clamp ( | minute (
year ( | timestamp ( | sort ( | sort_by_label ( | label_replace ( | label_join ( | scalar ( | sum (
avg by ( job ) ( | max without ( a ) ( | topk ( 2 , | bottomk ( | count_values ( "v" , | quantile ( 0.5 ,
limit_ratio ( 0.5 , | stdvar ( | group by ( ) ( | limitk ( 1 , | ) | ) | ) | ) | ( | , | , 2
, "a" , "$1" , "job" , "(.*)" | [5m] | [90s] | [5m:1m] | [1h:] | [3m] anchored | [3m] smoothed | smoothed
[step() * 3] | offset 1m | offset -1m | @ 300 | @ end() | + | - | * | / | % | ^ | atan2 | == | != | > bool | <=
and | or | unless | </ | >/ | + on ( job ) | * ignoring ( a ) | / on ( job ) group_left ( a )
- on ( ) group_right | + fill ( 0 ) | and on ( job )
"""


@pytest.mark.slow
def test_answered_or_refused() -> None:
    source = ScriptSource()
    for command in commands_of(SAMPLES):
        assert isinstance(command, Load)
        source.load(command)
    parts = [part.strip() for line in PARTS.strip().splitlines() for part in line.split("|")]
    chance = random.Random(5)
    answered = 0
    for _ in range(6_000):
        pieces = chance.choices(parts, k=chance.randrange(1, 7))
        query = " ".join(pieces)
        query += " )" * max(0, query.count("(") - query.count(")"))
        options = Options(
            samples_max=200_000,
            is_left_open=chance.random() < 0.8,
            removes_names_late=chance.random() < 0.3,
            uses_types=chance.random() < 0.1,
        )
        try:
            evaluate_instant(source, query, chance.choice([0, 300_000, 900_000]), options)
            evaluate_range(source, query, 0, 1_200_000, chance.choice([60_000, 17_000]), options)
        except InputError:
            continue
        answered += 1
    assert answered > 300
