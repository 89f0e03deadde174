"""What is underneath, for people at a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.markup import escape

from trimtab.cli.output import moment
from trimtab.cli.tables import ReadableTable
from trimtab.model.readable import digits_of, percent_of

Json = dict[str, Any]
PROCESSES_MAX = 10
CELL_CHARS = 56
"""So long a line of a cell with many values is."""
NO_BREAK = "\u00a0"
_PREFIXES = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def value(measure: Json) -> str:
    """A value with its unit; what is not known says why.

    >>> value({"value": 0.4567, "unit": "ratio"}), value({"value": 3 * 2**20, "unit": "bytes/s"})
    ('45.7 %', '3 MiB/s')
    >>> value({"value": 0.00042, "unit": "s"}), value({"value": None, "unit": "s", "why": "no reads in this time"})
    ('0.42 ms', 'not known: no reads in this time')
    >>> value({"value": 1.0, "unit": "flag"}), value({"value": None, "unit": "flag", "why": "", "text": "healthy"})
    ('yes', 'healthy')
    """
    number, unit = measure["value"], str(measure["unit"])
    if number is None:
        return f"not known: {measure['why']}" if measure.get("why") else str(measure.get("text", ""))
    if unit == "ratio":
        return percent_of(number)
    if unit == "flag":
        return "yes" if number else "no"
    if unit.startswith("bytes"):
        return size(number) + unit.removeprefix("bytes")
    if unit == "s":
        return f"{number * 1000:.3g} ms"
    return f"{number:.4g} {unit}"


def size(number: float) -> str:
    """
    >>> size(1536), size(12), size(1_061_000_000)
    ('1.5 KiB', '12 bytes', '1,012 MiB')
    """
    for factor, prefix in _PREFIXES:
        if number >= factor:
            return f"{digits_of(number / factor)} {prefix}"
    return f"{number:.0f} bytes"


def _row(table: ReadableTable, *cells: str) -> None:
    """A row whose cells may hold brackets, which are no markup."""
    table.add_row(*map(escape, cells))


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False)


def look(console: Console, told: Json) -> None:
    """`trimtab host`."""
    host(console, told["host"])
    if "containers" in told:
        console.print()
        containers(console, told["containers"])


def host(console: Console, told: Json) -> None:
    """Resources by the USE method, then processes, then what was not there."""
    if told["why"]:
        _say(console, f"Nothing is known of this machine: {told['why']}")
        return
    load = {part["name"]: part["value"] for part in told["load_average"]["parts"]}
    _say(
        console,
        f"{told['host']} at {moment(told['at_ms'])}: load {load.get('load1', 0):.2f} {load.get('load5', 0):.2f} "
        f"{load.get('load15', 0):.2f} on {load.get('cores', 0):.0f} cores",
    )
    table = ReadableTable("", "resource", "utilisation", "saturation", "errors")
    for one in told["resources"]:
        name = f"{one['kind']} {one['name']}".strip()
        told_of = (_several(one[what], is_folded=console.is_terminal) for what in ("saturation", "errors"))
        _row(table, name, value(one["utilisation"]), *told_of)
    console.print(table)
    modes = [part for part in _cpu(told) if part["name"].startswith("mode:") and part["value"]]
    if modes:
        _say(console, "modes: " + ", ".join(f"{one['name'].removeprefix('mode:')} {value(one)}" for one in modes))
    cores = [part for part in _cpu(told) if not part["name"].startswith("mode:")]
    if len(cores) > 1:
        _say(console, "cores: " + ", ".join(f"{one['name']}: {value(one)}" for one in cores))
    busiest = told["busiest"]
    if busiest["why"]:
        _say(console, f"processes: {busiest['why']}")
    if busiest["by_cpu"]:
        console.print(_processes(f"busiest processes over {busiest['interval_ms'] / 1000:.3g} s", busiest["by_cpu"]))
    if busiest["by_memory"]:
        console.print(_processes("greatest processes", busiest["by_memory"][: PROCESSES_MAX // 2]))
    for one in told["collectors"]:
        if one["state"] == "failed":
            _say(console, f"{one['name']} failed: {one['why']}")
    absent = [one["name"] for one in told["collectors"] if one["state"] == "absent"]
    if absent:
        _say(console, f"this machine does not have: {', '.join(absent)} (--format json says why)")


def _cpu(told: Json) -> list[Json]:
    return [part for one in told["resources"] if one["kind"] == "cpu" for part in one["utilisation"]["parts"]]


def _several(measures: Iterable[Json], *, is_folded: bool) -> str:
    """What is not zero; what is not known only where nothing else is said. In a pipe a row is a line."""
    measures = list(measures)
    known = [f"{one['name']} {value(one)}" for one in measures if one["value"]]
    if known:
        if not is_folded:
            return ", ".join(known)
        whole = ", ".join(one.replace(" ", NO_BREAK) for one in known)  # a line breaks between values alone
        return "\n".join(textwrap.wrap(whole, CELL_CHARS, break_long_words=False)).replace(NO_BREAK, " ")
    if any(one["value"] is not None for one in measures):
        return "none"
    return value(measures[0]) if measures else "none"


def _processes(title: str, rows: list[Json]) -> ReadableTable:
    table = ReadableTable(title, "pid", "name", "cpu", "memory", "threads", "reads", "writes", "command")
    for one in rows[:PROCESSES_MAX]:
        _row(
            table,
            str(one["pid"]),
            one["name"],
            "-" if one["cpu_cores"] is None else f"{one['cpu_cores'] * 100:.1f} %",
            size(one["resident_bytes"]),
            str(one["threads_count"]),
            "-" if one["read_bytes_s"] is None else f"{size(one['read_bytes_s'])}/s",
            "-" if one["written_bytes_s"] is None else f"{size(one['written_bytes_s'])}/s",
            one["command"],
        )
    return table


def hosts(console: Console, told: Json) -> None:
    """`trimtab infrastructure hosts`."""
    if told["trouble"]:
        _say(console, f"not all could be asked: {told['trouble']}")
    if not told["hosts"]:
        _say(console, "No host has sent node_exporter's series.")
        return
    table = ReadableTable("", "host", "job", "cpu", "memory", "load", "disk", "fullest", "network", "alerts", "seen")
    for one in told["hosts"]:
        _row(
            table,
            one["instance"],
            one["job"],
            _share(one["cpu_ratio"]),
            _share(one["memory_ratio"]),
            "-" if one["load1"] is None else f"{one['load1']:.2f} / {one['cores'] or 0:.0f}",
            f"{_share(one['disk_ratio'])} {one['disk_device']}".strip(),
            f"{_share(one['storage_ratio'])} {one['storage_mountpoint']}".strip(),
            "-" if one["network_bytes_s"] is None else f"{size(one['network_bytes_s'])}/s",
            str(one["firing_count"]),
            ("silent since " if one["is_silent"] else "") + moment(one["seen_at_ms"]),
        )
    console.print(table)


def _share(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio * 100:.1f} %"


def containers(console: Console, told: Json) -> None:
    """Containers, then what the sources said."""
    where = "runs in a container" if told["is_containerized"] else "runs in no container"
    signs = "; ".join(told["signs"])
    if told["signs_not_believed"]:
        signs = f"{'; '.join(told['signs_not_believed'])}, but every namespace is the machine's own"
    _say(console, f"This process {where}" + (f" ({signs})." if signs else "."))
    if told["containers"]:
        table = ReadableTable(
            "", "container", "cpu", "throttled", "memory", "of its limit", "restarts", "health", "state", "last end"
        )
        for one in told["containers"]:
            seen = one["container"]
            used = seen["numbers"].get("working_set_bytes")
            _row(
                table,
                "/".join(part for part in (seen["labels"].get("namespace"), seen["labels"].get("pod")) if part)
                + ("/" if seen["labels"].get("pod") else "")
                + seen["name"],
                _cores(one["cpu_cores"], one["cpu_limit_cores"]),
                _share(one["throttled_ratio"]),
                "-" if used is None else size(used),
                _share(one["memory_ratio"]),
                f"{seen['numbers']['restarts']:.0f}" if "restarts" in seen["numbers"] else "-",
                seen["health"] or "-",
                seen["state"] or "-",
                seen["last_end"] or "-",
            )
        console.print(table)
    for source in told["sources"]:
        if source["why"]:
            _say(console, f"{source['source']}: {source['why']}")
        if source["left_out_count"]:
            _say(console, f"{source['source']}: {source['left_out_count']} more are beyond containers.containers_max")


def _cores(used: float | None, limit: float | None) -> str:
    if used is None:
        return "-"
    return f"{used:.3g} cores" if limit is None else f"{used:.3g} of {limit:.3g} cores"


def health(console: Console, told: Json) -> None:
    """`trimtab infrastructure`."""
    table = ReadableTable("", "group", "value", "", "source", "at")
    for group in ("system", "containers", "cloud"):
        for name, one in told[group].items():
            more = f" ({one['text']})" if one["text"] and one["value"] is not None else ""
            _row(table, group, name, value(one) + more, one["source"] or "-", moment(one["at_ms"] or None))
    console.print(table)
