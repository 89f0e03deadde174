-- Roll-ups of metric_histograms, as metric_minutes_5 and metric_hours are of metric_samples: a row for each series and
-- window `(end_ms - 5 minutes, end_ms]`, and the same by the hour. Histograms are bytes as in metric_histograms: the first
-- and the last of the window, all of them added up (`total`), and what they grew by, bucket by bucket, with resets
-- (`increase`). Those that cannot be added up (bounds of their own beside a schema) are empty. `ended_at_ms` is when a
-- stale marker came after the last (0: none did). metric_rollup_marks has a mark of their own.
CREATE TABLE IF NOT EXISTS metric_histogram_minutes_5
(
    id UInt64 CODEC(ZSTD(1)),
    end_ms Int64 CODEC(Delta, ZSTD(1)),
    samples_count UInt32 CODEC(ZSTD(1)),
    first_at_ms Int64 CODEC(Delta, ZSTD(1)),
    last_at_ms Int64 CODEC(Delta, ZSTD(1)),
    ended_at_ms Int64 CODEC(Delta, ZSTD(1)),
    first String CODEC(ZSTD(1)),
    last String CODEC(ZSTD(1)),
    total String CODEC(ZSTD(1)),
    increase String CODEC(ZSTD(1)),
    roll UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(roll)
PARTITION BY intDiv(end_ms, 86400000)
ORDER BY (id, end_ms)
TTL toDateTime(intDiv(end_ms, 1000)) + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

-- A partition has 30 days.
CREATE TABLE IF NOT EXISTS metric_histogram_hours
(
    id UInt64 CODEC(ZSTD(1)),
    end_ms Int64 CODEC(Delta, ZSTD(1)),
    samples_count UInt32 CODEC(ZSTD(1)),
    first_at_ms Int64 CODEC(Delta, ZSTD(1)),
    last_at_ms Int64 CODEC(Delta, ZSTD(1)),
    ended_at_ms Int64 CODEC(Delta, ZSTD(1)),
    first String CODEC(ZSTD(1)),
    last String CODEC(ZSTD(1)),
    total String CODEC(ZSTD(1)),
    increase String CODEC(ZSTD(1)),
    roll UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(roll)
PARTITION BY intDiv(end_ms, 2592000000)
ORDER BY (id, end_ms)
TTL toDateTime(intDiv(end_ms, 1000)) + INTERVAL 730 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;
