"""`python -m benchmarks.demo_day [--seed N ...] [--together] [--minute-s S] [--keep DIR]`, or
`--judge DIR`, `--replay DIR`.

Without `--together` each seed has a run of its own: a new database, a new server, a quiet day, then the day. With it
there is one quiet day, and one day after the other for each seed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.demo_day import replaying, three_sigma
from benchmarks.demo_day.alarms import Alarm
from benchmarks.demo_day.clock import DayClock
from benchmarks.demo_day.judging import Judged, judge
from benchmarks.demo_day.live_shop import Wanted
from benchmarks.demo_day.recording import Recording
from benchmarks.demo_day.running import Day, Run, run
from benchmarks.demo_day.telling import summary, told
from benchmarks.demo_day.truth import RECOVERY_MINUTES, Injected, Kind

SEEDS = (1, 2, 3)


def main() -> None:
    """Run or judge, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, action="append", help=f"default: {' '.join(map(str, SEEDS))}")
    parser.add_argument("--minute-s", type=float, default=1.0, help="how many seconds a minute takes")
    parser.add_argument("--warm-up-days", type=float, default=1.0, help="quiet days before the first with faults")
    parser.add_argument("--day-hours", type=float, default=24.0, help="a part of a day for each seed, 12 at least")
    parser.add_argument("--scale", type=float, default=1.0, help="a smaller shop, to try the benchmark itself")
    parser.add_argument("--without-host", action="store_true", help="leave the machine out, where others work on it")
    parser.add_argument("--together", action="store_true", help="one run for all seeds, a day each")
    parser.add_argument("--keep", type=Path, help="where what was recorded is kept")
    parser.add_argument("--judge", type=Path, action="append", help="judge again what was kept; runs nothing")
    parser.add_argument("--replay", type=Path, action="append", help="today's detector on what was kept; runs nothing")
    options = parser.parse_args()
    if options.replay:
        again = [one for folder in options.replay for one in again_of(read(folder))]
        every = [judged for one in again for judged in tell(one)]
    elif options.judge:
        every = [judged for folder in options.judge for judged in tell(read(folder))]
    else:
        seeds: list[int] = options.seed or list(SEEDS)
        every = []
        for some in [seeds] if options.together else [[seed] for seed in seeds]:
            wanted = Wanted(some[0], options.minute_s, options.scale, with_host=not options.without_host)
            came = run(wanted, some, options.warm_up_days, options.day_hours * 60)
            if options.keep:
                write(came, options.keep / "-".join(map(str, some)))
            every += tell(came)
    print(f"\nall {len(every)} days:")
    for judged in every:
        print(f"  {summary(judged)}")


def again_of(came: Run) -> list[Run]:
    """What today's detector tells of each day of a run, without what the faults of other days taught."""
    found = []
    after_ms = round(RECOVERY_MINUTES * came.clock.minute_s * 1000)
    for day in came.days:
        others = [fault for other in came.days if other != day for fault in other.faults]
        spans_ms = [(fault.began_ms, fault.ended_ms + after_ms) for fault in others]
        recorded = replaying.without(came.recorded, spans_ms)
        found.append(
            replace(came, days=(day,), recorded=recorded, alarms=tuple(replaying.alarms(recorded, came.clock)))
        )
    return found


def tell(came: Run) -> list[Judged]:
    """Print the days of a run, each beside the baseline; what the product told is answered."""
    baseline = three_sigma.alarms(came.recorded, came.clock)
    count = len(came.recorded.series)
    answered = []
    for day in came.days:
        judged = judge(day.faults, came.alarms, came.clock, day.minutes, count)
        print(f"\nseed {day.seed}: trimtab\n{told(judged, came.clock)}")
        sigma = judge(day.faults, baseline, came.clock, day.minutes, count)
        print(
            f"\nseed {day.seed}: three standard deviations, on the same series\n{told(sigma, came.clock)}", flush=True
        )
        answered.append(judged)
    return answered


def write(came: Run, folder: Path) -> None:
    """`run.json` beside the recording."""
    came.recorded.write(folder)
    document = {
        "clock": asdict(came.clock),
        "days": [asdict(day) for day in came.days],
        "alarms": [asdict(alarm) for alarm in came.alarms],
    }
    (folder / "run.json").write_text(json.dumps(document))


def read(folder: Path) -> Run:
    """What `write` wrote."""
    document = json.loads((folder / "run.json").read_text())
    return Run(
        DayClock(**document["clock"]),
        tuple(
            Day(
                day["seed"],
                (day["minutes"][0], day["minutes"][1]),
                tuple(Injected(**{**one, "kind": Kind(one["kind"])}) for one in day["faults"]),
            )
            for day in document["days"]
        ),
        _alarms(document["alarms"]),
        Recording.read(folder),
    )


def _alarms(rows: Sequence[dict[str, object]]) -> tuple[Alarm, ...]:
    return tuple(Alarm(**{**one, "tables": tuple(one["tables"])}) for one in rows)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
