"""When resources are full: the settings."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.setting import setting


def disk_problem(text: str) -> str | None:
    """What is wrong with an entry of `disks`, None where nothing is.

    >>> disk_problem("shop=db1:9100 /var/lib/postgresql")
    >>> disk_problem("shop=/data")
    'it is SYSTEM=INSTANCE MOUNTPOINT, such as shop=db1:9100 /var/lib/postgresql'
    """
    system, equals, rest = text.partition("=")
    instance, _, mountpoint = rest.strip().partition(" ")
    if system.strip() and equals and instance and mountpoint.strip().startswith("/") and len(text) <= 500:
        return None
    return "it is SYSTEM=INSTANCE MOUNTPOINT, such as shop=db1:9100 /var/lib/postgresql"


@dataclass(frozen=True, slots=True)
class CapacityPolicy:
    """What is looked at, what counts as full, and how far ahead."""

    enabled: bool = setting(True, "Whether dates of full resources are looked for at all.")
    every_s: float = setting(3_600.0, "How often.", unit="s", low=60, high=86_400)
    history_days: float = setting(56.0, "How much history a date is made from.", unit="days", low=1, high=100)
    horizon_days: float = setting(
        180.0,
        "How far ahead is looked; never further than four times the history that there is.",
        unit="days",
        low=1,
        high=800,
    )
    range_percent: float = setting(80.0, "How probable it is that the range of dates holds.", unit="%", low=50, high=99)
    cpu_percent: float = setting(90.0, "From here on processors are full, over an hour.", unit="%", low=1, high=100)
    memory_percent: float = setting(95.0, "From here on memory is full.", unit="%", low=1, high=100)
    storage_percent: float = setting(95.0, "From here on a file system is full.", unit="%", low=1, high=100)
    connections_percent: float = setting(
        95.0, "From here on connections are short, of max_connections.", unit="%", low=1, high=100
    )
    alert_days: float = setting(
        0.0,
        "A resource whose date is that near (or that is full) is an alert, too (CapacityShort). 0: none is.",
        unit="days",
        low=0,
        high=180,
    )
    disks: tuple[str, ...] = setting(
        (),
        "File systems of watched systems' data: 'shop=db1:9100 /var/lib/postgresql' (system, instance of the host's "
        "series, mount point). Databases and retained WAL are held against them.",
        low=0,
        high=1_000,
        problem=disk_problem,
    )
    series_max: int = setting(
        300, "At most so many series are looked at; of each resource the fullest.", unit="series", low=1, high=5_000
    )
    templates: int = setting(
        2_000,
        "Of each system so many query shapes, those that are called most, are in the forecast of the workload. 0: "
        "there is none.",
        unit="shapes",
        low=0,
        high=10_000,
    )
    workload_hours: float = setting(24.0, "How far ahead the workload is forecast.", unit="h", low=1, high=168)
    kept_days: int = setting(
        365, "How long dates that were told are kept, one a day and series.", unit="days", low=1, high=1_000
    )
