"""Indexes that are there: what each costs, whether anything needs it, and what would have to be known to drop it."""
