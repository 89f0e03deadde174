"""The machine: what its kernel tells, under node_exporter's names."""
