"""Jaeger as a store of traces: asked by its HTTP API version 3, written to by OTLP."""
