"""Data, pipelines, cost and satisfaction: the settings."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.setting import setting


def loopback_problem(text: str) -> str | None:
    """What is wrong with HOST:PORT where nobody else may send; None where nothing is, or it is off.

    >>> loopback_problem(""), loopback_problem("127.0.0.1:8125")
    (None, None)
    >>> loopback_problem("0.0.0.0:8125")
    "it is '127.0.0.1:PORT' or '[::1]:PORT': StatsD has no way to say who sends"
    """
    host, _, port = text.rpartition(":")
    if not text or (host in ("127.0.0.1", "[::1]") and port.isascii() and port.isdigit() and int(port[:6]) < 65_536):
        return None
    return "it is '127.0.0.1:PORT' or '[::1]:PORT': StatsD has no way to say who sends"


@dataclass(frozen=True, slots=True)
class BusinessPolicy:
    """What is asked about data and its use. Files are read again when they change; the last good reading stays."""

    files: tuple[str, ...] = setting(
        (),
        "Files of probes, weights of the data quality score, prices, budget and satisfaction, or folders of such .yml "
        "and .yaml files. Relative to this file's folder; read again when they change.",
        low=0,
        high=1000,
    )
    probes_at_a_time: int = setting(
        4,
        "How many probes may run at one time on all systems together.",
        unit="probes",
        low=1,
        high=32,
        needs_restart=True,
    )
    probes_per_system: int = setting(
        2,
        "How many probes may run at one time on one system, each on a connection of its own.",
        unit="probes",
        low=1,
        high=8,
        needs_restart=True,
    )
    pipeline_attributes: tuple[str, ...] = setting(
        ("pipeline.name",),
        "Attributes of spans that name a pipeline: a span that has one is a run of it.",
        low=0,
        high=10,
    )
    pipeline_span_prefixes: tuple[str, ...] = setting(
        ("pipeline.",),
        "A span whose name begins so is a run of the pipeline that the rest of the name says.",
        low=0,
        high=10,
    )
    pipeline_window_s: float = setting(
        86_400.0,
        "Over how long the success rate of a pipeline is counted.",
        unit="s",
        low=60,
        high=2_592_000,
    )
    pipeline_kept_days: int = setting(
        90, "How long runs of pipelines are kept.", unit="days", low=1, high=3650, needs_restart=True
    )
    statsd_listen: str = setting(
        "",
        "Loopback address and port for Airflow's StatsD (UDP), such as '127.0.0.1:8125'; empty: nobody listens.",
        needs_restart=True,
        problem=loopback_problem,
    )
