"""The Kubernetes API: pods of a node or of all, their containers' restarts, readiness, ends and limits, and, where the
cluster has a metrics server, what they use now.

Needs `get` and `list` on pods, and on pods of metrics.k8s.io. Nothing else is asked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from trimtab.model.errors import ServerUnreachable
from trimtab.observe.containers.asking import Asking, items, mapping, number, text
from trimtab.observe.containers.container import NO_CHECK, Container, Listed

SOURCE = "Kubernetes' API"
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN = "TRIMTAB_KUBERNETES_TOKEN"  # noqa: S105 - the name of the variable
PAGE = 500
_UNITS = {
    "": 1.0,
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "E": 1e18,
    **{f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTPE", 1)},
}
_QUANTITY = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([numkMGTPE]|[KMGTPE]i)?")


def quantity(written: object) -> float | None:
    """A quantity as Kubernetes writes it, in base units; None where it is none.

    >>> quantity("250m"), quantity("128Mi"), quantity("12345678n"), quantity("1e3"), quantity("x")
    (0.25, 134217728.0, 0.012345678, 1000.0, None)
    """
    found = _QUANTITY.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        return number(written)
    return float(found[1]) * _UNITS[found[2] or ""]


def asking_of(address: str) -> Asking:
    """The API by its address, or by what a pod is given."""
    if address != "in-cluster":
        return Asking(address, token=_token_of_environment, ca_file=os.environ.get("TRIMTAB_KUBERNETES_CA_FILE", ""))
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise ServerUnreachable(
            "containers.kubernetes is in-cluster, and KUBERNETES_SERVICE_HOST is not set: this is no pod",
            address=address,
        )
    place = f"[{host}]" if ":" in host else host
    return Asking(f"https://{place}:{port}", token=lambda: _token_in(f"{ACCOUNT}/token"), ca_file=f"{ACCOUNT}/ca.crt")


def _token_of_environment() -> str:
    file = os.environ.get(f"{TOKEN}_FILE", "")
    found = _token_in(file) if file else os.environ.get(TOKEN, "")
    if not found:
        raise ServerUnreachable(f"no token: set {TOKEN}, or {TOKEN}_FILE to a file that holds one")
    return found


def _token_in(file: str) -> str:
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise ServerUnreachable(f"the token in {file} cannot be read: {error.strerror}", file=file) from error


class Kubernetes:
    """For one thread at a time."""

    def __init__(self, asking: Asking, node: str = "") -> None:
        self._asking, self._node = asking, node

    def close(self) -> None:
        """Let the connection go; again is no error."""
        self._asking.close()

    def look(self, at_ms: int, containers_max: int) -> Listed:
        """All containers of the pods, init containers and those that wait or ended among them."""
        try:
            pods = list(self._pods())
        except ServerUnreachable as error:
            return Listed(SOURCE, why=error.message)
        used, why_not_used = self._used()
        found: list[Container] = []
        count = 0
        for pod in pods:
            for one in _containers(pod, at_ms, used, why_not_used):
                count += 1
                if count <= containers_max:
                    found.append(one)
        return Listed(SOURCE, tuple(found), left_out_count=count - len(found))

    def _pods(self) -> Iterator[Mapping[str, object]]:
        query = {"limit": str(PAGE)}
        if self._node:
            query["fieldSelector"] = f"spec.nodeName={self._node}"
        after = ""
        while True:
            page = mapping(self._asking.get("/api/v1/pods", **query, **({"continue": after} if after else {})))
            yield from (mapping(one) for one in items(page.get("items")))
            after = text(mapping(page.get("metadata")).get("continue"))
            if not after:
                return

    def _used(self) -> tuple[dict[tuple[str, str, str], Mapping[str, object]], str]:
        """What containers use by namespace, pod and name; and why that is not known."""
        try:
            told = mapping(self._asking.get("/apis/metrics.k8s.io/v1beta1/pods"))
        except ServerUnreachable as error:
            if error.facts.get("status") == 404:
                return {}, "the cluster has no metrics server (metrics.k8s.io)"
            return {}, f"the metrics server did not answer: {error.message}"
        found = {}
        for pod in map(mapping, items(told.get("items"))):
            about = mapping(pod.get("metadata"))
            for one in map(mapping, items(pod.get("containers"))):
                found[text(about.get("namespace")), text(about.get("name")), text(one.get("name"))] = mapping(
                    one.get("usage")
                )
        return found, "the metrics server does not tell it yet"


def _containers(
    pod: Mapping[str, object],
    at_ms: int,
    used: Mapping[tuple[str, str, str], Mapping[str, object]],
    why_not_used: str,
) -> Iterator[Container]:
    about, spec, status = mapping(pod.get("metadata")), mapping(pod.get("spec")), mapping(pod.get("status"))
    namespace, name = text(about.get("namespace")), text(about.get("name"))
    labels = {"namespace": namespace, "pod": name, "node": text(spec.get("nodeName"))}
    for kind, is_init in (("containers", False), ("initContainers", True)):
        told = "initContainerStatuses" if is_init else "containerStatuses"
        states = {text(one.get("name")): one for one in map(mapping, items(status.get(told)))}
        for one in map(mapping, items(spec.get(kind))):
            title = text(one.get("name"))
            yield _container(
                one,
                states.get(title, {}),
                {**labels, "container": title},
                text(status.get("phase")),
                at_ms,
                used.get((namespace, name, title)),
                why_not_used,
            )


def _container(
    wanted: Mapping[str, object],
    told: Mapping[str, object],
    labels: dict[str, str],
    phase: str,
    at_ms: int,
    used: Mapping[str, object] | None,
    why_not_used: str,
) -> Container:
    numbers: dict[str, float] = {}
    why: dict[str, str] = {}
    limits = mapping(mapping(wanted.get("resources")).get("limits"))
    if (cores := quantity(limits.get("cpu"))) is not None:
        numbers |= {"cpu_quota_us": cores * 100_000, "cpu_period_us": 100_000.0}
    numbers["memory_limit_bytes"] = quantity(limits.get("memory")) or 0.0
    restarts = number(told.get("restartCount"))
    if restarts is None:
        why["restarts"] = f"the pod is {phase or 'new'}: the container was not started yet"
    else:
        numbers["restarts"] = restarts
    state, detail = _state(mapping(told.get("state")))
    health = ""
    if not any(wanted.get(probe) for probe in ("readinessProbe", "livenessProbe", "startupProbe")):
        why["health"] = NO_CHECK
    elif "ready" in told:
        is_ready = bool(told.get("ready"))
        health, numbers["is_healthy"] = ("healthy" if is_ready else "unhealthy"), float(is_ready)
    else:
        why["health"] = why.get("restarts", "the API does not tell it")
    started = text(detail.get("startedAt"))
    if started and state == "running":
        numbers["started_s"] = datetime.fromisoformat(started).timestamp()
    last = mapping(mapping(told.get("lastState")).get("terminated"))
    if used is None:
        why |= {"cpu_cores": why_not_used, "memory_bytes": why_not_used}
    else:
        for name, field in (("cpu_cores", "cpu"), ("working_set_bytes", "memory")):
            if (value := quantity(used.get(field))) is not None:
                numbers[name] = value
        if "working_set_bytes" in numbers:  # what the metrics server calls memory
            numbers["memory_bytes"] = numbers["working_set_bytes"]
    key = text(told.get("containerID")).rpartition("//")[2]
    return Container(
        key or f"{labels['namespace']}/{labels['pod']}/{labels['container']}",
        labels["container"],
        SOURCE,
        at_ms,
        numbers,
        text(wanted.get("image")),
        state or phase.lower(),
        health,
        {name: value for name, value in labels.items() if value},
        why,
        text(last.get("reason")) or text(mapping(detail).get("reason")),
    )


def _state(told: Mapping[str, object]) -> tuple[str, Mapping[str, object]]:
    """
    >>> _state({"waiting": {"reason": "CrashLoopBackOff"}})
    ('CrashLoopBackOff', {'reason': 'CrashLoopBackOff'})
    >>> _state({"running": {"startedAt": "x"}})[0], _state({})
    ('running', ('', {}))
    """
    for kind in ("running", "waiting", "terminated"):
        if kind in told:
            detail = mapping(told[kind])
            return (text(detail.get("reason")) if kind == "waiting" else "") or kind, detail
    return "", {}
