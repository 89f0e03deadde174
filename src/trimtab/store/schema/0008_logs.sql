-- Log records, sorted by time: the newest first is what is asked for most. `level` is 0 (unknown) to 6 (fatal).
-- `body_kind` and `attribute_kinds` are one letter for the type of each value (s i d b x a k n; attribute_kinds is
-- empty where all are strings), `resource` and `scope` are JSON that says its types itself. `pattern` is the same for
-- lines that differ in numbers and ids alone; `record_no` counts within the segment, so both together never repeat.
-- The text indexes are measured in docs/adr/0015.
CREATE TABLE IF NOT EXISTS log_records
(
    at_ns Int64 CODEC(Delta, ZSTD(1)),
    observed_at_ns Int64 CODEC(Delta, ZSTD(1)),
    level UInt8 CODEC(ZSTD(1)),
    severity_number UInt8 CODEC(ZSTD(1)),
    severity_text LowCardinality(String),
    service_name LowCardinality(String),
    body String CODEC(ZSTD(1)),
    body_kind LowCardinality(String),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    attribute_kinds LowCardinality(String),
    resource LowCardinality(String),
    scope LowCardinality(String),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    event_name LowCardinality(String),
    flags UInt32 CODEC(ZSTD(1)),
    dropped_attributes_count UInt32 CODEC(ZSTD(1)),
    pattern UInt64 CODEC(ZSTD(1)),
    record_no UInt32 CODEC(Delta, ZSTD(1)),
    spool_segment UInt64 CODEC(ZSTD(1)),
    INDEX by_segment spool_segment TYPE minmax GRANULARITY 1,
    INDEX by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_pattern pattern TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX words lower(body) TYPE text(tokenizer = splitByNonAlpha),
    INDEX pairs CAST(CAST(attributes, 'Array(Tuple(String, String))'), 'Array(String)')
        TYPE text(tokenizer = 'array')
)
ENGINE = MergeTree
PARTITION BY intDiv(at_ns, 86400000000000)
ORDER BY at_ns
TTL toDateTime(intDiv(at_ns, 1000000000)) + INTERVAL 14 DAY
SETTINGS ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1,
    text_index_posting_list_codec = 'bitpacking';
