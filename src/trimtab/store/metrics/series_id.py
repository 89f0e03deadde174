"""Numbers of series that stay: the same series has the same number in every process, unless it had to give way.

The upper half is a hash of the metric's name, so that the series of a metric lie together in the engine, the lower
half a hash of all labels. Two series of one metric meet in the lower half by chance (an even chance at 77,000 series),
so a number that is taken makes way for the next one: the table `metric_series` is the authority, not the hash.
"""

from __future__ import annotations

from collections.abc import Container
from hashlib import blake2b

from trimtab.store.metrics.block import METRIC_NAME, Labels

_LOW = 0xFFFFFFFF


def metric_of(labels: Labels) -> str:
    """The name of the metric; '' where there is none.

    >>> metric_of((("__name__", "up"), ("job", "api")))
    'up'
    """
    for name, value in labels:
        if name == METRIC_NAME:
            return value
    return ""


def hash32(data: bytes) -> int:
    """A hash that is the same everywhere and always.

    >>> hash32(b"up")
    1730826530
    """
    return int.from_bytes(blake2b(data, digest_size=4).digest(), "little")


def labels_bytes(labels: Labels) -> bytes:
    """Labels as bytes that no other labels have: \\xff is in no UTF-8 text.

    >>> labels_bytes((("a", "1"), ("b", "2")))
    b'a\\xff1\\xffb\\xff2'
    """
    return b"\xff".join([text.encode() for pair in labels for text in pair])


def id_of(metric_hash: int, labels: Labels, taken: Container[int], also_taken: Container[int]) -> int:
    """The first free number for a series.

    >>> first = id_of(1, (("a", "1"),), (), ())
    >>> (first >> 32, id_of(1, (("a", "1"),), {first}, {first + 1}) - first)
    (1, 2)
    """
    upper, low = metric_hash << 32, hash32(labels_bytes(labels))
    while (upper | low) in taken or (upper | low) in also_taken:
        low = (low + 1) & _LOW
    return upper | low
