"""Metrics in trimtab beside Prometheus and VictoriaMetrics: the same samples, the same queries, one run."""
