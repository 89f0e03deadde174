"""What is in force for each system, and where each value comes from.

    defaults  →  the file's sections  →  the file's [target."NAME"]  →  overrides for all systems  →  for one system

What comes later counts. Overrides are set by an administrator while the server runs and are kept in the state. Nothing
here remembers a policy: whoever asks gets what is in force at that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from trimtab.app.agreement import disagreements
from trimtab.app.config import Config, value_of, with_values
from trimtab.app.config_file import ConfigFile
from trimtab.app.settings import SETTINGS, Setting, Wrong, did_you_mean, plain
from trimtab.model.errors import InputError, NotFound
from trimtab.model.policy import Policy
from trimtab.store.policy_overrides import ALL_SYSTEMS, OVERRIDES_MAX, Override, PolicyOverrides


class Source(StrEnum):
    """Where a value comes from."""

    DEFAULT = "default"
    FILE = "file"
    TARGET = "target"
    OVERRIDE = "override"


@dataclass(frozen=True, slots=True)
class Ignored:
    """An override that is not in force: it does not go with the rest any more."""

    override: Override
    reason: str


@dataclass(frozen=True, slots=True)
class InForce:
    """The policy of one system, with the override behind each value that has one."""

    policy: Policy
    overrides: Mapping[str, Override]
    ignored: tuple[Ignored, ...]


class Policies:
    """Effective policies. Safe to use from any thread."""

    def __init__(self, file: ConfigFile, overrides: PolicyOverrides, now_ms: Callable[[], int]) -> None:
        self.file = file
        self._overrides = overrides
        self._now_ms = now_ms

    def of(self, system: str) -> Policy:
        """What is in force for a system now; of '' what is in force for one of which nothing else is said."""
        return self.in_force(system).policy

    def in_force(self, system: str) -> InForce:
        """The same with what it is made of."""
        return _in_force(self.file.config, self._overrides.every(), system)

    def ignored(self, systems: Iterable[str]) -> tuple[Ignored, ...]:
        """Every override that is not in force for one of these systems."""
        found = {
            (ignored.override.system, ignored.override.kind, ignored.override.name): ignored
            for system in (ALL_SYSTEMS, *systems)
            for ignored in self.in_force(system).ignored
        }
        return tuple(found.values())

    def source(self, setting: Setting, system: str, now: InForce) -> Source:
        """Where the value of a setting comes from for one system."""
        config = self.file.config
        if setting.name in now.overrides:
            return Source.OVERRIDE
        if setting.name in config.targets.get(system, {}):
            return Source.TARGET
        named = setting.name in config.named or value_of(config, setting.name) != setting.default
        return Source.FILE if named else Source.DEFAULT

    def set(self, by: str, name: str, value: object, system: str, systems: Iterable[str]) -> Override:
        """Override a setting for one system ('' for all); InputError says what is wrong with it.

        It must go together with everything else that is in force, on each of `systems` that it concerns.
        """
        setting = _overridable(name)
        try:
            checked = setting.convert(value)
        except Wrong as error:
            raise InputError(f"{name} {error.message}", field=name, limit=error.limit) from None
        made = Override(system, setting.section.name, setting.key, plain(checked), by, self._now_ms())
        others = [other for other in self._overrides.every() if _place(other) != _place(made)]
        if len(others) >= OVERRIDES_MAX:
            raise InputError(f"at most {OVERRIDES_MAX} settings can be overridden", limit=OVERRIDES_MAX)
        for one in (system,) if system else (ALL_SYSTEMS, *systems):
            before = {_place(ignored.override) for ignored in _in_force(self.file.config, others, one).ignored}
            for ignored in _in_force(self.file.config, [*others, made], one).ignored:
                if _place(ignored.override) not in before:
                    raise InputError(f"{name} cannot be set: {ignored.reason}", field=name)
        self._overrides.put(made)
        return made

    def clear(self, name: str, system: str) -> Override:
        """Take an override back; NotFound where there is none. The override that was is returned."""
        setting = _overridable(name)
        for override in self._overrides.every():
            if _place(override) == (system, setting.section.name, setting.key):
                self._overrides.clear(*_place(override))
                return override
        where = f"for {system!r}" if system else "for all systems"
        raise NotFound(f"{name} has no override {where}", field=name)

    def forget(self, system: str) -> int:
        """Take back every override for one system; how many there were."""
        of_it = [override for override in self._overrides.every() if override.system == system]
        for override in of_it:
            self._overrides.clear(*_place(override))
        return len(of_it)


def _in_force(config: Config, overrides: Iterable[Override], system: str) -> InForce:
    policy = config.policy_of(system)
    mine = [override for override in overrides if override.system in (ALL_SYSTEMS, system)]
    if not mine:
        return InForce(policy, {}, ())
    mine.sort(key=lambda override: (override.system != ALL_SYSTEMS, override.set_at_ms))
    values, ignored = _values(mine)
    together = with_values(policy, {name: value for name, (_, value) in values.items()})
    if next(disagreements(together, config.retention), None) is None:
        return InForce(together, {name: override for name, (override, _) in values.items()}, tuple(ignored))
    used: dict[str, Override] = {}
    for name, (override, value) in values.items():  # one after another: whichever breaks it is left out
        tried = with_values(policy, {name: value})
        problem = next(disagreements(tried, config.retention), None)
        if problem is None:
            policy, used[name] = tried, override
        else:
            ignored.append(Ignored(override, problem.message))
    return InForce(policy, used, tuple(ignored))


def _values(overrides: Iterable[Override]) -> tuple[dict[str, tuple[Override, object]], list[Ignored]]:
    """The last value of each setting; what is no setting (any more), or no value for it, is left out."""
    values: dict[str, tuple[Override, object]] = {}
    ignored: list[Ignored] = []
    for override in overrides:
        name = f"{override.kind}.{override.name}"
        setting = SETTINGS.get(name)
        if setting is None or not setting.is_overridable:
            ignored.append(Ignored(override, f"there is no setting {name} that can be overridden"))
            continue
        try:
            values.pop(name, None)
            values[name] = (override, setting.convert(override.value))
        except Wrong as error:
            ignored.append(Ignored(override, f"{name} {error.message}"))
    return values, ignored


def _overridable(name: str) -> Setting:
    setting = SETTINGS.get(name)
    if setting is None:
        raise InputError(f"unknown setting {name}{did_you_mean(name, SETTINGS)}", field=name)
    if not setting.section.per_target:
        raise InputError(f"{name} can be set only in the configuration file", field=name)
    if setting.about.needs_restart:
        raise InputError(f"{name} is read on start: set it in the configuration file", field=name)
    return setting


def _place(override: Override) -> tuple[str, str, str]:
    return override.system, override.kind, override.name
