-- Plans of query shapes, without the literals of their conditions. One row tells of a time in which a shape's plan had
-- the same steps: since_ms is when such a plan was first seen, seen_at_ms when it was last seen, taken_at_ms when the
-- figures in it were taken. A plan with other steps begins another row.
CREATE TABLE IF NOT EXISTS query_plans
(
    system LowCardinality(String),
    fingerprint String,
    since_ms Int64,
    plan_id String,
    structure String,
    origin LowCardinality(String),
    change_id String,
    taken_at_ms Int64,
    seen_at_ms Int64,
    seen_count Int64,
    has_actuals Bool,
    source String,
    why_no_actuals String,
    settings Map(LowCardinality(String), String),
    plan String CODEC(ZSTD(3)),
    spool_segment UInt64 CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(seen_at_ms)
ORDER BY (system, fingerprint, since_ms, plan_id)
TTL toDateTime(intDiv(seen_at_ms, 1000)) + INTERVAL 30 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
