"""Network: traffic by interface, what the protocols counted, sockets, and packets by core."""

from __future__ import annotations

import re
from collections.abc import Iterator

from trimtab.observe.host.files import HostPaths, KernelFile
from trimtab.observe.host.layout import Found, Layout, Line, taking
from trimtab.observe.host.series import HostSeries, NotHere
from trimtab.observe.host.simple import OneText

_RECEIVE = ("bytes", "packets", "errs", "drop", "fifo", "frame", "compressed", "multicast")
_TRANSMIT = ("bytes", "packets", "errs", "drop", "fifo", "colls", "carrier", "compressed")
_COUNTED = re.compile(
    r".*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)"
    r"|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)"
    r"|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab|MaxConn)"
    r"|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors)"
)
_PAGE_BYTES = 4096.0


def netdev(paths: HostPaths) -> OneText:
    """/proc/net/dev."""
    return OneText("netdev", f"{paths.proc}/net/dev", _interface)


def _interface(line: Line) -> Iterator[Found]:
    if len(line) != 17 or not line[0].endswith(b":"):
        return
    device = (("device", line[0][:-1].decode("utf-8", "replace")),)
    for place, what in enumerate(_RECEIVE, 1):
        yield place, HostSeries(f"node_network_receive_{what}_total", device)
    for place, what in enumerate(_TRANSMIT, 9):
        yield place, HostSeries(f"node_network_transmit_{what}_total", device)


class Netstat:
    """/proc/net/snmp and netstat (a line of names above a line of numbers), and snmp6 (a name before each number)."""

    name = "netstat"
    is_slow = False

    def __init__(self, paths: HostPaths) -> None:
        self.source = f"{paths.proc}/net/snmp, netstat, snmp6"
        self._tables = [_Table(f"{paths.proc}/net/{file}") for file in ("snmp", "netstat")]
        self._six = KernelFile(f"{paths.proc}/net/snmp6")
        self._six_layout = Layout(_six)
        self._has_six = True
        self._parts: tuple[tuple[HostSeries, ...], ...] = ()
        self.series: tuple[HostSeries, ...] = ()

    def read(self) -> list[float]:
        """See `Collector.read`."""
        found = [number for table in self._tables for number in table.numbers()]
        if self._has_six:
            try:
                found += self._six_layout.numbers(self._six.read())
            except FileNotFoundError:  # no IPv6
                self._has_six = False
        parts = (*(table.series for table in self._tables), self._six_layout.series)
        if any(now is not before for now, before in zip(parts, self._parts or ((), (), ()), strict=True)):
            self._parts = parts
            self.series = tuple(one for part in parts for one in part)
        return found


class _Table:
    """Names stand in one line, their numbers in the next."""

    def __init__(self, path: str) -> None:
        self._file = KernelFile(path)
        self.series: tuple[HostSeries, ...] = ()
        self._count = -1
        self._names: tuple[bytes, ...] = ()
        self._take_names, self._take_values = taking([]), taking([])

    def numbers(self) -> list[float]:
        data = self._file.read()
        tokens = data.split()
        if len(tokens) != self._count or self._take_names(tokens) != self._names:
            self._learn(data, tokens)
        return list(map(float, self._take_values(tokens)))

    def _learn(self, data: bytes, tokens: Line) -> None:
        lines = [text.split() for text in data.splitlines()]
        names: list[int] = []
        values: list[int] = []
        series: list[HostSeries] = []
        first = 0
        for titles, numbers in zip(lines[::2], lines[1::2], strict=False):
            names.extend(range(first, first + len(titles)))
            protocol = titles[0].rstrip(b":").decode()
            for place, title in enumerate(titles[1:], 1):
                name = f"{protocol}_{title.decode()}"
                if place < len(numbers) and _COUNTED.fullmatch(name):
                    values.append(first + len(titles) + place)
                    series.append(HostSeries(f"node_netstat_{name}"))
            first += len(titles) + len(numbers)
        self._count, self.series = len(tokens), tuple(series)
        self._take_names, self._take_values = taking(names), taking(values)
        self._names = self._take_names(tokens)


def _six(line: Line) -> Iterator[Found]:
    """
    >>> list(_six([b"Udp6InErrors", b"3"]))[0][1].name
    'node_netstat_Udp6_InErrors'
    """
    if len(line) == 2 and b"6" in line[0]:
        protocol, _, what = line[0].decode().partition("6")
        if _COUNTED.fullmatch(name := f"{protocol}6_{what}"):
            yield 1, HostSeries(f"node_netstat_{name}")


class Sockstat:
    """Sockets in use: /proc/net/sockstat and sockstat6."""

    name = "sockstat"
    is_slow = False

    def __init__(self, paths: HostPaths) -> None:
        self.source = f"{paths.proc}/net/sockstat, sockstat6"
        self._parts = [OneText(self.name, f"{paths.proc}/net/{file}", _sockets) for file in ("sockstat", "sockstat6")]
        self._known: list[tuple[HostSeries, ...]] = []
        self.series: tuple[HostSeries, ...] = ()

    def read(self) -> list[float]:
        """See `Collector.read`."""
        found = self._parts[0].read()
        if len(self._parts) > 1:
            try:
                found += self._parts[1].read()
            except NotHere:
                del self._parts[1]  # no IPv6
        known = [part.series for part in self._parts]
        if len(known) != len(self._known) or any(a is not b for a, b in zip(known, self._known, strict=True)):
            self._known = known
            self.series = tuple(one for part in known for one in part)
        return found


def _sockets(line: Line) -> Iterator[Found]:
    if len(line) < 3 or not line[0].endswith(b":"):
        return
    protocol = line[0][:-1].decode()
    for place in range(1, len(line) - 1, 2):
        what = line[place].decode()
        yield place + 1, HostSeries(f"node_sockstat_{protocol}_{what}")
        if what == "mem":
            yield place + 1, HostSeries(f"node_sockstat_{protocol}_mem_bytes", scale=_PAGE_BYTES)


class Softnet:
    """Packets by core: /proc/net/softnet_stat, which is in hexadecimal."""

    name = "softnet"
    is_slow = False
    _FIELDS = (
        (0, "node_softnet_processed_total"),
        (1, "node_softnet_dropped_total"),
        (2, "node_softnet_times_squeezed_total"),
        (8, "node_softnet_cpu_collision_total"),
        (9, "node_softnet_received_rps_total"),
        (10, "node_softnet_flow_limit_count_total"),
    )

    def __init__(self, paths: HostPaths) -> None:
        self.source = f"{paths.proc}/net/softnet_stat"
        self._file = KernelFile(self.source)
        self.series: tuple[HostSeries, ...] = ()
        self._cpus: list[str] = []

    def read(self) -> list[float]:
        """See `Collector.read`."""
        lines = [line.split() for line in self._file.read().splitlines()]
        cpus = [str(int(line[12], 16)) if len(line) > 12 else str(at) for at, line in enumerate(lines)]
        if cpus != self._cpus:
            self._cpus = cpus
            self.series = tuple(HostSeries(name, (("cpu", cpu),)) for cpu in cpus for _, name in self._FIELDS)
        return [float(int(line[at], 16)) if at < len(line) else 0.0 for line in lines for at, _ in self._FIELDS]
