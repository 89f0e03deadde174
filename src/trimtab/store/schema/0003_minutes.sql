-- The same facts by the minute, for long ranges. A row adds up what the segments of one roll-up (`roll` is the last of
-- them) say about one minute, so that a minute may have several rows; sum them. Rows with a `roll` beyond the mark of
-- their source in rollup_marks do not count: a crash left them, and they are removed and made again (see store/rollup.py).
CREATE TABLE IF NOT EXISTS query_minutes
(
    system LowCardinality(String),
    fingerprint LowCardinality(String),
    minute_ms Int64 CODEC(Delta, ZSTD(1)),
    calls Int64 CODEC(T64, ZSTD(1)),
    total_exec_time_ms Float64 CODEC(ZSTD(1)),
    rows Int64 CODEC(T64, ZSTD(1)),
    shared_blks_hit Int64 CODEC(T64, ZSTD(1)),
    shared_blks_read Int64 CODEC(T64, ZSTD(1)),
    roll UInt64 CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY intDiv(minute_ms, 86400000)
ORDER BY (system, fingerprint, minute_ms)
TTL toDateTime(intDiv(minute_ms, 1000)) + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS slice_minutes
(
    system LowCardinality(String),
    minute_ms Int64 CODEC(Delta, ZSTD(1)),
    slices_count Int64 CODEC(T64, ZSTD(1)),
    observed_ms Int64 CODEC(T64, ZSTD(1)),
    roll UInt64 CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY intDiv(minute_ms, 86400000)
ORDER BY (system, minute_ms)
TTL toDateTime(intDiv(minute_ms, 1000)) + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

-- Latencies as counts in buckets: bucket k holds durations in (1.04 ** (k - 1), 1.04 ** k] ms. Both arrays go together.
CREATE TABLE IF NOT EXISTS span_minutes
(
    fingerprint LowCardinality(String),
    minute_ms Int64 CODEC(Delta, ZSTD(1)),
    buckets Array(Int16) CODEC(ZSTD(1)),
    counts Array(UInt32) CODEC(ZSTD(1)),
    roll UInt64 CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY intDiv(minute_ms, 86400000)
ORDER BY (fingerprint, minute_ms)
TTL toDateTime(intDiv(minute_ms, 1000)) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS rollup_marks
(
    source LowCardinality(String),
    roll UInt64,
    rolled_at_ms Int64
)
ENGINE = ReplacingMergeTree(roll)
ORDER BY source
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE spans ADD INDEX IF NOT EXISTS by_start started_at_ns TYPE minmax GRANULARITY 1;

-- Few different values, looked for and grouped by: numbers are quicker than texts.
ALTER TABLE query_executions MODIFY COLUMN fingerprint LowCardinality(String);
