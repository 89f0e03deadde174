"""Recording and alerting rules: settings."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.setting import setting


@dataclass(frozen=True, slots=True)
class RulesPolicy:
    """Which rule files are evaluated, and how often."""

    files: tuple[str, ...] = setting(
        (),
        "Prometheus rule files, or patterns such as 'rules/*.yml'; relative to this file's folder. Read again when "
        "they change: a wrong one is refused with its place, and the last good one stays.",
        low=0,
        high=1000,
        needs_restart=True,
    )
    evaluation_interval_s: float = setting(
        60.0,
        "How often groups that name no interval are evaluated.",
        unit="s",
        low=1,
        high=86_400,
        needs_restart=True,
    )
    external_labels: tuple[str, ...] = setting(
        (),
        "Labels that templates see as $externalLabels, each as 'name=value'.",
        low=0,
        high=50,
        needs_restart=True,
        problem=lambda text: None if text.partition("=")[0] and "=" in text else "it is name=value",
    )
