"""Forecasts on public series, beside statsforecast."""
