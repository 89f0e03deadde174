"""Which traces are stored, and what is counted of all: the settings."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.setting import setting

ONE_IN_MAX = 1_000_000


def service_share_problem(text: str) -> str | None:
    """What is wrong with SERVICE=N, None where nothing is.

    >>> service_share_problem("checkout=1"), service_share_problem("checkout")
    (None, "it is SERVICE=N, such as 'checkout=10' for one trace in ten")
    """
    service, sign, number = text.rpartition("=")
    if not (sign and service and number.isascii() and number.isdigit() and 1 <= int(number) <= ONE_IN_MAX):
        return "it is SERVICE=N, such as 'checkout=10' for one trace in ten"
    return None


@dataclass(frozen=True, slots=True)
class TracesPolicy:
    """Which traces are stored. Nothing is left out as it is. Rates, errors and durations of operations are counted
    before anything is left out, and spans that are kept say for how many they stand (`sample_weight`)."""

    keep_one_in: int = setting(
        1,
        "Of traces that are neither failed nor slow, one in so many is stored; 1: all are.",
        unit="traces",
        low=1,
        high=ONE_IN_MAX,
        needs_restart=True,
    )
    keep_one_in_of: tuple[str, ...] = setting(
        (),
        "The same for traces that a service has a part in, as SERVICE=N; of several, the smallest number counts.",
        low=0,
        high=1000,
        needs_restart=True,
        problem=service_share_problem,
    )
    keep_errors: bool = setting(True, "Whether traces in which a span failed are all stored.", needs_restart=True)
    keep_slower_ms: float = setting(
        1000.0,
        "Traces with a span that took at least so long are all stored; 0: they are not treated otherwise.",
        unit="ms",
        low=0,
        high=86_400_000,
        needs_restart=True,
    )
    decide_after_s: float = setting(
        10.0,
        "How long spans wait for the rest of their trace, where traces are left out: what fails or is slow later than "
        "that saves only the spans that come then. Until then they are on disk, but not found.",
        unit="s",
        low=1,
        high=600,
        needs_restart=True,
    )
    operations_max: int = setting(
        1000,
        "Most operations (service, span, kind and status) that have series of their own in traces_span_metrics_*; what "
        "is beyond is counted in one for all.",
        unit="operations",
        low=1,
        high=100_000,
        needs_restart=True,
    )
