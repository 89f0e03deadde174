"""What is slow now, whatever became of its case; and of which systems nothing can be said."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from tests.act.support import SYSTEM, finding
from tests.act.world import World
from tests.app.reading.conftest import Reading
from tests.app.test_loop_policy import loop_of, world
from tests.many_cases import many_cases
from trimtab.app.reading.reader import Reader
from trimtab.app.reading.slow import blindness
from trimtab.app.slow_look import SlowLook
from trimtab.model.case import Verdict
from trimtab.model.finding import Severity
from trimtab.model.query import QueryShape, StatementKind
from trimtab.observe.postgres.cost import OwnCost
from trimtab.observe.postgres.status import WatchState, WatchStatus
from trimtab.store.telemetry import SliceTable

__all__ = ["world"]

NOW_MS = 1_790_000_000_000
LOOK = SlowLook(NOW_MS - 20_000, 60, 12, NOW_MS - 21_000)
WATCHING = WatchStatus(
    "shop", WatchState.WATCHING, "shop", {"statements": 5.0}, OwnCost("cpu", 0, 0.0, 0.0, 0.0, 0.01, ())
)
"""As good as it gets."""


def test_where_everything_is_seen_nobody_is_blind() -> None:
    assert blindness(WATCHING, LOOK, NOW_MS) is None
    less = replace(WATCHING, state=WatchState.DEGRADED, problems={"relations": "permission denied"})
    assert blindness(less, LOOK, NOW_MS) is None, "what queries do is seen"


@pytest.mark.parametrize(
    ("status", "look", "said"),
    [
        (None, LOOK, "nobody looks"),
        (replace(WATCHING, state=WatchState.STARTING), LOOK, "the first look has not come yet"),
        (replace(WATCHING, state=WatchState.UNREACHABLE), LOOK, "does not answer"),
        (replace(WATCHING, state=WatchState.STOPPED), LOOK, "nobody looks any more"),
        (replace(WATCHING, problems={"statements": "not installed"}), LOOK, "its queries are not seen: not installed"),
        (replace(WATCHING, problems={"store": "the disk is full"}), LOOK, "is not stored: the disk is full"),
        (WATCHING, None, "the first look for slow queries has not come yet"),
        (WATCHING, replace(LOOK, seen_until_ms=None), "nothing was stored of it lately"),
        (WATCHING, replace(LOOK, seen_until_ms=NOW_MS - 31_000), "nothing was stored of it lately"),
        (WATCHING, replace(LOOK, slices_count=3), "3 of the 12 looks that a finding needs have come"),
    ],
)
def test_what_cannot_be_seen_is_said(status: WatchStatus | None, look: SlowLook | None, said: str) -> None:
    assert said in str(blindness(status, look, NOW_MS))


def test_the_loop_remembers_what_it_found_also_where_the_case_has_ended(world: World) -> None:
    loop = loop_of(world)
    shape = QueryShape(SYSTEM, "a" * 16, "select $1", StatementKind.SELECT, ())
    now_ms, count = world.clock.now_ms(), 30
    starts = now_ms - 5000 * np.arange(count, 0, -1, dtype=np.int64)
    calls = np.full((1, count), 10, np.int64)
    slices = SliceTable((shape.fingerprint,), starts, starts + 5000, calls, np.full((1, count), 9000.0), calls)
    loop.watched = cast(Any, SimpleNamespace(system=loop.watched.system, shapes=lambda: {shape.fingerprint: shape}))
    loop.telemetry = cast(Any, SimpleNamespace(slices=lambda *_: slices))
    loop.detect()
    [case] = world.state.cases()
    world.state.update_case(case.id, verdict=Verdict.NO_ADVICE, reason="no index would help")
    loop.detect()
    assert len(world.state.cases()) == 1, "not opened again so soon"
    look = loop.slow_look
    assert look is not None
    assert look.is_enough
    assert look.seen_until_ms == now_ms
    assert [found.fingerprint for found in look.findings] == [shape.fingerprint]


def test_the_overview_has_what_is_slow_with_how_its_case_ended(reading: Reading) -> None:
    now_ms = reading.clock.now_ms()
    names = {name: letter * 16 for name, letter in (("ended", "a"), ("open", "b"), ("new", "c"))}
    reading.shapes((names["new"], "select new from t", "public.t"))
    first = reading.state.open_case(finding("shop", names["ended"]), "select ended from t")
    reading.state.update_case(first.id, verdict=Verdict.ROLLED_BACK, reason="proven slower")
    second = reading.state.open_case(finding("shop", names["open"]), "select open from t")
    found = [finding("shop", names[name]) for name in ("new", "open", "ended")]
    found[1] = replace(found[1], severity=Severity.CRITICAL)
    found[0], found[2] = (replace(one, severity=Severity.WARNING) for one in (found[0], found[2]))
    look = SlowLook(now_ms, 60, 12, now_ms, tuple(found))
    watched = SimpleNamespace(
        watcher=SimpleNamespace(status=lambda: WATCHING, shapes_version=0),
        shapes=lambda: reading.reader.texts.of("shop"),
    )
    seeing = Reader(
        reading.telemetry, reading.state, cast(Any, {"shop": watched}), reading.clock, slow_look=lambda _: look
    )
    overview = seeing.overview(seeing.range(None, None))
    assert overview.slow_count == 3
    assert [(row.case_id, row.case_state, row.case_reason) for row in overview.slow] == [
        (second.id, "open", None),
        (None, None, None),
        (first.id, "rolled_back", "proven slower"),
    ]
    assert [row.query_text for row in overview.slow] == [
        "select open from t",
        "select new from t",
        "select ended from t",
    ]
    [system] = overview.systems
    assert (system.slow_count, system.blind) == (3, None)
    unseeing = reading.reader.overview(seeing.range(None, None))
    assert (unseeing.slow, unseeing.systems[0].slow_count) == ((), None), "what a look of before found is not now"


def test_open_cases_are_counted_not_listed(reading: Reading) -> None:
    many_cases(reading.state, 1_100)
    overview = reading.reader.overview(reading.reader.range(None, None))
    assert overview.cases_open_count == 1_100
    assert overview.systems[0].cases_open_count == 1_100
    assert len(overview.findings) == 50
