-- Values of samples in less room: `packed` holds whole numbers of a decimal place where values are such, else the bits of
-- the value. How, is said in `store.metrics.packed`. Rows that were there before say it by their `value`, which is 0 in
-- those that came after; `number` is what a sample says, whenever it was written. No row is written again for it.
ALTER TABLE metric_samples ADD COLUMN IF NOT EXISTS packed Int64 DEFAULT reinterpretAsInt64(value)
    CODEC(Delta(8), T64('bit'), ZSTD(1));

ALTER TABLE metric_samples ADD COLUMN IF NOT EXISTS number Float64 ALIAS if(
    packed >= -1125899906842624 AND packed < 0,
    (bitAnd(packed, 140737488355327) - 70368744177664)
        / [1., 10., 100., 1000., 10000., 100000., 1000000., 10000000.][bitAnd(bitShiftRight(packed, 47), 7) + 1],
    reinterpretAsFloat64(packed)
);
