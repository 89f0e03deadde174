"""A/A: changes that change nothing, on a real PostgreSQL under the demo's load. How many are judged an effect?

The shop runs with all its indexes, nothing is applied; what trimtab stored is then judged as if a change had been
made: for each of four query shapes on different tables, at five moments that do not overlap in what comes after, with
every look that the loop would have taken. At most 1 of the 20 may be called an effect.

    python -m benchmarks.aa [--keep DIR]      record, and keep what was recorded
    python -m benchmarks.aa --judge DIR       judge again what was kept, with today's arithmetic
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.live import live, wait
from demo.trimtab_server import POLICY_FILE
from trimtab.act.measure import EffectJudge
from trimtab.app.config import parse_config
from trimtab.model.change import Change, ChangeState, JudgementKind, Proposal, Risk
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.model.policy import Policy
from trimtab.model.query import QueryShape
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryStore

SHAPES_COUNT = 4
MOMENTS_COUNT = 5
EFFECTS_MAX = 1
WARM_UP_S = 20
CALLS_SHARE_MIN = 0.8
STARTED_FILE = "recording-started-at-ms"


def pick(telemetry: TelemetryStore, start_ms: int, end_ms: int) -> list[QueryShape]:
    """The heaviest shapes that run nearly every second, each on another table."""
    slices = telemetry.slices("shop", start_ms, end_ms)
    shapes = {shape.fingerprint: shape for shape in telemetry.shapes("shop")}
    chosen: list[QueryShape] = []
    for row in np.argsort(-slices.total_exec_time_ms.sum(axis=1)):
        shape = shapes.get(slices.fingerprints[row])
        often = float(np.mean(slices.calls[row] > 0)) >= CALLS_SHARE_MIN
        if shape is None or not shape.tables or not often:
            continue
        if any(set(shape.tables) & set(other.tables) for other in chosen):
            continue
        chosen.append(shape)
        if len(chosen) == SHAPES_COUNT:
            break
    return chosen


def nothing(shape: QueryShape, at_ms: int) -> Change:
    """A change of this shape's table that was "made" at this moment and changed nothing."""
    schema, _, table = shape.tables[0].partition(".")
    proposal = Proposal(
        system="shop",
        fingerprint=shape.fingerprint,
        kind="create_index",
        target=shape.tables[0],
        index=IndexDefinition(schema, table, (IndexKey("id"),)),
        summary="nothing",
        predicted_ratio=1.0,
        predicted_interval_90=(1.0, 1.0),
        interval_source="nothing is predicted",
        gain_ms_per_s=0.0,
        write_cost_ms_per_s=0.0,
        size_bytes=0,
        build_time_s=0.0,
        risk=Risk.LOW,
        risk_reasons=(),
        verified=(),
        not_verified=(),
        parameters_source="none",
        tables=shape.tables,
        cost_before=1.0,
        cost_after=1.0,
    )
    return Change(
        id=f"{shape.fingerprint}-{at_ms}",
        case_id=1,
        system="shop",
        proposal=proposal,
        state=ChangeState.WATCHING,
        created_at_ms=at_ms,
        updated_at_ms=at_ms,
        apply_started_at_ms=at_ms,
        applied_at_ms=at_ms,
    )


def judged(judge: EffectJudge, shape: QueryShape, at_ms: int, policy: Policy) -> tuple[JudgementKind, int, str]:
    """Every look that the loop would have taken, until one decides: what it said, after how many slices, why."""
    watch = policy.watch
    change = nothing(shape, at_ms)
    for count in range(watch.batch_slices, watch.watch_slices_max + 1):
        found = judge.judge(change, policy, at_ms + int((count + 1) * watch.slice_s * 1000))
        if found.kind is not JudgementKind.UNDECIDED:
            return found.kind, count, found.reason
    return JudgementKind.INCONCLUSIVE, watch.watch_slices_max, found.reason


def judge_all(data_dir: Path, start_ms: int, policy: Policy) -> int:
    """Judge what was recorded from `start_ms` on; print each; the number that was called an effect."""
    watch = policy.watch
    effects = 0
    with EmbeddedTelemetry.open(data_dir) as telemetry:
        shapes = {shape.fingerprint: shape for shape in telemetry.shapes("shop")}
        judge = EffectJudge(telemetry, lambda _system: shapes, lambda _system, _change: ())
        first_ms = start_ms + int(watch.baseline_slices_max * watch.slice_s * 1000)
        step_ms = int((watch.watch_slices_max + 2) * watch.slice_s * 1000)
        chosen = pick(telemetry, start_ms, first_ms)
        for moment in range(MOMENTS_COUNT):
            for shape in chosen:
                kind, count, reason = judged(judge, shape, first_ms + moment * step_ms, policy)
                effect = kind in (JudgementKind.KEEP, JudgementKind.ROLL_BACK)
                effects += effect
                print(f"{moment + 1} {shape.tables[0]:22} {kind.value:13} {count:4} slices  {reason[:110]}", flush=True)
        total = MOMENTS_COUNT * len(chosen)
    print(json.dumps({"aa_runs": total, "judged_an_effect": effects, "limit": EFFECTS_MAX}))
    if total < SHAPES_COUNT * MOMENTS_COUNT:
        print(f"only {len(chosen)} shapes ran often enough, {SHAPES_COUNT} are needed", file=sys.stderr)
        return EFFECTS_MAX + 1
    return effects


def main() -> int:
    """Record, stop, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="where to keep what was recorded; must not exist")
    parser.add_argument("--judge", type=Path, help="judge what an earlier run kept")
    options = parser.parse_args()
    text = POLICY_FILE.read_text().replace('autonomy = "auto"', 'autonomy = "observe"')
    policy = parse_config(text, str(POLICY_FILE)).policy
    watch = policy.watch
    seconds = (watch.baseline_slices_max + MOMENTS_COUNT * (watch.watch_slices_max + 2)) * watch.slice_s
    if options.judge is not None:
        start_ms = int((options.judge / STARTED_FILE).read_text())
        return 0 if judge_all(options.judge, start_ms, policy) <= EFFECTS_MAX else 1
    with live(text, seed=options.seed, healthy=True) as run:
        wait(WARM_UP_S, "warming up")
        start_ms = _now_ms()
        wait(seconds + 5, "recording")
        run.stop_trimtab()
        if options.keep is not None:
            shutil.copytree(run.data_dir, options.keep, symlinks=True)  # the engine finds its tables by links
            (options.keep / STARTED_FILE).write_text(str(start_ms))
        return 0 if judge_all(run.data_dir, start_ms, policy) <= EFFECTS_MAX else 1


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    sys.exit(main())
