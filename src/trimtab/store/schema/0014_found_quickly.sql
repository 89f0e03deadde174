-- What searches would have to read all spans and all log records for, made once (store/rollup.py, store/traces/words.py).
-- Calls by the minute in which they were made. caller is '' for all that came into a service; callee_kind: 0 service,
-- 1 database, 2 messaging, 3 external. buckets and counts go together, as in span_minutes; besides, bucket -32768
-- counts those that failed, and -32767 says that the service sent spans.
CREATE TABLE IF NOT EXISTS span_calls
(
    caller LowCardinality(String),
    callee LowCardinality(String),
    callee_kind UInt8 CODEC(ZSTD(1)),
    minute_ms Int64 CODEC(Delta, ZSTD(1)),
    buckets Array(Int16) CODEC(ZSTD(1)),
    counts Array(UInt32) CODEC(ZSTD(1)),
    roll UInt64 CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY intDiv(minute_ms, 86400000)
ORDER BY (minute_ms, caller, callee)
TTL toDateTime(intDiv(minute_ms, 1000)) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

-- Which attributes the spans of a service had on a day: all keys (value ''), and the first values of each. A set: a row
-- may be there twice until parts are merged.
CREATE TABLE IF NOT EXISTS span_words
(
    day_ms Int64 CODEC(Delta, ZSTD(1)),
    service_name LowCardinality(String),
    key LowCardinality(String),
    value String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY intDiv(day_ms, 86400000)
ORDER BY (day_ms, service_name, key, value)
TTL toDateTime(intDiv(day_ms, 1000)) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

-- Log records by the minute, pattern, level and service. Of one roll-up the most frequent patterns have rows of their
-- own; the rest has pattern 18446744073709551615 (0: lines without text).
CREATE TABLE IF NOT EXISTS log_minutes
(
    minute_ms Int64 CODEC(Delta, ZSTD(1)),
    pattern UInt64 CODEC(ZSTD(1)),
    level UInt8 CODEC(ZSTD(1)),
    service_name LowCardinality(String),
    records_count UInt32 CODEC(ZSTD(1)),
    first_ns Int64 CODEC(Delta, ZSTD(1)),
    last_ns Int64 CODEC(Delta, ZSTD(1)),
    roll UInt64 CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY intDiv(minute_ms, 86400000)
ORDER BY (minute_ms, service_name, level, pattern)
TTL toDateTime(intDiv(minute_ms, 1000)) + INTERVAL 14 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;
