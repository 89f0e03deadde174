"""Every setting as it is in force, with where its value comes from: for the page, the API and the command line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from trimtab.app.config import value_of
from trimtab.app.policies import InForce, Policies, Source
from trimtab.app.settings import SETTINGS, Plain, Setting, plain
from trimtab.store.policy_overrides import ALL_SYSTEMS


@dataclass(frozen=True, slots=True)
class SettingNow:
    """One setting. `beneath` is the value that an override hides; `low` and `high` of a list bound its length."""

    name: str
    section: str
    value: Plain
    default: Plain
    source: Source
    kind: str
    choices: tuple[str, ...]
    unit: str
    low: float | None
    high: float | None
    doc: str
    needs_restart: bool
    is_overridable: bool
    beneath: Plain | None = None
    set_by: str | None = None
    set_at_ms: int | None = None
    set_for: str | None = None
    """The system that an override is for, '' for all."""


@dataclass(frozen=True, slots=True)
class WaitingSetting:
    """A setting of which the file says something else than what runs: it is read on start."""

    name: str
    running: Plain
    in_file: Plain


@dataclass(frozen=True, slots=True)
class IgnoredOverride:
    """An override that is not in force, and why. `system` is '' for all."""

    name: str
    system: str
    value: Plain
    set_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class ConfigStatus:
    """Where the configuration comes from, and what is in force for one system (None: for one that nothing is said of).

    `last_error` is why the file as it is now is not in force. `targets_unknown` are systems that the file names and
    that are not watched.
    """

    system: str | None
    file: str | None
    loaded_at_ms: int
    last_error: str | None
    needs_restart: tuple[WaitingSetting, ...]
    targets_unknown: tuple[str, ...]
    overrides_ignored: tuple[IgnoredOverride, ...]
    settings: tuple[SettingNow, ...]


def config_status(policies: Policies, system: str | None, systems: Iterable[str]) -> ConfigStatus:
    """All of it; `systems` are the names that are watched."""
    file, watched = policies.file.status(), tuple(systems)
    return ConfigStatus(
        system=system,
        file=file.file,
        loaded_at_ms=file.loaded_at_ms,
        last_error=file.last_error,
        needs_restart=tuple(
            WaitingSetting(waiting.name, plain(waiting.running), plain(waiting.in_file))
            for waiting in file.needs_restart
        ),
        targets_unknown=tuple(sorted(set(policies.file.config.targets) - set(watched))),
        overrides_ignored=tuple(
            IgnoredOverride(
                f"{ignored.override.kind}.{ignored.override.name}",
                ignored.override.system,
                ignored.override.value,
                ignored.override.set_by,
                ignored.reason,
            )
            for ignored in policies.ignored(watched)
        ),
        settings=tuple(_settings(policies, system or ALL_SYSTEMS)),
    )


def setting_now(policies: Policies, name: str, system: str) -> SettingNow:
    """One setting for one system ('' for all)."""
    return _setting(policies, SETTINGS[name], system, policies.in_force(system))


def _settings(policies: Policies, system: str) -> Iterator[SettingNow]:
    now = policies.in_force(system)
    for setting in SETTINGS.values():
        yield _setting(policies, setting, system, now)


def _setting(policies: Policies, setting: Setting, system: str, now: InForce) -> SettingNow:
    config = policies.file.config
    override = now.overrides.get(setting.name)
    holder = now.policy if setting.section.per_target else config
    return SettingNow(
        name=setting.name,
        section=setting.section.name,
        value=plain(value_of(holder, setting.name)),
        default=plain(setting.default),
        source=policies.source(setting, system, now),
        kind=setting.kind.value,
        choices=setting.choices,
        unit=setting.about.unit,
        low=setting.about.low,
        high=setting.about.high,
        doc=setting.about.doc,
        needs_restart=setting.about.needs_restart,
        is_overridable=setting.is_overridable,
        beneath=None if override is None else plain(value_of(config.policy_of(system), setting.name)),
        set_by=None if override is None else override.set_by,
        set_at_ms=None if override is None else override.set_at_ms,
        set_for=None if override is None else override.system,
    )
