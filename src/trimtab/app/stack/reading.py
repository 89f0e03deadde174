"""Reads the nested configuration of `setup_monitoring`; all that is wrong is told at once, with the value seen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trimtab.analyze.slo.quantities import ShortForm, duration_ms, duration_text, short_form
from trimtab.app.packs.overriding import value_problem
from trimtab.app.packs.pack import pack_of
from trimtab.app.settings import did_you_mean, shown
from trimtab.app.stack.kinds import KINDS, SECTIONS, SEED, Kind
from trimtab.model.errors import InputError
from trimtab.store.promql.parse import parse

METRICS_MAX = 200
OPTIONS = ("system", "window", "interval", "for", "objective_window", "dashboards", "notification")
METRIC_OPTIONS = ("type", "query", "for", "severity", "description")
SEVERITIES = ("info", "warning", "critical")
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
Value = str | float | bool
_NO_TIME = re.compile(r"0+(\.0*)?\s*[a-z]*")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as it is wanted. `form` is there where the wish is a short form, `extra` are thresholds of its
    pack. Durations '' say nothing."""

    name: str
    kind: Kind
    wish: Value
    form: ShortForm | None = None
    query: str = ""
    wait: str = ""
    severity: str = "warning"
    description: str = ""
    extra: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StackConfig:
    """What is to be set up."""

    metrics: tuple[Metric, ...] = ()
    system: str = ""
    window: str = "5m"
    interval: str = ""
    wait: str = ""
    objective_window: str = "30d"
    wants_dashboards: bool = True
    wants_notification: bool = True
    said: Mapping[str, object] = field(default_factory=dict)
    """As it was written, to be compared with the next time."""


def seed_config() -> dict[str, object]:
    """The seed's table with its thresholds, as plain values.

    >>> seed_config()["application_metrics"]["throughput"]
    {'slo': '> 1000 rps'}
    """
    return {
        section: {name: {KINDS[kind].wish: KINDS[kind].default} for name, kind in metrics.items()}
        for section, metrics in SEED.items()
    }


def read_config(said: Mapping[str, object]) -> StackConfig:
    """The configuration; InputError names every field that is wrong, with the value seen.

    >>> read_config({"infrastructure_metrics": {"cpu_usage": {"threshold": 80}}}).metrics[0].kind.alert
    'HostCpuBusy'
    >>> try:
    ...     read_config({"application_metrics": {"query_latency": {"slo": "p95 < fast"}, "speed": {}}, "windw": "5m"})
    ... except InputError as error:
    ...     print(error.message)
    windw: there is no such field (did you mean window?)
    application_metrics.query_latency.slo: 'p95 < fast' is none of the short forms, such as p95 < 500ms, > 1000 rps, \
< 0.1%, < 5 minutes, > 99.9%, > 4.5/5
    application_metrics.speed: it is none of the metrics of this section (data_freshness, error_rate, \
pipeline_success_rate, query_latency, throughput): say its type
    """
    reader = _Reader()
    config = reader.config(said)
    if reader.problems:
        raise _wrong(reader.problems)
    return config


def check_metric(said: Mapping[str, object]) -> None:
    """One metric on its own, with its `type`; InputError names what is wrong with it.

    >>> try:
    ...     check_metric({"type": "CPUMetric", "threshold": "high"})
    ... except InputError as error:
    ...     print(error.message)
    CPUMetric.threshold: it is a number of percent from 1 to 100, found 'high'
    """
    name = str(said["type"])
    reader = _Reader()
    reader.metric(KINDS[name].section, "one", name, said)
    if reader.problems:
        raise _wrong(reader.problems)


def _wrong(problems: Sequence[str]) -> InputError:
    return InputError("\n".join(problems), field=problems[0].partition(":")[0], problems=tuple(problems))


