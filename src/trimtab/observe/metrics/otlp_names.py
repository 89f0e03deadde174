"""Names of OpenTelemetry as Prometheus has them, by the compatibility rules of OpenTelemetry.

A metric's name gets its unit in words and, for what only grows, `_total`; whatever is neither letter, digit nor colon
becomes an underscore. `le` and `quantile` are written as Prometheus writes numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np

UNITS: Mapping[str, str] = {
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    "TiBy": "tibibytes",
    "KBy": "kilobytes",
    "MBy": "megabytes",
    "GBy": "gigabytes",
    "TBy": "terabytes",
    "m": "meters",
    "V": "volts",
    "A": "amperes",
    "J": "joules",
    "W": "watts",
    "g": "grams",
    "Cel": "celsius",
    "Hz": "hertz",
    "1": "",
    "%": "percent",
}
"""Units of UCUM in words. What is not here stays as it is."""

UNITS_PER: Mapping[str, str] = {
    "s": "second",
    "m": "minute",
    "h": "hour",
    "d": "day",
    "w": "week",
    "mo": "month",
    "y": "year",
}
"""The same behind a slash."""

_NO_PART = re.compile(r"[^A-Za-z0-9:]+")
_NO_LABEL = re.compile(r"[^A-Za-z0-9_]")


def metric_name(name: str, unit: str, *, is_total: bool, is_gauge: bool) -> str:
    """The metric's name; "" where nothing is left of it.

    >>> metric_name("http.server.request.duration", "s", is_total=False, is_gauge=False)
    'http_server_request_duration_seconds'
    >>> metric_name("disk.io", "By/s", is_total=False, is_gauge=True)
    'disk_io_bytes_per_second'
    >>> metric_name("requests_total", "{request}", is_total=True, is_gauge=False)
    'requests_total'
    >>> metric_name("cpu.utilization", "1", is_total=False, is_gauge=True)
    'cpu_utilization_ratio'
    """
    parts = [part for part in _NO_PART.split(name) if part]
    if not parts:
        return ""
    main, _, per = unit.partition("/")
    for word in (_unit_word(main, UNITS), _per_word(per)):
        if word and word not in parts:
            parts.append(word)
    if is_total:
        parts = [part for part in parts if part != "total"] + ["total"]
    if is_gauge and unit == "1":
        parts = [part for part in parts if part != "ratio"] + ["ratio"]
    joined = "_".join(parts)
    return f"_{joined}" if joined[0].isdigit() else joined


def unit_name(unit: str) -> str:
    """The unit in words, for metadata.

    >>> unit_name("By/s"), unit_name("{request}"), unit_name("1")
    ('bytes_per_second', '', 'ratio')
    """
    if unit == "1":
        return "ratio"
    main, _, per = unit.partition("/")
    return "_".join(word for word in (_unit_word(main, UNITS), _per_word(per)) if word)


def _per_word(unit: str) -> str:
    word = _unit_word(unit, UNITS_PER)
    return f"per_{word}" if word else ""


def _unit_word(unit: str, words: Mapping[str, str]) -> str:
    unit = unit.strip()
    if not unit or "{" in unit or "}" in unit:
        return ""
    return "_".join(part for part in _NO_PART.split(words.get(unit, unit)) if part)


def label_name(key: str) -> str:
    """The name of a label for the key of an attribute; "" where the key is.

    >>> label_name("http.request.method"), label_name("2nd"), label_name("_private"), label_name("__reserved")
    ('http_request_method', 'key_2nd', 'key_private', '__reserved')
    """
    name = _NO_LABEL.sub("_", key)
    if not name:
        return ""
    if name[0].isdigit():
        return f"key_{name}"
    return f"key{name}" if name[0] == "_" and not name.startswith("__") else name


def labels_of_attributes(attributes: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Labels by name. Attributes whose keys become the same name share it, their values joined by `;`.

    >>> labels_of_attributes([("a.b", "2"), ("a_b", "1"), ("c", "3")])
    {'a_b': '2;1', 'c': '3'}
    """
    found: dict[str, str] = {}
    for key, value in sorted(attributes):
        name = label_name(key)
        if name:
            found[name] = f"{found[name]};{value}" if name in found else value
    return found


def number_text(value: float) -> str:
    """A bound or a quantile as a label has it.

    >>> number_text(0.005), number_text(10.0), number_text(float("inf")), number_text(1e21)
    ('0.005', '10', '+Inf', '1000000000000000000000')
    """
    if np.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(np.format_float_positional(value, trim="-"))
