"""Telemetry in ClickHouse servers, over HTTP: the same statements as in the engine of this process."""
