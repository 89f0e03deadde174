"""Traces in the store: what is sent in, what is kept of it, and what can be asked."""
