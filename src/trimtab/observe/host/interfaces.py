"""Network interfaces as /sys has them: up or not, speed, carrier. Slow: many small files that hardly change."""

from __future__ import annotations

import os

from trimtab.observe.host.files import HostPaths, listed, number_in, text_in
from trimtab.observe.host.series import HostSeries, NotHere

_NUMBERS = (
    ("carrier", "node_network_carrier", 1.0),
    ("carrier_changes", "node_network_carrier_changes_total", 1.0),
    ("carrier_down_count", "node_network_carrier_down_changes_total", 1.0),
    ("carrier_up_count", "node_network_carrier_up_changes_total", 1.0),
    ("mtu", "node_network_mtu_bytes", 1.0),
    ("speed", "node_network_speed_bytes", 125_000.0),
    ("statistics/rx_nohandler", "node_network_receive_nohandler_total", 1.0),
    ("tx_queue_len", "node_network_transmit_queue_length", 1.0),
)
_TEXTS = ("address", "broadcast", "duplex", "ifalias", "operstate")
_IFF_UP = 1


class Interfaces:
    """/sys/class/net."""

    name = "netclass"
    is_slow = True

    def __init__(self, paths: HostPaths) -> None:
        self.source = f"{paths.sys}/class/net"
        self.series: tuple[HostSeries, ...] = ()

    def read(self) -> list[float]:
        """See `Collector.read`. An interface that is down has no carrier and no speed: those series are not there."""
        try:
            names = sorted(listed(self.source))
        except FileNotFoundError:
            raise NotHere(f"there is no {self.source}") from None
        found: list[float] = []
        series: list[HostSeries] = []
        for name in names:
            folder = f"{self.source}/{name}"
            if not os.path.isdir(folder):  # noqa: PTH112 - bonding_masters is a file; hundreds of paths are not made
                continue
            device = (("device", name),)
            for file, metric, scale in _NUMBERS:
                try:
                    number = number_in(f"{folder}/{file}")
                except (OSError, ValueError):
                    continue
                if number >= 0:
                    found.append(number)
                    series.append(HostSeries(metric, device, scale))
            told = dict(device)
            for file in _TEXTS:
                try:
                    told[file] = text_in(f"{folder}/{file}")
                except OSError:
                    told[file] = ""
            told["adminstate"] = _admin(folder)
            found += (float(told["operstate"] == "up"), 1.0)
            series += (
                HostSeries("node_network_up", device),
                HostSeries("node_network_info", tuple(sorted(told.items()))),
            )
        if tuple(series) != self.series:
            self.series = tuple(series)
        return found


def _admin(folder: str) -> str:
    try:
        return "up" if int(text_in(f"{folder}/flags"), 16) & _IFF_UP else "down"
    except (OSError, ValueError):
        return ""
