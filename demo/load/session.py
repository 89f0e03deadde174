"""One worker's session: a connection that binds on the client, a span and a log line for every statement."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer
from psycopg.conninfo import conninfo_to_dict

from demo.load.draws import Draws
from demo.load.latency_log import LatencyLog
from demo.load.statement import Parameters, Statement

Row = tuple[object, ...]


class Session:
    """Runs statements; connects when it must. Not thread-safe: one for each worker."""

    def __init__(self, dsn: str, tracer: Tracer, log: LatencyLog, draws: Draws) -> None:
        self.draws = draws
        self.tracer = tracer
        self._dsn = dsn
        self._log = log
        self._connection: psycopg.Connection[Row] | None = None
        named = conninfo_to_dict(dsn)
        self._attributes: dict[str, str | int] = {
            "db.system.name": "postgresql",
            "db.namespace": str(named.get("dbname", "")),
            "server.address": str(named.get("host", "")),
            "server.port": int(str(named.get("port", 5432))),
        }

    def connect(self) -> psycopg.Connection[Row]:
        """The open connection, made when there is none. Raises psycopg.OperationalError when the server is away."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self._dsn,
                autocommit=True,
                connect_timeout=5,
                cursor_factory=psycopg.ClientCursor,  # literals in the statement text, as Django does
                application_name="shop",
                options="-c statement_timeout=20000",
            )
        return self._connection

    def close(self) -> None:
        """Drop the connection; the next statement makes a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Statements inside are one transaction."""
        with self.connect().transaction():
            yield

    def run(self, statement: Statement, parameters: Parameters | None = None) -> list[Row]:
        """Run one statement and fetch all rows; parameters are drawn where none are given."""
        if parameters is None:
            if statement.draw is None:
                raise ValueError(f"{statement.name} needs parameters")
            parameters = statement.draw(self.draws)
        connection = self.connect()
        span = self.tracer.start_span(
            f"{statement.operation} {statement.collection}",
            kind=SpanKind.CLIENT,
            attributes={
                **self._attributes,
                "db.query.text": statement.text,
                "db.operation.name": statement.operation,
                "db.collection.name": statement.collection,
            },
        )
        at_ms = time.time_ns() // 1_000_000
        began = time.perf_counter()
        error: str | None = None
        try:
            cursor = connection.execute(statement.text.encode(), parameters)
            return cursor.fetchall() if cursor.description else []
        except psycopg.Error as raised:
            error = raised.sqlstate or type(raised).__name__
            raise
        finally:
            duration_ms = (time.perf_counter() - began) * 1000
            ended_ns = time.time_ns()
            if error is not None:
                span.set_attribute("error.type", error)
                span.set_status(Status(StatusCode.ERROR))
            span.end(ended_ns)
            self._log.write(at_ms, statement.name, duration_ms, error)
