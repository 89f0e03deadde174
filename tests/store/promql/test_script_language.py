"""The runner of test scripts: what it reads, and that it finds what is wrong."""

from __future__ import annotations

import math

import pytest

from trimtab.model.errors import InputError
from trimtab.store.promql.script import Eval, Load, commands_of
from trimtab.store.promql.script_known import known_of
from trimtab.store.promql.script_run import run_script
from trimtab.store.promql.script_series import series_of, values_of
from trimtab.store.promql.script_source import ScriptSource
from trimtab.store.promql.script_starts import starts_of

LOADED = """
load 1m
  up{job="shop"} 1+1x5
  latency {{schema:0 count:3 sum:5 buckets:[1 2]}}x5

"""


def differences(text: str) -> list[str | None]:
    return [outcome.difference for outcome in run_script(LOADED + text)]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1 2", [1.0, 2.0]),
        ("1+2x2", [1.0, 3.0, 5.0]),
        ("1-2x2", [1.0, -1.0, -3.0]),
        ("-3x1", [-3.0, -3.0]),
        ("_ 5 _x2", [None, 5.0, None, None]),
        ("1e3+.5x1 Inf -inf", [1000.0, 1000.5, math.inf, -math.inf]),
    ],
)
def test_numbers_of_a_series(text: str, numbers: list[float | None]) -> None:
    assert [value and value.number for value in values_of(text)] == numbers


def test_histograms_of_a_series_add_up() -> None:
    values = values_of("{{count:1 sum:2 buckets:[1]}}+{{count:1 sum:1 buckets:[1]}}x2 stale")
    assert [value.histogram and value.histogram.count for value in values if value] == [1.0, 2.0, 3.0, None]
    assert values[3] is not None
    assert math.isnan(values[3].number)


def test_labels_may_be_quoted_in_all_three_ways() -> None:
    labels, _ = series_of("""{"a metric", x="1", 'y z'='\\'', w=`\\n`, empty=""} 1""")
    assert labels == (("__name__", "a metric"), ("w", "\\n"), ("x", "1"), ("y z", "'"))


def test_start_times_stand_before_their_samples() -> None:
    assert starts_of("-30s+10sx2 _ _x2 0s", lambda text: int(text[:-1]) * 1000) == [
        *(-30_000, -20_000, -10_000),
        *(None, None, None, 0),
    ]
    (load,) = commands_of("load 1m\n  a@st -30s _\n  a 1 2\n")
    assert isinstance(load, Load)
    assert load.series[0][2] == [-30_000, None]


