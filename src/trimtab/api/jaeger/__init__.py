"""The Jaeger query API under /jaeger/api/, so that Jaeger UI, Grafana's Jaeger data source and scripts work unchanged.

Two of them, as Jaeger has two: version 3 (`/jaeger/api/v3/…`, OTLP's JSON) and the older one (`/jaeger/api/…`, the JSON
of Jaeger's page). Each refuses in its own shape.
"""
