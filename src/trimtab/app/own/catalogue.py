"""Every number that trimtab tells about itself: one table, from which they are made, checked, shown and documented.

Names follow Prometheus: the unit stands in the name, counters end in `_total`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """A gauge goes up and down, a counter only up; a histogram counts observations and adds them up."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


SECONDS_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
SECONDS_SLOW = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One declared number. `buckets` are upper bounds, both for histograms alone."""

    name: str
    kind: Kind
    unit: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


def _gauge(name: str, unit: str, text: str, *labels: str) -> Metric:
    return Metric(name, Kind.GAUGE, unit, text, labels)


def _counter(name: str, unit: str, text: str, *labels: str) -> Metric:
    return Metric(name, Kind.COUNTER, unit, text, labels)


METRICS: tuple[Metric, ...] = (
    # --- what it does
    Metric(
        "trimtab_loop_step_seconds",
        Kind.HISTOGRAM,
        "s",
        "Time of one step of a system's loop: think (notice and advise) or act.",
        ("system", "step"),
        SECONDS_SLOW,
    ),
    Metric(
        "trimtab_advice_seconds",
        Kind.HISTOGRAM,
        "s",
        "Time of one advice: what-if plans on the watched server and the decision.",
        ("system",),
        SECONDS_SLOW,
    ),
    Metric(
        "trimtab_http_request_seconds",
        Kind.HISTOGRAM,
        "s",
        "Time of one HTTP request, without open event streams.",
        ("method", "route", "status"),
        SECONDS_QUICK,
    ),
    _gauge("trimtab_systems_watched", "systems", "Systems under watch."),
    _gauge("trimtab_cases_open", "cases", "Cases without a verdict."),
    _gauge("trimtab_changes_in_flight", "changes", "Changes that may have touched their target and are not settled."),
    _gauge("trimtab_changes_waiting", "changes", "Proposed changes that were not applied yet."),
    _gauge("trimtab_frozen", "0 or 1", "1 while the kill switch is on."),
    _counter("trimtab_ledger_entries_total", "entries", "Entries of the ledger."),
    # --- objectives
    _gauge("trimtab_objectives", "objectives", "Objectives, by how their budget stands.", "state"),
    _gauge("trimtab_objective_files_refused", "files", "Files of objectives that are not in force as they are now."),
    _gauge("trimtab_objectives_age_seconds", "s", "Time since the end of the last minute that was counted."),
    _gauge("trimtab_objectives_round_cpu_seconds", "s", "Processor time of the last round that counted a minute."),
    # --- the watch
    _gauge("trimtab_watch_up", "0 or 1", "1 while a system is being watched, 0 while it cannot be reached.", "system"),
    _gauge("trimtab_watch_age_seconds", "s", "Time since the last look at a system.", "system"),
    _gauge(
        "trimtab_watch_cost_ratio",
        "share",
        "Cost of watching on the watched server ÷ time, in the last full window of 10 s.",
        "system",
    ),
    _counter("trimtab_watch_cost_seconds_total", "s", "Cost of watching on the watched server.", "system"),
    _counter("trimtab_watch_looks_total", "looks", "Looks at a system.", "system"),
    _counter("trimtab_watch_looks_skipped_total", "looks", "Looks that were due while another went on.", "system"),
    # --- the stores
    _gauge("trimtab_spool_bytes", "bytes", "Telemetry on disk that the engine does not have yet."),
    _gauge("trimtab_spool_bytes_max", "bytes", "Where the spool takes nothing more."),
    _gauge("trimtab_spool_age_seconds", "s", "Age of the oldest telemetry that the engine does not have yet."),
    _counter("trimtab_messages_accepted_total", "messages", "Telemetry messages acknowledged.", "table"),
    _counter("trimtab_messages_loaded_total", "messages", "Telemetry messages handed to the engine.", "table"),
    _counter("trimtab_messages_refused_total", "messages", "Telemetry messages refused because the spool was full."),
    _gauge("trimtab_quarantine_messages", "messages", "Telemetry messages that the engine refused."),
    _gauge("trimtab_quarantine_bytes", "bytes", "Their size."),
    _counter("trimtab_spans_outdated_total", "spans", "Spans left out because they were too old or in the future."),
    _counter("trimtab_spans_refused_total", "spans", "Spans that were refused when they came.", "reason"),
    _counter("trimtab_spans_sampled_out_total", "spans", "Spans that sampling left out ([traces])."),
    _counter(
        "trimtab_span_operations_overflow_total", "spans", "Spans of operations that have no series of their own."
    ),
    _gauge(
        "trimtab_signal_disk_bytes", "bytes", "What a signal took on disk (looked at with retention.disk_mb).", "signal"
    ),
    _counter("trimtab_rows_dropped_for_room_total", "rows", "Rows that went because of retention.disk_mb.", "signal"),
    _counter(
        "trimtab_forwarded_rows_total",
        "rows",
        "Log records and spans that were to be written to another store as well: written, refused there, or lost.",
        "signal",
        "source",
        "result",
    ),
    _gauge("trimtab_forwarding_waiting_rows", "rows", "Those that still wait for it.", "signal", "source"),
    _counter("trimtab_log_records_received_total", "records", "Log records that were stored."),
    _counter("trimtab_log_records_refused_total", "records", "Log records that were not taken.", "reason"),
    _counter("trimtab_log_bodies_refused_total", "bodies", "Bodies with logs of which nothing was stored.", "reason"),
    _gauge("trimtab_log_tails", "tails", "Live tails of logs that are open."),
    # --- metrics from outside
    _counter("trimtab_samples_received_total", "samples", "Samples of metrics that were stored.", "protocol"),
    _counter(
        "trimtab_samples_refused_total", "samples", "Samples of metrics that were not taken.", "protocol", "reason"
    ),
    _counter(
        "trimtab_metric_bodies_refused_total",
        "bodies",
        "Bodies with metrics of which nothing was stored: broken, too long, too fast, or no room.",
        "protocol",
        "reason",
    ),
    _gauge("trimtab_metric_bodies_inflight_bytes", "bytes", "Bodies with metrics in memory, packed and unpacked."),
    _gauge("trimtab_series", "series", "Series of metrics that are known."),
    _counter("trimtab_series_retired_total", "series", "Series that went, because nothing of them is kept any more."),
    _gauge("trimtab_series_max", "series", "Where further series are refused."),
    _counter("trimtab_series_refused_total", "series", "Series of metrics that were not taken.", "reason"),
    _gauge("trimtab_hot_window_bytes", "bytes", "Memory of the newest samples."),
    _gauge("trimtab_hot_window_bytes_max", "bytes", "Where the oldest of them go, once they are on disk."),
    _gauge("trimtab_hot_window_seconds", "s", "How far they reach back from the newest sample."),
    _gauge("trimtab_metrics_disk_bytes", "bytes", "Samples of metrics on disk, when it was last looked."),
    _gauge("trimtab_metrics_rolled_to_seconds", "s", "Roll-ups tell all windows up to this time; 0: there are none."),
    _counter(
        "trimtab_metrics_windows_rolled_total",
        "windows",
        "Windows of five minutes that were rolled up: once, or again because samples came late.",
        "kind",
    ),
    _gauge("trimtab_metrics_rollup_failing", "0 or 1", "1 while metrics cannot be rolled up."),
    # --- alerts and who is told of them
    _gauge("trimtab_alerts", "alerts", "Alerts that are pending, and that fire.", "state"),
    _gauge("trimtab_alerts_not_evaluated", "0 or 1", "1 while nobody can rely on alerts: they are not evaluated."),
    _counter(
        "trimtab_notifications_total",
        "notifications",
        "Notifications of receivers that are told directly: delivered, of these confirmed by the receiver, and lost.",
        "receiver",
        "outcome",
    ),
    _counter("trimtab_notification_failures_total", "tries", "Tries that did not go through.", "receiver"),
    _gauge("trimtab_notifications_waiting", "notifications", "Notifications that have to be sent.", "receiver"),
    _counter(
        "trimtab_alertmanager_alerts_total",
        "alerts",
        "Beginnings and ends of alerts that an Alertmanager took, of these shows when asked, and never heard of.",
        "alertmanager",
        "outcome",
    ),
    _gauge("trimtab_alertmanager_alerts_waiting", "alerts", "Alerts of which it has to be told.", "alertmanager"),
    _gauge("trimtab_alertmanager_up", "0 or 1", "1 where the last push worked.", "alertmanager"),
    # --- rules
    _gauge("trimtab_rules", "rules", "Recording and alerting rules in force."),
    _gauge("trimtab_rules_failing", "rules", "Rules whose last evaluation gave nothing."),
    _counter("trimtab_rule_rounds_total", "rounds", "Rounds: all groups and sources that are due at one moment."),
    _counter("trimtab_rule_evaluations_total", "evaluations", "Rules that were evaluated, each time."),
    _counter(
        "trimtab_rule_rounds_missed_total",
        "rounds",
        "Evaluations of groups that did not happen, because a round took too long.",
    ),
    _gauge("trimtab_rule_round_cpu_seconds", "s", "CPU time of the last round."),
    _counter("trimtab_rule_samples_refused_total", "samples", "Samples of rules that the metrics did not take."),
    # --- anomalies
    _counter("trimtab_anomaly_ticks_total", "looks", "Looks at what is new of all series."),
    _counter("trimtab_anomaly_ticks_late_total", "looks", "Looks that did not happen, because one before took long."),
    _counter("trimtab_anomaly_cpu_seconds_total", "s", "CPU time of looking for anomalies."),
    _gauge("trimtab_anomaly_tick_cpu_seconds", "s", "CPU time of the last look."),
    _counter("trimtab_anomaly_rows_total", "values", "Values that went through the detector."),
    _gauge("trimtab_anomaly_series", "series", "Series that are looked at for anomalies.", "source"),
    _gauge("trimtab_anomaly_series_left_out", "series", "Series that are not looked at for anomalies.", "reason"),
    _gauge("trimtab_anomaly_episodes_open", "episodes", "Episodes that go on."),
    _counter("trimtab_anomaly_episodes_total", "episodes", "Episodes that began."),
    _gauge("trimtab_anomaly_state_bytes", "bytes", "The file with the detector's state, when it was last written."),
    # --- forecasts, change points, patterns, capacity
    _counter("trimtab_analysis_rounds_total", "rounds", "Rounds that were begun.", "analysis"),
    _counter("trimtab_analysis_rounds_failed_total", "rounds", "Rounds that failed; the log says why.", "analysis"),
    _gauge("trimtab_analysis_round_cpu_seconds", "s", "CPU time of the last round, of its own thread.", "analysis"),
    _gauge("trimtab_analysis_round_age_seconds", "s", "How long ago the last round ended.", "analysis"),
    # --- the machine underneath
    _counter("trimtab_host_looks_total", "looks", "Looks at this machine's own numbers."),
    _counter("trimtab_host_looks_late_total", "looks", "Looks that did not happen, because the one before took long."),
    _counter("trimtab_host_look_cpu_seconds_total", "s", "CPU time of looking, without storing."),
    _counter("trimtab_host_store_cpu_seconds_total", "s", "CPU time of storing what was seen."),
    _counter("trimtab_host_store_failures_total", "looks", "Looks that could not be stored."),
    _counter("trimtab_host_collector_failures_total", "looks", "Looks that one collector failed at.", "collector"),
    _gauge("trimtab_host_series", "series", "Series of this machine."),
    _counter("trimtab_containers_looks_total", "looks", "Looks at containers."),
    _counter("trimtab_containers_look_cpu_seconds_total", "s", "CPU time of looking at containers, without storing."),
    _counter("trimtab_containers_store_failures_total", "looks", "Looks at containers that could not be stored."),
    _counter("trimtab_containers_source_failures_total", "looks", "Looks that a source did not answer.", "source"),
    _gauge("trimtab_containers_seen", "containers", "Containers that were seen last."),
    _counter("trimtab_cloud_questions_total", "questions", "Questions to a cloud account.", "account"),
    _counter(
        "trimtab_cloud_failures_total", "questions", "Those that were not answered, by why.", "account", "trouble"
    ),
    # --- telling about itself
    _gauge("trimtab_event_streams", "streams", "Open event streams (one for each page that somebody looks at)."),
    _counter("trimtab_own_spans_total", "spans", "Own spans that were stored."),
    _counter("trimtab_own_spans_left_out_total", "spans", "Own spans that sampling left out."),
    _counter("trimtab_own_spans_dropped_total", "spans", "Own spans that were too many to store."),
    _counter("trimtab_own_log_lines_total", "lines", "Lines of the own log.", "level"),
    _counter("trimtab_own_log_lines_dropped_total", "lines", "Lines of the own log that were too many to store."),
    # --- the process (collected from the operating system)
    _gauge("trimtab_threads", "threads", "Threads of the process."),
    _counter("process_cpu_seconds_total", "s", "User and system CPU time of the process."),
    _gauge("process_resident_memory_bytes", "bytes", "Resident memory of the process."),
    _gauge("process_virtual_memory_bytes", "bytes", "Virtual memory of the process."),
    _gauge("process_start_time_seconds", "s", "When the process started, since 1970."),
    _gauge("process_open_fds", "files", "Open file descriptors."),
    _gauge("process_max_fds", "files", "Most file descriptors that may be open."),
)
"""All of them."""

BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}
