"""What is wrong with this server as it stands, for a banner, the log and `trimtab status`: each with what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trimtab.app.settings import did_you_mean


def unknown_targets(targets: Mapping[str, object], systems: Iterable[str]) -> tuple[str, ...]:
    """A sentence for each section of the file that is for a system which nobody watches: nothing in it counts.

    >>> unknown_targets({"shp": {}, "shop": {}}, ["shop"])[0].partition(" is watched")[2]
    ' (did you mean shop?): nothing of it is in force'
    """
    known = tuple(systems)
    return tuple(
        f'the configuration file has [target."{name}"], and no system of that name is watched'
        f"{did_you_mean(name, known) if known else ''}: nothing of it is in force"
        for name in sorted(set(targets) - set(known))
    )
