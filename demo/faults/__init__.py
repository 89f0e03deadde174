"""The faults of the demo, drawn by a seed: two kinds that an index cures, one that nothing cures, one what-if lie."""
