-- Good and all events of objectives, minute by minute. `definition` is a hash of what is counted: when that changes, the
-- minutes are counted anew. A minute that was counted again (late data) is there twice until parts are merged: the row
-- with the greatest `counted_at_ms` counts. A minute without data has no row: it is unknown, not good.
CREATE TABLE IF NOT EXISTS objective_slices
(
    objective LowCardinality(String),
    definition LowCardinality(String),
    slice_ms Int64 CODEC(Delta, ZSTD(1)),
    good Float64 CODEC(ZSTD(1)),
    total Float64 CODEC(ZSTD(1)),
    counted_at_ms Int64 CODEC(Delta, ZSTD(1)),
    spool_segment UInt64 CODEC(ZSTD(1)),
    INDEX by_segment spool_segment TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(counted_at_ms)
PARTITION BY intDiv(slice_ms, 864000000)
ORDER BY (objective, definition, slice_ms)
TTL toDateTime(intDiv(slice_ms, 1000)) + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;
