"""Pages of the analysis of series: anomalies, change points, patterns, forecasts, capacity."""
