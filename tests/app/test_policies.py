"""What is in force: defaults, file, target, overrides for all and for one, and what is left out when they disagree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trimtab.app.agreement import disagreements
from trimtab.app.config import Config, parse_config, value_of
from trimtab.app.config_file import ConfigFile
from trimtab.app.config_status import config_status, setting_now
from trimtab.app.policies import Policies, Source
from trimtab.app.settings import SETTINGS
from trimtab.model.change import Autonomy
from trimtab.model.errors import InputError, NotFound
from trimtab.model.retention import RetentionPolicy
from trimtab.store.policy_overrides import ALL_SYSTEMS, Override, PolicyOverrides
from trimtab.store.state_database import StateDatabase

FILE = """
[create_index]
cool_down_s = 60
[target.shop.create_index]
cool_down_s = 120
autonomy = "approve"
"""
Open = Callable[[str], Policies]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[StateDatabase]:
    made = StateDatabase(tmp_path / "state.db")
    yield made
    made.close()


@pytest.fixture
def open_policies(database: StateDatabase) -> Open:
    def made(text: str) -> Policies:
        ticks = iter(range(1, 10_000))
        return Policies(ConfigFile(None, parse_config(text), lambda: 0), PolicyOverrides(database), lambda: next(ticks))

    return made


def cool_downs(policies: Policies) -> list[float]:
    """Of the shop, and of another system."""
    return [policies.of(system).create_index.cool_down_s for system in ("shop", "bank")]


def sources(policies: Policies) -> list[Source]:
    """Of the same."""
    return [setting_now(policies, "create_index.cool_down_s", system).source for system in ("shop", "bank")]


def test_the_last_that_says_anything_counts(open_policies: Open) -> None:
    policies = open_policies("")
    assert (cool_downs(policies), sources(policies)) == ([0.0, 0.0], [Source.DEFAULT, Source.DEFAULT])
    policies = open_policies(FILE)
    assert (cool_downs(policies), sources(policies)) == ([120.0, 60.0], [Source.TARGET, Source.FILE])
    policies.set("alice", "create_index.cool_down_s", 5, ALL_SYSTEMS, ["shop"])
    assert (cool_downs(policies), sources(policies)) == ([5.0, 5.0], [Source.OVERRIDE, Source.OVERRIDE])
    policies.set("bob", "create_index.cool_down_s", 7.5, "shop", ["shop"])
    assert cool_downs(policies) == [7.5, 5.0]
    policies.clear("create_index.cool_down_s", ALL_SYSTEMS)
    assert cool_downs(policies) == [7.5, 60.0]
    policies.clear("create_index.cool_down_s", "shop")
    assert (cool_downs(policies), sources(policies)) == ([120.0, 60.0], [Source.TARGET, Source.FILE])
    with pytest.raises(NotFound, match="no override for 'shop'"):
        policies.clear("create_index.cool_down_s", "shop")


def test_a_default_that_the_file_repeats_comes_from_the_file(open_policies: Open) -> None:
    policies = open_policies("[create_index]\ncool_down_s = 0\n")
    assert sources(policies) == [Source.FILE, Source.FILE]


def test_who_set_it_and_what_is_beneath(open_policies: Open) -> None:
    policies = open_policies(FILE)
    policies.set("alice", "create_index.autonomy", "auto", "shop", ["shop"])
    now = setting_now(policies, "create_index.autonomy", "shop")
    assert (now.value, now.beneath, now.default) == ("auto", "approve", "suggest")
    assert (now.set_by, now.set_at_ms, now.set_for) == ("alice", 1, "shop")
    assert policies.of("shop").create_index.autonomy is Autonomy.AUTO


def test_lists_are_kept(open_policies: Open) -> None:
    policies = open_policies("")
    policies.set("alice", "create_index.change_windows", ["Sat 00:00-24:00", "22:00-06:00"], ALL_SYSTEMS, [])
    assert policies.of("shop").create_index.change_windows == ("Sat 00:00-24:00", "22:00-06:00")
    policies.set("alice", "create_index.change_windows", [], "shop", ["shop"])
    assert policies.of("shop").create_index.change_windows == ()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("create_index.cool_down_s", -1, "create_index.cool_down_s must be from 0 to 604800, found -1"),
        ("create_index.cool_down_s", "soon", "must be a number, found 'soon'"),
        (
            "create_index.cool_down",
            1,
            r"unknown setting create_index.cool_down \(did you mean create_index.cool_down_s",
        ),
        ("create_index", 1, "unknown setting create_index"),
        ("server.listen", "127.0.0.1:1", "can be set only in the configuration file"),
        ("watch.slice_s", 1, "is read on start"),
        ("create_index.change_windows", ["Sat"], "cannot have 'Sat' in it"),
        ("watch.batch_slices", 100, "cannot be set: watch.watch_slices_max is 120, less than batch_slices"),
    ],
)
def test_what_cannot_be_set_is_told(open_policies: Open, name: str, value: object, said: str) -> None:
    policies = open_policies("")
    with pytest.raises(InputError, match=said):
        policies.set("alice", name, value, ALL_SYSTEMS, ["shop"])
    assert policies.in_force("shop").overrides == {}


def test_an_override_for_all_must_go_with_every_target(open_policies: Open) -> None:
    policies = open_policies("[target.shop.watch]\nwatch_slices_max = 60\n")
    policies.set("alice", "watch.batch_slices", 20, "bank", ["shop", "bank"])
    with pytest.raises(InputError, match=r"watch\.watch_slices_max is 60"):
        policies.set("alice", "watch.batch_slices", 20, ALL_SYSTEMS, ["shop", "bank"])


def test_an_override_that_does_not_go_with_a_new_file_is_left_out_and_named(
    open_policies: Open, database: StateDatabase
) -> None:
    open_policies("").set("alice", "watch.batch_slices", 20, ALL_SYSTEMS, [])
    open_policies("").set("bob", "create_index.cool_down_s", 9, ALL_SYSTEMS, [])
    PolicyOverrides(database).put(Override(ALL_SYSTEMS, "create_index", "of_another_version", 1, "carol", 3))
    PolicyOverrides(database).put(Override(ALL_SYSTEMS, "watch", "alpha", 7, "dave", 4))
    policies = open_policies("[watch]\nwatch_slices_max = 60\n")
    now = policies.of("shop")
    assert (now.watch.batch_slices, now.create_index.cool_down_s, now.watch.alpha) == (6, 9.0, 0.05)
    ignored = {f"{i.override.kind}.{i.override.name}": i.reason for i in policies.ignored(["shop"])}
    assert set(ignored) == {"watch.batch_slices", "create_index.of_another_version", "watch.alpha"}
    assert "watch.watch_slices_max is 60" in ignored["watch.batch_slices"]
    status = config_status(policies, "shop", ["shop"])
    assert {one.name for one in status.overrides_ignored} == set(ignored)


def test_the_status_has_every_setting_and_names_targets_that_are_not_watched(open_policies: Open) -> None:
    status = config_status(open_policies(FILE), None, ["bank"])
    assert [setting.name for setting in status.settings] == list(SETTINGS)
    assert status.targets_unknown == ("shop",)
    assert all(setting.value == setting.default for setting in status.settings if setting.source is Source.DEFAULT)


def test_a_system_that_is_not_watched_any_more_leaves_nothing_behind(open_policies: Open) -> None:
    policies = open_policies("")
    policies.set("alice", "create_index.autonomy", "auto", "shop", ["shop"])
    policies.set("alice", "create_index.autonomy", "observe", ALL_SYSTEMS, ["shop"])
    assert policies.forget("shop") == 1
    assert policies.of("shop").create_index.autonomy is Autonomy.OBSERVE


NUMBERS = {
    "watch.batch_slices": st.integers(1, 100),
    "watch.watch_slices_max": st.integers(24, 400),
    "watch.deadline_s": st.floats(30, 5000),
    "detect.slices_min": st.integers(2, 100),
    "create_index.cool_down_s": st.floats(0, 1000),
}
SETS = st.sampled_from(sorted(NUMBERS)).flatmap(
    lambda name: st.tuples(st.just(name), NUMBERS[name], st.sampled_from(["", "shop", "bank"]))
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.one_of(SETS, SETS.map(lambda step: (step[0], None, step[2]))), max_size=12))
def test_whatever_is_set_and_cleared_what_is_in_force_agrees(
    steps: list[tuple[str, float | None, str]], database: StateDatabase
) -> None:
    overrides = PolicyOverrides(database)
    for override in overrides.every():
        overrides.clear(override.system, override.kind, override.name)
    ticks = iter(range(1000))
    policies = Policies(ConfigFile(None, Config(), lambda: 0), overrides, lambda: next(ticks))
    for name, value, system in steps:
        try:
            if value is None:
                policies.clear(name, system)
            else:
                policies.set("alice", name, value, system, ["shop", "bank"])
                assert value_of(policies.of(system), name) == value
        except (InputError, NotFound):
            continue
        finally:
            for one in ("", "shop", "bank"):
                assert list(disagreements(policies.of(one), RetentionPolicy())) == []
