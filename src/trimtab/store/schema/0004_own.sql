-- trimtab about itself: its own numbers every ten seconds, and its own log. Its own spans are in `spans`, with
-- service_name 'trimtab'.
CREATE TABLE IF NOT EXISTS own_metrics
(
    sampled_at_ms Int64 CODEC(Delta, ZSTD(1)),
    name LowCardinality(String),
    labels LowCardinality(String),
    value Float64 CODEC(ZSTD(1)),
    observations_count Int64 CODEC(T64, ZSTD(1)),
    span_ms Int64 CODEC(T64, ZSTD(1)),
    spool_segment UInt64 CODEC(ZSTD(1)),
    INDEX by_segment spool_segment TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY intDiv(sampled_at_ms, 86400000)
ORDER BY (name, labels, sampled_at_ms)
TTL toDateTime(intDiv(sampled_at_ms, 1000)) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS own_logs
(
    logged_at_ms Int64 CODEC(Delta, ZSTD(1)),
    level LowCardinality(String),
    event LowCardinality(String),
    detail Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    spool_segment UInt64 CODEC(ZSTD(1)),
    INDEX by_segment spool_segment TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY intDiv(logged_at_ms, 86400000)
ORDER BY (logged_at_ms)
TTL toDateTime(intDiv(logged_at_ms, 1000)) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;
