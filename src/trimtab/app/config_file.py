"""The configuration file while the server runs: read again when it changes, and the last good one is kept.

A file that is wrong changes nothing: what is wrong with it is in the log, in the status and among the events until it
is mended. Settings that are read only on start keep the values that they had then; what the file says by now is named.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from trimtab.app.agreement import disagreements
from trimtab.app.config import Config, Values, check_file, value_of
from trimtab.app.settings import SETTINGS, Plain, plain
from trimtab.model.errors import ConfigError

POLL_S = 2.0
"""A change of the file is seen within this time; SIGHUP is sooner."""

log = structlog.get_logger()
Signature = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A setting that runs with another value than the file has: it is read only on start."""

    name: str
    running: Plain
    in_file: Plain


@dataclass(frozen=True, slots=True)
class ConfigFileStatus:
    """`last_error` is why the file as it is now is not in force; None where it is."""

    file: str | None
    loaded_at_ms: int
    last_error: str | None
    needs_restart: tuple[Waiting, ...]


class ConfigFile:
    """The configuration in force. Safe to use from any thread."""

    def __init__(self, path: Path | None, config: Config, now_ms: Callable[[], int]) -> None:
        """Without a `path` the configuration stays as it is."""
        self._path = path
        self._config = config
        self._now_ms = now_ms
        self._loaded_at_ms = now_ms()
        self._last_error: str | None = None
        self._waiting: tuple[Waiting, ...] = ()
        self._signature = _signature(path)
        self._lock = threading.Lock()
        self._changed: Callable[[], None] = lambda: None

    @property
    def config(self) -> Config:
        """What is in force now."""
        return self._config

    def status(self) -> ConfigFileStatus:
        """Where it comes from, and what is wrong with the file as it is now."""
        with self._lock:
            file = None if self._path is None else str(self._path)
            return ConfigFileStatus(file, self._loaded_at_ms, self._last_error, self._waiting)

    def listen(self, changed: Callable[[], None]) -> None:
        """Whom to tell after each reading, whatever came of it."""
        self._changed = changed

    def watch(self, stop: threading.Event) -> None:
        """Look at the file every `POLL_S` until `stop`, in a thread."""
        if self._path is not None:
            threading.Thread(target=self._watch, args=(stop,), name="config-file", daemon=True).start()

    def _watch(self, stop: threading.Event) -> None:
        while not stop.wait(POLL_S):
            if _signature(self._path) != self._signature:
                try:
                    self.reload()
                except Exception:  # a fault of ours must not end the watching; the last good one stays in force
                    log.exception("config_reload_broke", file=str(self._path))

    def reload(self) -> bool:
        """Read the file now; whether it is in force afterwards. A ConfigError is kept and told, not raised."""
        with self._lock:
            if self._path is None:
                return True
            self._signature = _signature(self._path)
            before, error = self._config, self._last_error
            try:
                read = check_file(self._path).wanted()
                config, waiting = pinned(read, before)
                _check_pinned(str(self._path), config, waiting)
            except ConfigError as refused:
                self._last_error = refused.message
                if refused.message != error:
                    log.error("config_refused", file=str(self._path), error=refused.message)
            else:
                self._config, self._waiting, self._last_error = config, waiting, None
                self._loaded_at_ms = self._now_ms()
                log.info(
                    "config_reloaded",
                    file=str(self._path),
                    changed=sorted(changes(before, config)),
                    needs_restart=[setting.name for setting in waiting],
                )
            in_force = self._last_error is None
        self._changed()
        return in_force


def pinned(read: Config, running: Config) -> tuple[Config, tuple[Waiting, ...]]:
    """What was read, with the values of now for settings that are read only on start; and which those are."""
    waiting: list[Waiting] = []
    config = read
    targets = {system: dict(values) for system, values in read.targets.items()}
    for setting in SETTINGS.values():
        if not setting.about.needs_restart:
            continue
        now, then = value_of(read, setting.name), value_of(running, setting.name)
        if now != then:
            waiting.append(Waiting(setting.name, plain(then), plain(now)))
            section = replace(getattr(config, setting.section.name), **{setting.key: then})
            config = replace(config, **{setting.section.name: section})
        if setting.section.per_target:
            waiting.extend(_pin_targets(setting.name, targets, read, running))
    return replace(config, targets=targets), tuple(waiting)


def _pin_targets(name: str, targets: dict[str, dict[str, object]], read: Config, running: Config) -> Iterator[Waiting]:
    for system in sorted({*read.targets, *running.targets}):
        now, then = _of(read, system, name), _of(running, system, name)
        if now != then:
            yield Waiting(f"target.{system}.{name}", plain(then), plain(now))
        given: Values = running.targets.get(system, {})
        if name in given:
            targets.setdefault(system, {})[name] = given[name]
        elif system in targets:
            targets[system].pop(name, None)


def _of(config: Config, system: str, name: str) -> object:
    return config.targets.get(system, {}).get(name, value_of(config, name))


def _check_pinned(file: str, config: Config, waiting: tuple[Waiting, ...]) -> None:
    """The rest of a file may not go together with what runs on until a restart."""
    if not waiting:
        return
    for policy in (config.policy, *(config.policy_of(system) for system in config.targets)):
        for found in disagreements(policy, config.retention):
            names = ", ".join(setting.name for setting in waiting)
            raise ConfigError(
                f"{file}: needs a restart, since these are read on start: {names}; with them {found.message}"
            )


def changes(before: Config, after: Config) -> Iterator[str]:
    """Names of what differs, `target.NAME.section.key` for what is said of one system."""
    for name in SETTINGS:
        if value_of(before, name) != value_of(after, name):
            yield name
    for system in sorted({*before.targets, *after.targets}):
        old, new = before.targets.get(system, {}), after.targets.get(system, {})
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                yield f"target.{system}.{name}"


def _signature(path: Path | None) -> Signature | None:
    """What changes when a file is written or replaced; None where there is none."""
    if path is None:
        return None
    try:
        found = os.stat(path)  # noqa: PTH116  (one call for all three)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
