"""Configuration in TOML: every setting has a default that serves; a wrong one is refused with its place.

    [detect] [advise] [watch] [create_index] [plans] [retention] [metrics] [rules] [server]   see `trimtab.app.settings`
    [target."NAME".detect], ...                                   the same again, for one system

All that is wrong is told at once, each with line, column, limit and the value seen.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trimtab.app.agreement import disagreements
from trimtab.app.packs.settings import PacksPolicy
from trimtab.app.server_settings import ServerSettings
from trimtab.app.settings import SECTIONS, Wrong, did_you_mean, settings_in, shown
from trimtab.app.toml_places import Path as KeyPath
from trimtab.app.toml_places import Place, Places, find_places
from trimtab.model.anomaly_settings import AnomaliesPolicy
from trimtab.model.business_settings import BusinessPolicy
from trimtab.model.capacity_settings import CapacityPolicy
from trimtab.model.change_point_settings import ChangePointsPolicy
from trimtab.model.clouds import CloudsPolicy
from trimtab.model.errors import ConfigError
from trimtab.model.forecast_settings import ForecastPolicy
from trimtab.model.grafana_settings import GrafanaPolicy
from trimtab.model.infrastructure_settings import ContainersPolicy, HostPolicy
from trimtab.model.integrations import IntegrationsPolicy
from trimtab.model.metrics import MetricsPolicy
from trimtab.model.notify import NotifyPolicy
from trimtab.model.objective_settings import ObjectivesPolicy
from trimtab.model.pattern_settings import PatternsPolicy
from trimtab.model.policy import AdvisePolicy, DetectPolicy, GuardPolicy, PlansPolicy, Policy, WatchPolicy
from trimtab.model.privacy import PrivacyPolicy
from trimtab.model.retention import RetentionPolicy
from trimtab.model.rule_settings import RulesPolicy
from trimtab.model.traces import TracesPolicy

CONFIG_BYTES_MAX = 1_000_000
TARGET = "target"
Values = Mapping[str, object]
"""Values by the setting's name, `section.key`."""

_SYNTAX = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that a file may set.

    `targets` are the values that the file has for one system, by its name. `named` are the settings that the file
    names outside of targets, whatever value it gives them.
    """

    detect: DetectPolicy = field(default_factory=DetectPolicy)
    advise: AdvisePolicy = field(default_factory=AdvisePolicy)
    watch: WatchPolicy = field(default_factory=WatchPolicy)
    create_index: GuardPolicy = field(default_factory=GuardPolicy)
    plans: PlansPolicy = field(default_factory=PlansPolicy)
    retention: RetentionPolicy = field(default_factory=RetentionPolicy)
    metrics: MetricsPolicy = field(default_factory=MetricsPolicy)
    traces: TracesPolicy = field(default_factory=TracesPolicy)
    privacy: PrivacyPolicy = field(default_factory=PrivacyPolicy)
    integrations: IntegrationsPolicy = field(default_factory=IntegrationsPolicy)
    notify: NotifyPolicy = field(default_factory=NotifyPolicy)
    objectives: ObjectivesPolicy = field(default_factory=ObjectivesPolicy)
    rules: RulesPolicy = field(default_factory=RulesPolicy)
    grafana: GrafanaPolicy = field(default_factory=GrafanaPolicy)
    packs: PacksPolicy = field(default_factory=PacksPolicy)
    business: BusinessPolicy = field(default_factory=BusinessPolicy)
    forecast: ForecastPolicy = field(default_factory=ForecastPolicy)
    patterns: PatternsPolicy = field(default_factory=PatternsPolicy)
    capacity: CapacityPolicy = field(default_factory=CapacityPolicy)
    anomalies: AnomaliesPolicy = field(default_factory=AnomaliesPolicy)
    change_points: ChangePointsPolicy = field(default_factory=ChangePointsPolicy)
    host: HostPolicy = field(default_factory=HostPolicy)
    containers: ContainersPolicy = field(default_factory=ContainersPolicy)
    clouds: CloudsPolicy = field(default_factory=CloudsPolicy)
    server: ServerSettings = field(default_factory=ServerSettings)
    targets: Mapping[str, Values] = field(default_factory=dict)
    named: frozenset[str] = frozenset()

    @property
    def policy(self) -> Policy:
        """What is in force for a system of which the file says nothing."""
        return Policy(
            detect=self.detect,
            advise=self.advise,
            watch=self.watch,
            create_index=self.create_index,
            plans=self.plans,
        )

    def policy_of(self, system: str) -> Policy:
        """What the file says for one system.

        >>> config = parse_config('[target."shop".create_index]\\nautonomy = "auto"')
        >>> config.policy_of("shop").create_index.autonomy.value, config.policy_of("bank").create_index.autonomy.value
        ('auto', 'suggest')
        """
        return with_values(self.policy, self.targets.get(system, {}))


def with_values(policy: Policy, values: Values) -> Policy:
    """The policy with some settings changed; values must be right."""
    sections: dict[str, dict[str, object]] = {}
    for name, value in values.items():
        section, _, key = name.partition(".")
        sections.setdefault(section, {})[key] = value
    changed: dict[str, Any] = {name: replace(getattr(policy, name), **keys) for name, keys in sections.items()}
    return replace(policy, **changed)


def value_of(holder: Policy | Config, name: str) -> object:
    """The value of a setting by its name."""
    section, _, key = name.partition(".")
    return getattr(getattr(holder, section), key)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `place` is None where it is not in the text (a file that cannot be read)."""

    message: str
    setting: str | None = None
    place: Place | None = None

    def told(self, file: str) -> str:
        """`FILE, line 2, column 5: ...`"""
        where = "" if self.place is None else f", line {self.place.line}, column {self.place.column}"
        return f"{file}{where}: {self.message}"


