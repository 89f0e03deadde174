"""Alerts: who is asked what is wrong (sources), what becomes of it over time (machine), who hears of it (sinks)."""
