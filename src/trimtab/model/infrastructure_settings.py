"""What is collected of this machine and its containers: the settings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from trimtab.model.setting import setting

COLLECTORS = (
    *("cpu", "loadavg", "meminfo", "vmstat", "pressure", "diskstats", "filesystem", "netdev", "netstat", "sockstat"),
    *("softnet", "interrupts", "schedstat", "filefd", "entropy", "conntrack", "kernel_hung", "time", "process"),
    *("netclass", "arp", "uname", "timex", "hwmon", "thermal_zone", "powersupplyclass", "cpufreq", "processes"),
    *("tcpstat", "udp_queues"),
)
"""What can be collected of a host, as node_exporter calls it."""
_LABEL_CHARS_MAX = 200


def collector_problem(text: str) -> str | None:
    """What is wrong with the name of a collector, None where nothing is.

    >>> collector_problem("cpu"), collector_problem("zfs").partition(":")[0]
    (None, 'there is no such collector')
    """
    return None if text in COLLECTORS else f"there is no such collector: there are {', '.join(COLLECTORS)}"


def label_problem(text: str) -> str | None:
    """What is wrong with the value of a label, None where nothing is.

    >>> label_problem("db1:9100"), label_problem("a\\n")
    (None, 'it is one line of at most 200 characters')
    """
    if len(text) <= _LABEL_CHARS_MAX and (text.isprintable() or not text):
        return None
    return f"it is one line of at most {_LABEL_CHARS_MAX} characters"


def folder_problem(text: str) -> str | None:
    """What is wrong with a folder, None where nothing is.

    >>> folder_problem("/host/proc"), folder_problem("proc")
    (None, 'it is a path that begins with /')
    """
    return None if text.startswith("/") else "it is a path that begins with /"


def engine_problem(text: str) -> str | None:
    """What is wrong with the address of a container engine, None where nothing is.

    >>> engine_problem(""), engine_problem("unix:///var/run/docker.sock"), engine_problem("http://127.0.0.1:2375")
    (None, None, None)
    >>> engine_problem("docker.sock")
    'it begins with unix:///, http:// or https://'
    """
    if not text or re.fullmatch(r"unix:///.+", text):
        return None
    return _http_problem(text, "it begins with unix:///, http:// or https://")


def cluster_problem(text: str) -> str | None:
    """What is wrong with the address of a Kubernetes API, None where nothing is.

    >>> cluster_problem(""), cluster_problem("in-cluster"), cluster_problem("https://10.0.0.1:6443")
    (None, None, None)
    """
    if text in {"", "in-cluster"}:
        return None
    return _http_problem(text, "it is in-cluster, or begins with http:// or https://")


def _http_problem(text: str, otherwise: str) -> str | None:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return otherwise
    return "the URL holds a password" if parts.username is not None or parts.password is not None else None


@dataclass(frozen=True, slots=True)
class HostPolicy:
    """This machine. `TRIMTAB_COLLECT=off` in the environment comes before `collect`, here and for containers."""

    collect: bool = setting(
        True,
        "Whether this machine's numbers are collected into the own store, under node_exporter's names. "
        "TRIMTAB_COLLECT=off in the environment comes before this.",
    )
    interval_s: float = setting(15.0, "How often.", unit="s", low=1, high=300)
    slow_interval_s: float = setting(
        15.0,
        "How often what hardly moves or costs much is looked at: processes, connections, interfaces, sensors.",
        unit="s",
        low=1,
        high=3600,
        needs_restart=True,
    )
    job: str = setting("node", "The label `job` of these series.", needs_restart=True, problem=label_problem)
    instance: str = setting(
        "",
        "The label `instance` of these series; empty: the machine's name.",
        needs_restart=True,
        problem=label_problem,
    )
    proc_path: str = setting(
        "/proc", "Where the machine's /proc is: elsewhere in a container.", needs_restart=True, problem=folder_problem
    )
    sys_path: str = setting("/sys", "Where the machine's /sys is.", needs_restart=True, problem=folder_problem)
    root_path: str = setting(
        "/", "Where the machine's file systems are mounted.", needs_restart=True, problem=folder_problem
    )
    collectors_off: tuple[str, ...] = setting(
        (), "What is not collected.", low=0, high=len(COLLECTORS), needs_restart=True, problem=collector_problem
    )
    collectors_on: tuple[str, ...] = setting(
        (),
        "What is collected only where it is wanted: interrupts, which are thousands of series on a large machine.",
        low=0,
        high=len(COLLECTORS),
        needs_restart=True,
        problem=collector_problem,
    )


@dataclass(frozen=True, slots=True)
class ContainersPolicy:
    """Containers of this machine, of a Docker engine, of Kubernetes."""

    collect: bool = setting(
        True, "Whether containers are looked at: cgroups of this machine, and the engines that are named here."
    )
    interval_s: float = setting(15.0, "How often.", unit="s", low=1, high=300)
    docker: str = setting(
        "",
        "Docker's engine: unix:///var/run/docker.sock, or a URL; it is asked for lists, states and statistics. "
        "Empty: it is not asked. Who may use that socket owns the machine.",
        needs_restart=True,
        problem=engine_problem,
    )
    kubernetes: str = setting(
        "",
        "The Kubernetes API: in-cluster (the pod's own account), or a URL and the token in "
        "TRIMTAB_KUBERNETES_TOKEN, or ..._TOKEN_FILE. Empty: it is not asked.",
        needs_restart=True,
        problem=cluster_problem,
    )
    kubernetes_node: str = setting(
        "",
        "Only pods on this node; empty: all that the account may see.",
        needs_restart=True,
        problem=label_problem,
    )
    cgroups: tuple[str, ...] = setting(
        (),
        "Further cgroups of this machine to look at, by path from the root of their hierarchy, such as "
        "/system.slice/postgresql.service.",
        low=0,
        high=200,
        needs_restart=True,
        problem=folder_problem,
    )
    containers_max: int = setting(
        500,
        "How many containers are looked at; what is beyond is counted and said.",
        unit="containers",
        low=1,
        high=20_000,
    )
