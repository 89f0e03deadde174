"""Makes rules and objectives of a configuration, in the forms that files of them have, and thresholds for packs."""

from __future__ import annotations

import json
import re

from trimtab.app.packs.overriding import Rendered
from trimtab.app.stack.kinds import ratio_of
from trimtab.app.stack.reading import Metric, StackConfig
from trimtab.model.objectives import Comparison

WAIT = "5m"
"""How long something has to be wrong where nobody says it."""
RECORDED = "stack_metric"
"""What is recorded of each metric, told apart by the label `metric`."""
_KEYS = {
    Comparison.BELOW: "below",
    Comparison.AT_MOST: "at_most",
    Comparison.ABOVE: "above",
    Comparison.AT_LEAST: "at_least",
}
_BROKEN = {
    Comparison.BELOW: ">=",
    Comparison.AT_MOST: ">",
    Comparison.ABOVE: "<=",
    Comparison.AT_LEAST: "<",
}
_OF_PACKS = {
    "HostCpuBusy": "host-cpu",
    "HostMemoryShort": "host-memory",
    "HostDiskBusy": "host-disk-io",
    "HostNetworkBusy": "host-network-io",
    "HostStorageFull": "host-storage",
}
"""Objectives of packs, by the alert that stands beside each."""
TICKETS = {"set": "workbook", "severity": "ticket"}
"""Burn rules of what nobody is woken for."""
_HEAD = "# Made by trimtab of what `setup_monitoring` was given: changes here are overwritten.\n"


def query_of(metric: Metric, config: StackConfig) -> str:
    """PromQL of the metric's value.

    >>> from trimtab.app.stack.reading import read_config
    >>> config = read_config({"application_metrics": {"throughput": {}}, "system": "shop", "window": "2m"})
    >>> query_of(config.metrics[0], config)
    'sum by (instance) (rate(pg_stat_statements_calls_total{instance="shop"}[2m]))'
    """
    return _filled(metric.query or metric.kind.value, metric, config)


def _filled(text: str, metric: Metric, config: StackConfig) -> str:
    label = metric.kind.system_label
    more = f"{label}={json.dumps(config.system, ensure_ascii=False)}" if label and config.system else ""
    quantile = f"{metric.form.quantile:g}" if metric.form is not None and metric.form.quantile else "0.95"
    return (
        text.replace("$window", metric.kind.window(config.window)).replace("$more", more).replace("$quantile", quantile)
    )


def alert_of(metric: Metric) -> str:
    """The name of its alert.

    >>> from trimtab.app.stack.reading import read_config
    >>> alert_of(read_config({"application_metrics": {"query_latency": {}}}).metrics[0])
    'QueryLatencyOutOfBounds'
    """
    if metric.kind.alert:
        return metric.kind.alert
    if metric.kind.wish == "budget_threshold" and metric.wish is False:
        return ""
    return "".join(part.capitalize() for part in metric.name.split("_")) + "OutOfBounds"


def objective_of(metric: Metric) -> str:
    """The name of its objective; '' where nothing was promised.

    >>> from trimtab.app.stack.reading import read_config
    >>> objective_of(read_config({"business_metrics": {"user_satisfaction": {}}}).metrics[0])
    'stack-user-satisfaction'
    """
    if metric.form is not None:
        return f"stack-{metric.name.replace('_', '-')}"
    if metric.kind.wish == "budget_threshold":
        return f"stack-{metric.name.replace('_', '-')}" if metric.wish else ""
    return _OF_PACKS[metric.kind.alert]


def pack_thresholds(config: StackConfig) -> dict[str, dict[str, str]]:
    """Thresholds by pack, of metrics that a pack stands for.

    >>> from trimtab.app.stack.reading import read_config
    >>> pack_thresholds(read_config({"infrastructure_metrics": {"disk_io": {"threshold": 70}}, "for": "0s"}))
    {'host': {'disk_io_percent': '70', 'for': '0s'}}
    """
    made: dict[str, dict[str, str]] = {}
    for metric in config.metrics:
        if metric.kind.pack:
            values = made.setdefault(metric.kind.pack, {})
            values[metric.kind.pack_threshold] = f"{metric.wish:g}"
            values.update(metric.extra)
            if metric.wait:
                values[f"{metric.kind.alert}.for"] = metric.wait
    for values in made.values():
        if config.window != "5m":
            values["window"] = config.window
        if config.interval:
            values["interval"] = config.interval
        if config.wait:
            values["for"] = config.wait
    return made


def rendered_stack(config: StackConfig) -> Rendered:
    """Files of rules and objectives; YAML that is JSON inside, for who reads them by hand one line each."""
    rules = [_recorded(metric, config) for metric in config.metrics]
    rules += [made for metric in config.metrics if (made := _alert(metric, config)) is not None]
    objectives = [made for metric in config.metrics if (made := _objective(metric, config)) is not None]
    group: dict[str, object] = {"name": "stack", "rules": rules}
    if config.interval:
        group["interval"] = config.interval
    if not rules:
        return Rendered("", "")
    made_objectives = _text({"objectives": objectives}) if objectives else ""
    return Rendered(_text({"groups": [group]}), made_objectives)