def test_classic_histograms_are_loaded_as_native_ones_too() -> None:
    source = ScriptSource()
    (load,) = commands_of('load_with_nhcb 1m\n  h_bucket{le="1"} 2\n  h_bucket{le="+Inf"} 5\n  h_sum 7\n')
    assert isinstance(load, Load)
    source.load(load)
    block = source.select([[]], 0, 0)
    (native,) = [one for one in block.histograms or () if one is not None]
    assert (native.count, native.sum, native.custom_values, native.positive) == (5, 7, (1.0,), {0: 2, 1: 3})


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("eval instant at 1m up\n  up{job='shop'} 2", None),
        ("eval instant at 1m up\n  up{job='shop'} 2.000001", None),
        ("eval instant at 1m up\n  up{job='shop'} 2.00001", "expected 2.00001, but got 2"),
        ("eval instant at 1m up", 'unexpected up{job="shop"}'),
        ("eval instant at 1m up\n  up{job='shop'} 2\n  down 1", "down is not in the result"),
        ("eval instant at 1m up\n  2", "expected the scalar 2, but got a vector"),
        ("eval instant at 1m 7\n  7", None),
        ("eval instant at 1m latency\n  latency {{schema:0 count:3 sum:5 buckets:[1 3]}}", "buckets:[1 3]"),
        ("eval instant at 1m latency\n  latency {{schema:0 count:3 sum:5 buckets:[1 2 0]}}", None),
        ("eval instant at 1m latency\n  latency {{counter_reset_hint:gauge count:3 sum:5 buckets:[1 2]}}", "not_reset"),
        ("eval range from 0 to 2m step 1m up\n  up{job='shop'} 1 2 3", None),
        ("eval range from 0 to 2m step 1m up\n  up{job='shop'} 1 _ 3", "expected points at [0, 120000] ms"),
        ("eval instant at 2m up[2m]\n  expect range vector from 1m to 2m step 1m\n  up{job='shop'} 2 3", None),
        ("eval instant at 1m 'a'\n  expect string 'b'", "expected 'b', but got 'a'"),
        ("eval instant at 1m rate(up[5m])\n  expect no_info\n  {job='shop'} 0.0084", "unexpected infos"),
        ("eval instant at 1m rate(up[5m])\n  expect info msg: nothing", "is among"),
        ("eval instant at 1m ceil({__name__=~'.+'})\n  expect warn\n  {job='shop'} 2", "but got none"),
        ("eval_warn instant at 1m ceil(up)\n  {job='shop'} 2", "but got none"),
        ("eval instant at 1m up +\n  expect fail regex: parse error", None),
        ("eval instant at 1m up\n  expect fail", "expected an error, but got none"),
        ("eval_fail instant at 1m up +\n  expected_fail_message no such", "expected an error 'no such'"),
        ("eval instant at 1m nowhere and\n", "parse error"),
        ("eval_ordered instant at 1m sort(up or vector(5))\n  {} 5\n  up{job='shop'} 2", "should stand at place 2"),
    ],
)
def test_what_is_wrong_is_found(script: str, found: str | None) -> None:
    (difference,) = differences(script)
    if found is None:
        assert difference is None
    else:
        assert difference is not None
        assert found in difference


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("lod 1m", "line 1: 'lod' is no command"),
        ("load 1x\n  a 1", "line 1: not a duration"),
        ("\nload 1m\n  a one", "line 2: not a value"),
        ("load 1m\n  a{b=1} 1", "a quoted text is missing"),
        ("load 1m\n  a@st -1m", "an @st line without a line of samples"),
        ("load 1m\n  a {{count:x}}", "not a histogram"),
        ("eval at 1m up", "line 1: no eval command"),
        ("eval instant at 1m up\n  expect something", "not an expectation"),
        ("eval instant at 1m up\n  expect warn\n  expect no_warn", "a message is expected, and none"),
        ("eval instant at 1m up\n  up 1 2", "several values of an instant query"),
        ("load 1m\n  a 1x9999999", "at most 1000000"),
        ("load 1m\n  a 1\n\nload 1m\n  a 2", "a second sample"),
    ],
)
def test_a_script_that_cannot_be_read_names_the_line(script: str, message: str) -> None:
    with pytest.raises(InputError, match=r"line [0-9]+: ") as raised:
        list(run_script(script))
    assert message in raised.value.message


def test_comments_and_clear() -> None:
    commands = list(commands_of("# words\nclear\n\neval instant at 5m time() # kept\n  300\n"))
    assert [type(command).__name__ for command in commands] == ["Clear", "Eval"]
    assert isinstance(commands[1], Eval)
    assert commands[1].number == 300
    assert differences("clear\n\neval instant at 1m up") == [None]


def test_what_is_known_to_miss_has_to_miss() -> None:
    known = known_of('[[evaluation]]\nfile = "a.test"\nline = 3\nquery = "up"\nreason = "later"')
    assert known.stale(["a.test"]) == ["a.test:3 up"]
    assert known.reason_for("a.test", 3, "up", "differs") == "later"
    assert known.stale(["a.test"]) == []
    assert known.reason_for("a.test", 4, "up", "differs") is None
    with pytest.raises(InputError, match=r"each \[\[message\]\] has reason, text"):
        known_of('[[message]]\ntext = "x"')
