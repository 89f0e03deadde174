"""A plan in the text form of EXPLAIN, line by line, and in which line each step stands."""

from __future__ import annotations

from typing import Any

from trimtab.analyze.queries.plans.document import PlanDocument, Raw, below, number
from trimtab.analyze.queries.plans.words import title_of

_BEFORE = (
    "Disabled",
    "Output",
    "TID Cond",
    "Function Call",
    "Table Function Call",
    "Index Cond",
    "Recheck Cond",
    "Rows Removed by Index Recheck",
    "Order By",
    "One-Time Filter",
    "Conflict Resolution",
    "Conflict Arbiter Indexes",
    "Conflict Filter",
    "Rows Removed by Conflict Filter",
    "Tuples Inserted",
    "Conflicting Tuples",
    "Merge Cond",
    "Hash Cond",
    "Join Filter",
    "Rows Removed by Join Filter",
    "Group Key",
    "Hash Key",
    "Sort Key",
    "Presorted Key",
    "Window",
    "Cache Key",
    "Cache Mode",
    "Filter",
)
_AFTER = (
    "Rows Removed by Filter",
    "Run Condition",
    "Heap Fetches",
    "Index Searches",
    "Workers Planned",
    "Workers Launched",
    "Single Copy",
    "Subplans Removed",
)
_LEFT_OUT = "Nodes Left Out"


