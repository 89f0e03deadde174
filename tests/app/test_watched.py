"""The shapes of a watched system: stored ones and new ones in one mapping, which is made anew only for a new shape."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.observe.support import RealClock, Recorder
from trimtab.app.watched import Watched
from trimtab.model.policy import WatchPolicy
from trimtab.model.query import QueryShape
from trimtab.model.system import System
from trimtab.sql.fingerprint import shape_of


class Stored(Recorder):
    """A store that knows shapes of earlier runs."""

    def shapes(self, system: str) -> tuple[QueryShape, ...]:
        return (shape_of(system, "SELECT stored FROM t"), shape_of(system, "SELECT both FROM t"))


@pytest.fixture
def watched() -> Watched:
    system = System("shop", "postgresql://trimtab_watch@127.0.0.1:1/shop", None, 1)
    made = Watched(system, Stored(), RealClock(), WatchPolicy(slice_s=1.0))
    made._stored = {shape.fingerprint: shape for shape in made._telemetry.shapes("shop")}
    return made


def texts(shapes: Mapping[str, QueryShape]) -> set[str]:
    return {shape.text for shape in shapes.values()}


def test_the_mapping_is_made_once_for_each_new_shape(watched: Watched) -> None:
    before = watched.shapes()
    assert texts(before) == {"SELECT stored FROM t", "SELECT both FROM t"}
    assert watched.shapes() is before
    watched.watcher._book.learn(1, "SELECT both FROM t")
    watched.watcher._book.learn(2, "SELECT fresh FROM t")
    after = watched.shapes()
    assert texts(after) == {"SELECT stored FROM t", "SELECT both FROM t", "SELECT fresh FROM t"}
    assert watched.shapes() is after
    assert len(before) == 2, "who still reads the old one sees no change in it"
    watched.watcher._book.ran(next(iter(after)), 5)
    watched.watcher._book.learn(3, "SELECT fresh FROM t")
    assert watched.shapes() is after
    with pytest.raises(TypeError):
        after["x"] = next(iter(after.values()))  # type: ignore[index]
