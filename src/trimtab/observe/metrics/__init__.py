"""Metrics from outside: bodies of remote write and OTLP become samples of series; compiled code reads them."""
