"""Where the kernel keeps what it knows of groups of processes: version 1 (a tree for each controller), version 2 (one
tree), or both at once, as older distributions have them. Paths of containers are known by how engines name them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from trimtab.observe.host.files import HostPaths, KernelFile, text_in

_ID = r"(?P<id>[0-9a-f]{64}|[0-9a-f]{32}-\d+|[0-9a-f]{8}(?:-[0-9a-f]{4}){4})"
_SCOPES = re.compile(rf"(?P<engine>docker|cri-containerd|crio|libpod|containerd|nerdctl)-{_ID}\.scope")
_BARE = re.compile(rf"{_ID}")
_NAMED = re.compile(r"(lxc\.payload\.|lxc/|machine-|ecs/[^/]+/)(?P<name>[^/]+?)(\.scope)?$")
_PARENTS = re.compile(
    r"(^|/)(docker|kubepods[^/]*|libpod_parent|containerd|ecs|garden|buildkit|podman|pod[0-9a-f-]{36})(/|$)"
)
_POD = re.compile(r"pod(?P<uid>[0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12})")
DEPTH_MAX = 10
GROUPS_MAX = 20_000
"""So many groups are looked through for containers; a machine with more has something wrong."""


@dataclass(frozen=True, slots=True)
class Trees:
    """Where the trees are mounted. `unified` is empty where there is no version 2; `controllers` are version 1's."""

    unified: str = ""
    controllers: dict[str, str] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """`1`, `2`, `1 and 2`, or empty where there are none."""
        return " and ".join(
            number for number, there in (("1", bool(self.controllers)), ("2", bool(self.unified))) if there
        )

    def roots(self) -> list[str]:
        """The trees that are looked through: each once."""
        wanted = [self.controllers[name] for name in ("memory", "cpuacct", "cpu", "pids") if name in self.controllers]
        return list(dict.fromkeys([*([self.unified] if self.unified else []), *wanted]))


def trees_of(paths: HostPaths) -> Trees:
    """The trees that are mounted, where this process sees them; those below the machine's /sys come before others."""
    unified: list[str] = []
    controllers: dict[str, list[str]] = {}
    for line in KernelFile("/proc/self/mounts").read().decode("utf-8", "replace").splitlines():
        parts = line.split(" ")
        if len(parts) < 4:
            continue
        place, kind, options = parts[1], parts[2], parts[3].split(",")
        if kind == "cgroup2":
            unified.append(place)
        elif kind == "cgroup":
            for name in {"cpu", "cpuacct", "memory", "pids", "blkio"} & {*options}:
                controllers.setdefault(name, []).append(place)

    def chosen(places: list[str]) -> str:
        return next((place for place in places if place.startswith(f"{paths.sys}/")), places[0])

    return Trees(chosen(unified) if unified else "", {name: chosen(places) for name, places in controllers.items()})


@dataclass(frozen=True, slots=True)
class Group:
    """One cgroup: its path from the root of its tree, and what the path says of it."""

    path: str
    key: str
    name: str
    engine: str = ""
    pod_uid: str = ""


def group_of(path: str) -> Group | None:
    """What a path says; None where it is no container's.

    >>> one = group_of("/system.slice/docker-" + "ab" * 32 + ".scope")
    >>> one.engine, one.name, group_of("/system.slice/ssh.service"), group_of("/lxc.payload.web").name
    ('docker', 'abababababab', None, 'web')
    >>> group_of("/docker/" + "ab" * 32).engine, group_of("/process_api/" + "0" * 64)
    ('docker', None)
    """
    last = path.rstrip("/").rpartition("/")[2]
    pod = _POD.search(path)
    uid = "" if pod is None else pod["uid"].replace("_", "-")
    if found := _SCOPES.fullmatch(last):
        return Group(path, found["id"], found["id"][:12], found["engine"], uid)
    if (found := _BARE.fullmatch(last)) and (parent := _PARENTS.search(path.rpartition("/")[0] + "/")):
        engine = parent[2] if not uid else "kubernetes"
        return Group(path, found["id"], found["id"][:12], engine, uid)
    if found := _NAMED.search(path):
        return Group(path, path, found["name"], "lxc" if "lxc" in path else "machine", uid)
    return None


def groups_in(trees: Trees) -> Iterator[Group]:
    """Every container's cgroup, each once, whichever tree it is in."""
    seen: set[str] = set()
    count = 0
    for root in trees.roots():
        waiting = [(root, 0)]
        while waiting and count < GROUPS_MAX:
            folder, depth = waiting.pop()
            for name in _folders(folder):
                count += 1
                inner = f"{folder}/{name}"
                path = inner[len(root) :]
                found = group_of(path)
                if found is not None:
                    if found.path not in seen:
                        seen.add(found.path)
                        yield found
                elif depth < DEPTH_MAX:
                    waiting.append((inner, depth + 1))


def _folders(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [one.name for one in entries if one.is_dir(follow_symlinks=False)]
    except OSError:  # it is gone
        return []


def own_paths() -> dict[str, str]:
    """The cgroups of this process by controller ('' is version 2's)."""
    found: dict[str, str] = {}
    for line in KernelFile("/proc/self/cgroup").read().decode("utf-8", "replace").splitlines():
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(","):
            found[name] = path
    return found


@dataclass(frozen=True, slots=True)
class Evidence:
    """Whether this process runs in a container, and by what one sees it. `not_believed` are signs that engines leave,
    on a machine that was itself made of a container's image."""

    is_containerized: bool
    signs: tuple[str, ...]
    not_believed: tuple[str, ...] = ()


INITIAL = {"pid": 0xEFFFFFFC, "cgroup": 0xEFFFFFFB, "uts": 0xEFFFFFFE}
"""Numbers of the namespaces that the kernel began with (its `PROC_*_INIT_INO`): a container has at least one other."""


def evidence(environment: Mapping[str, str] | None = None, root: str = "", proc: str = "/proc") -> Evidence:
    """Signs that engines leave. Files and variables alone are not believed where no namespace is the process's own:
    machines are made of containers' images, with all that lies in them."""
    told = os.environ if environment is None else environment
    believed = []
    try:
        own = own_paths()
    except OSError:
        own = {}
    believed = [f"its cgroup is {path}" for path in dict.fromkeys(own.values()) if group_of(path) is not None]
    left = []
    for path, engine in (("/.dockerenv", "Docker"), ("/run/.containerenv", "Podman")):
        if os.path.exists(root + path):  # noqa: PTH110 - a path of the machine, joined as the kernel has it
            left.append(f"{path} is there ({engine})")
    if told.get("KUBERNETES_SERVICE_HOST"):
        left.append("KUBERNETES_SERVICE_HOST is set (a pod of Kubernetes)")
    if told.get("container"):
        left.append(f"container={told['container']} is set")
    try:
        first = text_in(f"{proc}/1/environ").split("\0")
    except OSError:  # of another user
        first = []
    left += [f"{one} is set for the first process" for one in first if one.startswith("container=")]
    if believed or own_namespaces(proc):
        return Evidence(bool(believed or left), tuple(dict.fromkeys([*believed, *left])))
    return Evidence(False, (), tuple(dict.fromkeys(left)))


def own_namespaces(proc: str = "/proc") -> tuple[str, ...]:
    """Namespaces of this process that are not those that the kernel began with."""
    found = []
    for kind, initial in INITIAL.items():
        try:
            told = os.readlink(f"{proc}/self/ns/{kind}")  # noqa: PTH115 - it is no path
        except OSError:
            continue
        if told != f"{kind}:[{initial}]":
            found.append(kind)
    return tuple(found)
