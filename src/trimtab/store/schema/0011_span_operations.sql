-- What services do, and what they say of themselves, by the day: a set, made from spans as they are stored, so that
-- nobody has to read all spans for it. A row may be there twice until parts are merged.
CREATE TABLE IF NOT EXISTS span_operations
(
    day_ms Int64 CODEC(Delta, ZSTD(1)),
    service_name LowCardinality(String),
    name LowCardinality(String),
    kind LowCardinality(String)
)
ENGINE = ReplacingMergeTree
PARTITION BY intDiv(day_ms, 86400000)
ORDER BY (day_ms, service_name, name, kind)
TTL toDateTime(intDiv(day_ms, 1000)) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS span_resources
(
    day_ms Int64 CODEC(Delta, ZSTD(1)),
    service_name LowCardinality(String),
    resource String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY intDiv(day_ms, 86400000)
ORDER BY (day_ms, service_name, resource)
TTL toDateTime(intDiv(day_ms, 1000)) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

INSERT INTO span_operations (day_ms, service_name, name, kind)
SELECT intDiv(started_at_ns, 86400000000000) * 86400000 AS the_day, service_name, name, kind FROM spans
GROUP BY the_day, service_name, name, kind;

INSERT INTO span_resources (day_ms, service_name, resource)
SELECT intDiv(started_at_ns, 86400000000000) * 86400000 AS the_day, service_name, resource FROM spans
WHERE resource <> '' GROUP BY the_day, service_name, resource;
