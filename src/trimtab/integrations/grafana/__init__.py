"""Grafana as a place where dashboards, data sources, alert rules and annotations are put, through its HTTP API."""