@dataclass(frozen=True, slots=True)
class Checked:
    """A text and what is wrong with it; `config` is None when anything is."""

    file: str
    config: Config | None
    problems: tuple[Problem, ...] = ()

    def wanted(self) -> Config:
        """The configuration; ConfigError tells everything that is wrong."""
        if self.config is not None:
            return self.config
        first = self.problems[0]
        place = {} if first.place is None else {"line": first.place.line, "column": first.place.column}
        raise ConfigError(
            "\n".join(problem.told(self.file) for problem in self.problems),
            file=self.file,
            field=first.setting,
            problems=len(self.problems),
            **place,
        )


def load_config(path: Path | None) -> Config:
    """Read a configuration file; None gives the defaults. ConfigError tells everything that is wrong with it."""
    return Config() if path is None else check_file(path).wanted()


def parse_config(text: str, name: str = "configuration") -> Config:
    """Parse TOML text.

    >>> parse_config("[detect]\\nlatency_objective_ms = 20").detect.latency_objective_ms
    20.0
    >>> parse_config("[detect]\\nlatency_objective = 20")
    Traceback (most recent call last):
    ...
    trimtab.model.errors.ConfigError: configuration, line 2, column 1: unknown setting detect.latency_objective (did
    you mean latency_objective_ms?)
    """
    return check_text(text, name).wanted()


