"""Dashboards: Grafana's JSON is read, its variables get values, its panels are asked and made ready to be drawn."""
