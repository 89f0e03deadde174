"""Log records: in by OTLP, out by search, histogram and patterns."""