def check_file(path: Path, *, looks_for_files: bool = False) -> Checked:
    """Read and check a file; paths in it are relative to its folder.

    `looks_for_files`: one that it names and that is not there is wrong, too (the server says so itself on start).
    """
    name = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(CONFIG_BYTES_MAX + 1)
    except OSError as error:
        return Checked(name, None, (Problem(f"could not be read: {error.strerror}"),))
    checked = check_bytes(data, name)
    if checked.config is None:
        return checked
    server = checked.config.server
    server = replace(server, tls_cert=_beside(path, server.tls_cert), tls_key=_beside(path, server.tls_key))
    server = replace(server, scrape_config=_beside(path, server.scrape_config))
    notify = replace(checked.config.notify, routes=_beside(path, checked.config.notify.routes))
    if looks_for_files:
        named = {
            ("server", "tls_cert"): server.tls_cert,
            ("server", "tls_key"): server.tls_key,
            ("server", "scrape_config"): server.scrape_config,
            ("notify", "routes"): notify.routes,
        }
        missing = tuple(_missing_files(named, find_places(data.decode("utf-8-sig"))))
        if missing:
            return Checked(name, None, missing)
    objectives = ObjectivesPolicy(tuple(_beside(path, named) for named in checked.config.objectives.files))
    rules = replace(checked.config.rules, files=tuple(_beside(path, named) for named in checked.config.rules.files))
    asked = checked.config.business
    business = replace(asked, files=tuple(_beside(path, named) for named in asked.files))
    config = replace(
        checked.config, server=server, notify=notify, objectives=objectives, rules=rules, business=business
    )
    return replace(checked, config=config)


def _missing_files(named_files: Mapping[tuple[str, str], str], places: Places) -> Iterator[Problem]:
    for (section, key), named in named_files.items():
        if named and not Path(named).is_file():
            message = f"{section}.{key}: there is no file {named} (a path is relative to the folder of this file)"
            yield Problem(message, f"{section}.{key}", places.value((section, key)))


def _beside(path: Path, named: str) -> str:
    return str(path.parent / named) if named else ""


def check_bytes(data: bytes, name: str) -> Checked:
    """Check what was read from a file."""
    if len(data) > CONFIG_BYTES_MAX:
        return Checked(name, None, (Problem(f"has more than {CONFIG_BYTES_MAX} bytes, which is the limit"),))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        return Checked(name, None, (Problem(f"not UTF-8: {error.reason}", None, _end_of(before)),))
    return check_text(text, name)


def check_text(text: str, name: str = "configuration") -> Checked:
    """Check a TOML text; everything that is wrong is told, in the order of the text."""
    try:
        raw = tomllib.loads(text)
        places = find_places(text)
    except tomllib.TOMLDecodeError as error:
        return Checked(name, None, (_syntax(str(error), text),))
    except ValueError:  # a number of more digits than Python takes
        return Checked(name, None, (Problem("holds a number that is too long to be read"),))
    except RecursionError:
        return Checked(name, None, (Problem("is nested too deeply"),))
    reader = _Reader(places)
    config = reader.config(raw)
    problems = sorted(reader.problems, key=lambda problem: problem.place or Place(0, 0))
    return Checked(name, None if problems else config, tuple(problems))


