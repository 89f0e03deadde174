"""The stores beside the own one: opened when they are asked first, waited for within limits, never stored or shown with
their credentials."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from trimtab.app.sources import logs, traces
from trimtab.app.sources.breaker import Breaker
from trimtab.app.sources.feeds import Feed, LogFeed, SpanFeed
from trimtab.app.sources.forwarding import Forwarded, Forwarder, Positions
from trimtab.app.sources.kept import Kept
from trimtab.extend.registry import load
from trimtab.extend.sources import SOURCES, Address, FoundLog, LogSource, Sent, TraceSource
from trimtab.model.errors import InputError, MissingError, NotFound
from trimtab.model.integrations import IntegrationsPolicy, Named, named_of
from trimtab.store.logs.answers import LIMIT_MAX, LogPage, LogQuery, LogRecord
from trimtab.store.telemetry import TelemetryStore
from trimtab.store.traces.answers import FoundTraces, Operations, Services, Trace, TraceQuery

SECRET_BYTES_MAX = 8192
STOP_S = 5.0
Factories = Callable[[], Mapping[str, Callable[[Address], Any]]]


@dataclass(frozen=True, slots=True)
class SourceNow:
    """A store as it is now. `problem`: why the last question failed, '' where it did not. `forwarded`: what was written
    to it, where that is configured."""

    name: str
    signal: str
    kind: str
    url: str
    path: str
    problem: str
    forwarded: Forwarded | None = None


class Sources:
    """Thread-safe. Every method waits; InputError names what there is where a source is not known."""

    def __init__(
        self,
        policy: IntegrationsPolicy,
        *,
        factories: Factories = lambda: load(SOURCES),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._policy = policy
        self._factories = factories
        self._environment = os.environ if environment is None else environment
        self._lock = threading.Lock()
        self._opened: dict[tuple[str, str], Any] = {}
        self._named = {
            (signal, named.name): named
            for signal, texts in (("logs", policy.logs), ("traces", policy.traces))
            for named in map(named_of, texts)
        }
        self._forwarders: dict[tuple[str, str], Forwarder] = {}
        self._breakers = {key: Breaker(key[1], policy.pause_s) for key in self._named}
        self._writing = {key: Breaker(key[1], 0.0) for key in self._named}
        """Who writes waits by itself, and may write to another address than the one that is asked."""
        self._traces = Kept[tuple[str, str], Trace]()

    def listed(self) -> tuple[SourceNow, ...]:
        """All of them, as configured."""
        return tuple(
            SourceNow(
                named.name,
                signal,
                named.kind,
                named.url,
                named.path,
                self._breakers[signal, named.name].problem or self._writing[signal, named.name].problem,
                None if forwarder is None else forwarder.counts,
            )
            for (signal, _), named in self._named.items()
            for forwarder in (self._forwarders.get((signal, named.name)),)
        )

    def forward(self, telemetry: TelemetryStore, positions: Positions, now_ms: Callable[[], int]) -> None:
        """From now on, write what is stored to those that the configuration names for it."""
        feeds: dict[tuple[str, str], Feed] = {}
        for name in self._policy.write_logs_to:
            logs_to: LogSource = self._open("logs", name)
            feeds["logs", name] = LogFeed(telemetry, partial(self._write_logs, name, logs_to))
        for name in self._policy.write_traces_to:
            traces_to: TraceSource = self._open("traces", name)
            feeds["traces", name] = SpanFeed(telemetry, partial(self._write_spans, name, traces_to))
        wait_ms_max = self._policy.write_hours_max * 3_600_000
        for (signal, name), feed in feeds.items():
            forwarder = Forwarder(f"forward-{signal}-{name}", feed, positions, now_ms, wait_ms_max)
            self._forwarders[signal, name] = forwarder
            forwarder.start()

    def _write_logs(self, name: str, source: LogSource, records: Sequence[FoundLog]) -> Sent:
        return self._writing["logs", name].ask(lambda: source.write(records))

    def _write_spans(self, name: str, source: TraceSource, body: bytes, spans_count: int) -> Sent:
        return self._writing["traces", name].ask(lambda: source.write(body, spans_count))

    def search_logs(self, name: str, query: LogQuery) -> LogPage:
        """Records, a page of them."""
        question = logs.question_of(query)
        source: LogSource = self._open("logs", name)
        return logs.page_of(self._breakers["logs", name].ask(lambda: source.search(question)), name)

    def search_traces(self, name: str, query: TraceQuery) -> FoundTraces:
        """Traces that have a span as the query says."""
        question = traces.question_of(query)
        source: TraceSource = self._open("traces", name)
        return traces.found_of(self._breakers["traces", name].ask(lambda: source.search(question)), query)

    def trace(self, name: str, trace_id: str, spans_max: int) -> Trace:
        """One trace; NotFound where it is not there. Kept for a moment: a page asks for it several times."""
        return self._traces.get((name, trace_id), lambda: self._trace(name, trace_id, spans_max))

    def _trace(self, name: str, trace_id: str, spans_max: int) -> Trace:
        source: TraceSource = self._open("traces", name)
        spans = self._breakers["traces", name].ask(lambda: source.trace(trace_id))
        if not spans:
            raise NotFound(f"no trace {trace_id} in {name}", trace=trace_id, source=name)
        return traces.trace_of(trace_id, spans, spans_max)

    def log_record(self, name: str, record_id: str, at_ms: int) -> LogRecord:
        """One record of another store, looked for in its millisecond; NotFound where it is not there."""
        page = self.search_logs(name, LogQuery(at_ms, at_ms + 1, limit=LIMIT_MAX))
        found = next((record for record in page.records if record.id == record_id), None)
        if found is None:
            raise NotFound(f"no such log record in {name}", source=name, field="record_id")
        return found

    def names(self, signal: str) -> tuple[str, ...]:
        """Those of one signal, as configured: `logs` or `traces`."""
        return tuple(name for kind, name in self._named if kind == signal)

    def services(self, name: str) -> Services:
        """Services that have spans there."""
        source: TraceSource = self._open("traces", name)
        return Services(self._breakers["traces", name].ask(source.services))

    def operations(self, name: str, service: str) -> Operations:
        """What a service does."""
        if not service:
            raise InputError("service is needed: another store is asked for operations of one", field="service")
        source: TraceSource = self._open("traces", name)
        return traces.operations_of(service, self._breakers["traces", name].ask(lambda: source.operations(service)))

    def close(self) -> None:
        """Write nothing more, and let all connections go."""
        for forwarder in self._forwarders.values():
            forwarder.stop(STOP_S)
        with self._lock:
            opened, self._opened = list(self._opened.values()), {}
        for source in opened:
            source.close()

    def _open(self, signal: str, name: str) -> Any:
        key = (signal, name)
        named = self._named.get(key)
        if named is None:
            known = ", ".join(other for kind, other in self._named if kind == signal) or "none is configured"
            raise InputError(f"no source of {signal} is named {name[:80]!r} (known: {known})", field="source")
        with self._lock:
            if key not in self._opened:
                self._opened[key] = self._made(named)
            return self._opened[key]

    def _made(self, named: Named) -> Any:
        factories = self._factories()
        factory = factories.get(named.kind)
        if factory is None:
            raise MissingError(
                f"source {named.name}: no plug-in is named {named.kind!r} (known: {', '.join(factories)})"
            )
        address = Address(
            named.name, named.url, named.path, self._policy.timeout_s, self._policy.ca_file, lambda: self._secret(named)
        )
        return factory(address)

    def _secret(self, named: Named) -> str:
        """The value of the header: of the environment, or of a file that is read anew each time."""
        variable = named.authorization_variable
        value = self._environment.get(variable, "")
        file = self._environment.get(f"{variable}_FILE", "")
        if not value and file:
            try:
                with Path(file).open(encoding="utf-8") as opened:
                    value = opened.read(SECRET_BYTES_MAX)
            except (OSError, UnicodeDecodeError) as error:
                raise MissingError(f"source {named.name}: {variable}_FILE could not be read: {error}") from error
        return value.strip()
