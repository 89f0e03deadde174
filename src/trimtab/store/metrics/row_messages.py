"""Messages of those metric tables that have texts: Arrow streams, packed column by column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pyarrow as pa

from trimtab.model.errors import EngineRefused
from trimtab.store.metrics.block import Labels
from trimtab.store.metrics.contract import Metadata
from trimtab.store.metrics.registry import Definition
from trimtab.store.metrics.series_id import metric_of

_LABELS = pa.map_(pa.string(), pa.string())


@dataclass(frozen=True, slots=True)
class RowTable:
    """A table whose messages are Arrow streams: our types, and the engine's by column."""

    name: str
    schema: pa.Schema
    types: Mapping[str, str]

    @property
    def structure(self) -> str:
        """As `file()` wants to know it."""
        return ", ".join(f"{name} {type_}" for name, type_ in self.types.items())

    def pack(self, columns: Sequence[pa.Array | pa.ChunkedArray]) -> bytes:
        """One stream of rows."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.schema) as writer:
            writer.write_table(pa.Table.from_arrays(columns, schema=self.schema))
        return sink.getvalue().to_pybytes()

    def unpack(self, payload: bytes | memoryview) -> pa.Table:
        """The rows of a stream; EngineRefused where it is none, or another table's."""
        try:
            table = pa.ipc.open_stream(payload).read_all()
        except pa.ArrowInvalid as error:
            raise EngineRefused(f"a message of {self.name} is not a table: {error}", table=self.name) from error
        if table.schema != self.schema:
            raise EngineRefused(f"a message of {self.name} has other columns", table=self.name)
        return table


def table_named(name: str, columns: Mapping[str, tuple[str, pa.DataType]]) -> RowTable:
    """By column: the engine's type, and ours."""
    schema = pa.schema([pa.field(column, type_, nullable=False) for column, (_, type_) in columns.items()])
    return RowTable(name, schema, {column: engine_type for column, (engine_type, _) in columns.items()})


SERIES = table_named(
    "metric_series",
    {
        "id": ("UInt64", pa.uint64()),
        "metric": ("String", pa.string()),
        "labels": ("Map(String, String)", _LABELS),
        "seen_at_ms": ("Int64", pa.int64()),
    },
)
HISTOGRAMS = table_named(
    "metric_histograms",
    {
        "id": ("UInt64", pa.uint64()),
        "at_ms": ("Int64", pa.int64()),
        "histogram": ("String", pa.binary()),
    },
)
EXEMPLARS = table_named(
    "metric_exemplars",
    {
        "id": ("UInt64", pa.uint64()),
        "at_ms": ("Int64", pa.int64()),
        "value": ("Float64", pa.float64()),
        "labels": ("Map(String, String)", _LABELS),
    },
)
METADATA = table_named(
    "metric_metadata",
    {
        "metric": ("String", pa.string()),
        "kind": ("String", pa.string()),
        "unit": ("String", pa.string()),
        "help": ("String", pa.string()),
        "seen_at_ms": ("Int64", pa.int64()),
    },
)


def labels_array(batch: Sequence[Labels]) -> pa.MapArray:
    """Labels as a column of maps.

    >>> labels_of_array(labels_array([(("a", "1"),), (), (("a", "2"), ("b", "3"))]))
    [(('a', '1'),), (), (('a', '2'), ('b', '3'))]
    """
    offsets = [0]
    for labels in batch:
        offsets.append(offsets[-1] + len(labels))
    names = [name for labels in batch for name, _ in labels]
    values = [value for labels in batch for _, value in labels]
    return pa.MapArray.from_arrays(
        pa.array(offsets, pa.int32()), pa.array(names, pa.string()), pa.array(values, pa.string())
    )


def labels_of_array(column: pa.MapArray) -> list[Labels]:
    """The other way; equal pairs are one object."""
    first = column.offsets[0].as_py()
    keys = column.keys.slice(first).to_pylist()
    values = column.items.slice(first).to_pylist()
    known: dict[tuple[str, str], tuple[str, str]] = {}
    pairs = [known.setdefault(pair, pair) for pair in zip(keys, values, strict=True)]
    offsets = column.offsets.to_numpy().tolist()
    return [tuple(pairs[start - first : end - first]) for start, end in pairwise(offsets)]


def series_message(definitions: Sequence[Definition], seen_at_ms: int) -> bytes:
    """Definitions of series."""
    batch = [definition.labels for definition in definitions]
    return SERIES.pack(
        [
            pa.array([definition.id for definition in definitions], pa.uint64()),
            pa.array([metric_of(labels) for labels in batch], pa.string()),
            labels_array(batch),
            pa.array([seen_at_ms] * len(batch), pa.int64()),
        ]
    )


def definitions_of(table: pa.Table) -> Iterable[tuple[list[int], list[Labels], list[int]]]:
    """Ids and labels of series, and when each was seen, a piece at a time."""
    for batch in table.select(["id", "labels", "seen_at_ms"]).to_batches():
        labels = batch.column(1)
        if not isinstance(labels, pa.MapArray):
            raise EngineRefused(f"labels of series came as {labels.type}", table=SERIES.name)
        yield batch.column(0).to_pylist(), labels_of_array(labels), batch.column(2).to_pylist()


def metadata_message(rows: Sequence[Metadata], seen_at_ms: int) -> bytes:
    """What is known of metrics."""
    return METADATA.pack(
        [
            pa.array([row.metric for row in rows], pa.string()),
            pa.array([row.kind for row in rows], pa.string()),
            pa.array([row.unit for row in rows], pa.string()),
            pa.array([row.help for row in rows], pa.string()),
            pa.array([seen_at_ms] * len(rows), pa.int64()),
        ]
    )


def metadata_of(table: pa.Table) -> list[Metadata]:
    """The other way of `metadata_message`."""
    return [Metadata(row["metric"], row["kind"], row["unit"], row["help"]) for row in table.to_pylist()]
