"""For tests that keep house themselves: what is kept from time to time is not kept beside them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from trimtab.store.metrics.store import EmbeddedMetrics


@pytest.fixture
def kept_by_hand() -> Iterator[None]:
    """A store's own thread reads back, and then does nothing.

    Its first round begins whenever it has read back: on a busy machine in the middle of a test, which then sees a day
    dropped that it had not yet stored all of, or a roll-up made that it meant to refuse.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EmbeddedMetrics, "_keep_house", lambda self: None)
        yield
