-- What those say of themselves who write lines, by the day: a set, made from records as they are stored, so that nobody
-- has to read all records for it. A row may be there twice until parts are merged.
CREATE TABLE IF NOT EXISTS log_resources
(
    day_ms Int64 CODEC(Delta, ZSTD(1)),
    resource String CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY intDiv(day_ms, 86400000)
ORDER BY (day_ms, resource)
TTL toDateTime(intDiv(day_ms, 1000)) + INTERVAL 14 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

INSERT INTO log_resources (day_ms, resource)
SELECT intDiv(at_ns, 86400000000000) * 86400000 AS the_day, resource FROM log_records GROUP BY the_day, resource;
