"""Wrong settings are refused with the place, the value and the limit."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from trimtab.app.config import LIMITS, Config, load_config, parse_config
from trimtab.model.errors import ConfigError

BAD = Path(__file__).parent.parent / "data" / "config"


@pytest.mark.parametrize("path", sorted(BAD.glob("*.bad.toml")), ids=lambda p: p.name)
def test_a_bad_file_gets_exactly_this_message(path: Path) -> None:
    expected = path.read_text().splitlines()[0].removeprefix("# expect: ")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert caught.value.message == expected.replace("FILE", str(path))


def test_there_are_bad_files() -> None:
    assert len(list(BAD.glob("*.bad.toml"))) >= 9


def test_every_number_has_limits_and_every_default_is_within_them() -> None:
    config = Config()
    for section in dataclasses.fields(config):
        values = getattr(config, section.name)
        for setting in dataclasses.fields(values):
            value = getattr(values, setting.name)
            if isinstance(value, bool | str):
                continue
            low, high = LIMITS[f"{section.name}.{setting.name}"]
            assert low <= value <= high, setting.name


def test_limits_name_only_settings_that_exist() -> None:
    config = Config()
    for name in LIMITS:
        section, _, setting = name.partition(".")
        assert hasattr(getattr(config, section), setting), name


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"could not read .*absent\.toml: No such file"):
        load_config(tmp_path / "absent.toml")


def test_whole_and_fractional_numbers_are_both_fine() -> None:
    assert parse_config("[watch]\nslice_s = 1").watch.slice_s == 1.0
    assert parse_config("[watch]\nslice_s = 1.5").watch.slice_s == 1.5
