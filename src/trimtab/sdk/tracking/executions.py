"""One execution of a query: its numbers under the seed's names, and which template it is of."""

from __future__ import annotations

import functools
import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from numbers import Real

from trimtab.model.errors import InputError

METRICS: Mapping[str, str] = {
    "execution_time": "duration",
    "rows_processed": "row_count",
    "bytes_scanned": "bytes_scanned",
    "cpu_time": "cpu_time",
    "memory_peak": "peak_memory",
    "io_operations": "io_ops",
}
"""What is told of an execution, and the attribute it is read from. Times are seconds, sizes bytes."""
UNITS: Mapping[str, str] = {"execution_time": "s", "cpu_time": "s", "bytes_scanned": "bytes", "memory_peak": "bytes"}
TEXT_CHARS_MAX = 100_000
_LITERALS = re.compile(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b|\$\d+|%s|%\(\w+\)s|\?")
_LISTS = re.compile(r"\?(?:\s*,\s*\?)+")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class QueryExecution:
    """One execution, for who has no object of their own. `duration` and `cpu_time` are seconds, `bytes_scanned` and
    `peak_memory` bytes; None: not measured. `template` or `fingerprint` says which query it is, else its `query`."""

    query: str
    duration: float
    row_count: float | None = None
    bytes_scanned: float | None = None
    cpu_time: float | None = None
    peak_memory: float | None = None
    io_ops: float | None = None
    system: str = ""
    service: str = ""
    database: str = ""
    fingerprint: str = ""
    template: str = ""


def metrics_of(execution: object) -> dict[str, float | None]:
    """Its numbers. InputError where one is no number, negative, or the duration is missing.

    >>> metrics_of({"duration": timedelta(milliseconds=12), "row_count": 3})
    {'execution_time': 0.012, 'rows_processed': 3.0, 'bytes_scanned': None, 'cpu_time': None, 'memory_peak': None,
     'io_operations': None}
    """
    found = {metric: _number(name, part(execution, name)) for metric, name in METRICS.items()}
    if found["execution_time"] is None:
        raise InputError("an execution has a duration, in seconds", field="duration")
    return found


def _number(name: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, Real | Decimal):  # drivers have decimals, NumPy its own
        raise InputError(f"{name} is a number, found {str(value)[:40]!r} ({type(value).__name__})", field=name)
    if not math.isfinite(value) or value < 0:
        raise InputError(f"{name} is 0 or more, found {value}", field=name, observed=str(value))
    return float(value)


def part(of: object, name: str) -> object:
    """A field of a mapping or an object; None where there is none."""
    return of.get(name) if isinstance(of, Mapping) else getattr(of, name, None)


def template_of(execution: object) -> str:
    """What all executions of one query share: its template or fingerprint, else a hash of its text without literals.

    >>> one = template_of({"query": "SELECT 1 FROM t WHERE a IN (1, 2) AND b = 'x'"})
    >>> one == template_of({"query": "SELECT 7  FROM t WHERE a IN (5,6,7) AND b = 'it''s'"}), one[:2]
    (True, 'q:')
    """
    for name in ("template", "fingerprint", "query_id", "query_hash"):
        said = part(execution, name)
        if said:
            return f"{part(execution, 'system') or ''}/{said}"[:500]
    text = text_of(execution)
    return f"q:{part(execution, 'system') or ''}:{_hash(text)}" if text else "any"


def text_of(execution: object) -> str:
    """The statement's text; '' where there is none."""
    for name in ("query", "sql", "statement", "query_text"):
        said = part(execution, name)
        if isinstance(said, str):
            return said[:TEXT_CHARS_MAX]
    return ""


@functools.lru_cache(maxsize=4096)
def _hash(text: str) -> str:
    plain = _SPACE.sub(" ", _LISTS.sub("?", _LITERALS.sub("?", text))).strip()
    return hashlib.blake2b(plain.encode(errors="replace"), digest_size=8).hexdigest()
