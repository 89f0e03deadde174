"""A new user's way, timed: from `pip install` to the first finding and the first proposal, by the README alone.

A PostgreSQL as Debian ships it (nothing preloaded, no extension, no role for trimtab) serves pgbench's own schema at
scale 20, whose largest table has lost its primary key; pgbench runs against it in each of its three ways of sending a
query. Everything that a person would type is run as a command, with default settings; waiting is polling.

    python -m benchmarks.new_user [--mode simple --mode extended --mode prepared] [--scale 20] [--python PYTHON]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.cluster import Cluster, server_dir

ROOT = Path(__file__).parents[1]
MODES = ("simple", "extended", "prepared")
GIVE_UP_S = 900.0
CLIENTS = 4

AS_SHIPPED = {
    "shared_preload_libraries": "",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "synchronous_commit": "on",
    "random_page_cost": "4",
    "effective_cache_size": "4GB",
    "max_parallel_workers_per_gather": "2",
    "max_parallel_maintenance_workers": "2",
    "jit": "on",
    "track_io_timing": "off",
    "compute_query_id": "auto",
    "max_wal_size": "1GB",
}
"""What PostgreSQL has where nobody has set anything."""


@dataclass
class Steps:
    """How long each step took, in the order they were done; the way's time is their sum."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step and print it."""
        started = time.monotonic()
        yield
        self.add(name, time.monotonic() - started)

    def add(self, name: str, seconds: float) -> None:
        """Note one step and print it."""
        self.seconds[name] = seconds
        print(f"  {name:<58} {seconds:7.1f} s", flush=True)


@dataclass
class User:
    """Somebody with a shell: a venv of their own, a home of their own."""

    folder: Path
    data_dir: Path = Path()

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of ours but the language: no PYTHONPATH, no data directory, another home."""
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "PIP_INDEX_URL", "PIP_CONFIG_FILE")}
        kept["PIP_CACHE_DIR"] = str(self.folder / "pip-cache")
        kept["PATH"] = f"{self.folder}/venv/bin:{kept['PATH']}"
        return {**kept, "HOME": str(self.folder), "TRIMTAB_DATA_DIR": str(self.data_dir), "COLUMNS": "160"}

    def run(self, *command: str, codes: tuple[int, ...] = (0,), text: str | None = None) -> str:
        """Run a command; its output. Another exit code than expected ends the benchmark."""
        done = subprocess.run(
            command, env=self.environment, input=text, capture_output=True, text=True, check=False, cwd=self.folder
        )
        if done.returncode not in codes:
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def json(self, *command: str) -> Any:
        """A command's JSON answer."""
        return json.loads(self.run(*command, "--format", "json"))


def main() -> None:
    """Go the way once for the installation, then once for each mode."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mode", action="append", choices=MODES, help="pgbench's -M; default: all three")
    parser.add_argument("--scale", type=int, default=20, help="pgbench's -s")
    parser.add_argument("--python", default=sys.executable, help="the Python that the venv is made of")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trimtab-new-user-", dir="/var/tmp") as made:
        user = User(Path(made))
        install = Steps()
        print("install")
        with install.step("python -m venv"):
            user.run(options.python, "-m", "venv", f"{made}/venv")
        with install.step("pip install ."):
            user.run(f"{made}/venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", str(ROOT))
        installed_s = sum(install.seconds.values())
        answers = {mode: _way(user, mode, options.scale) for mode in options.mode or MODES}
    print()
    for mode, steps in answers.items():
        finding_s = sum(seconds for name, seconds in steps.seconds.items() if not name.startswith("(")) + installed_s
        proposal_s = steps.seconds["(watch to first proposal)"] - steps.seconds["watch to first finding"]
        print(
            f"pgbench -M {mode}: first finding after {finding_s / 60:.1f} minutes from pip install, "
            f"first proposal after {(finding_s + proposal_s) / 60:.1f}"
        )


def _way(user: User, mode: str, scale: int) -> Steps:
    """One database, from the doctor to the proposal."""
    print(f"\npgbench -M {mode}, scale {scale}")
    steps = Steps()
    user.data_dir = user.folder / mode
    with Cluster.temporary(AS_SHIPPED) as cluster:
        bin_dir = server_dir()
        cluster.execute("CREATE ROLE bench LOGIN", "CREATE DATABASE bench OWNER bench")
        theirs, root = cluster.dsn("bench", "bench"), cluster.dsn("bench")
        user.run(str(bin_dir / "pgbench"), "-i", "-q", "-s", str(scale), theirs)
        cluster.execute(
            "ALTER TABLE pgbench_accounts DROP CONSTRAINT pgbench_accounts_pkey", database="bench", user="bench"
        )
        with _pgbench(bin_dir, theirs, mode):
            with steps.step("trimtab doctor, as it is"):
                user.run("trimtab", "doctor", theirs, codes=(1,))
            with steps.step("a DBA runs its script"):
                script = user.run("trimtab", "doctor", theirs, "--format", "sql", codes=(1,))
                user.run(str(bin_dir / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", root, "-f", "-", text=script)
            with steps.step("restart of the server"):
                cluster.stop()
                cluster.start()
        with _pgbench(bin_dir, theirs, mode):
            with steps.step("trimtab roles | psql, trimtab doctor"):
                script = user.run("trimtab", "roles")
                user.run(str(bin_dir / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", root, "-f", "-", text=script)
                watching = cluster.dsn("bench", "trimtab_watch")
                user.run("trimtab", "doctor", watching)
            with _server(user, steps):
                with steps.step("trimtab watch"):
                    user.run("trimtab", "watch", watching)
                _wait(user, steps)
    return steps


def _wait(user: User, steps: Steps) -> None:
    """Poll as an impatient person does."""
    started = time.monotonic()

    def until(name: str, condition: Callable[[Any], bool]) -> None:
        while not condition(cases := user.json("trimtab", "cases")):
            if time.monotonic() - started > GIVE_UP_S:
                raise SystemExit(f"no {name} within {GIVE_UP_S:g} s: {json.dumps(cases)[:2000]}")
            time.sleep(1)

    until("finding", bool)
    steps.add("watch to first finding", time.monotonic() - started)
    until("proposal", lambda cases: any(case["change"] or case["proposals"] for case in cases))
    steps.add("(watch to first proposal)", time.monotonic() - started)
    for case in user.json("trimtab", "cases"):
        proposal: dict[str, Any] = (case["change"] or {}).get("proposal") or next(iter(case["proposals"]), {})
        print(f"    case {case['id']}: {case['finding']['title']}")
        print(f"      {case['query_text'][:100]}")
        if proposal:
            print(f"      {proposal['summary']}; predicted ratio {proposal['predicted_ratio']:.3g}")


@contextmanager
def _pgbench(bin_dir: Path, dsn: str, mode: str) -> Iterator[None]:
    command = [str(bin_dir / "pgbench"), "-n", "-M", mode, "-c", str(CLIENTS), "-j", "1", "-T", "86400", dsn]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def _server(user: User, steps: Steps) -> Iterator[None]:
    with (user.folder / "trimtab.log").open("a") as log:
        started = time.monotonic()
        process = subprocess.Popen(
            ["trimtab", "up", "--listen", "127.0.0.1:0"], env=user.environment, stdout=log, stderr=log, cwd=user.folder
        )
        try:
            while not (user.data_dir / "server.json").exists():
                if process.poll() is not None or time.monotonic() - started > 60:
                    raise SystemExit((user.folder / "trimtab.log").read_text())
                time.sleep(0.05)
            steps.add("trimtab up", time.monotonic() - started)
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)


if __name__ == "__main__":
    main()
