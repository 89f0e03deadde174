"""Prometheus' `scrape_configs`, read as they are.

What is known is checked; what Prometheus knows and trimtab does not (other ways of discovery, proxies, OAuth) is
refused by name, so that nobody believes that it works.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import structlog

from trimtab.model.errors import ConfigError, InputError
from trimtab.observe.scrape.durations import duration_s, size_bytes
from trimtab.observe.scrape.relabel import ACTIONS, Action, Rule

CONFIG_BYTES_MAX = 4_000_000

_IGNORED = frozenset(
    {
        "enable_compression",
        "enable_http2",
        "scrape_classic_histograms",
        "always_scrape_classic_histograms",
        "native_histogram_bucket_limit",
        "native_histogram_min_bucket_factor",
        "track_timestamps_staleness",
        "scrape_protocols",
        "scrape_fallback_protocol",
        "metric_name_validation_scheme",
        "metric_name_escaping_scheme",
        "keep_dropped_targets",
    }
)
"""Fields that change nothing here: only text is asked for."""
_NOT_SCRAPING = frozenset(
    {"alerting", "otlp", "remote_read", "remote_write", "rule_files", "runtime", "storage", "tracing"}
)
"""Sections of a whole prometheus.yml that say nothing about scraping: the log names those that are there."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """Addresses with labels that they share."""

    targets: tuple[str, ...]
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FileDiscovery:
    """Files with groups, read again every `refresh_s`."""

    files: tuple[str, ...]
    refresh_s: float


@dataclass(frozen=True, slots=True)
class DnsDiscovery:
    """Addresses of names (records A and AAAA), asked again every `refresh_s`."""

    names: tuple[str, ...]
    family: str
    port: int
    refresh_s: float


@dataclass(frozen=True, slots=True)
class Tls:
    """How to trust a target."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    insecure_skip_verify: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One entry of `scrape_configs`. Files of secrets are read with each scrape."""

    name: str
    interval_s: float
    timeout_s: float
    metrics_path: str = "/metrics"
    scheme: str = "http"
    params: Mapping[str, Sequence[str]] = field(default_factory=dict)
    honor_labels: bool = False
    honor_timestamps: bool = True
    follow_redirects: bool = True
    static: tuple[TargetGroup, ...] = ()
    files: tuple[FileDiscovery, ...] = ()
    dns: tuple[DnsDiscovery, ...] = ()
    relabel: tuple[Rule, ...] = ()
    metric_relabel: tuple[Rule, ...] = ()
    sample_limit: int = 0
    target_limit: int = 0
    label_limit: int = 0
    label_name_length_limit: int = 0
    label_value_length_limit: int = 0
    body_bytes_max: int = 0
    username: str = ""
    password: str = field(default="", repr=False)
    password_file: str = ""
    authorization_type: str = ""
    credentials: str = field(default="", repr=False)
    credentials_file: str = ""
    tls: Tls = field(default_factory=Tls)


def load(path: Path) -> list[Job]:
    """The jobs of a file. ConfigError says where what is wrong."""
    import yaml

    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"could not read {path}: {error}", file=str(path)) from error
    if len(text) > CONFIG_BYTES_MAX:
        raise ConfigError(f"{path} has more than {CONFIG_BYTES_MAX} characters", limit=CONFIG_BYTES_MAX)
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}", file=str(path)) from error
    try:
        jobs = jobs_of(document, path.parent)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.message}", file=str(path), **error.facts) from error
    unused = sorted(_NOT_SCRAPING.intersection(document)) if isinstance(document, dict) else []
    if unused:
        log.warning("scrape_config_sections_not_used", file=str(path), sections=unused)
    return jobs


def jobs_of(document: object, folder: Path) -> list[Job]:
    """The jobs of a configuration. Paths in it are relative to `folder`.

    >>> [job] = jobs_of({"scrape_configs": [{"job_name": "a", "static_configs": [{"targets": ["b:1"]}]}]}, Path("."))
    >>> job.name, job.interval_s, job.timeout_s, job.static[0].targets
    ('a', 60.0, 10.0, ('b:1',))
    """
    top = _Fields(document, "")
    top.leave(_NOT_SCRAPING)
    defaults = top.fields("global")
    interval_s = defaults.duration("scrape_interval", 60.0)
    timeout_s = defaults.duration("scrape_timeout", min(10.0, interval_s))
    jobs = [_job(item, interval_s, timeout_s, folder) for item in top.list_of_fields("scrape_configs")]
    top.refuse_others()
    names = [job.name for job in jobs]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"scrape_configs: there are two jobs with the name {name!r}", field="job_name")
    return jobs


