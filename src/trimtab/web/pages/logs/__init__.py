"""`/logs`: log records searched, counted over time, grouped, followed, and one of them with what was around it."""
