"""Rules on another server (`--metrics URL`): expressions are asked there, what is recorded is written there.

Recording needs a server that takes remote write (Prometheus: `--web.enable-remote-write-receiver`).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import cramjam
import msgspec

from trimtab.analyze.rules.asking import Asker, Outcome
from trimtab.analyze.rules.results import RuleError, Series
from trimtab.analyze.rules.rounds import Recorder
from trimtab.model.alerts import labels_of
from trimtab.model.errors import ServerUnreachable

if TYPE_CHECKING:
    from trimtab.app.upstream import Upstream
    from trimtab.store.metrics.block import Labels

ASKING_MAX = 4
TIMEOUT_S = 30.0
SERIES_A_WRITE = 5_000
_HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": "trimtab",
}


class _Sample(msgspec.Struct):
    metric: dict[str, str] = {}
    value: tuple[float, str] | None = None
    histogram: object = None


class _Data(msgspec.Struct):
    resultType: str  # noqa: N815  (Prometheus' name)
    result: msgspec.Raw


class _Reply(msgspec.Struct):
    status: str
    data: _Data | None = None
    error: str = ""


class ElsewhereAsker:
    """Asks a server over HTTP; expressions that stand there twice, once."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._pool = ThreadPoolExecutor(ASKING_MAX, "rules-elsewhere")

    def ask(self, exprs: Sequence[str], at_ms: int) -> list[Outcome]:
        """See `Asker`. ServerUnreachable where the server does not answer."""
        different = list(dict.fromkeys(exprs))
        answers = dict(zip(different, self._pool.map(lambda expr: self._one(expr, at_ms), different), strict=True))
        return [answers[expr] for expr in exprs]

    def _one(self, expr: str, at_ms: int) -> Outcome:
        values = {"query": expr, "time": f"{at_ms / 1000:.3f}"}
        status, body = self._upstream.ask_now("POST", "/api/v1/query", values, TIMEOUT_S)
        try:
            reply = msgspec.json.decode(body, type=_Reply)
            if reply.status != "success" or reply.data is None:
                if status >= 500:
                    raise ServerUnreachable(f"the metrics server says {status}: {reply.error}")
                return RuleError(reply.error or f"the metrics server says {status}")
            return _series_of(reply.data)
        except msgspec.DecodeError as error:
            raise ServerUnreachable(f"the metrics server answered {status} with no JSON: {error}") from error


def _series_of(data: _Data) -> Outcome:
    if data.resultType == "scalar":
        _, text = msgspec.json.decode(data.result, type=tuple[float, str])
        return [((), float(text))]
    if data.resultType != "vector":
        return RuleError("rule result is not a vector or scalar")
    samples = msgspec.json.decode(data.result, type=list[_Sample])
    return [(labels_of(one.metric), float(one.value[1])) for one in samples if one.value is not None]


class ElsewhereRecorder:
    """Writes what rules record to that server."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def record(self, series: Sequence[Series], at_ms: int) -> None:
        """See `Recorder`. ServerUnreachable where it does not take them; native histograms are left out."""
        numbers = [(labels, value) for labels, value in series if isinstance(value, float)]
        for first in range(0, len(numbers), SERIES_A_WRITE):
            body = bytes(cramjam.snappy.compress_raw(write_request(numbers[first : first + SERIES_A_WRITE], at_ms)))
            status, said = self._upstream.send_now("/api/v1/write", body, _HEADERS, TIMEOUT_S)
            if status == 404:
                raise ServerUnreachable(
                    f"the metrics server {self._upstream.url} takes no remote write, so rules cannot be recorded there "
                    "(Prometheus: --web.enable-remote-write-receiver)"
                )
            if status >= 300:
                raise ServerUnreachable(f"the metrics server refused what rules recorded: {status} {said.strip()}")


def write_request(series: Sequence[tuple[Labels, float]], at_ms: int) -> bytes:
    """The body of remote write 1.0, before it is packed.

    >>> write_request([((("__name__", "up"),), 1.0)], 1000).hex()
    '0a1e0a0e0a085f5f6e616d655f5f12027570120c09000000000000f03f10e807'
    """
    out = bytearray()
    for labels, value in series:
        one = bytearray()
        for name, text in labels:
            pair = _field(1, name.encode()) + _field(2, text.encode())
            one += _field(1, pair)
        sample = b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(at_ms)
        one += _field(2, sample)
        out += _field(1, bytes(one))
    return bytes(out)


def _field(number: int, body: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class HereOrElsewhere:
    """The own store, or the server of `--metrics` as soon as one is named."""

    def __init__(self, here: tuple[Asker, Recorder], upstream: Callable[[], Upstream | None]) -> None:
        self._asker, self._recorder = here
        self._upstream = upstream
        self._elsewhere: tuple[Upstream, ElsewhereAsker, ElsewhereRecorder] | None = None

    def _now(self) -> tuple[Asker, Recorder]:
        upstream = self._upstream()
        if upstream is None:
            return self._asker, self._recorder
        if self._elsewhere is None or self._elsewhere[0] is not upstream:
            self._elsewhere = upstream, ElsewhereAsker(upstream), ElsewhereRecorder(upstream)
        return self._elsewhere[1:]

    def ask(self, exprs: Sequence[str], at_ms: int) -> list[Outcome]:
        """See `Asker`."""
        return self._now()[0].ask(exprs, at_ms)

    def record(self, series: Sequence[Series], at_ms: int) -> None:
        """See `Recorder`."""
        self._now()[1].record(series, at_ms)
