"""The Prometheus HTTP API under /api/v1/, so that Grafana, promtool and every client library work unchanged.

Answers and errors have Prometheus' own shape: `{"status": "success", "data": …}` or `{"status": "error", "errorType":
…, "error": …}`. Where metrics are somebody else's (`--metrics URL`), requests are passed through.
"""
