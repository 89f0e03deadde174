"""The nouns of trimtab, with units in their names. Standard library only; everybody may import this.

Durations are milliseconds (`_ms`), moments are Unix milliseconds (`_at_ms`), sizes are bytes (`_bytes`),
and a `ratio` is always after ÷ before: 0.1 means ten times faster.
"""