class _Reader:
    def __init__(self) -> None:
        self.problems: list[str] = []

    def wrong(self, field_name: str, reason: str) -> None:
        self.problems.append(f"{field_name}: {reason}")

    def config(self, said: Mapping[str, object]) -> StackConfig:
        for key in said:
            if key not in (*SECTIONS, *OPTIONS):
                self.wrong(str(key), f"there is no such field{did_you_mean(str(key), (*SECTIONS, *OPTIONS))}")
        metrics = [metric for section in SECTIONS for metric in self._section(section, said.get(section, {}))]
        if not any(section in said for section in SECTIONS):
            self.wrong(SECTIONS[0], f"nothing is to be set up: name metrics in {', '.join(SECTIONS)}")
        elif not metrics and not self.problems:
            named = ", ".join(section for section in SECTIONS if section in said)
            self.wrong(named, "nothing is to be set up: it has no metric, such as cpu_usage: {threshold: 80}")
        if len(metrics) > METRICS_MAX:
            self.wrong(SECTIONS[0], f"at most {METRICS_MAX} metrics, found {len(metrics)}")
        seen: set[str] = set()
        for metric in metrics:
            if metric.name in seen:
                self.wrong(f"{metric.kind.section}.{metric.name}", "the name stands in another section already")
            seen.add(metric.name)
        return StackConfig(
            metrics=tuple(metrics),
            system=self._text(said, "system", ""),
            window=self._duration(said, "window", "5m"),
            interval=self._duration(said, "interval", ""),
            wait=self._duration(said, "for", "", may_be_zero=True),
            objective_window=self._window(said),
            wants_dashboards=self._flag(said, "dashboards"),
            wants_notification=self._flag(said, "notification"),
            said=said,
        )

    # --- sections

    def _section(self, section: str, said: object) -> Iterator[Metric]:
        if not isinstance(said, Mapping):
            self.wrong(section, f"it has metrics by their names, found {shown(said)}")
            return
        for name, one in said.items():
            place = f"{section}.{name}"
            if not isinstance(name, str) or NAME.fullmatch(name) is None:
                self.wrong(place, "a name has a-z, 0-9 and _, at most 63, and begins with a letter")
                continue
            metric = self.metric(section, name, place, one)
            if metric is not None:
                yield metric

    def metric(self, section: str, name: str, place: str, said: object) -> Metric | None:
        """One metric; None where something is wrong with it, which is written down then."""
        if not isinstance(said, Mapping):
            self.wrong(place, f"it is a metric such as {{threshold: 80}}, found {shown(said)}")
            return None
        kind = self._kind(section, name, place, said)
        if kind is None:
            return None
        known = (kind.wish, *METRIC_OPTIONS, *kind.extra)
        for key in said:
            if key not in known:
                self.wrong(f"{place}.{key}", f"{kind.name} has no such field{did_you_mean(str(key), known)}")
        before = len(self.problems)
        wish, form = self._wish(kind, place, said.get(kind.wish, kind.default))
        severity = said.get("severity", "warning")
        if severity not in SEVERITIES:
            self.wrong(f"{place}.severity", f"it is one of {', '.join(SEVERITIES)}, found {shown(severity)}")
        query = self._text(said, "query", "", place)
        self._check_query(f"{place}.query", query, kind)
        wait = self._duration(said, "for", "", place, may_be_zero=True)
        description = self._text(said, "description", "", place)
        if "{{" in description:
            self.wrong(f"{place}.description", f"it is no template, found {shown(description)}")
        extra = tuple(self._extra(kind, place, said))
        if len(self.problems) > before:
            return None
        return Metric(name, kind, wish, form, query, wait, str(severity), description, extra)

    def _extra(self, kind: Kind, place: str, said: Mapping[object, object]) -> Iterator[tuple[str, str]]:
        for key, threshold in kind.extra.items():
            if key not in said:
                continue
            value = said[key]
            text = value if isinstance(value, str) else f"{value:.12g}" if isinstance(value, int | float) else ""
            problem = value_problem(pack_of(kind.pack), threshold, text)
            if problem is not None or not text:
                told = f"it cannot be {shown(value)}" if problem is None else problem.partition(" ")[2]
                self.wrong(f"{place}.{key}", told)
            yield threshold, text

    def _kind(self, section: str, name: str, place: str, said: Mapping[object, object]) -> Kind | None:
        if "type" not in said:
            named = SEED[section].get(name)
            if named is None:
                names = ", ".join(sorted(SEED[section]))
                self.wrong(place, f"it is none of the metrics of this section ({names}): say its type")
                return None
            return KINDS[named]
        kind = KINDS.get(str(said["type"]))
        if kind is None:
            self.wrong(
                f"{place}.type", f"there is no {str(said['type'])[:60]!r}{did_you_mean(str(said['type']), KINDS)}"
            )
        elif kind.section != section:
            self.wrong(f"{place}.type", f"{kind.name} belongs to {kind.section}")
            return None
        return kind

    def _wish(self, kind: Kind, place: str, said: object) -> tuple[Value, ShortForm | None]:
        place = f"{place}.{kind.wish}"
        if kind.wish == "budget_threshold":
            if not isinstance(said, bool):
                self.wrong(place, f"it is true or false, found {shown(said)}")
            return bool(said), None
        if kind.wish == "threshold":
            if isinstance(said, bool) or not isinstance(said, int | float) or not 1 <= said <= 100:
                self.wrong(place, f"it is a number of percent from 1 to 100, found {shown(said)}")
                return 0.0, None
            return float(said), None
        if not isinstance(said, str):
            self.wrong(place, f"it is a text such as {str(kind.default)!r}, found {shown(said)}")
            return "", None
        try:
            form = short_form(said)
        except ValueError as error:
            self.wrong(place, str(error))
            return said, None
        if form.unit not in kind.wish_unit or (form.unit == "" and not form.out_of):
            self.wrong(place, f"it is compared as in {str(kind.default)!r}, found {shown(said)}")
        elif (form.quantile is None) != (short_form(str(kind.default)).quantile is None):
            self.wrong(place, f"a quantile stands in latency alone, as in {str(kind.default)!r}; found {shown(said)}")
        elif form.is_good_below != short_form(str(kind.default)).is_good_below and not kind.has_both_ways:
            better = "below" if short_form(str(kind.default)).is_good_below else "above"
            self.wrong(place, f"{kind.name} is good {better} a limit, as in {str(kind.default)!r}; found {shown(said)}")
        return said, form

    def _check_query(self, place: str, query: str, kind: Kind) -> None:
        if not query:
            return
        if kind.pack:
            self.wrong(place, f"{kind.name} is measured by the pack {kind.pack}: it has no query of its own")
            return
        try:
            parse(query)
        except InputError as error:
            self.wrong(place, f"{error.message}, found {shown(query)}")

    # --- options

    def _text(
        self, said: Mapping[str, object] | Mapping[object, object], key: str, default: str, inside: str = ""
    ) -> str:
        found = _get(said, key, default)
        if not isinstance(found, str) or len(found) > 2000 or not found.isprintable():
            self.wrong(_at(inside, key), f"it is a line of text, found {shown(found)}")
            return default
        return found

    def _duration(
        self,
        said: Mapping[str, object] | Mapping[object, object],
        key: str,
        default: str,
        inside: str = "",
        *,
        may_be_zero: bool = False,
    ) -> str:
        found = _get(said, key, default)
        if (found == "" and not default) or (may_be_zero and found in ("0s", "0")):
            return str(found)
        try:
            ms = duration_ms(str(found) if isinstance(found, str) else "")
        except ValueError:
            is_none = isinstance(found, str) and _NO_TIME.fullmatch(found.strip()) is not None
            told = "it is from 1s to 30d" if is_none else "it is a duration such as 5m or 15s"
            self.wrong(_at(inside, key), f"{told}, found {shown(found)}")
            return default
        low, high = (1000, 30 * 86_400_000)
        if not low <= ms <= high:
            self.wrong(_at(inside, key), f"it is from 1s to 30d, found {shown(found)}")
        return duration_text(ms)

    def _window(self, said: Mapping[str, object]) -> str:
        found = said.get("objective_window", "30d")
        try:
            ms = duration_ms(found if isinstance(found, str) else "")
        except ValueError:
            ms = 0
        if not 300_000 <= ms <= 366 * 86_400_000:
            self.wrong("objective_window", f"it is a duration from 5m to 366d, found {shown(found)}")
        return str(found)

    def _flag(self, said: Mapping[str, object], key: str) -> bool:
        found = said.get(key, True)
        if not isinstance(found, bool):
            self.wrong(key, f"it is true or false, found {shown(found)}")
        return bool(found)


def _get(said: Mapping[str, object] | Mapping[object, object], key: str, default: str) -> object:
    for name, value in said.items():
        if name == key:
            return value
    return default


def _at(inside: str, key: str) -> str:
    return f"{inside}.{key}" if inside else key
