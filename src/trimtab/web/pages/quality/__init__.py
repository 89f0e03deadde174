"""`/quality`: how good data is, what runs over it, and what it costs."""
