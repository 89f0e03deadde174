"""h2's side of a connection, with our limits."""

from __future__ import annotations

from collections.abc import Iterable

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes, Settings
from hpack import Decoder, HeaderTuple, HPACKDecodingError

from trimtab.api.grpc.limits import Limits

FIRST_WINDOW_BYTES = 65_535
"""HTTP/2 gives a connection that much; it can only become more."""
TABLE_UPDATES_MAX = 2
"""HPACK has no use for more (RFC 7541, 4.2)."""


class _Headers(Decoder):
    """hpack's own takes any number of updates of its table's size before the headers: a millisecond for a kilobyte."""

    _updates_count = 0

    def decode(self, data: bytes, raw: bool = False) -> Iterable[HeaderTuple]:
        """See Decoder."""
        self._updates_count = 0
        return super().decode(data, raw)

    def _update_encoding_context(self, data: bytes | memoryview) -> int:
        self._updates_count += 1
        if self._updates_count > TABLE_UPDATES_MAX:
            raise HPACKDecodingError("too many updates of the table's size")
        return super()._update_encoding_context(data)


class _Http2(H2Connection):
    """h2's own remembers how the last 65,536 streams of each connection ended: ten megabytes."""

    MAX_CLOSED_STREAMS = 1000


def begun(limits: Limits) -> H2Connection:
    """With our SETTINGS ready to be sent. What is announced holds from the start: nobody has to have read it first."""
    connection = _Http2(
        H2Configuration(
            client_side=False,
            header_encoding=None,
            validate_outbound_headers=False,  # they are ours
            normalize_outbound_headers=False,
        )
    )
    connection.local_settings = Settings(
        client=False,
        initial_values={
            SettingCodes.INITIAL_WINDOW_SIZE: limits.stream_window_bytes,
            SettingCodes.MAX_CONCURRENT_STREAMS: limits.streams_max,
            SettingCodes.MAX_FRAME_SIZE: limits.frame_bytes_max,
            SettingCodes.MAX_HEADER_LIST_SIZE: limits.headers_bytes_max,
        },
    )
    connection.max_inbound_frame_size = limits.frame_bytes_max
    connection.decoder = _Headers(limits.headers_bytes_max)
    connection.initiate_connection()
    connection.increment_flow_control_window(limits.connection_window_bytes - FIRST_WINDOW_BYTES)
    return connection
