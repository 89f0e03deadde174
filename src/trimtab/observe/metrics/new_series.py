"""Labels as they came become labels as the store wants them; what cannot is refused with a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from trimtab.model.errors import InputError
from trimtab.store.metrics.block import METRIC_NAME, Labels

LABELS_BYTES_MAX = 16_384
"""Of one series, before any text is made of them: the store's limit. In remote write 2.0 a few bytes may name a long
text again and again."""

_SHOWN_CHARS_MAX = 300


def labels_of(pairs: Iterable[tuple[bytes, bytes]]) -> Labels:
    """Sorted, without empty values. InputError where one is not UTF-8, has no name, or comes twice.

    >>> labels_of([(b"job", b"api"), (b"__name__", b"up"), (b"zone", b"")])
    (('__name__', 'up'), ('job', 'api'))
    """
    found: list[tuple[str, str]] = []
    size_bytes = 0
    for name_bytes, value_bytes in pairs:
        size_bytes += len(name_bytes) + len(value_bytes)
        if size_bytes > LABELS_BYTES_MAX:
            raise InputError(
                f"the labels of a series may have {LABELS_BYTES_MAX} bytes; {shown(found)} has more",
                reason="labels_bytes_max",
            )
        try:
            name = name_bytes.decode()
            value = value_bytes.decode()
        except UnicodeDecodeError as error:
            raise InputError(f"label {name_bytes!r} is not UTF-8: {error.reason}", reason="label_not_utf8") from error
        if not name:
            raise InputError(f"a label with the value {value[:100]!r} has no name", reason="label_name_invalid")
        if value:
            found.append((name, value))
    found.sort()
    for (name, _), (next_name, _) in pairwise(found):
        if name == next_name:
            raise InputError(f"{shown(found)} has the label {name!r} twice", reason="label_duplicate")
    if not any(name == METRIC_NAME for name, _ in found):
        raise InputError(f"{shown(found)} has no metric name", reason="metric_name_missing")
    return tuple(found)


def shown(labels: Iterable[tuple[str, str]]) -> str:
    """Labels as people write them, not too long.

    >>> shown([("__name__", "up"), ("job", "api")])
    'up{job="api"}'
    """
    metric = ""
    rest = []
    for name, value in labels:
        if name == METRIC_NAME and not metric:
            metric = value
        else:
            rest.append(f'{name}="{value}"')
    text = metric + ("{" + ",".join(rest) + "}" if rest or not metric else "")
    return text if len(text) <= _SHOWN_CHARS_MAX else text[: _SHOWN_CHARS_MAX - 1] + "…"
