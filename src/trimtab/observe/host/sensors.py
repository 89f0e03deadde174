"""Temperatures, fans, cooling, power, clock rates of cores: small files of /sys, where the machine has them."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator

from trimtab.observe.host.files import HostPaths, listed, number_in, text_in
from trimtab.observe.host.series import HostSeries, NotHere

Told = tuple[HostSeries, float]
_CHANNEL = re.compile(r"(temp|fan)(\d+)_(input|max|crit|crit_alarm|crit_hyst|min)")


class _Folder(ABC):
    """Series and numbers that are found by looking through a folder."""

    is_slow = True
    name = ""
    missing = ""

    def __init__(self, source: str) -> None:
        self.source = source
        self.series: tuple[HostSeries, ...] = ()

    def read(self) -> list[float]:
        """See `Collector.read`."""
        try:
            told = list(self.told(sorted(listed(self.source))))
        except FileNotFoundError:
            told = []
        if not told:
            raise NotHere(f"{self.missing} ({self.source})")
        series = tuple(one for one, _ in told)
        if series != self.series:
            self.series = series
        return [number for _, number in told]

    @abstractmethod
    def told(self, names: list[str]) -> Iterator[Told]:
        """What the folder tells."""


class Hwmon(_Folder):
    """Sensors."""

    name = "hwmon"
    missing = "the machine shows no sensors"

    def __init__(self, paths: HostPaths) -> None:
        super().__init__(f"{paths.sys}/class/hwmon")

    def told(self, names: list[str]) -> Iterator[Told]:
        """Temperatures in degrees, fans in turns a minute."""
        for name in names:
            folder = f"{self.source}/{name}"
            chip = _chip(folder, name)
            if title := _text(f"{folder}/name"):
                yield HostSeries("node_hwmon_chip_names", (("chip", chip), ("chip_name", title))), 1.0
            for file in sorted(listed(folder)):
                found = _CHANNEL.fullmatch(file)
                number = _number(f"{folder}/{file}") if found else None
                if found is None or number is None:
                    continue
                kind, place, what = found.groups()
                labels = (("chip", chip), ("sensor", f"{kind}{place}"))
                if kind == "temp" and what == "crit_alarm":
                    yield HostSeries("node_hwmon_temp_crit_alarm_celsius", labels), number
                elif kind == "temp":
                    suffix = "" if what == "input" else f"{what}_"
                    yield HostSeries(f"node_hwmon_temp_{suffix}celsius", labels, 1e-3), number
                else:
                    suffix = "" if what == "input" else f"{what}_"
                    yield HostSeries(f"node_hwmon_fan_{suffix}rpm", labels), number


def _chip(folder: str, name: str) -> str:
    """As node_exporter names a chip: by the device that it is on."""
    device = os.path.realpath(f"{folder}/device")
    if device == f"{folder}/device" or not os.path.exists(device):  # noqa: PTH110 - as in `interfaces`
        return name
    parts = device.rstrip("/").split("/")
    told = "_".join(parts[-2:]) if len(parts) > 1 else parts[-1]
    return re.sub(r"[^a-z0-9:_]", "_", told.lower())


class Thermal(_Folder):
    """Zones and what cools them."""

    name = "thermal_zone"
    missing = "the machine shows no thermal zones"

    def __init__(self, paths: HostPaths) -> None:
        super().__init__(f"{paths.sys}/class/thermal")

    def told(self, names: list[str]) -> Iterator[Told]:
        """Temperatures of zones, states of cooling devices."""
        for name in names:
            folder = f"{self.source}/{name}"
            kind = _text(f"{folder}/type")
            if name.startswith("thermal_zone") and (number := _number(f"{folder}/temp")) is not None:
                labels = (("type", kind), ("zone", name.removeprefix("thermal_zone")))
                yield HostSeries("node_thermal_zone_temp", labels, 1e-3), number
            elif name.startswith("cooling_device"):
                labels = (("name", name.removeprefix("cooling_device")), ("type", kind))
                for file in ("cur_state", "max_state"):
                    if (number := _number(f"{folder}/{file}")) is not None:
                        yield HostSeries(f"node_cooling_device_{file}", labels), number


class Power(_Folder):
    """Mains and batteries."""

    name = "powersupplyclass"
    missing = "the machine shows no power supply"
    _FIELDS = (("online", "online", 1.0), ("capacity", "capacity", 1.0), ("present", "present", 1.0))

    def __init__(self, paths: HostPaths) -> None:
        super().__init__(f"{paths.sys}/class/power_supply")

    def told(self, names: list[str]) -> Iterator[Told]:
        """Whether it is there, and how full."""
        for name in names:
            for file, what, scale in self._FIELDS:
                if (number := _number(f"{self.source}/{name}/{file}")) is not None:
                    yield HostSeries(f"node_power_supply_{what}", (("power_supply", name),), scale), number


class Frequencies(_Folder):
    """Clock rates of cores."""

    name = "cpufreq"
    missing = "the kernel does not scale the clock of these cores (a virtual machine has no cpufreq)"
    _FIELDS = (
        ("scaling_cur_freq", "node_cpu_scaling_frequency_hertz"),
        ("scaling_max_freq", "node_cpu_scaling_frequency_max_hertz"),
        ("scaling_min_freq", "node_cpu_scaling_frequency_min_hertz"),
    )

    def __init__(self, paths: HostPaths) -> None:
        super().__init__(f"{paths.sys}/devices/system/cpu")

    def told(self, names: list[str]) -> Iterator[Told]:
        """Now, at most, at least."""
        for name in names:
            if not re.fullmatch(r"cpu\d+", name):
                continue
            for file, metric in self._FIELDS:
                if (number := _number(f"{self.source}/{name}/cpufreq/{file}")) is not None:
                    yield HostSeries(metric, (("cpu", name[3:]),), 1000.0), number


def _number(path: str) -> float | None:
    try:
        return number_in(path)
    except (OSError, ValueError):
        return None


def _text(path: str) -> str:
    try:
        return text_in(path)
    except OSError:
        return ""
