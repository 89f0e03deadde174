"""Bodies that our own look lets through and protobuf does not."""

from __future__ import annotations

import pytest

from trimtab.model.errors import InputError
from trimtab.store.traces.door import _without


def test_what_protobuf_cannot_read_is_refused_whole() -> None:
    """One of some 178,000 broken bodies: a group that nobody reads and nobody closes, beside a span to leave out."""
    with pytest.raises(InputError, match="protobuf cannot read all of it"):
        _without(b"\n\x02\x53\x12", [1])
