"""Bodies that our own look lets through and protobuf does not."""

from __future__ import annotations

import pytest

from trimtab.model.errors import InputError
from trimtab.store.traces.door import _without


def test_what_protobuf_cannot_read_is_refused_whole() -> None:
    """What the look at the door takes for a field of a number that nobody knows, and protobuf does not read."""
    with pytest.raises(InputError, match="protobuf cannot read all of it"):
        _without(b"\n\x02\x53\x12", [1])
