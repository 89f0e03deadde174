"""Alerts: those that fire, the history, silences, and who is told."""
