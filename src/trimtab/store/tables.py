"""The telemetry tables as Arrow schemas: what may be written, and what `query` finds.

Times are Unix milliseconds in `*_at_ms` (spans: nanoseconds in `started_at_ns`). Counters are deltas over the row's
own slice or since the sample before, never running totals. No column is ever null: text that does not apply is `''`,
a number that does not apply is 0.

>>> rows = [{"system": "shop", "started_at_ms": 0, "ended_at_ms": 5000, "shapes_count": 2}]
>>> table_of("query_slices", rows).num_rows
1
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

from trimtab.model.errors import InputError


def _schema(
    *, text: str = "", integers: str = "", floats: str = "", others: Mapping[str, pa.DataType] | None = None, order: str
) -> pa.Schema:
    """A schema from names grouped by type, in the column order given; every column is required."""
    types: dict[str, pa.DataType] = {name: pa.string() for name in text.split()}
    types |= {name: pa.int64() for name in integers.split()}
    types |= {name: pa.float64() for name in floats.split()}
    types |= dict(others or {})
    return pa.schema([pa.field(name, types[name], nullable=False) for name in order.split()])


QUERY_EXECUTIONS = _schema(
    text="system fingerprint",
    integers="started_at_ms ended_at_ms calls rows shared_blks_hit shared_blks_read shared_blks_dirtied"
    " shared_blks_written temp_blks_read temp_blks_written wal_bytes",
    floats="total_exec_time_ms blk_read_time_ms blk_write_time_ms",
    order="system fingerprint started_at_ms ended_at_ms calls total_exec_time_ms rows shared_blks_hit"
    " shared_blks_read shared_blks_dirtied shared_blks_written temp_blks_read temp_blks_written blk_read_time_ms"
    " blk_write_time_ms wal_bytes",
)
"""What one shape did in one slice `[started_at_ms, ended_at_ms)`; a shape that did not run has no row."""

QUERY_SLICES = _schema(
    text="system",
    integers="started_at_ms ended_at_ms shapes_count",
    order="system started_at_ms ended_at_ms shapes_count",
)
"""One row per look at the statistics, also when nothing ran: 'no calls' and 'not observed' differ."""

QUERY_SHAPES = _schema(
    text="system fingerprint text statement",
    integers="seen_at_ms",
    others={"tables": pa.list_(pa.field("item", pa.string(), nullable=False))},
    order="system fingerprint text statement tables seen_at_ms",
)
"""The texts of shapes (`$n` for literals); the row with the greatest `seen_at_ms` of a shape counts."""

ACTIVITY_SAMPLES = _schema(
    text="system fingerprint state wait_event_type wait_event",
    integers="sampled_at_ms sessions_count",
    floats="duration_ms_max",
    order="system sampled_at_ms fingerprint state wait_event_type wait_event sessions_count duration_ms_max",
)
"""Sessions counted by what they do and wait for at one instant."""

TABLE_STATISTICS = _schema(
    text="system relation",
    integers="sampled_at_ms n_live_tup n_dead_tup seq_scan seq_tup_read idx_scan n_tup_ins n_tup_upd n_tup_del"
    " n_tup_hot_upd relation_bytes indexes_bytes",
    order="system sampled_at_ms relation n_live_tup n_dead_tup seq_scan seq_tup_read idx_scan n_tup_ins n_tup_upd"
    " n_tup_del n_tup_hot_upd relation_bytes indexes_bytes",
)
"""Per table (`schema.table`): counters since the sample before; n_live_tup, n_dead_tup and bytes as they are."""

INDEX_STATISTICS = _schema(
    text="system relation index_name",
    integers="sampled_at_ms idx_scan idx_tup_read index_bytes",
    others={"is_valid": pa.bool_()},
    order="system sampled_at_ms relation index_name idx_scan idx_tup_read index_bytes is_valid",
)
"""Per index: counters since the sample before; bytes and validity as they are."""

SERVER_STATISTICS = _schema(
    text="system name unit",
    integers="sampled_at_ms",
    floats="value",
    order="system sampled_at_ms name value unit",
)
"""Numbers of the whole server: connections, transactions, locks waiting, replication lag, ..."""

SERVER_EVENTS = _schema(
    text="system kind message",
    integers="happened_at_ms",
    order="system happened_at_ms kind message",
)
"""Things that happened to a server: connection_lost, server_restarted, statistics_reset, ..."""

SPANS = _schema(
    text="trace_id span_id parent_span_id service_name name kind status db_query_text db_query_fingerprint trace_state"
    " status_message attribute_kinds resource scope events links",
    integers="started_at_ns flags dropped_attributes_count dropped_events_count dropped_links_count",
    floats="duration_ms sample_weight",
    others={"attributes": pa.map_(pa.string(), pa.string()), "resource_attributes": pa.map_(pa.string(), pa.string())},
    order="trace_id span_id parent_span_id service_name name kind started_at_ns duration_ms status db_query_text"
    " db_query_fingerprint attributes resource_attributes trace_state flags status_message attribute_kinds resource"
    " scope events links dropped_attributes_count dropped_events_count dropped_links_count sample_weight",
)
"""Spans. Ids are lower-case hex; `kind` is unspecified, internal, server, client, producer or consumer; `status` is
unset, ok or error. `db_query_text` has its literals replaced; `db_query_fingerprint` is that text's fingerprint.
`attribute_kinds` has a letter for the type of each attribute, in the map's order (s string, b bool, i int, d double,
x bytes, a array, k list of keys and values, n nothing), '' where all are strings. `resource`, `scope`, `events` and
`links` are JSON; `resource_attributes` has something only in rows of older versions. `sample_weight` is for how many
spans a row stands."""

QUERY_PLANS = _schema(
    text="system fingerprint plan_id structure origin change_id source why_no_actuals plan",
    integers="since_ms taken_at_ms seen_at_ms seen_count",
    others={"has_actuals": pa.bool_(), "settings": pa.map_(pa.string(), pa.string())},
    order="system fingerprint since_ms plan_id structure origin change_id taken_at_ms seen_at_ms seen_count"
    " has_actuals source why_no_actuals settings plan",
)
"""Plans without literals, as JSON; a plan with the same steps as the one before it is the same row, seen again: the
one with the greatest `seen_at_ms` of a `plan_id` counts. `change_id` is '' where the plan belongs to no change."""

OWN_METRICS = _schema(
    text="name labels",
    integers="sampled_at_ms observations_count span_ms",
    floats="value",
    order="sampled_at_ms name labels value observations_count span_ms",
)
"""trimtab's own numbers. A gauge is as it was; a counter is what it grew by in the `span_ms` before; of a histogram,
`value` is the sum of what was observed in that time and `observations_count` how often. `labels` are `name=value`
pairs with commas."""

OWN_LOGS = _schema(
    text="level event",
    integers="logged_at_ms",
    others={"detail": pa.map_(pa.string(), pa.string())},
    order="logged_at_ms level event detail",
)
"""trimtab's own log."""

