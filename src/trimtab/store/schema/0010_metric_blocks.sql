-- More granules are compressed together: 1 and 4 % less on disk. Larger blocks of samples would save 2 % more, but a
-- query for one series reads whole blocks. What was written before stays as it is until it is merged.
ALTER TABLE metric_samples MODIFY SETTING min_compress_block_size = 131072;

ALTER TABLE metric_minutes_5 MODIFY SETTING min_compress_block_size = 262144;

ALTER TABLE metric_hours MODIFY SETTING min_compress_block_size = 262144;
