-- Roll-ups in less room. Where `form` is not 0, value_min, value_max, value_sum, first_value, last_value and increase
-- hold whole numbers (by their bits): how far each is from a guess that the row's other columns give. How, is said in
-- `store.metrics.rolled_form`. Rows that were there before have form 0 and say what they said.
ALTER TABLE metric_minutes_5 ADD COLUMN IF NOT EXISTS form UInt8 CODEC(ZSTD(1)),
    MODIFY COLUMN value_sum Float64 CODEC(ZSTD(1)),
    MODIFY COLUMN value_min Float64 CODEC(ZSTD(1)),
    MODIFY COLUMN value_max Float64 CODEC(ZSTD(1)),
    MODIFY COLUMN last_value Float64 CODEC(ZSTD(1)),
    MODIFY COLUMN increase Float64 CODEC(ZSTD(1));

ALTER TABLE metric_hours ADD COLUMN IF NOT EXISTS form UInt8 CODEC(ZSTD(1)),
    MODIFY COLUMN value_sum Float64 CODEC(ZSTD(1)),
    MODIFY COLUMN value_min Float64 CODEC(ZSTD(1)),
    MODIFY COLUMN value_max Float64 CODEC(ZSTD(1)),
    MODIFY COLUMN last_value Float64 CODEC(ZSTD(1)),
    MODIFY COLUMN increase Float64 CODEC(ZSTD(1));
