"""Wrong settings are refused with the place, the value and the limit; all of them at once."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.app.config import CONFIG_BYTES_MAX, Config, check_file, check_text, load_config, parse_config, value_of
from trimtab.app.settings import SECTIONS, SETTINGS, Kind, Wrong
from trimtab.model.change import Autonomy
from trimtab.model.errors import ConfigError
from trimtab.model.setting import METADATA_KEY

BAD = Path(__file__).parent.parent / "data" / "config"
EXPECT = "# expect: "


@pytest.mark.parametrize("path", sorted(BAD.glob("*.bad.toml")), ids=lambda p: p.name)
def test_a_bad_file_gets_exactly_this_message(path: Path) -> None:
    lines = path.read_bytes().decode("utf-8", "replace").splitlines()
    expected = [line.removeprefix(EXPECT) for line in lines if line.startswith(EXPECT)]
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert caught.value.message == "\n".join(expected).replace("FILE", str(path))
    assert caught.value.facts["problems"] == len(expected)


def test_there_are_bad_files() -> None:
    assert len(list(BAD.glob("*.bad.toml"))) >= 40


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_says_what_it_is_and_its_default_is_right(name: str) -> None:
    setting = SETTINGS[name]
    assert setting.about.doc.endswith("."), "a sentence"
    assert len(setting.about.doc) < 200
    assert "\n" not in setting.about.doc
    assert setting.convert(setting.default) == setting.default
    if setting.kind in (Kind.NUMBER, Kind.WHOLE):
        assert setting.about.unit, "a number has a unit"
        assert setting.about.low is not None
        assert setting.about.high is not None


@pytest.mark.parametrize("name", [name for name, s in SETTINGS.items() if s.kind in (Kind.NUMBER, Kind.WHOLE)])
def test_a_limit_is_the_last_value_that_passes(name: str) -> None:
    setting = SETTINGS[name]
    low, high = setting.about.low, setting.about.high
    assert low is not None
    assert high is not None
    exact = int if setting.kind is Kind.WHOLE else float
    assert setting.convert(exact(low)) == low
    assert setting.convert(exact(high)) == high
    for outside in (low - 1, high + max(1, high / 2**40)):
        with pytest.raises(Wrong, match=r"must be from .* to .*, found "):
            setting.convert(exact(outside))


def test_every_field_of_every_section_is_declared_as_a_setting() -> None:
    for section in SECTIONS.values():
        for made in dataclasses.fields(section.kind):
            assert METADATA_KEY in made.metadata, f"{section.name}.{made.name}"
            assert f"{section.name}.{made.name}" in SETTINGS


def test_a_missing_file_and_a_directory_are_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml: could not be read: No such file or directory"):
        load_config(tmp_path / "absent.toml")
    with pytest.raises(ConfigError, match=r"could not be read: Is a directory"):
        load_config(tmp_path)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "large.toml"
    file.write_text("#" * (CONFIG_BYTES_MAX + 1))
    with pytest.raises(ConfigError, match=f"more than {CONFIG_BYTES_MAX} bytes"):
        load_config(file)


def test_whole_and_fractional_numbers_are_both_fine() -> None:
    assert parse_config("[watch]\nslice_s = 1").watch.slice_s == 1.0
    assert isinstance(parse_config("[watch]\nslice_s = 1").watch.slice_s, float)
    assert parse_config("[watch]\nslice_s = 1.5").watch.slice_s == 1.5


def test_lines_end_as_they_will_and_a_mark_at_the_start_is_no_letter(tmp_path: Path) -> None:
    file = tmp_path / "windows.toml"
    file.write_bytes(b"\xef\xbb\xbf[watch]\r\nslice_s = 1\r\nbatch_slices = 0\r\n")
    assert [p.told("F") for p in check_file(file).problems] == [
        "F, line 3, column 16: watch.batch_slices must be from 1 to 100, found 0"
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = " + "[" * 5000, "is nested too deeply"),
        ("a = " + "9" * 5000, "holds a number that is too long to be read"),
        ("a = [", "not TOML: "),
        ("a.b = 1\na.b.c = 2", "not TOML: "),
        ('[target."a\\u0000b"]\nx = 1', 'target."a\\u0000b".x'),
    ],
    ids=["deep", "long number", "open", "twice", "control characters"],
)
def test_what_a_person_would_hardly_write_is_still_answered(text: str, said: str) -> None:
    (problem, *_) = check_text(text).problems
    assert said in problem.message
    assert "\n" not in problem.told("F")
    assert len(problem.message) < 400


@given(st.text(max_size=60))
def test_no_text_breaks_the_check(text: str) -> None:
    checked = check_text(text)
    assert (checked.config is None) == bool(checked.problems)


WRONG_VALUES = st.one_of(
    st.integers(),
    st.floats(),
    st.booleans(),
    st.text(max_size=8),
    st.lists(st.text(max_size=5), max_size=3),
    st.none(),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@given(name=st.sampled_from(sorted(SETTINGS)), value=WRONG_VALUES)
def test_a_value_is_taken_or_refused_in_one_short_line(name: str, value: object) -> None:
    said = ""
    try:
        taken = SETTINGS[name].convert(value)
    except Wrong as error:
        said = error.message
    else:
        assert SETTINGS[name].convert(taken) == taken
    assert "\n" not in said
    assert len(said) < 400, "the longest names all that there are, to choose from"


def test_a_target_has_its_own_values() -> None:
    config = parse_config(
        """
        [create_index]
        cool_down_s = 60
        [target."the bank"]
        create_index.autonomy = "observe"
        detect = { latency_objective_ms = 200 }
        """
    )
    bank, other = config.policy_of("the bank"), config.policy_of("shop")
    assert (bank.create_index.autonomy, other.create_index.autonomy) == (Autonomy.OBSERVE, Autonomy.SUGGEST)
    assert (bank.create_index.cool_down_s, other.create_index.cool_down_s) == (60.0, 60.0)
    assert (bank.detect.latency_objective_ms, other.detect.latency_objective_ms) == (200.0, 50.0)
    assert config.named == {"create_index.cool_down_s"}


def test_files_of_tls_are_beside_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "trimtab.toml"
    file.write_text('[server]\ntls_cert = "tls/cert.pem"\ntls_key = "/etc/key.pem"\n')
    server = load_config(file).server
    assert (server.tls_cert, server.tls_key) == (str(tmp_path / "tls/cert.pem"), "/etc/key.pem")


def test_values_are_found_by_name() -> None:
    assert value_of(Config(), "watch.slice_s") == 5.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[retention]\nspans_days = 0", "retention.spans_days must be from 1 to 3650, found 0"),
        ("[retention]\nspans_days = 1.5", "retention.spans_days must be a whole number"),
        ("[retention]\nspans_days = 60", "retention.span_minutes_days is 30, less than retention.spans_days (60)"),
        (
            "[retention]\nstatements_days = 100",
            "retention.minutes_days is 90, less than retention.statements_days (100)",
        ),
        (
            "[retention]\nstatements_days = 3\n[watch]\ndeadline_s = 300000",
            "line 2, column 1: retention.statements_days is 3, less than the baseline, the watch and a day",
        ),
        (
            '[retention]\nstatements_days = 3\n[target."shop".watch]\ndeadline_s = 300000',
            "retention.statements_days is 3, less than the baseline",
        ),
        ('[target."shop".retention]\nspans_days = 3', "[retention] is for the whole server"),
    ],
)
def test_nothing_is_dropped_that_is_needed(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    assert said in caught.value.message


def test_retention_is_set_in_days() -> None:
    config = parse_config("[retention]\nstatements_days = 3\nown_days = 1")
    assert (config.retention.statements_days, config.retention.own_days, config.retention.spans_days) == (3, 1, 7)
