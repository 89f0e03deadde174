"""How well the clock is kept: adjtimex."""

from __future__ import annotations

import ctypes
import os

from trimtab.observe.host.series import HostSeries, NotHere

_US, _NS = 1e-6, 1e-9
_PPM_16_BIT = 1 / 1_000_000 / 65536
_STA_NANO, _TIME_ERROR = 0x2000, 5


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time_s", ctypes.c_long),
        ("time_us", ctypes.c_long),
        ("tick", ctypes.c_long),
        ("ppsfreq", ctypes.c_long),
        ("jitter", ctypes.c_long),
        ("shift", ctypes.c_int),
        ("stabil", ctypes.c_long),
        ("jitcnt", ctypes.c_long),
        ("calcnt", ctypes.c_long),
        ("errcnt", ctypes.c_long),
        ("stbcnt", ctypes.c_long),
        ("tai", ctypes.c_int),
        ("rest", ctypes.c_int * 11),
    )


class ClockKeeping:
    """Asks, and changes nothing (no modes are set)."""

    name = "timex"
    is_slow = True
    source = "adjtimex"
    series = tuple(
        HostSeries(f"node_timex_{name}")
        for name in (
            "offset_seconds",
            "frequency_adjustment_ratio",
            "maxerror_seconds",
            "estimated_error_seconds",
            "status",
            "loop_time_constant",
            "tick_seconds",
            "pps_frequency_hertz",
            "pps_jitter_seconds",
            "pps_shift_seconds",
            "pps_stability_hertz",
            "pps_jitter_total",
            "pps_calibration_total",
            "pps_error_total",
            "pps_stability_exceeded_total",
            "tai_offset_seconds",
            "sync_status",
        )
    )

    def __init__(self) -> None:
        self._libc: ctypes.CDLL | None = None

    def read(self) -> list[float]:
        """See `Collector.read`."""
        if self._libc is None:
            self._libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(self._libc, "adjtimex"):
            raise NotHere("this system's library has no adjtimex")
        told = _Timex()
        state = self._libc.adjtimex(ctypes.byref(told))
        if state < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        unit = _NS if told.status & _STA_NANO else _US
        return [
            told.offset * unit,
            1 + told.freq * _PPM_16_BIT,
            told.maxerror * _US,
            told.esterror * _US,
            float(told.status),
            float(told.constant),
            told.tick * _US,
            told.ppsfreq * _PPM_16_BIT * 1_000_000,
            told.jitter * unit,
            float(told.shift),
            told.stabil * _PPM_16_BIT * 1_000_000,
            float(told.jitcnt),
            float(told.calcnt),
            float(told.errcnt),
            float(told.stbcnt),
            float(told.tai),
            float(state != _TIME_ERROR),
        ]
