"""Requests with logs, by protobuf's own objects."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

from trimtab.store.logs.answers import Value


def any_value(value: Value) -> AnyValue:
    """A value as OTLP has it."""
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, bytes):
        return AnyValue(bytes_value=value)
    if isinstance(value, Mapping):
        return AnyValue(kvlist_value=KeyValueList(values=pairs(value)))
    if value is None:
        return AnyValue()
    return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))


def pairs(values: Mapping[str, Value]) -> list[KeyValue]:
    """Attributes."""
    return [KeyValue(key=name, value=any_value(value)) for name, value in values.items()]


def record(
    body: Value = "hello", at_ns: int | None = None, attributes: Mapping[str, Value] | None = None, **more: Any
) -> LogRecord:
    """One record, of now where no time is given."""
    return LogRecord(
        time_unix_nano=time.time_ns() if at_ns is None else at_ns,
        body=any_value(body),
        attributes=pairs(attributes or {}),
        **more,
    )


def request(*records: LogRecord, resource: Mapping[str, Value] | None = None, service: str = "shop") -> bytes:
    """A request with one resource."""
    logs = ResourceLogs(scope_logs=[ScopeLogs(log_records=records)])
    logs.scope_logs[0].scope.name = "tests"
    logs.scope_logs[0].scope.version = "1.0"
    logs.scope_logs[0].scope.attributes.extend(pairs({"of": "scope"}))
    logs.resource.attributes.extend(pairs({"service.name": service} | dict(resource or {})))
    return ExportLogsServiceRequest(resource_logs=[logs]).SerializeToString()


def any_of(dice: random.Random, depth: int = 3) -> Value:
    """A value of any type."""
    kind = dice.randrange(9 if depth else 6)
    if kind == 0:
        return dice.choice(["", "a", 'quo"te\\', "line\nbreak\ttab\x01", "über 漢字", "x" * 300, "null", "1"])
    if kind == 1:
        return dice.choice([0, 1, -1, 2**63 - 1, -(2**63), dice.randrange(-(10**6), 10**6)])
    if kind == 2:
        return dice.choice([0.0, 1.0, -2.5, 1e300, 5e-324, 0.1, dice.random() * 1e6, float("inf"), float("-inf")])
    if kind == 3:
        return dice.random() < 0.5
    if kind == 4:
        return dice.randbytes(dice.randrange(7))
    if kind == 5:
        return None
    if kind == 6:
        return tuple(any_of(dice, depth - 1) for _ in range(dice.randrange(4)))
    return {f"k{number}{dice.choice(['', '$', ' x'])}": any_of(dice, depth - 1) for number in range(dice.randrange(4))}
