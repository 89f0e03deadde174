"""How many connections a database of RDS allows: its parameter group says a number, or a formula of the class's memory.

RDS computes the formula with a little less than the memory of the class (what its own processes take is left out), so
what is computed here is said to be about so many.
"""

from __future__ import annotations

import re
import time
from threading import Lock

from trimtab.extend.clouds import CloudError, Deadline
from trimtab.integrations.aws.calling import Calling, Found
from trimtab.model.infrastructure import Measure, unknown

NAME, UNIT = "connections_max", "connections"
PARAMETERS = "RDS DescribeDBParameters max_connections"
KEPT_S = 3600.0
"""So long a parameter is believed, and so long an error of reading it is."""
_FORMULA = re.compile(r"\{DBInstanceClassMemory/(\d{1,15})\}")
_OUTER = re.compile(r"(?:(LEAST|GREATEST)\()?([^()]+)\)?")


class ConnectionsMax:
    """Of one account. Thread-safe; what was read is kept for an hour."""

    def __init__(self, calling: Calling) -> None:
        self._calling = calling
        self._lock = Lock()
        self._parameters: dict[tuple[str, str], tuple[float, str, str]] = {}
        self._memory: dict[tuple[str, str], tuple[float, int, str]] = {}

    def of(self, one: Found, region: str, ends: Deadline, at_ms: int) -> Measure:
        """The maximum of one database."""
        groups = [str(group["DBParameterGroupName"]) for group in one.get("DBParameterGroups", ())]
        if not groups:
            return unknown(NAME, UNIT, "it has no parameter group", source=PARAMETERS, at_ms=at_ms)
        text, why = self._parameter(groups[0], region, ends)
        if text.isdigit():
            return Measure(NAME, float(text), UNIT, at_ms, PARAMETERS)
        if why or not text:
            told = why or f"parameter group {groups[0]} does not say max_connections"
            return unknown(NAME, UNIT, told, source=PARAMETERS, at_ms=at_ms)
        memory_bytes, why = self._memory_bytes(str(one.get("DBInstanceClass", "")), region, ends)
        count = computed(text, memory_bytes) if memory_bytes else None
        if count is None:
            told = why or f"max_connections is {text!r}, which is not understood"
            return unknown(NAME, UNIT, told, source=PARAMETERS, at_ms=at_ms)
        return Measure(NAME, float(count), UNIT, at_ms, f"{PARAMETERS}, computed", text=f"about, {text}")

    def _parameter(self, group: str, region: str, ends: Deadline) -> tuple[str, str]:
        """The text of the parameter, or why there is none."""
        with self._lock:
            known = self._parameters.get((region, group))
        if known is not None and known[0] > time.monotonic():
            return known[1], known[2]
        text, why = "", ""
        try:
            read = self._calling.read(
                "rds",
                region,
                "describe_db_parameters",
                ends,
                lambda page: (one for one in page.get("Parameters", ()) if one["ParameterName"] == "max_connections"),
                DBParameterGroupName=group,
            )
            text = next((str(one.get("ParameterValue", "")) for one in read.items), "")
        except CloudError as error:
            why = error.message
        with self._lock:
            self._parameters[region, group] = (time.monotonic() + KEPT_S, text, why)
        return text, why

    def _memory_bytes(self, kind: str, region: str, ends: Deadline) -> tuple[int, str]:
        """The memory of a class, as EC2 has it for machines of the same name; 0 and why where it has none."""
        with self._lock:
            known = self._memory.get((region, kind))
        if known is not None and known[0] > time.monotonic():
            return known[1], known[2]
        size, why = 0, ""
        try:
            found = self._calling.ask(
                "ec2", region, "describe_instance_types", ends, InstanceTypes=[kind.removeprefix("db.")]
            )
            size = next((int(one["MemoryInfo"]["SizeInMiB"]) << 20 for one in found.get("InstanceTypes", ())), 0)
            why = "" if size else f"the memory of {kind} is not known"
        except CloudError as error:
            why = f"the memory of {kind} is not known: {error.message}"
        with self._lock:
            self._memory[region, kind] = (time.monotonic() + KEPT_S, size, why)
        return size, why


def computed(formula: str, memory_bytes: int) -> int | None:
    """What a formula gives; None where it is of another form.

    >>> computed("LEAST({DBInstanceClassMemory/9531392},5000)", 8 << 30)
    901
    >>> computed("{DBInstanceClassMemory/12582880}", 4 << 30), computed("sum(1)", 1)
    (341, None)
    """
    outer = _OUTER.fullmatch(formula.replace(" ", ""))
    if outer is None:
        return None
    numbers: list[int] = []
    for text in outer[2].split(","):
        part = _FORMULA.fullmatch(text)
        if part is not None and int(part[1]) > 0:
            numbers.append(memory_bytes // int(part[1]))
        elif text.isdigit():
            numbers.append(int(text))
        else:
            return None
    if outer[1] is None:
        return numbers[0] if len(numbers) == 1 else None
    return min(numbers) if outer[1] == "LEAST" else max(numbers)
