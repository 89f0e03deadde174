"""Traces that somebody has in a file: Jaeger's JSON and OTLP's, as requests that the store takes like any others.

Everything is read and converted before anything is stored: a file that is wrong somewhere leaves nothing behind.
"""
