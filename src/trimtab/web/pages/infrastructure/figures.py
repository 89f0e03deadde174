"""A host's numbers as they are drawn: each resource with utilisation, saturation and errors, and what is too much."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trimtab.app.infrastructure.hosts import HostFacts
from trimtab.web.format import bytes_text, duration_text, number_text, percent_text, rate_text

LIMITS = {"cpu": 0.80, "memory": 0.85, "disk": 0.90, "network": 0.75, "filesystem": 0.90}
"""From which utilisation on a resource is shown as busy: the same shares as in the pack for hosts."""
WAITING_WARN, WAITING_BAD = 0.10, 0.50
"""Shares of time in which tasks waited."""
QUEUE_WARN = 4.0
LATENCY_WARN_S = 0.05
NOT_SENT = "this host does not send it"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with what it is. `tone` is `warn` or `bad` where it is too much."""

    label: str
    text: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class UseRow:
    """One resource. `ratio` None: `why` says why there is no utilisation."""

    kind: str
    name: str
    ratio: float | None
    tone: str
    detail: str
    why: str
    waits: tuple[Figure, ...]
    wrong: tuple[Figure, ...]


def tone_of_use(kind: str, ratio: float | None) -> str:
    """
    >>> tone_of_use("cpu", 0.5), tone_of_use("cpu", 0.85), tone_of_use("cpu", 0.95), tone_of_use("cpu", None)
    ('ok', 'warn', 'bad', 'quiet')
    """
    if ratio is None:
        return "quiet"
    limit = LIMITS[kind]
    return "bad" if ratio >= (1 + limit) / 2 else "warn" if ratio >= limit else "ok"


def waited(label: str, share: float | None) -> Figure:
    """Pressure as a figure.

    >>> waited("tasks waited", 0.2).tone, waited("tasks waited", None).text
    ('warn', 'not told')
    """
    if share is None:
        return Figure(label, "not told")
    tone = "bad" if share >= WAITING_BAD else "warn" if share >= WAITING_WARN else ""
    return Figure(label, percent_text(min(share, 1.0)), tone)


def rows_of(facts: HostFacts) -> list[UseRow]:
    """Every resource, in the order in which a person looks."""
    return [_cpu(facts), _memory(facts), *_disks(facts), *_filesystems(facts), *_network(facts), _tcp(facts)]


@dataclass(frozen=True, slots=True)
class Core:
    """One core."""

    name: str
    ratio: float
    tone: str


def cores_of(facts: HostFacts) -> list[Core]:
    """How busy each core is, in the order of their numbers."""
    shares = facts.by("per_core", "cpu")
    ordered = sorted(shares, key=lambda one: (0, int(one), "") if one.isdecimal() else (1, 0, one))
    return [Core(one, max(0.0, shares[one]), tone_of_use("cpu", shares[one])) for one in ordered]


def _cpu(facts: HostFacts) -> UseRow:
    ratio, cores, modes = facts.one("cpu"), facts.one("cores"), facts.by("modes", "mode")
    told = ", ".join(
        f"{mode} {percent_text(share)}"
        for mode, share in sorted(modes.items(), key=lambda one: -one[1])
        if mode != "idle" and share >= 0.005
    )
    running = facts.one("running")
    queue = Figure("could run", "not told") if running is None else _against(running, cores)
    steal = modes.get("steal", 0.0)
    waits = [waited("tasks waited", facts.one("cpu_waiting")), queue]
    if (blocked := facts.one("blocked")) is not None and blocked:
        waits.append(Figure("wait for a disk", number_text(blocked)))
    if steal >= 0.01:
        waits.append(Figure("taken by the hypervisor", percent_text(steal), "bad" if steal > 0.1 else "warn"))
    return UseRow("cpu", "", ratio, tone_of_use("cpu", ratio), told, NOT_SENT, tuple(waits), ())


def _against(running: float, cores: float | None) -> Figure:
    text = f"{number_text(running)} tasks" + (f" on {number_text(cores)} cores" if cores else "")
    return Figure("could run", text, "warn" if cores and running > 2 * cores else "")


def _memory(facts: HostFacts) -> UseRow:
    ratio, total, available = facts.one("memory"), facts.one("memory_total"), facts.one("memory_available")
    detail = "" if total is None or available is None else f"{bytes_text(available)} of {bytes_text(total)} available"
    waits = [
        waited("tasks waited", facts.one("memory_waiting")),
        waited("all stood still", facts.one("memory_stalled")),
    ]
    swap, free = facts.one("swap_total"), facts.one("swap_free")
    if swap and free is not None:
        waits.append(Figure("swap used", percent_text(1 - free / swap), "warn" if free < swap / 2 else ""))
    moved = (facts.one("swap_in") or 0.0) + (facts.one("swap_out") or 0.0)
    if moved:
        waits.append(Figure("pages swapped", rate_text(moved), "warn"))
    if faults := facts.one("major_faults"):
        waits.append(Figure("faults from disk", rate_text(faults)))
    kills = facts.one("oom_kills")
    wrong = [Figure("killed for want of memory in an hour", number_text(kills), "bad")] if kills else []
    return UseRow("memory", "", ratio, tone_of_use("memory", ratio), detail, NOT_SENT, tuple(waits), tuple(wrong))


