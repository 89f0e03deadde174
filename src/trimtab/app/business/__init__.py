"""Data and what it is for: quality by probes, cost, satisfaction, runs of pipelines. One file form, one thread."""
