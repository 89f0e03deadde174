"""Series in a file, CSV or Parquet: read, looked at (episodes, forecasts, change points, limits), drawn."""
