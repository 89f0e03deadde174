"""When resources are full, under which growth, and what the workload will be."""
