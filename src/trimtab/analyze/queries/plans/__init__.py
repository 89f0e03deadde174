"""Plans of PostgreSQL: read from text, JSON or a log; own time and misestimates of each step; a lint with scores."""
