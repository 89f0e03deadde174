"""Configuration in TOML: every setting has a default that serves; a wrong one is refused by name.

The sections mirror `trimtab.model.policy`:

    [detect]          when a query shape becomes a finding
    [watch]           how an applied change is judged
    [create_index]    what may be done by itself, and its limits
    [advise]          when advice is asked for
"""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from trimtab.model.errors import ConfigError
from trimtab.model.policy import DetectPolicy, GuardPolicy, Policy, WatchPolicy

CONFIG_BYTES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class AdvisePolicy:
    """When advice is asked for: with this many statements seen with real literals, or after waiting this long."""

    samples_min: int = 8
    samples_wait_s: float = 120.0
    reopen_after_s: float = 21_600.0


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that a file may set."""

    detect: DetectPolicy = field(default_factory=DetectPolicy)
    watch: WatchPolicy = field(default_factory=WatchPolicy)
    create_index: GuardPolicy = field(default_factory=GuardPolicy)
    advise: AdvisePolicy = field(default_factory=AdvisePolicy)

    @property
    def policy(self) -> Policy:
        """The part that travels with changes."""
        return Policy(detect=self.detect, watch=self.watch, create_index=self.create_index)


LIMITS: dict[str, tuple[float, float]] = {
    "detect.window_s": (5, 86_400),
    "detect.latency_objective_ms": (0.01, 3_600_000),
    "detect.load_share_min": (0.0, 1.0),
    "detect.load_mean_ms_min": (0.0, 3_600_000),
    "detect.calls_min": (1, 1_000_000),
    "detect.slices_min": (2, 100_000),
    "watch.slice_s": (0.5, 300),
    "watch.baseline_slices_min": (36, 10_000),
    "watch.baseline_slices_max": (36, 10_000),
    "watch.settle_slices_min": (18, 10_000),
    "watch.warm_up_slices": (0, 1000),
    "watch.watch_slices_max": (24, 10_000),
    "watch.batch_slices": (1, 100),
    "watch.batches_min": (4, 100),
    "watch.alpha": (0.0001, 0.2),
    "watch.tolerance_ratio": (1.0, 2.0),
    "watch.harm_ratio_max": (1.0, 10.0),
    "watch.harm_mean_ms_min": (0.0, 3_600_000),
    "watch.controls_min": (1, 100),
    "watch.guard_ratio_max": (1.5, 10_000),
    "watch.deadline_s": (30, 604_800),
    "create_index.disk_free_factor_min": (1.0, 100),
    "create_index.long_transaction_s_max": (0.0, 86_400),
    "create_index.lock_timeout_s": (0.05, 600),
    "create_index.build_timeout_s": (1, 604_800),
    "create_index.active_sessions_per_cpu_max": (0.1, 1000),
    "create_index.replica_lag_bytes_max": (0, 2**60),
    "create_index.changes_per_hour_max": (0, 10_000),
    "create_index.cool_down_s": (0, 604_800),
    "create_index.approval_valid_s": (1, 2_592_000),
    "create_index.index_size_bytes_max": (8192, 2**60),
    "create_index.attempts_max": (1, 100),
    "advise.samples_min": (0, 1000),
    "advise.samples_wait_s": (0, 86_400),
    "advise.reopen_after_s": (0, 31_536_000),
}
"""Smallest and largest value that each number may have, both included."""


def load_config(path: Path | None) -> Config:
    """Read a configuration file; None gives the defaults. Raises ConfigError naming file, setting, value and limit."""
    if path is None:
        return Config()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"could not read {path}: {error.strerror}", file=str(path)) from error
    if len(data) > CONFIG_BYTES_MAX:
        raise ConfigError(f"{path} has {len(data)} bytes, the limit is {CONFIG_BYTES_MAX}", file=str(path))
    try:
        return parse_config(data.decode(), str(path))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8: {error.reason} at byte {error.start}", file=str(path)) from error


def parse_config(text: str, name: str = "configuration") -> Config:
    """Parse TOML text.

    >>> parse_config("[detect]\\nlatency_objective_ms = 20").detect.latency_objective_ms
    20.0
    >>> parse_config("[detect]\\nlatency_objective = 20")
    Traceback (most recent call last):
    ...
    trimtab.model.errors.ConfigError: configuration, line 2: unknown setting detect.latency_objective (did you mean
    latency_objective_ms?)
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}: {error}", file=name) from error
    sections = {f.name: f for f in dataclasses.fields(Config)}
    for section, values in raw.items():
        if section not in sections:
            raise _unknown(name, text, section, sections)
        if not isinstance(values, dict):
            raise ConfigError(
                f"{_place(name, text, section)}: {section} must be a section: [{section}]", file=name, field=section
            )
    built = {
        section: _section(name, text, section, sections[section].default_factory, values)
        for section, values in raw.items()
    }
    config = Config(**built)
    if config.watch.baseline_slices_max < config.watch.baseline_slices_min:
        raise ConfigError(
            f"{_place(name, text, 'watch', 'baseline_slices_max')}: watch.baseline_slices_max is "
            f"{config.watch.baseline_slices_max}, less than watch.baseline_slices_min "
            f"({config.watch.baseline_slices_min})",
            file=name,
            field="watch.baseline_slices_max",
        )
    _check_together(config, name, text)
    return config


