-- Metrics. A series has an id that stays (its metric in the upper half, so that series of a metric lie together);
-- samples have nothing but that id, a time in Unix milliseconds and a value. A partition is a UTC day. spool_segment is
-- as in the other tables; TTLs are set to the retention of the settings when the store is opened.
CREATE TABLE IF NOT EXISTS metric_series
(
    id UInt64,
    metric LowCardinality(String),
    labels Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    seen_at_ms Int64 CODEC(Delta, ZSTD(1)),
    spool_segment UInt64 CODEC(ZSTD(1)),
    INDEX by_segment spool_segment TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(seen_at_ms)
ORDER BY id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS metric_samples
(
    id UInt64 CODEC(ZSTD(1)),
    at_ms Int64 CODEC(Delta, ZSTD(1)),
    value Float64 CODEC(Delta(8), ZSTD(1)),
    spool_segment UInt64 CODEC(Delta, ZSTD(1)),
    INDEX by_segment spool_segment TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY intDiv(at_ms, 86400000)
ORDER BY (id, at_ms)
TTL toDateTime(intDiv(at_ms, 1000)) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

-- Since when samples of a series count: a row where that changes, valid until the next.
CREATE TABLE IF NOT EXISTS metric_starts
(
    id UInt64 CODEC(ZSTD(1)),
    at_ms Int64 CODEC(Delta, ZSTD(1)),
    start_ms Int64 CODEC(Delta, ZSTD(1)),
    spool_segment UInt64 CODEC(ZSTD(1)),
    INDEX by_segment spool_segment TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY intDiv(at_ms, 86400000)
ORDER BY (id, at_ms)
TTL toDateTime(intDiv(at_ms, 1000)) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS metric_histograms
(
    id UInt64 CODEC(ZSTD(1)),
    at_ms Int64 CODEC(Delta, ZSTD(1)),
    histogram String CODEC(ZSTD(1)),
    spool_segment UInt64 CODEC(ZSTD(1)),
    INDEX by_segment spool_segment TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY intDiv(at_ms, 86400000)
ORDER BY (id, at_ms)
TTL toDateTime(intDiv(at_ms, 1000)) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS metric_exemplars
(
    id UInt64 CODEC(ZSTD(1)),
    at_ms Int64 CODEC(Delta, ZSTD(1)),
    value Float64 CODEC(ZSTD(1)),
    labels Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    spool_segment UInt64 CODEC(ZSTD(1)),
    INDEX by_segment spool_segment TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY intDiv(at_ms, 86400000)
ORDER BY (id, at_ms)
TTL toDateTime(intDiv(at_ms, 1000)) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS metric_metadata
(
    metric String,
    kind LowCardinality(String),
    unit LowCardinality(String),
    help String CODEC(ZSTD(1)),
    seen_at_ms Int64,
    spool_segment UInt64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(seen_at_ms)
ORDER BY metric
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