def write_text(document: PlanDocument) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The lines, and for each step, parents first, the number of its line (from 1).

    >>> write_text(PlanDocument({"Plan": {"Node Type": "Seq Scan", "Relation Name": "t", "Filter": "(a = 1)"}}))
    (('Seq Scan on t', '  Filter: (a = 1)'), (1,))
    """
    if document.lines:
        return document.lines, document.line_of
    lines: list[str] = []
    line_of: list[int] = []
    waiting: list[tuple[Raw, int]] = [(document.raw["Plan"], 0)]
    while waiting:
        raw, indent = waiting.pop()
        if (label := raw.get("Subplan Name")) and indent:
            lines.append(f"{'  ' * indent}{label}")
            indent += 1
        arrow = "  " * indent + "->  " if indent else ""
        lines.append(f"{arrow}{title_of(raw)}{_costs(raw)}{_actual(raw)}")
        line_of.append(len(lines))
        inside = indent + (3 if indent else 1)
        lines.extend("  " * inside + words for words in _facts(raw))
        if left_out := raw.get(_LEFT_OUT):
            lines.append("  " * inside + f"({left_out} more steps were left out)")
        waiting.extend((child, inside) for child in reversed(below(raw)))
    lines.extend(_beside(document.raw))
    return tuple(lines), tuple(line_of)


def _costs(raw: Raw) -> str:
    total = number(raw, "Total Cost")
    if total is None:
        return ""
    start, rows, width = (number(raw, key) or 0.0 for key in ("Startup Cost", "Plan Rows", "Plan Width"))
    return f"  (cost={start:.2f}..{total:.2f} rows={rows:.0f} width={width:.0f})"


def _actual(raw: Raw) -> str:
    loops, rows = number(raw, "Actual Loops"), raw.get("Actual Rows")
    if loops is None or rows is None:
        return ""
    if loops == 0:
        return " (never executed)"
    first, last = number(raw, "Actual Startup Time"), number(raw, "Actual Total Time")
    time = "" if last is None else f"time={first or 0:.3f}..{last:.3f} "
    return f" (actual {time}rows={_rows(rows)} loops={loops:.0f})"


def _rows(rows: object) -> str:
    return f"{rows:.2f}" if isinstance(rows, float) else str(rows)


def _facts(raw: Raw) -> list[str]:
    found = [_property(key, raw[key]) for key in _BEFORE if key in raw and _is_said(key, raw[key])]
    if raw.get("Inner Unique") is True and "Output" in raw:  # text says it where it is verbose
        found.insert(1, "Inner Unique: true")
    if "Sampling Method" in raw:
        parameters = raw.get("Sampling Parameters")
        listed = ", ".join(str(one) for one in parameters) if isinstance(parameters, list) else ""
        found.insert(0, f"Sampling: {raw['Sampling Method']} ({listed})")
    found += _memory(raw)
    found += [_property(key, raw[key]) for key in _AFTER if key in raw and _is_said(key, raw[key])]
    found += _heap_blocks(raw) + _sort(raw) + _hash(raw)
    found += _buffers(raw)
    return found


def _is_said(key: str, value: object) -> bool:
    return value is not False and not (value == 0 and key not in ("Heap Fetches", "Workers Launched"))


def _property(key: str, value: object) -> str:
    if isinstance(value, list | tuple):
        return f"{key}: {', '.join(str(one) for one in value)}"
    if isinstance(value, bool):
        return f"{key}: {str(value).lower()}"
    return f"{key}: {value:.0f}" if isinstance(value, float) else f"{key}: {value}"


def _originally(raw: Raw, key: str) -> str:
    now, before = raw.get(key), raw.get(f"Original {key}")
    return f"{now}" if before is None or before == now else f"{now} (originally {before})"


def _sort(raw: Raw) -> list[str]:
    found = []
    for name in ("Full-sort Groups", "Pre-sorted Groups"):
        groups = raw.get(name)
        if isinstance(groups, dict):
            methods = [one for one in groups.get("Sort Methods Used") or () if one]
            words = f"{name}: {groups.get('Group Count')}  Sort Method{'s' if len(methods) > 1 else ''}: "
            words += ", ".join(methods)
            for space in ("Memory", "Disk"):
                used = groups.get(f"Sort Space {space}")
                if isinstance(used, dict):
                    average, peak = used.get("Average Sort Space Used"), used.get("Peak Sort Space Used")
                    words += f"  Average {space}: {average}kB  Peak {space}: {peak}kB"
            found.append(words)
    if "Sort Method" in raw:
        found.append(f"Sort Method: {raw['Sort Method']}  {raw.get('Sort Space Type')}: {raw.get('Sort Space Used')}kB")
    if "Storage" in raw:
        found.append(f"Storage: {raw['Storage']}  Maximum Storage: {raw.get('Maximum Storage')}kB")
    return found


def _hash(raw: Raw) -> list[str]:
    if "Hash Buckets" not in raw:
        return []
    buckets, batches = _originally(raw, "Hash Buckets"), _originally(raw, "Hash Batches")
    return [f"Buckets: {buckets}  Batches: {batches}  Memory Usage: {raw.get('Peak Memory Usage')}kB"]


def _memory(raw: Raw) -> list[str]:
    """What hashed aggregates and Memoize say."""
    if "Cache Hits" in raw:
        names = ("Hits", "Misses", "Evictions", "Overflows")
        words = "  ".join(f"{name}: {raw.get(f'Cache {name}', 0)}" for name in names)
        return [f"{words}  Memory Usage: {raw.get('Peak Memory Usage')}kB"]
    parts = []
    if raw.get("Planned Partitions"):
        parts.append(f"Planned Partitions: {raw['Planned Partitions']}")
    if "HashAgg Batches" in raw:
        parts += [f"Batches: {raw['HashAgg Batches']}", f"Memory Usage: {raw.get('Peak Memory Usage')}kB"]
        if raw.get("Disk Usage"):
            parts.append(f"Disk Usage: {raw['Disk Usage']}kB")
    return ["  ".join(parts)] if parts else []


def _heap_blocks(raw: Raw) -> list[str]:
    found = [
        f"{how}={raw[key]}"
        for how, key in (("exact", "Exact Heap Blocks"), ("lossy", "Lossy Heap Blocks"))
        if raw.get(key)
    ]
    return [f"Heap Blocks: {' '.join(found)}"] if found else []


def _buffers(raw: Raw) -> list[str]:
    parts = []
    for where in ("Shared", "Local", "Temp"):
        counts = [
            f"{how.lower()}={raw[key]}"
            for how in ("Hit", "Read", "Dirtied", "Written")
            if raw.get(key := f"{where} {how} Blocks")
        ]
        if counts:
            parts.append(f"{where.lower()} {' '.join(counts)}")
    found = [f"Buffers: {', '.join(parts)}"] if parts else []
    times = []
    for where, prefix in (
        ("shared/local", "I/O"),
        ("shared", "Shared I/O"),
        ("local", "Local I/O"),
        ("temp", "Temp I/O"),
    ):
        spent = [f"{how.lower()}={raw[key]:.3f}" for how in ("Read", "Write") if raw.get(key := f"{prefix} {how} Time")]
        if spent:
            is_bare = where == "shared/local" and "Temp I/O Read Time" not in raw  # before version 15
            times.append(" ".join(spent) if is_bare else f"{where} {' '.join(spent)}")
    return found + ([f"I/O Timings: {', '.join(times)}"] if times else [])


def _beside(raw: Raw) -> list[str]:
    lines: list[str] = []
    settings = raw.get("Settings")
    if isinstance(settings, dict) and settings:
        lines.append("Settings: " + ", ".join(f"{name} = '{value}'" for name, value in settings.items()))
    planning = raw.get("Planning")
    if isinstance(planning, dict) and (words := _buffers(planning)):
        lines += ["Planning:", *(f"  {one}" for one in words)]
    if (time_ms := number(raw, "Planning Time")) is not None:
        lines.append(f"Planning Time: {time_ms:.3f} ms")
    triggers = [one for one in raw.get("Triggers") or () if isinstance(one, dict)]
    several = len({one.get("Relation") for one in triggers}) > 1
    lines += [_trigger(one, is_named=several) for one in triggers]
    lines += _jit(raw.get("JIT"))
    if (time_ms := number(raw, "Execution Time")) is not None:
        lines.append(f"Execution Time: {time_ms:.3f} ms")
    return lines


def _trigger(trigger: dict[str, Any], *, is_named: bool) -> str:
    constraint = trigger.get("Constraint Name")
    name = trigger.get("Trigger Name")
    words = f"Trigger {name}" if not constraint else f"Trigger for constraint {constraint}"
    if "Relation" in trigger and is_named:
        words += f" on {trigger['Relation']}"
    time = f" time={trigger['Time']:.3f}" if "Time" in trigger else ""
    return f"{words}:{time} calls={trigger.get('Calls', 0)}"


def _jit(jit: object) -> list[str]:
    if not isinstance(jit, dict) or not jit.get("Functions"):
        return []
    lines = ["JIT:", f"  Functions: {jit['Functions']}"]
    if isinstance(options := jit.get("Options"), dict):
        lines.append("  Options: " + ", ".join(f"{name} {str(flag).lower()}" for name, flag in options.items()))
    if isinstance(timing := jit.get("Timing"), dict):
        parts = []
        for name, time in timing.items():
            if isinstance(time, dict):
                parts.append(f"{name} {time.get('Total', 0):.3f} ms (Deform {time.get('Deform', 0):.3f} ms)")
            elif name != "Deform":
                parts.append(f"{name} {time:.3f} ms")
        lines.append("  Timing: " + ", ".join(parts))
    return lines
