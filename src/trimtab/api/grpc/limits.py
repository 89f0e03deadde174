"""What a sender may do to the gRPC port, and for how long."""

from __future__ import annotations

from dataclasses import dataclass, field

from trimtab.api.bodies import BodyTimes

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Tests make them small. Bytes of bodies are not among them: these are claimed of each signal's room."""

    connections_max: int = 1000
    greetings_max: int = 250
    """Connections whose TLS is not there yet, besides; one more, and the oldest of them goes."""
    streams_max: int = 200
    """Calls of one connection at one time, and those that it gave up while they were worked on."""
    calls_max: int = 1000
    """Calls that wait for a worker, of all connections."""
    workers_count: int = 8

    frame_bytes_max: int = MIB
    """Announced. Who heeds it (gRPC's C core does, Go does not) sends a body in one frame."""
    stream_window_bytes: int = 4 * MIB
    connection_window_bytes: int = 16 * MIB
    headers_bytes_max: int = 16 * KIB
    """Of a call's headers, packed as well as unpacked: what gRPC's own servers take."""
    header_frames_max: int = 8
    """A HEADERS frame and what continues it."""
    settings_max: int = 32
    """In one frame; HTTP/2 knows ten."""
    small_frames_max: int = 1000
    """See `credit`."""

    preface_s: float = 10.0
    """From the connection (TLS comes before) to the first whole frame, and for each frame that is no body's."""
    tls_s: float = 10.0
    body: BodyTimes = field(default_factory=BodyTimes)
    answer_s: float = 10.0
    """How long an answer waits for a sender that does not take it."""
    idle_s: float = 600.0
    linger_s: float = 1.0
    """How long a sender that was told to go may take to read it."""
    tick_s: float = 0.5
    """How often clocks are looked at."""