class _Reader:
    """Takes a parsed text apart; what is wrong is collected in `problems`."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.problems: list[Problem] = []

    def config(self, raw: dict[str, Any]) -> Config:
        """The configuration, which is right only if there are no problems."""
        values: dict[str, object] = {}
        targets: dict[str, dict[str, object]] = {}
        for name, inner in raw.items():
            if name == TARGET:
                targets = dict(self._targets(inner))
            else:
                values |= self._section((), name, inner, [*SECTIONS, TARGET])
        sections: dict[str, Any] = {
            name: section.kind(**{key: values[s.name] for key, s in settings_in(name).items() if s.name in values})
            for name, section in SECTIONS.items()
        }
        config = Config(**sections, targets=targets, named=frozenset(values))
        if not self.problems:
            self._together(config)
        return config

    def _targets(self, raw: object) -> Iterator[tuple[str, dict[str, object]]]:
        known = [name for name, section in SECTIONS.items() if section.per_target]
        for system, sections in self._inside((TARGET,), raw, '[target."NAME".create_index]'):
            values: dict[str, object] = {}
            path = (TARGET, system)
            if system in SECTIONS and _is_a_section_itself(sections):
                self._wrong(path, f'{_dotted(path)} must name a system: [{TARGET}."NAME".{system}]')
                continue
            for name, inner in self._inside(path, sections, f"[{_dotted((*path, 'create_index'))}]"):
                values |= self._section(path, name, inner, known)
            if not system.strip():
                self._wrong(path, "a target has the name of a system, found an empty one")
            yield system, values

    def _section(self, prefix: KeyPath, name: str, raw: object, known: list[str]) -> dict[str, object]:
        path = (*prefix, name)
        if name not in known:
            if name in SECTIONS:
                self._wrong(path, f"{_dotted(path)} cannot be set for one target: [{name}] is for the whole server")
            else:
                self._wrong(path, f"unknown section {_dotted(path)}{did_you_mean(name, known)}")
            return {}
        settings = settings_in(name)
        values: dict[str, object] = {}
        for key, value in self._inside(path, raw, f"[{_dotted(path)}]"):
            at = (*path, key)
            if key not in settings:
                self._wrong(at, f"unknown setting {_dotted(at)}{did_you_mean(key, settings)}")
                continue
            try:
                values[settings[key].name] = settings[key].convert(value)
            except Wrong as error:
                for wrong in (error, *error.others):
                    where = at if wrong.position is None else (*at, wrong.position)
                    self._wrong(where, f"{_dotted(at)} {wrong.message}", value=True)
        return values

    def _inside(self, path: KeyPath, raw: object, example: str) -> list[tuple[str, Any]]:
        if isinstance(raw, dict):
            return list(raw.items())
        self._wrong(path, f"{_dotted(path)} must be a section such as {example}, found {shown(raw)}")
        return []

    def _together(self, config: Config) -> None:
        """Settings that are right one by one and wrong together."""
        server = config.server
        if bool(server.tls_cert) != bool(server.tls_key):
            there, missing = ("tls_cert", "tls_key") if server.tls_cert else ("tls_key", "tls_cert")
            self._wrong(("server", there), f"server.{there} is set and server.{missing} is not")
        if config.clouds.accounts:
            self._accounts(config.clouds.accounts)
        for found in disagreements(config.policy, config.retention):
            self._wrong(self._first_named((), found.settings), found.message)
        if self.problems:
            return
        for system in config.targets:
            for found in disagreements(config.policy_of(system), config.retention):
                path = self._first_named((TARGET, system), found.settings)
                self._wrong(path, f"{_dotted((TARGET, system))}: {found.message}")

    def _accounts(self, accounts: tuple[str, ...]) -> None:
        """Accounts of clouds, by what is installed."""
        from trimtab.app.clouds.accounts import account_problems

        for place, problem in account_problems(accounts):
            self._wrong(("clouds", "accounts", place), f"clouds.accounts: {problem}", value=True)

    def _first_named(self, prefix: KeyPath, settings: tuple[str, ...]) -> KeyPath:
        """Of the settings that do not agree, the first that the text names."""
        paths: list[KeyPath] = [(*prefix, *name.split(".")) for name in settings]
        return next((path for path in paths if path in self.places.keys), prefix or paths[0])

    def _wrong(self, path: KeyPath, message: str, *, value: bool = False) -> None:
        place = self.places.value(path) if value else self.places.key(path)
        self.problems.append(Problem(message, _dotted(path), place))


def _is_a_section_itself(raw: object) -> bool:
    """Whether settings stand where the sections of a target should: its name was left out."""
    return isinstance(raw, dict) and not all(isinstance(inner, dict) for inner in raw.values())


def _dotted(path: KeyPath) -> str:
    """A path as TOML writes it.

    >>> _dotted(("target", "my shop", "watch"))
    'target."my shop".watch'
    """
    names = [part for part in path if isinstance(part, str)]
    return ".".join(name if _BARE_KEY.fullmatch(name) else json.dumps(name, ensure_ascii=False) for name in names)


def _syntax(said: str, text: str) -> Problem:
    found = _SYNTAX.fullmatch(said)
    if found is None:
        return Problem(f"not TOML: {said}")
    line, column = found["line"], found["column"]
    return Problem(f"not TOML: {found['what']}", None, Place(int(line), int(column)) if line else _end_of(text))


def _end_of(text: str) -> Place:
    lines = text.split("\n")
    return Place(len(lines), len(lines[-1]) + 1)
