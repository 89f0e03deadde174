"""Index advice for whole workloads, measured: what each adviser's set of indexes does to processor time."""