def _job(fields: _Fields, interval_s: float, timeout_s: float, folder: Path) -> Job:
    name = fields.text("job_name")
    if not name:
        raise ConfigError(f"{fields.path}: job_name is missing", field=f"{fields.path}.job_name")
    interval_s = fields.duration("scrape_interval", interval_s)
    timeout_s = fields.duration("scrape_timeout", min(timeout_s, interval_s))
    if interval_s <= 0 or not 0 < timeout_s <= interval_s:
        raise ConfigError(
            f"{fields.path}: scrape_timeout ({timeout_s:g} s) must be above 0 and at most scrape_interval "
            f"({interval_s:g} s)",
            field=f"{fields.path}.scrape_timeout",
        )
    basic, authorization, tls = (fields.fields(key) for key in ("basic_auth", "authorization", "tls_config"))
    job = Job(
        name=name,
        interval_s=interval_s,
        timeout_s=timeout_s,
        metrics_path=fields.text("metrics_path", "/metrics"),
        scheme=fields.one_of("scheme", ("http", "https"), "http"),
        params={key: fields.fields("params").texts(key) for key in fields.fields("params").names()},
        honor_labels=fields.flag("honor_labels", False),
        honor_timestamps=fields.flag("honor_timestamps", True),
        follow_redirects=fields.flag("follow_redirects", True),
        static=tuple(group_of(group) for group in fields.list_of_fields("static_configs")),
        files=tuple(
            FileDiscovery(
                tuple(str(folder / file) for file in sd.texts("files")), sd.duration("refresh_interval", 300.0)
            )
            for sd in fields.list_of_fields("file_sd_configs")
        ),
        dns=tuple(_dns(sd) for sd in fields.list_of_fields("dns_sd_configs")),
        relabel=_rules(fields, "relabel_configs"),
        metric_relabel=_rules(fields, "metric_relabel_configs"),
        sample_limit=fields.number("sample_limit"),
        target_limit=fields.number("target_limit"),
        label_limit=fields.number("label_limit"),
        label_name_length_limit=fields.number("label_name_length_limit"),
        label_value_length_limit=fields.number("label_value_length_limit"),
        body_bytes_max=fields.size("body_size_limit"),
        username=basic.text("username"),
        password=basic.text("password"),
        password_file=_path(folder, basic.text("password_file")),
        authorization_type=authorization.text("type", "Bearer"),
        credentials=authorization.text("credentials") or fields.text("bearer_token"),
        credentials_file=_path(folder, authorization.text("credentials_file") or fields.text("bearer_token_file")),
        tls=Tls(
            _path(folder, tls.text("ca_file")),
            _path(folder, tls.text("cert_file")),
            _path(folder, tls.text("key_file")),
            tls.flag("insecure_skip_verify", False),
        ),
    )
    for inner in (fields, basic, authorization, tls):
        inner.refuse_others()
    return job


def group_of(fields: _Fields) -> TargetGroup:
    """`targets` and `labels`."""
    labels = fields.fields("labels")
    found = TargetGroup(tuple(fields.texts("targets")), {name: labels.text(name) for name in labels.names()})
    fields.refuse_others()
    return found


def groups_of(document: object, where: str) -> list[TargetGroup]:
    """The groups of a file of file discovery."""
    return [group_of(group) for group in _Fields({"groups": document}, where).list_of_fields("groups")]


def _dns(fields: _Fields) -> DnsDiscovery:
    family = fields.one_of("type", ("SRV", "A", "AAAA", "MX", "NS"), "SRV")
    if family not in {"A", "AAAA"}:
        raise ConfigError(
            f"{fields.path}: trimtab asks for records A and AAAA; {family} is not supported",
            field=f"{fields.path}.type",
        )
    found = DnsDiscovery(
        tuple(fields.texts("names")), family, fields.number("port"), fields.duration("refresh_interval", 30.0)
    )
    if not 0 < found.port <= 65_535:
        raise ConfigError(f"{fields.path}: port is needed for records {family}", field=f"{fields.path}.port")
    fields.refuse_others()
    return found


