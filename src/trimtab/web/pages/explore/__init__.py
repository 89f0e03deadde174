"""`/explore`: PromQL on one range of time, each query with its chart and its table."""
