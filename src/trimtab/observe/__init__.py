"""What writes facts: PostgreSQL's statistics, OTLP."""
