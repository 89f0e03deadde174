"""Anomalies of everything that is stored: series and query shapes, one detector, episodes."""