def _rules(fields: _Fields, key: str) -> tuple[Rule, ...]:
    found = []
    for item in fields.list_of_fields(key):
        rule = Rule(
            action=cast("Action", item.one_of("action", ACTIONS, "replace")),
            source_labels=tuple(item.texts("source_labels")),
            separator=item.text("separator", ";"),
            regex=item.text("regex", "(.*)"),
            target_label=item.text("target_label"),
            replacement=item.text("replacement", "$1"),
            modulus=item.number("modulus"),
        )
        item.refuse_others()
        try:
            rule.check()
        except InputError as error:
            raise ConfigError(f"{item.path}: {error.message}", field=item.path) from error
        found.append(rule)
    return tuple(found)


def _path(folder: Path, name: str) -> str:
    return str(folder / name) if name else ""


class _Fields:
    """A mapping of YAML, read field by field; what nobody asked for is refused at the end."""

    def __init__(self, value: object, path: str) -> None:
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise ConfigError(f"{path or 'the file'} must be a mapping, found {_shown(value)}", field=path)
        self._values: dict[object, object] = value
        self._asked: set[object] = set()
        self.path = path

    def names(self) -> list[str]:
        """All keys."""
        return [str(key) for key in self._values]

    def _at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def _get(self, key: str) -> object:
        self._asked.add(key)
        return self._values.get(key)

    def _wrong(self, key: str, wanted: str) -> ConfigError:
        found = _shown(self._values.get(key))
        return ConfigError(f"{self._at(key)} must be {wanted}, found {found}", field=self._at(key))

    def fields(self, key: str) -> _Fields:
        """A mapping inside."""
        return _Fields(self._get(key), self._at(key))

    def list_of_fields(self, key: str) -> list[_Fields]:
        """A list of mappings."""
        value = self._get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(key, "a list")
        return [_Fields(item, f"{self._at(key)}[{number}]") for number, item in enumerate(value)]

    def texts(self, key: str) -> list[str]:
        """A list of texts."""
        value = self._get(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str | int | float) for item in value):
            raise self._wrong(key, "a list of texts")
        return [str(item) for item in value]

    def text(self, key: str, default: str = "") -> str:
        """A text; numbers are taken as they are written."""
        value = self._get(key)
        if value is None:
            return default
        if isinstance(value, bool):
            return "true" if value else "false"
        if not isinstance(value, str | int | float):
            raise self._wrong(key, "a text")
        return str(value)

    def one_of(self, key: str, choices: Sequence[str], default: str) -> str:
        """One of some texts."""
        value = self.text(key, default)
        if value not in choices:
            raise self._wrong(key, "one of " + ", ".join(choices))
        return value

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self._get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def number(self, key: str) -> int:
        """A whole number, 0 where it is not there."""
        value = self._get(key)
        if value is None:
            return 0
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self._wrong(key, "a whole number that is not negative")
        return value

    def duration(self, key: str, default_s: float) -> float:
        """Seconds."""
        text = self.text(key)
        try:
            return duration_s(text) if text else default_s
        except InputError as error:
            raise ConfigError(f"{self._at(key)}: {error.message}", field=self._at(key)) from error

    def size(self, key: str) -> int:
        """Bytes."""
        text = self.text(key)
        try:
            return size_bytes(text) if text else 0
        except InputError as error:
            raise ConfigError(f"{self._at(key)}: {error.message}", field=self._at(key)) from error

    def leave(self, keys: Collection[str]) -> None:
        """These may be there, whatever is in them."""
        self._asked.update(keys)

    def refuse_others(self) -> None:
        """ConfigError for a field that nobody asked for."""
        for key in self._values:
            if key not in self._asked and key not in _IGNORED:
                raise ConfigError(
                    f"{self._at(str(key))} is not supported by trimtab, or no field of Prometheus",
                    field=self._at(str(key)),
                )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
