"""Forecasts of many series at once: cheap members weighed by rolling backtests, with intervals that hold per series."""