def _disks(facts: HostFacts) -> Iterator[UseRow]:
    names = ("queue", "reads", "writes", "read_bytes", "written_bytes", "read_latency", "write_latency")
    told = {name: facts.by(f"disk_{name}", "device") for name in names}
    pressure = waited("tasks waited", facts.one("io_waiting"))
    for device, busy in sorted(facts.by("disk_busy", "device").items(), key=lambda one: -one[1]):
        ratio = min(busy, 1.0)
        moved = [
            f"{word} {rate_text(told[count].get(device))}, {bytes_text(told[size].get(device))}/s"
            for word, count, size in (("reads", "reads", "read_bytes"), ("writes", "writes", "written_bytes"))
            if told[count].get(device)
        ]
        waits = [pressure]
        if (queue := told["queue"].get(device)) is not None:
            waits.append(Figure("in flight", number_text(queue), "warn" if queue > QUEUE_WARN else ""))
        for word in ("read", "write"):
            latency = told[f"{word}_latency"].get(device)
            if latency is not None:
                tone = "warn" if latency > LATENCY_WARN_S else ""
                waits.append(Figure(f"a {word} takes", duration_text(latency * 1000), tone))
        yield UseRow("disk", device, ratio, tone_of_use("disk", ratio), "; ".join(moved), NOT_SENT, tuple(waits), ())


def _filesystems(facts: HostFacts) -> Iterator[UseRow]:
    sizes, available = facts.by("fs_size", "mountpoint"), facts.by("fs_available", "mountpoint")
    files, free = facts.by("fs_files", "mountpoint"), facts.by("fs_files_free", "mountpoint")
    readonly, silent = facts.by("fs_readonly", "mountpoint"), facts.by("fs_silent", "mountpoint")
    used, taken = facts.by("fs_used", "mountpoint"), facts.by("fs_taken", "mountpoint")
    for place in sorted({*used, *(one for one, value in silent.items() if value)}, key=lambda one: -used.get(one, 2.0)):
        ratio = used.get(place)
        detail = ""
        if place in used and place in available:
            detail = f"{bytes_text(taken.get(place))} used, {bytes_text(available[place])} available"
            detail += f", {bytes_text(sizes.get(place))} in all"
        waits = []
        if files.get(place) and place in free:
            share = 1 - free[place] / files[place]
            waits.append(Figure("files used", percent_text(share), "warn" if share > LIMITS["filesystem"] else ""))
        wrong = []
        if readonly.get(place):
            wrong.append(Figure("read-only", "yes", "warn"))
        if silent.get(place):
            wrong.append(Figure("does not answer", "yes", "bad"))
        yield UseRow(
            "filesystem",
            place,
            ratio,
            "ok" if readonly.get(place) else tone_of_use("filesystem", ratio),
            detail,
            "it does not answer",
            tuple(waits),
            tuple(wrong),
        )


def _network(facts: HostFacts) -> Iterator[UseRow]:
    receive, transmit = facts.by("net_receive", "device"), facts.by("net_transmit", "device")
    speeds = facts.by("net_speed", "device")
    counts = {
        (direction, what): facts.by(f"net_{direction}_{what}", "device")
        for direction in ("receive", "transmit")
        for what in ("drops", "errors")
    }
    for device in sorted(receive, key=lambda one: -(receive[one] + transmit.get(one, 0.0))):
        speed = speeds.get(device, 0.0)
        most = max(receive[device], transmit.get(device, 0.0))
        ratio = most / speed if speed > 0 else None
        told = {
            what: [
                Figure(f"{direction}d" if what == "drops" else direction, rate_text(number), "warn")
                for direction in ("receive", "transmit")
                if (number := counts[direction, what].get(device))
            ]
            for what in ("drops", "errors")
        }
        if not most and ratio is None and not any(told.values()):
            continue
        yield UseRow(
            "network",
            device,
            ratio,
            tone_of_use("network", ratio),
            f"in {bytes_text(receive[device])}/s, out {bytes_text(transmit.get(device, 0.0))}/s",
            "it does not say how fast its line is",
            tuple(Figure(f"dropped, {one.label}", one.text, one.tone) for one in told["drops"]),
            tuple(Figure(f"errors, {one.label}", one.text, one.tone) for one in told["errors"]),
        )


def _tcp(facts: HostFacts) -> UseRow:
    connections, again, full = facts.one("tcp"), facts.one("retransmits"), facts.one("overflows")
    detail = "" if connections is None else f"{number_text(connections)} connections"
    waits = [Figure("full accept queues", rate_text(full), "warn")] if full else []
    wrong = []
    if again is not None and again > 0.0001:  # NaN, where nothing was sent, is not
        wrong.append(Figure("segments sent again", percent_text(again), "warn" if again > 0.01 else ""))
    return UseRow("tcp", "", None, "quiet", detail, "", tuple(waits), tuple(wrong))