OBJECTIVE_SLICES = _schema(
    text="objective definition",
    integers="slice_ms counted_at_ms",
    floats="good total",
    order="objective definition slice_ms good total counted_at_ms",
)
"""Good and all events of an objective in the minute that begins at `slice_ms`; the newest `counted_at_ms` counts. A
minute without data has no row."""

TABLES: dict[str, pa.Schema] = {
    "query_executions": QUERY_EXECUTIONS,
    "query_slices": QUERY_SLICES,
    "query_shapes": QUERY_SHAPES,
    "activity_samples": ACTIVITY_SAMPLES,
    "table_statistics": TABLE_STATISTICS,
    "index_statistics": INDEX_STATISTICS,
    "server_statistics": SERVER_STATISTICS,
    "server_events": SERVER_EVENTS,
    "query_plans": QUERY_PLANS,
    "own_metrics": OWN_METRICS,
    "own_logs": OWN_LOGS,
    "objective_slices": OBJECTIVE_SLICES,
    "spans": SPANS,
}
"""Every table by name."""


def schema_of(table_name: str) -> pa.Schema:
    """The schema of one table; raises InputError for a name that does not exist."""
    schema = TABLES.get(table_name)
    if schema is None:
        raise InputError(f"no telemetry table {table_name!r}; there are {', '.join(TABLES)}", table=table_name)
    return schema


def table_of(table_name: str, rows: Iterable[Mapping[str, object]]) -> pa.Table:
    """An Arrow table from rows as dictionaries: for collectors that have tens of rows, not millions."""
    schema = schema_of(table_name)
    return conform(table_name, pa.Table.from_pylist([dict(row) for row in rows], schema=schema))


def conform(table_name: str, table: pa.Table) -> pa.Table:
    """The same rows with exactly the table's columns, in order and of its types.

    Raises InputError naming the column that is missing, unknown, null or of another type.
    """
    schema = schema_of(table_name)
    given = set(table.column_names)
    for name in schema.names:
        if name not in given:
            raise InputError(f"{table_name}: column {name} is missing", table=table_name, column=name)
    unknown = sorted(given.difference(schema.names))
    if unknown:
        raise InputError(f"{table_name}: there is no column {unknown[0]}", table=table_name, column=unknown[0])
    columns: list[pa.ChunkedArray] = []
    for field in schema:
        column = table.column(field.name)
        if column.null_count:
            raise InputError(
                f"{table_name}: column {field.name} holds {column.null_count} nulls; none are allowed",
                table=table_name,
                column=field.name,
            )
        try:
            columns.append(column if column.type == field.type else column.cast(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InputError(
                f"{table_name}: column {field.name} cannot be {field.type}: {error}",
                table=table_name,
                column=field.name,
            ) from error
    return pa.Table.from_arrays(columns, schema=schema)
