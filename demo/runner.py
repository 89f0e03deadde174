"""The runner: database, shop, trimtab, load, and what they do, until Ctrl-C or until the goals are reached."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console

from demo.cluster import Cluster, ClusterError
from demo.crosscheck import crosscheck, print_agreements
from demo.database import DATABASE, start_database
from demo.evidence import save_evidence, save_logs
from demo.faults.draw import draw
from demo.faults.fault import Fault
from demo.keep.interrupt import Interrupts, Stopped
from demo.keep.kept import ROOT, Kept, KeptError
from demo.latencies import LatencyTail
from demo.load.application import LATENCY_FILE
from demo.load.telemetry import ENDPOINT_VARIABLE
from demo.needs import NeedMissing, check
from demo.outcome import document, goals
from demo.processor_time import ProcessorMeter
from demo.shop.fill import fill
from demo.show.live import LiveScreen
from demo.show.plain import PlainScreen
from demo.show.report import print_report
from demo.show.view import Screen, Suffering, View
from demo.trimtab_server import POLICY_FILE, ApiAway, TrimtabServer, start_trimtab, watch_shop

ONCE_LIMIT_S = 360.0
POLL_S = 1.0
PROCESSOR_EVERY_S = 10.0
API_AWAY_S_MAX = 30.0
FIRST_P95_AFTER_S = 15.0
COUNTERS_FILE = Path(__file__).parent / "counters.sql"
EXIT_FAILED = 1
EXIT_MISSING = 3

Json = dict[str, Any]


def run(arguments: list[str], interrupts: Interrupts) -> int:
    """Do it all and give the exit status: 0 done, 1 goals not reached or something broke, 3 a need is missing."""
    options = parse(arguments)
    screen: Screen = LiveScreen(Console()) if sys.stdout.isatty() else PlainScreen()
    try:
        check()
        with interrupts.held():
            kept = Kept()
    except (NeedMissing, KeptError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return EXIT_MISSING if isinstance(error, NeedMissing) else EXIT_FAILED
    status = EXIT_FAILED
    try:
        status = Demo(options, kept, screen).run()
    except Stopped as stopped:
        status = _status_after(stopped, options)
    except NeedMissing as error:
        screen.close()
        print(f"demo: {error}", file=sys.stderr)
        status = EXIT_MISSING
    except (KeptError, ClusterError, ApiAway, psycopg.Error, OSError) as error:
        screen.close()
        print(f"demo: {error}", file=sys.stderr)
        save_logs(kept.folder)
    finally:
        interrupts.ignore()
        screen.close()
        print("demo: stopping everything ...", file=sys.stderr, flush=True)
        kept.close()
    return status


def parse(arguments: list[str]) -> argparse.Namespace:
    """Options; SEED and ONCE may also come from the environment, as `make` passes them."""
    parser = argparse.ArgumentParser(prog="python -m demo.run", description="The loop, live, on a private PostgreSQL.")
    parser.add_argument("--once", action="store_true", default=os.environ.get("ONCE", "") not in ("", "0"))
    parser.add_argument("--seed", type=int, default=os.environ.get("SEED") or "1", help="which faults, which data")
    parser.add_argument("--port", type=int, help="trimtab's port; default: a free one")
    parser.add_argument("--scale", type=float, default=1.0, help="a smaller shop; its faults are real at 1 only")
    parser.add_argument("--output", type=Path, default=Path("demo.json"), help="where --once writes what came out")
    return parser.parse_args(arguments)


def _status_after(stopped: Stopped, options: argparse.Namespace) -> int:
    print(f"\ndemo: stopped ({stopped})", file=sys.stderr)
    return 0 if stopped.number == 2 and not options.once else stopped.exit_status


class Demo:
    """One run. Everything it starts lives below `kept`."""

    def __init__(self, options: argparse.Namespace, kept: Kept, screen: Screen) -> None:
        self.options = options
        self.kept = kept
        self.screen = screen
        self.faults: tuple[Fault, ...] = draw(options.seed)
        self._first_p95: dict[str, float] = {}
        self._meter = ProcessorMeter()
        self._processor: dict[str, float] = {}
        self._measured_at = 0.0

    def run(self) -> int:
        """Set up, then watch."""
        say = self.screen.say
        say(f"seed {self.options.seed}: " + ", ".join(fault.name for fault in self.faults))
        cluster = start_database(self.kept)
        say(f"PostgreSQL on port {cluster.port}, all files in {self.kept.folder}")
        left_out = [fault.left_out for fault in self.faults if fault.left_out]
        filled = fill(
            cluster.dsn(DATABASE),
            self.options.seed,
            scale=self.options.scale,
            left_out=left_out,
            say=lambda text: say(f"  {text}"),
        )
        say(f"filled {filled.rows_total:,} rows in {filled.seconds:.1f} s")
        cluster.execute("CHECKPOINT")
        say(f"the demo's policy ({POLICY_FILE.relative_to(ROOT)}):")
        say("".join(f"    {line}\n" for line in POLICY_FILE.read_text().splitlines()))
        server = start_trimtab(self.kept, self.options.port)
        say(f"trimtab serves on {server.url}")
        self._start_load(cluster, server)
        watch_shop(self.kept, server, cluster)
        say("watching the shop")
        return self._watch(cluster, server)

    def _start_load(self, cluster: Cluster, server: TrimtabServer) -> None:
        folder = self.kept.folder / "application"
        folder.mkdir()
        command = [sys.executable, "-m", "demo.load", "--dsn", cluster.dsn(DATABASE, "shop_app")]
        command += ["--seed", str(self.options.seed), "--folder", str(folder), "--scale", str(self.options.scale)]
        environment = {**os.environ, ENDPOINT_VARIABLE: f"{server.url}/v1/traces"}
        self.kept.start(
            "load", command, log=self.kept.folder / "load.log", env=environment, cwd=ROOT, stage=3, stop_s=3.0
        )
        psql = ["psql", "-X", "-q", "-A", "-t", "-F", "\t", "-d", cluster.dsn(DATABASE, "shop_audit")]
        self.kept.start("psql", [*psql, "-f", str(COUNTERS_FILE)], log=folder / "counters.tsv", stage=3, stop_s=3.0)

    def _watch(self, cluster: Cluster, server: TrimtabServer) -> int:
        tail = LatencyTail(self.kept.folder / "application" / LATENCY_FILE)
        answered_at = server.answered_at_ms / 1000
        away_since: float | None = None
        cases: list[Json] = []
        ledger: list[Json] = []
        while True:
            self._all_alive()
            elapsed_s = time.time() - answered_at
            try:
                cases, ledger, notes = server.cases(), server.ledger(), _notes(server.status())
                away_since = None
            except ApiAway as error:
                away_since = away_since or time.monotonic()
                if time.monotonic() - away_since > API_AWAY_S_MAX:
                    raise ApiAway(f"trimtab has not answered for {API_AWAY_S_MAX:g} s: {error}") from error
                notes = (f"trimtab does not answer: {error}",)
            self.screen.show(self._view(elapsed_s, cases, ledger, tail, server, notes))
            if self.options.once:
                reached = goals(cases, self.faults)
                if reached.all_reached:
                    return self._finish(cases, cluster, server)
                if elapsed_s > ONCE_LIMIT_S:
                    return self._give_up(cases, server, reached.missing())
            time.sleep(POLL_S)

    def _all_alive(self) -> None:
        for name, status in self.kept.ended().items():
            if name in ("postgres", "trimtab", "load", "psql"):
                raise KeptError(f"{name} ended while the demo was running (exit {status})")
        if self.kept.gone:
            raise KeptError("the keeper of the demo's processes was killed")

    def _view(
        self,
        elapsed_s: float,
        cases: list[Json],
        ledger: list[Json],
        tail: LatencyTail,
        server: TrimtabServer,
        notes: tuple[str, ...],
    ) -> View:
        tail.read(time.time_ns() // 1_000_000)
        sufferings = []
        for fault in self.faults:
            now = tail.p95_of(fault.statement.name)
            if now is not None and elapsed_s > FIRST_P95_AFTER_S:
                self._first_p95.setdefault(fault.statement.name, now)
            sufferings.append(Suffering(fault, now, self._first_p95.get(fault.statement.name)))
        if time.monotonic() - self._measured_at > PROCESSOR_EVERY_S:
            self._measured_at = time.monotonic()
            self._processor = self._meter.shares(
                {name: self.kept.pid(name) for name in ("postgres", "trimtab", "load")}
            )
        ending = f"until {ONCE_LIMIT_S:g} s" if self.options.once else "until Ctrl-C"
        return View(
            elapsed_s=elapsed_s,
            title=f"trimtab {server.url} watches a shop (seed {self.options.seed}), {ending}",
            cases=cases,
            ledger=ledger,
            sufferings=tuple(sufferings),
            calls_per_s=tail.calls_per_s,
            errors_count=tail.errors_count,
            processor=self._processor,
            notes=notes,
        )

    def _finish(self, cases: list[Json], cluster: Cluster, server: TrimtabServer) -> int:
        made = self._write(cases, server)
        evidence = save_evidence(self.kept.folder / "application", cluster.dsn(DATABASE, "shop_audit"))
        self.screen.close()
        print_report(made)
        print(f"written: {self.options.output}; what others saw, in {evidence}:", flush=True)
        if not print_agreements(crosscheck(made, evidence)):
            print("demo: NOT CONFIRMED: others saw something else than demo.json says, see FAR above", file=sys.stderr)
            return EXIT_FAILED
        return 0

    def _give_up(self, cases: list[Json], server: TrimtabServer, missing: str) -> int:
        made = self._write(cases, server)
        self.screen.close()
        print_report(made)
        save_logs(self.kept.folder)
        print(f"demo: after {ONCE_LIMIT_S:g} s there is still missing: {missing}", file=sys.stderr)
        return EXIT_FAILED

    def _write(self, cases: list[Json], server: TrimtabServer) -> Json:
        made = document(cases, self.faults, server.answered_at_ms)
        output: Path = self.options.output
        temporary = output.with_name(output.name + ".tmp")
        temporary.write_text(json.dumps(made, indent=2) + "\n")
        temporary.replace(output)
        return made


def _notes(status: Json) -> tuple[str, ...]:
    """What trimtab itself says is wrong."""
    return tuple(f"trimtab: {system['loop_error']}" for system in status["systems"] if system.get("loop_error"))