def _check_together(config: Config, name: str, text: str) -> None:
    """Settings that are right one by one and wrong together: no verdict could ever come."""
    watch = config.watch
    needed = watch.batch_slices * watch.batches_min
    longest_s = (watch.warm_up_slices + watch.watch_slices_max) * watch.slice_s
    problem = None
    if watch.watch_slices_max < needed:
        problem = f"watch.watch_slices_max is {watch.watch_slices_max}, less than batch_slices x batches_min ({needed})"
    elif longest_s > watch.deadline_s:
        problem = (
            f"watch.deadline_s is {watch.deadline_s:g}, less than the longest watch "
            f"((warm_up_slices + watch_slices_max) x slice_s = {longest_s:g} s)"
        )
    if problem is not None:
        key = problem.split()[0].removeprefix("watch.")
        raise ConfigError(f"{_place(name, text, 'watch', key)}: {problem}", file=name, field=f"watch.{key}")


def _section(name: str, text: str, section: str, kind: Any, values: dict[str, object]) -> Any:
    known = {f.name: f for f in dataclasses.fields(kind)}
    for key, value in values.items():
        place = _place(name, text, section, key)
        if key not in known:
            raise _unknown(name, text, key, known, section)
        limits = LIMITS.get(f"{section}.{key}")
        if limits is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(
                f"{place}: {section}.{key} must be a number, found {value!r}", file=name, field=f"{section}.{key}"
            )
        if not limits[0] <= value <= limits[1]:
            raise ConfigError(
                f"{place}: {section}.{key} must be from {limits[0]:g} to {limits[1]:g}, found {value:g}",
                file=name,
                field=f"{section}.{key}",
                observed=value,
            )
    try:
        return msgspec.convert(values, kind, strict=True)
    except msgspec.ValidationError as error:
        key = str(error).rpartition("`$.")[2].rstrip("`")
        raise ConfigError(
            f"{_place(name, text, section, key)}: {section}.{key}: {error}", file=name, field=f"{section}.{key}"
        ) from error


def _unknown(name: str, text: str, key: str, known: dict[str, Any], section: str | None = None) -> ConfigError:
    close = difflib.get_close_matches(key, known, 1)
    hint = f" (did you mean {close[0]}?)" if close else f" (known: {', '.join(sorted(known))})"
    dotted = f"{section}.{key}" if section else key
    what = "setting" if section else "section"
    place = _place(name, text, section or key, key if section else None)
    return ConfigError(f"{place}: unknown {what} {dotted}{hint}", file=name, field=dotted)


def _place(name: str, text: str, section: str, key: str | None = None) -> str:
    """`file, line N` of a setting; only the file where the line cannot be told."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if bare.startswith("["):
            inside = bare.strip("[] ").split(".")[0] == section
            if inside and key is None:
                return f"{name}, line {number}"
        elif bare.split("=")[0].strip() == (key if inside else section) and (inside or key is None):
            return f"{name}, line {number}"
    return name
