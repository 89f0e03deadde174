"""Connections by state and what waits in sockets: asked of the kernel over netlink, and counted by NumPy.

/proc/net/tcp would have to be written out as text by the kernel and read again: with ten thousand connections that is
the dearest thing on the machine.
"""

from __future__ import annotations

import os
import socket
import struct

import numpy as np
from numpy.typing import NDArray

from trimtab.observe.host.files import HostPaths, KernelFile
from trimtab.observe.host.series import HostSeries, NotHere

STATES = {
    1: "established",
    2: "syn_sent",
    3: "syn_recv",
    4: "fin_wait1",
    5: "fin_wait2",
    6: "time_wait",
    7: "close",
    8: "close_wait",
    9: "last_ack",
    10: "listen",
    11: "closing",
    12: "new_syn_recv",
}
_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY = 4, 20
_NLM_F_REQUEST_DUMP, _NLMSG_ERROR, _NLMSG_DONE = 0x301, 2, 3
_HEADER_BYTES, _STATE_AT, _RX_AT, _TX_AT = 16, 17, 16 + 56, 16 + 60
Counts = NDArray[np.int64]
_BUFFER_BYTES = 1 << 18
_ANSWER_S = 5.0


class TcpStates:
    """Connections of IPv4 and IPv6."""

    name = "tcpstat"
    is_slow = True
    source = "netlink (sock_diag)"

    def __init__(self) -> None:
        names = (*STATES.values(), "rx_queued_bytes", "tx_queued_bytes")
        self.series = tuple(HostSeries("node_tcp_connection_states", (("state", name),)) for name in names)

    def read(self) -> list[float]:
        """See `Collector.read`."""
        counts, queued = np.zeros(16, np.int64), np.zeros(2, np.int64)
        try:
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as asked:
                asked.settimeout(_ANSWER_S)
                for family in (socket.AF_INET, socket.AF_INET6):
                    _dump(asked, family, counts, queued)
        except OSError as error:
            raise NotHere(f"the kernel does not tell connections over netlink: {error.strerror or error}") from None
        return [float(counts[state]) for state in STATES] + [float(number) for number in queued]


def _dump(asked: socket.socket, family: int, counts: Counts, queued: Counts) -> None:
    request = struct.pack("=BBBBI48x", family, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF)
    header = struct.pack("=IHHII", _HEADER_BYTES + len(request), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST_DUMP, family, 0)
    asked.send(header + request)
    while True:
        data = asked.recv(_BUFFER_BYTES)
        size, kind = struct.unpack_from("=IH", data)
        whole = size and len(data) // size
        messages = np.frombuffer(data, np.uint8)
        if kind == _SOCK_DIAG_BY_FAMILY and whole * size == len(data):
            table = messages.reshape(whole, size)
            if (table[:, :6] == table[0, :6]).all():  # all of one length and kind
                counts += np.bincount(table[:, _STATE_AT], minlength=16)[:16]
                for at, place in enumerate((_RX_AT, _TX_AT)):
                    queued[at] += int(table[:, place : place + 4].copy().view(np.uint32).sum())
                continue
        if _one_by_one(data, counts, queued):
            return


def _one_by_one(data: bytes, counts: Counts, queued: Counts) -> bool:
    """Messages of different kinds, such as the end; True at the end."""
    at = 0
    while at + _HEADER_BYTES <= len(data):
        size, kind = struct.unpack_from("=IH", data, at)
        if kind == _NLMSG_DONE:
            return True
        if kind == _NLMSG_ERROR:
            [code] = struct.unpack_from("=i", data, at + _HEADER_BYTES)
            raise OSError(-code, os.strerror(-code))
        if kind == _SOCK_DIAG_BY_FAMILY:
            counts[data[at + _STATE_AT] & 15] += 1
            rx, tx = struct.unpack_from("=II", data, at + _RX_AT)
            queued += (rx, tx)
        at += max((size + 3) & ~3, _HEADER_BYTES)
    return False


class UdpQueues:
    """Bytes that wait in sockets of UDP."""

    name = "udp_queues"
    is_slow = True

    def __init__(self, paths: HostPaths) -> None:
        self.source = f"{paths.proc}/net/udp, udp6"
        self._files = [(ip, KernelFile(f"{paths.proc}/net/{file}")) for ip, file in (("v4", "udp"), ("v6", "udp6"))]
        self.series: tuple[HostSeries, ...] = ()

    def read(self) -> list[float]:
        """See `Collector.read`."""
        found: list[float] = []
        series: list[HostSeries] = []
        for ip, file in self._files:
            try:
                queues = [line.split()[4].split(b":") for line in file.read().splitlines()[1:]]
            except FileNotFoundError:
                continue
            found += (
                float(sum(int(tx, 16) for tx, _ in queues)),
                float(sum(int(rx, 16) for _, rx in queues)),
            )
            series += (HostSeries("node_udp_queues", (("ip", ip), ("queue", queue))) for queue in ("tx", "rx"))
        if not series:
            raise NotHere("the kernel has no UDP")
        if tuple(series) != self.series:
            self.series = tuple(series)
        return found
