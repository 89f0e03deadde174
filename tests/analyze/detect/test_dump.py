"""The state goes through bytes: to the last bit, or refused by name."""

import json
import zlib

import numpy as np
import pytest

from tests.analyze.detect.noises import NOISES
from trimtab.analyze.detect import Detector, DetectSettings
from trimtab.analyze.detect.dump import MAGIC, VERSION
from trimtab.model.errors import InputError


def _detector() -> tuple[Detector, np.ndarray, np.ndarray]:
    values = NOISES["daily"](np.random.default_rng(1), 2000, 3)
    detector = Detector(DetectSettings(series_max=10))
    return detector, detector.add(3, 60_000), values


def test_it_goes_on_to_the_last_bit() -> None:
    one, slots, values = _detector()
    at_ms = np.arange(2000, dtype=np.int64) * 60_000
    for tick in range(1000):
        one.update(slots, at_ms[tick], values[tick])
    other = Detector.load(one.dump())
    assert other.settings == one.settings
    assert len(other) == 3
    for tick in range(1000, 2000):
        mine = one.update(slots, at_ms[tick], values[tick])
        theirs = other.update(slots, at_ms[tick], values[tick])
        for name in ("score", "p", "expected", "low", "high", "test"):
            assert np.array_equal(getattr(mine, name), getattr(theirs, name), equal_nan=True)
    assert one.dump() == other.dump()
    assert other.add(1, 1000).tolist() == [3]


def test_torn_and_foreign_dumps_are_refused_by_name() -> None:
    detector, _, _ = _detector()
    data = detector.dump()
    for torn in (data[:-1], data[: len(data) // 2], data[:100] + b"\x01" + data[101:], data + b" "):
        with pytest.raises(InputError, match="torn"):
            Detector.load(torn)
    for other in (b"", b"PK\x03\x04" * 10, MAGIC):
        with pytest.raises(InputError, match="no dump of a detector"):
            Detector.load(other)


def test_an_older_dump_is_refused_by_its_version() -> None:
    header = json.dumps({"version": VERSION - 1}).encode()
    body = MAGIC + len(header).to_bytes(4, "little") + header
    with pytest.raises(InputError, match=f"version {VERSION - 1}, this trimtab reads {VERSION}"):
        Detector.load(body + zlib.crc32(body).to_bytes(4, "little"))
