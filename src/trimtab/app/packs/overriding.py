"""Other values in place of a pack's thresholds: checked by name and limits, then put into rules and objectives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from trimtab.app.packs.pack import Pack, Threshold, names, pack_of
from trimtab.app.settings import did_you_mean

Overrides = Mapping[str, str]
"""Values by the threshold's name."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The files of a pack as they are in force."""

    rules: str
    objectives: str


def override_problem(text: str) -> str | None:
    """What is wrong with 'PACK.THRESHOLD=VALUE'; None where nothing is.

    >>> override_problem("host.cpu_percent=90"), override_problem("host.HostCpuBusy.for=0s")
    (None, None)
    >>> override_problem("host.cpu_percnt=90")
    'pack host has no threshold cpu_percnt (did you mean cpu_percent?)'
    >>> override_problem("host.cpu_percent=high")
    "host.cpu_percent must be a number, found 'high'"
    """
    key, is_there, value = text.partition("=")
    name, dot, threshold = key.strip().partition(".")
    if not is_there or not dot:
        return "it is PACK.THRESHOLD=VALUE, such as host.cpu_percent=90"
    if name not in names():
        return f"there is no pack {name}{did_you_mean(name, names())}"
    return value_problem(pack_of(name), threshold, value.strip())


def value_problem(pack: Pack, threshold: str, value: str) -> str | None:
    """What is wrong with a value of a threshold."""
    known = pack.threshold(threshold)
    if known is None:
        return f"pack {pack.name} has no threshold {threshold}{did_you_mean(threshold, pack.known())}"
    problem = known.problem(value)
    return None if problem is None else f"{pack.name}.{threshold} {problem}"


def overrides_of(texts: Iterable[str], pack: str) -> dict[str, str]:
    """Of 'PACK.THRESHOLD=VALUE' those of one pack; they must be right.

    >>> overrides_of(["host.cpu_percent = 90", "web.window=1m"], "host")
    {'cpu_percent': '90'}
    """
    pairs = (text.partition("=") for text in texts)
    found = ((key.strip().partition("."), value.strip()) for key, _, value in pairs)
    return {threshold: value for (name, _, threshold), value in found if name == pack}


def rendered(pack: Pack, overrides: Overrides) -> Rendered:
    """Rules and objectives with these values. Without any, the files as they are, comments and all."""
    if not overrides:
        return Rendered(pack.rules_text, pack.objectives_text)
    import yaml

    rules, objectives = (
        msgspec.convert(yaml.safe_load(text), type=dict[str, Any]) for text in (pack.rules_text, pack.objectives_text)
    )
    for group in rules["groups"]:
        if "interval" in overrides:
            group["interval"] = overrides["interval"]
        for rule in group["rules"]:
            _change_rule(pack, rule, overrides)
    for objective in objectives["objectives"]:
        for known, value in _values(pack, overrides):
            if objective["name"] in known.objectives:
                _change_objective(objective, known, value)
    return Rendered(_dumped(pack, rules, overrides), _dumped(pack, objectives, overrides))


def _values(pack: Pack, overrides: Overrides) -> list[tuple[Threshold, str]]:
    return [(known, overrides[name]) for name, known in pack.thresholds.items() if name in overrides]


def _change_rule(pack: Pack, rule: dict[str, Any], overrides: Overrides) -> None:
    name = rule.get("alert") or rule["record"]
    for known, value in _values(pack, overrides):
        if name in known.rules:
            rule["expr"], _ = known.replaced(rule["expr"], value)
    waits = overrides.get(f"{name}.for", overrides.get("for"))
    if "alert" in rule and waits is not None:
        rule["for"] = waits


def _change_objective(objective: dict[str, Any], known: Threshold, value: str) -> None:
    """The value stands as a text or a number of its own, at any depth."""
    for key, inner in objective.items():
        if isinstance(inner, dict):
            _change_objective(inner, known, value)
        elif str(inner) == known.value:
            objective[key] = value if isinstance(inner, str) else float(value)


def _dumped(pack: Pack, document: dict[str, Any], overrides: Overrides) -> str:
    import yaml

    told = ", ".join(f"{name}={value}" for name, value in sorted(overrides.items()))
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000)
    return f"# trimtab's pack {pack.name} with {told}. Made by trimtab: changes here are overwritten.\n{text}"
