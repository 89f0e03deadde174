"""Probes: numbers about the data of a watched PostgreSQL, asked with a role and a transaction that cannot write."""
