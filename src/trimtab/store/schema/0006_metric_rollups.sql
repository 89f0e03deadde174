-- Roll-ups of metric_samples: a row for each series and window `(end_ms - 5 minutes, end_ms]`, and the same by the hour.
-- A window may be rolled again: the row with the greatest `roll` counts. Values are over the samples of the window alone,
-- without stale markers; `increase` is from each sample to the next, and from 0 where the value fell. `ended_at_ms` is
-- when a stale marker came after the last of them (0: none did). TTLs are set as those of the other tables.
CREATE TABLE IF NOT EXISTS metric_minutes_5
(
    id UInt64 CODEC(ZSTD(1)),
    end_ms Int64 CODEC(Delta, ZSTD(1)),
    samples_count UInt32 CODEC(ZSTD(1)),
    value_sum Float64 CODEC(Delta(8), ZSTD(1)),
    value_min Float64 CODEC(Delta(8), ZSTD(1)),
    value_max Float64 CODEC(Delta(8), ZSTD(1)),
    first_at_ms Int64 CODEC(Delta, ZSTD(1)),
    first_value Float64 CODEC(Delta(8), ZSTD(1)),
    last_at_ms Int64 CODEC(Delta, ZSTD(1)),
    last_value Float64 CODEC(Delta(8), ZSTD(1)),
    increase Float64 CODEC(Delta(8), ZSTD(1)),
    ended_at_ms Int64 CODEC(Delta, ZSTD(1)),
    roll UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(roll)
PARTITION BY intDiv(end_ms, 86400000)
ORDER BY (id, end_ms)
TTL toDateTime(intDiv(end_ms, 1000)) + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

-- A partition has 30 days: few rows, kept for years.
CREATE TABLE IF NOT EXISTS metric_hours
(
    id UInt64 CODEC(ZSTD(1)),
    end_ms Int64 CODEC(Delta, ZSTD(1)),
    samples_count UInt32 CODEC(ZSTD(1)),
    value_sum Float64 CODEC(Delta(8), ZSTD(1)),
    value_min Float64 CODEC(Delta(8), ZSTD(1)),
    value_max Float64 CODEC(Delta(8), ZSTD(1)),
    first_at_ms Int64 CODEC(Delta, ZSTD(1)),
    first_value Float64 CODEC(Delta(8), ZSTD(1)),
    last_at_ms Int64 CODEC(Delta, ZSTD(1)),
    last_value Float64 CODEC(Delta(8), ZSTD(1)),
    increase Float64 CODEC(Delta(8), ZSTD(1)),
    ended_at_ms Int64 CODEC(Delta, ZSTD(1)),
    roll UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(roll)
PARTITION BY intDiv(end_ms, 2592000000)
ORDER BY (id, end_ms)
TTL toDateTime(intDiv(end_ms, 1000)) + INTERVAL 730 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

-- How far roll-ups tell everything: all windows up to `minutes_to_ms` (`hours_to_ms`), as far as samples of segments up
-- to `segment` go. One row counts, that with the greatest `roll`.
CREATE TABLE IF NOT EXISTS metric_rollup_marks
(
    name LowCardinality(String),
    roll UInt64,
    segment UInt64,
    minutes_to_ms Int64,
    hours_to_ms Int64
)
ENGINE = ReplacingMergeTree(roll)
ORDER BY name
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
