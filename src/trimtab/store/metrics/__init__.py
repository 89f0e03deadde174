"""Metrics: series with labels and their samples, in a hot window in memory and in the engine behind it."""
