-- Telemetry of watched systems. Times are Unix milliseconds (spans: nanoseconds); a partition is a UTC day.
-- spool_segment says which spool segment a row came from: after a crash, what a half-loaded segment left behind is
-- found by it, removed, and loaded again, so that every acknowledged row is there once.
CREATE TABLE IF NOT EXISTS query_executions
(
    system LowCardinality(String),
    fingerprint LowCardinality(String),
    started_at_ms Int64 CODEC(Delta, ZSTD(1)),
    ended_at_ms Int64 CODEC(Delta, ZSTD(1)),
    calls Int64 CODEC(T64, ZSTD(1)),
    total_exec_time_ms Float64 CODEC(ZSTD(1)),
    rows Int64 CODEC(T64, ZSTD(1)),
    shared_blks_hit Int64 CODEC(T64, ZSTD(1)),
    shared_blks_read Int64 CODEC(T64, ZSTD(1)),
    shared_blks_dirtied Int64 CODEC(T64, ZSTD(1)),
    shared_blks_written Int64 CODEC(T64, ZSTD(1)),
    temp_blks_read Int64 CODEC(T64, ZSTD(1)),
    temp_blks_written Int64 CODEC(T64, ZSTD(1)),
    blk_read_time_ms Float64 CODEC(ZSTD(1)),
    blk_write_time_ms Float64 CODEC(ZSTD(1)),
    wal_bytes Int64 CODEC(T64, ZSTD(1)),
    spool_segment UInt64 CODEC(ZSTD(1)),
    INDEX by_segment spool_segment TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY intDiv(started_at_ms, 86400000)
ORDER BY (system, started_at_ms, fingerprint)
TTL toDateTime(intDiv(started_at_ms, 1000)) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS query_slices
(
    system LowCardinality(String),
    started_at_ms Int64 CODEC(Delta, ZSTD(1)),
    ended_at_ms Int64 CODEC(Delta, ZSTD(1)),
    shapes_count Int64 CODEC(T64, ZSTD(1)),
    spool_segment UInt64 CODEC(ZSTD(1)),
    INDEX by_segment spool_segment TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY intDiv(started_at_ms, 86400000)
ORDER BY (system, started_at_ms)
TTL toDateTime(intDiv(started_at_ms, 1000)) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS query_shapes
(
    system LowCardinality(String),
    fingerprint String,
    text String CODEC(ZSTD(3)),
    statement LowCardinality(String),
    tables Array(String),
    seen_at_ms Int64,
    spool_segment UInt64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(seen_at_ms)
ORDER BY (system, fingerprint)
TTL toDateTime(intDiv(seen_at_ms, 1000)) + INTERVAL 90 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS activity_samples
(
    system LowCardinality(String),
    sampled_at_ms Int64 CODEC(Delta, ZSTD(1)),
    fingerprint LowCardinality(String),
    state LowCardinality(String),
    wait_event_type LowCardinality(String),
    wait_event LowCardinality(String),
    sessions_count Int64 CODEC(T64, ZSTD(1)),
    duration_ms_max Float64 CODEC(ZSTD(1)),
    spool_segment UInt64 CODEC(ZSTD(1)),
    INDEX by_segment spool_segment TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY intDiv(sampled_at_ms, 86400000)
ORDER BY (system, sampled_at_ms)
TTL toDateTime(intDiv(sampled_at_ms, 1000)) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS table_statistics
(
    system LowCardinality(String),
    sampled_at_ms Int64 CODEC(Delta, ZSTD(1)),
    relation LowCardinality(String),
    n_live_tup Int64 CODEC(T64, ZSTD(1)),
    n_dead_tup Int64 CODEC(T64, ZSTD(1)),
    seq_scan Int64 CODEC(T64, ZSTD(1)),
    seq_tup_read Int64 CODEC(T64, ZSTD(1)),
    idx_scan Int64 CODEC(T64, ZSTD(1)),
    n_tup_ins Int64 CODEC(T64, ZSTD(1)),
    n_tup_upd Int64 CODEC(T64, ZSTD(1)),
    n_tup_del Int64 CODEC(T64, ZSTD(1)),
    n_tup_hot_upd Int64 CODEC(T64, ZSTD(1)),
    relation_bytes Int64 CODEC(T64, ZSTD(1)),
    indexes_bytes Int64 CODEC(T64, ZSTD(1)),
    spool_segment UInt64 CODEC(ZSTD(1)),
    INDEX by_segment spool_segment TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY intDiv(sampled_at_ms, 86400000)
ORDER BY (system, relation, sampled_at_ms)
TTL toDateTime(intDiv(sampled_at_ms, 1000)) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS index_statistics
(
    system LowCardinality(String),
    sampled_at_ms Int64 CODEC(Delta, ZSTD(1)),
    relation LowCardinality(String),
    index_name LowCardinality(String),
    idx_scan Int64 CODEC(T64, ZSTD(1)),
    idx_tup_read Int64 CODEC(T64, ZSTD(1)),
    index_bytes Int64 CODEC(T64, ZSTD(1)),
    is_valid Bool,
    spool_segment UInt64 CODEC(ZSTD(1)),
    INDEX by_segment spool_segment TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY intDiv(sampled_at_ms, 86400000)
ORDER BY (system, relation, index_name, sampled_at_ms)
TTL toDateTime(intDiv(sampled_at_ms, 1000)) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS server_statistics
(
    system LowCardinality(String),
    sampled_at_ms Int64 CODEC(Delta, ZSTD(1)),
    name LowCardinality(String),
    value Float64 CODEC(ZSTD(1)),
    unit LowCardinality(String),
    spool_segment UInt64 CODEC(ZSTD(1)),
    INDEX by_segment spool_segment TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY intDiv(sampled_at_ms, 86400000)
ORDER BY (system, name, sampled_at_ms)
TTL toDateTime(intDiv(sampled_at_ms, 1000)) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS server_events
(
    system LowCardinality(String),
    happened_at_ms Int64 CODEC(Delta, ZSTD(1)),
    kind LowCardinality(String),
    message String CODEC(ZSTD(1)),
    spool_segment UInt64 CODEC(ZSTD(1)),
    INDEX by_segment spool_segment TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY intDiv(happened_at_ms, 86400000)
ORDER BY (system, happened_at_ms)
TTL toDateTime(intDiv(happened_at_ms, 1000)) + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS spans
(
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    parent_span_id String CODEC(ZSTD(1)),
    service_name LowCardinality(String),
    name LowCardinality(String),
    kind LowCardinality(String),
    started_at_ns Int64 CODEC(Delta, ZSTD(1)),
    duration_ms Float64 CODEC(ZSTD(1)),
    status LowCardinality(String),
    db_query_text LowCardinality(String),
    db_query_fingerprint LowCardinality(String),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    resource_attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    spool_segment UInt64 CODEC(ZSTD(1)),
    INDEX by_segment spool_segment TYPE minmax GRANULARITY 1,
    INDEX by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY intDiv(started_at_ns, 86400000000000)
ORDER BY (db_query_fingerprint, service_name, started_at_ns)
TTL toDateTime(intDiv(started_at_ns, 1000000000)) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;
