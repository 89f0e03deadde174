"""Where Prometheus' test scripts are, and what is known of them."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDER = ROOT.parent / "shared" / "data" / "promqltest"
KNOWN = Path(__file__).with_name("excluded.toml")

FILES = (
    *("duration_expression.test", "extended_vectors.test", "fill-modifier.test"),
    *("aggregators.test", "at_modifier.test", "collision.test", "functions.test", "histograms.test", "info.test"),
    *("limit.test", "literals.test", "name_label_dropping.test", "native_histograms.test", "operators.test"),
    *("range_queries.test", "selectors.test", "staleness.test", "start_timestamps.test", "subquery.test"),
    *("trig_functions.test", "type_and_unit.test"),
)


def folder_or_skip() -> Path:
    """The folder; the test is skipped where it is not there."""
    if not FOLDER.is_dir():
        pytest.skip(f"Prometheus' test scripts are not at hand ({FOLDER.relative_to(ROOT.parent)})")
    return FOLDER
