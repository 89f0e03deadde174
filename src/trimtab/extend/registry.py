"""Finds plug-ins by entry point. Built-ins come in by the same door: see `[project.entry-points]` in pyproject.toml."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from trimtab.model.errors import ConfigError

ACTUATORS = "trimtab.actuators"


def load(group: str) -> dict[str, Any]:
    """Every plug-in of a group by name, loaded. One that does not load, or a name taken twice, is a ConfigError.

    >>> load("trimtab.no_such_group")
    {}
    """
    found: dict[str, Any] = {}
    for point in entry_points(group=group):
        if point.name in found:
            raise ConfigError(f"two plug-ins of {group} are named {point.name!r}", group=group, plugin=point.name)
        try:
            found[point.name] = point.load()
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"could not load plug-in {point.name!r} of {group}: {error}", group=group, plugin=point.name
            ) from error
    return found
