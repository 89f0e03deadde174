-- Fifteen heaps of samples of about one size are merged at once, instead of five: each row is written again less often
-- (one merge costs more than inserting it did). Where there are more than ten, or they are old, fewer are enough. The
-- columns that are not the key are merged after it, one by one, which costs a tenth less.
ALTER TABLE metric_samples MODIFY SETTING merge_selector_base = 15, vertical_merge_algorithm_min_columns_to_activate = 2;
