"""What the tables of metrics hold, in a sentence each."""

from __future__ import annotations

from collections.abc import Mapping

TABLES: Mapping[str, str] = {
    "metric_series": "Series of metrics: a number for each set of labels.",
    "metric_samples": "Samples of metrics: the number of the series, time, value (`number`; see `packed`).",
    "metric_starts": "Since when samples of a counter count, where that changes.",
    "metric_histograms": "Samples that are native histograms.",
    "metric_minutes_5": "Roll-ups of `metric_samples` by five minutes: count, sum, extremes, first, last, increase.",
    "metric_hours": "The same by the hour.",
    "metric_histogram_minutes_5": "Roll-ups of `metric_histograms` by five minutes: count, first, last, sum, increase.",
    "metric_histogram_hours": "The same by the hour.",
    "metric_rollup_marks": "How far these roll-ups tell everything.",
    "metric_exemplars": "Exemplars: single measurements with their own labels, mostly a trace.",
    "metric_metadata": "Kind, unit and help of metrics, as their senders say it.",
}
