"""What tests of the detector are called on pages."""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.app.detecting.words import TESTS as MEANINGS
from trimtab.model.anomalies import SpokenTest
from trimtab.web.words import Word

_NAMES = {
    SpokenTest.SEASON: "not as at this time of day",
    SpokenTest.JUMP: "jump",
    SpokenTest.RANGE: "never seen before",
    SpokenTest.SHIFT: "another level",
    SpokenTest.SPREAD: "another spread",
}
TESTS: Mapping[str, Word] = {
    test.value: Word(name, "quiet", f"{MEANINGS[test][:1].upper()}{MEANINGS[test][1:]}.")
    for test, name in _NAMES.items()
}
"""By the test's short name."""
