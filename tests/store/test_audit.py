"""The audit: a detail that is too large loses its longest field's end, and nothing that stands beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from trimtab.model.access import AuditEntry, Outcome
from trimtab.store.audit import DETAIL_BYTES_MAX, Audit
from trimtab.store.state_database import StateDatabase


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[Audit]:
    database = StateDatabase(tmp_path / "state.db")
    yield Audit(database)
    database.close()


def written(audit: Audit, detail: dict[str, object]) -> dict[str, object]:
    return audit.append(AuditEntry(0, 1, "anna", "", "", "case reject", "case 1", Outcome.FAILED, detail)).detail


def test_a_long_field_is_cut_and_the_others_stay(audit: Audit) -> None:
    kept = written(audit, {"reason": "x" * 5000, "why": "a reason has at most 500 characters", "case": 1})
    assert kept == {
        "reason": f"{'x' * 500}… (5000 characters)",
        "why": "a reason has at most 500 characters",
        "case": 1,
    }


def test_what_fits_is_kept_as_it_is(audit: Audit) -> None:
    detail: dict[str, object] = {"reason": "x" * 3000, "values": [1, 2]}
    assert written(audit, detail) == detail


def test_lists_and_texts_of_any_script_fit_in_the_end(audit: Audit) -> None:
    kept = written(audit, {"values": ["ä" * 400] * 20, "words": "語" * 4000, "small": True})
    assert kept["small"] is True
    assert len(str(kept).encode()) <= DETAIL_BYTES_MAX


def test_too_many_fields_are_counted(audit: Audit) -> None:
    kept = written(audit, {f"field {number}": "x" * 500 for number in range(20)})
    assert list(kept) == ["cut"]
    assert "in 20 fields" in str(kept["cut"])
