"""Where objectives are written down: the settings."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.setting import setting


@dataclass(frozen=True, slots=True)
class ObjectivesPolicy:
    """Objectives: their files. They are read again when they change; of a wrong one the last good reading stays."""

    files: tuple[str, ...] = setting(
        (),
        "Files of objectives (trimtab's own form, OpenSLO, Sloth), or folders of such .yml and .yaml files. Relative "
        "to this file's folder; read again when they change.",
        low=0,
        high=1000,
    )
