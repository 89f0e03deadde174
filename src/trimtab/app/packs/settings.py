"""Which packs are in force: the settings."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.setting import setting


def _name_problem(text: str) -> str | None:
    from trimtab.app.packs.pack import names

    return None if text in names() else f"there is no such pack; there are {', '.join(names())}"


def _threshold_problem(text: str) -> str | None:
    from trimtab.app.packs.overriding import override_problem

    return override_problem(text)


@dataclass(frozen=True, slots=True)
class PacksPolicy:
    """Packs: rules and objectives that come with trimtab. What is switched on or off while it runs stands above it."""

    enabled: tuple[str, ...] = setting(
        (),
        "Packs of rules and objectives that are in force: game, host, pipeline, postgres, web.",
        low=0,
        high=100,
        problem=_name_problem,
    )
    thresholds: tuple[str, ...] = setting(
        (),
        "Other values for thresholds of packs, each as PACK.THRESHOLD=VALUE, such as 'host.cpu_percent=90' or "
        "'host.HostCpuBusy.for=5m' ('trimtab packs show NAME' has them all).",
        low=0,
        high=1000,
        problem=_threshold_problem,
    )