def _text(document: dict[str, object]) -> str:
    import yaml

    return _HEAD + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000)


def _recorded(metric: Metric, config: StackConfig) -> dict[str, object]:
    labels = {"metric": metric.name, "section": metric.kind.section, "unit": metric.kind.unit}
    return {"record": RECORDED, "expr": query_of(metric, config), "labels": labels}


def _alert(metric: Metric, config: StackConfig) -> dict[str, object] | None:
    """The alert of a metric that no pack stands for."""
    name = alert_of(metric)
    if metric.kind.pack or not name:
        return None
    mine = f'{RECORDED}{{metric="{metric.name}"}}'
    if metric.form is None:
        expr, wanted = f"{mine} > 1", "at most 100% of it"
    else:
        of = metric.form.out_of
        limit = metric.form.threshold if of else ratio_of(metric.form)
        expr = f"{mine}{f' * {of:g}' if of else ''} {_BROKEN[metric.form.comparison]} {limit:.12g}"
        wanted = str(metric.wish)
    summary = (
        f"{metric.name} is {_told_value(metric)}, wanted is {wanted}"
        "{{ if $labels.instance }} ({{ $labels.instance }}){{ end }}"
        "{{ if $labels.system }} ({{ $labels.system }}){{ end }}"
    )
    return {
        "alert": name,
        "expr": expr,
        "for": metric.wait or config.wait or WAIT,
        "labels": {"severity": metric.severity},
        "annotations": {
            "summary": summary,
            "description": metric.description or f"{metric.name}: {metric.kind.title}.",
            "runbook": metric.kind.runbook,
        },
    }


def _told_value(metric: Metric) -> str:
    """A template of the value in the unit of the wish: functions that Prometheus has, too.

    >>> from trimtab.app.stack.reading import read_config, seed_config
    >>> for one in read_config(seed_config()).metrics[-8:]:
    ...     print(_told_value(one))
    {{ $value | humanizeDuration }}
    {{ $value | humanize }} rps
    {{ $value | humanizePercentage }}
    {{ $value | humanizeDuration }}
    {{ $value | humanizePercentage }}
    {{ $value | humanizePercentage }}
    {{ $value | humanizePercentage }} of the budget
    {{ $value | printf "%.3g" }} of 5
    """
    form, unit = metric.form, metric.kind.unit
    if form is not None and form.out_of:
        return f'{{{{ $value | printf "%.3g" }}}} of {form.out_of:g}'
    if unit == "s":
        return "{{ $value | humanizeDuration }}"
    if unit in ("ratio", "of the budget"):
        return "{{ $value | humanizePercentage }}" + (f" {unit}" if unit != "ratio" else "")
    written = re.search(r"([\d.]+)\s*(\D+)$", str(metric.wish))
    is_per_second = written is not None and form is not None and float(written[1]) == form.threshold
    return f"{{{{ $value | humanize }}}} {written[2] if written and is_per_second else unit}"


def _without_quantile(wish: str) -> str:
    """The query has it.

    >>> _without_quantile("p99.9 < 500ms"), _without_quantile("> 1000 rps")
    ('< 500ms', '> 1000 rps')
    """
    return re.sub(r"^\s*p[\d.]+\s*", "", wish)


def _objective(metric: Metric, config: StackConfig) -> dict[str, object] | None:
    if metric.kind.pack or not objective_of(metric):
        return None
    made: dict[str, object] = {
        "name": objective_of(metric),
        "display_name": f"{metric.name}: {'within the budget' if metric.form is None else metric.wish}",
        "service": config.system or "stack",
        "window": config.objective_window,
    }
    if not metric.kind.wakes and metric.severity != "critical":
        made["burn_rules"] = dict(TICKETS)  # a score, a bill, one run in a night, an hour without customers
    if metric.form is None:
        return {**made, "threshold": {"query": query_of(metric, config), "at_most": 1}}
    if metric.kind.bad and metric.form.is_good_below and not metric.query:
        bad, total = (_filled(text, metric, config) for text in (metric.kind.bad, metric.kind.total))
        return {**made, "events": {"bad": bad, "total": total}, "slo": str(metric.wish)}
    threshold = float(f"{ratio_of(metric.form):.12g}")
    query = re.sub(r"\s+", " ", query_of(metric, config))
    if metric.form.unit in ("s", "/s"):  # the short form says the unit, and that of the value is the same
        return {**made, "threshold": {"query": query}, "slo": _without_quantile(str(metric.wish))}
    return {**made, "threshold": {"query": query, _KEYS[metric.form.comparison]: threshold}}
