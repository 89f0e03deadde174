"""The messages of Prometheus' remote write as classes, for what is rare: new series, histograms, exemplars, metadata.

There is no `.proto` file and no compiler: a table here says what the fields are. Texts are bytes, so that one that is
not UTF-8 is refused by name and not with everything around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from google.protobuf.descriptor_pool import DescriptorPool

_PACKAGE = "trimtab.remote_write"
_HISTOGRAM = (
    "1 count_int uint64",
    "2 count_float double",
    "3 sum double",
    "4 schema sint32",
    "5 zero_threshold double",
    "6 zero_count_int uint64",
    "7 zero_count_float double",
    "8 negative_spans *Span",
    "9 negative_deltas *sint64",
    "10 negative_counts *double",
    "11 positive_spans *Span",
    "12 positive_deltas *sint64",
    "13 positive_counts *double",
    "14 reset_hint int32",
    "15 timestamp int64",
    "16 custom_values *double",
    "17 start_timestamp int64",
)
MESSAGES = {
    "Label": ("1 name bytes", "2 value bytes"),
    "Span": ("1 offset sint32", "2 length uint32"),
    "Histogram": _HISTOGRAM,
    "Exemplar": ("1 labels *Label", "2 value double", "3 timestamp int64"),
    "Metadata": ("1 type int32", "2 metric_family_name bytes", "4 help bytes", "5 unit bytes"),
    "Series": ("1 labels *Label",),
    "Exemplar2": ("1 labels_refs *uint32", "2 value double", "3 timestamp int64"),
    "Metadata2": ("1 type int32", "3 help_ref uint32", "4 unit_ref uint32"),
    "Series2": ("1 labels_refs *uint32", "5 metadata Metadata2"),
}
"""Fields as `number name type`; `*`: repeated. Those of a series that the kernels have read are left out."""

_OPTIONAL = frozenset({"count_int", "count_float", "zero_count_int", "zero_count_float"})


class Label(Protocol):
    """A name and a value."""

    name: bytes
    value: bytes


class Span(Protocol):
    """So many buckets, so far behind those before."""

    offset: int
    length: int


class Histogram(Protocol):
    """A native histogram; see `native`."""

    count_int: int
    count_float: float
    sum: float
    schema: int
    zero_threshold: float
    zero_count_int: int
    zero_count_float: float
    negative_spans: Sequence[Span]
    negative_deltas: Sequence[int]
    negative_counts: Sequence[float]
    positive_spans: Sequence[Span]
    positive_deltas: Sequence[int]
    positive_counts: Sequence[float]
    reset_hint: int
    timestamp: int
    custom_values: Sequence[float]
    start_timestamp: int

    def HasField(self, name: str) -> bool:  # noqa: N802 - protobuf's name
        """Whether an optional field is there."""


class Exemplar(Protocol):
    """Of 1.0."""

    labels: Sequence[Label]
    value: float
    timestamp: int


class Metadata(Protocol):
    """Of 1.0."""

    type: int
    metric_family_name: bytes
    help: bytes
    unit: bytes


class Series(Protocol):
    """Of 1.0: its labels alone."""

    labels: Sequence[Label]


class Exemplar2(Protocol):
    """Of 2.0."""

    labels_refs: Sequence[int]
    value: float
    timestamp: int


class Metadata2(Protocol):
    """Of 2.0."""

    type: int
    help_ref: int
    unit_ref: int


class Series2(Protocol):
    """Of 2.0: its labels and what is known of its metric."""

    labels_refs: Sequence[int]
    metadata: Metadata2

    def HasField(self, name: str) -> bool:  # noqa: N802 - protobuf's name
        """Whether there is metadata."""


class Parse(Protocol):
    """Makes a message of bytes; raises google.protobuf.message.DecodeError."""

    def FromString(self, data: bytes) -> object:  # noqa: N802 - protobuf's name
        """The message."""


@cache
def message_class(name: str) -> Parse:
    """The class of a message of `MESSAGES`.

    >>> message_class("Span").FromString(bytes([8, 3, 16, 2]))
    offset: -2
    length: 2
    """
    from google.protobuf.message_factory import GetMessageClass

    return GetMessageClass(_pool().FindMessageTypeByName(f"{_PACKAGE}.{name}"))


@cache
def _pool() -> DescriptorPool:
    from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool

    file = FileDescriptorProto(name="remote_write.proto", package=_PACKAGE, syntax="proto3")
    for message_name, fields in MESSAGES.items():
        message = DescriptorProto(name=message_name)
        for line in fields:
            number, name, kind = line.split(" ")
            field = FieldDescriptorProto(name=name, number=int(number))
            plain = kind.removeprefix("*")
            field.label = FieldDescriptorProto.LABEL_REPEATED if plain != kind else FieldDescriptorProto.LABEL_OPTIONAL
            if plain in MESSAGES:
                field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{_PACKAGE}.{plain}"
            else:
                field.type = FieldDescriptorProto.Type.Value(f"TYPE_{plain.upper()}")
            if name in _OPTIONAL:
                field.proto3_optional, field.oneof_index = True, len(message.oneof_decl)
                message.oneof_decl.add(name=f"_{name}")
            message.field.append(field)
        file.message_type.append(message)
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool
