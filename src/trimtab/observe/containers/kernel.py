"""Containers of this machine as its kernel knows them: by their cgroups, with no engine asked."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.observe.containers.cgroup_numbers import numbers_of
from trimtab.observe.containers.cgroups import Group, Trees, evidence, groups_in, own_paths, trees_of
from trimtab.observe.containers.container import Container, Listed
from trimtab.observe.host.files import HostPaths

OWN = "this container"
NO_RESTARTS = "the kernel does not know restarts: that is a container engine's"
NO_HEALTH = "the kernel does not know health checks: they are a container engine's"


class KernelContainers:
    """For one thread at a time."""

    def __init__(self, paths: HostPaths, further: Sequence[str] = ()) -> None:
        self._paths, self._further = paths, further

    @property
    def is_containerized(self) -> bool:
        """Whether this process itself runs in a container."""
        return evidence().is_containerized

    def look(self, at_ms: int, containers_max: int) -> Listed:
        """Containers, the one that this process is in among them, and the groups that are asked for by path."""
        try:
            trees = trees_of(self._paths)
        except OSError as error:
            return Listed("cgroups", why=f"/proc/self/mounts: {error.strerror}")
        source = f"cgroup v{trees.version}"
        if not trees.version:
            return Listed("cgroups", why="no cgroups are mounted here", is_absent=True)
        groups = [*groups_in(trees), *(Group(path, path, path) for path in self._further)]
        found = [_container(trees, group, source, at_ms) for group in groups[:containers_max]]
        if not any(one.numbers for one in found) and self.is_containerized:
            found.append(self._own(trees, source, at_ms))
        known = tuple(one for one in found if one.numbers or one.key in self._further)
        left_out = max(len(groups) - containers_max, 0)
        why = "" if known else "no container's cgroup is on this machine"
        return Listed(source, known, why, left_out, is_absent=not known)

    def _own(self, trees: Trees, source: str, at_ms: int) -> Container:
        """The container that this process is in: its engine shows it its own group as the root of the tree."""
        own = own_paths()

        def path_of(controller: str) -> str:
            path = own.get(controller, "/")
            return "" if path == "/" or path.startswith("/..") else path

        numbers, why = numbers_of(trees, path_of)
        if not numbers:  # the path is of the machine's tree, and what is mounted here begins at the own group
            numbers, why = numbers_of(trees, lambda _controller: "")
        return Container(own.get("", "/"), OWN, source, at_ms, numbers, state="running", why=_with_unknown(why))


def _container(trees: Trees, group: Group, source: str, at_ms: int) -> Container:
    numbers, why = numbers_of(trees, lambda _controller: group.path)
    labels = {"id": group.path}
    if group.pod_uid:
        labels["pod_uid"] = group.pod_uid
    state = "running" if numbers else ""
    return Container(group.key, group.name, source, at_ms, numbers, state=state, labels=labels, why=_with_unknown(why))


def _with_unknown(why: dict[str, str]) -> dict[str, str]:
    return {**why, "restarts": NO_RESTARTS, "health": NO_HEALTH}
