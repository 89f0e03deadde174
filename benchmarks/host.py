"""What collecting the host every second costs: trimtab beside node_exporter and netdata, at the same time.

Four run together for the whole time, so that load and its changes are the same for all:

* trimtab's collectors in a process of their own, looking every second and storing nothing: with everything, and with
  processes and connections at the interval that is the default (15 s);
* node_exporter, asked for everything every second (who asks is not counted);
* netdata as it comes, and netdata with the plug-in that reads /proc alone;
* `trimtab up` with `[host] interval_s = 1`, whose own numbers say what looking and storing took apart.

Processor time is what the scheduler counted for all threads (`/proc/PID/task/*/schedstat`, nanoseconds), with children.
The limit is 1 % of a core for looking every second.

    python -m benchmarks.host --seconds 120
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2

from tests.prometheus import free_port
from trimtab.observe.host.host import SLOW_S, Host

LIMIT_SHARE = 0.01
WARM_UP_S = 10.0
NETDATA = """
[global]
    run as user = root
    update every = 1
[directories]
    config = {folder}/etc
    cache = {folder}/cache
    lib = {folder}/lib
    log = {folder}/log
    home = {folder}/lib
[db]
    mode = ram
    retention = 600
[logs]
    debug = none
    error = {folder}/log/error.log
    access = none
[web]
    mode = none
[health]
    enabled = no
[ml]
    enabled = no
[statsd]
    enabled = no
[plugins]
{plugins}
"""
OTHERS = (
    "timex",
    "tc",
    "idlejitter",
    "cgroups",
    "checks",
    "diskspace",
    "statsd",
    "apps",
    "charts.d",
    "fping",
    "ioping",
)
MORE = ("node.d", "python.d", "go.d", "perf", "slabinfo", "ebpf", "nfacct", "freeipmi", "cups", "xenstat", "ioping")


def collect(seconds: float, *, everything: bool) -> None:
    """A process that only looks, every second."""
    host = Host(slow_s=0.0 if everything else SLOW_S)
    ends_s = time.monotonic() + seconds
    next_s = time.monotonic()
    print("ready", flush=True)
    while time.monotonic() < ends_s:
        host.look(time.time_ns() // 1_000_000)
        next_s = max(next_s + 1.0, time.monotonic())
        time.sleep(max(0.0, next_s - time.monotonic()))


def spent_ns(pid: int) -> dict[tuple[int, int], int]:
    """Processor time of a process and its children, by thread."""
    found: dict[tuple[int, int], int] = {}
    for one in [pid, *_children(pid)]:
        try:
            threads = os.listdir(f"/proc/{one}/task")  # noqa: PTH208
        except OSError:
            continue
        for thread in threads:
            try:
                found[one, int(thread)] = int(Path(f"/proc/{one}/task/{thread}/schedstat").read_text().split()[0])
            except (OSError, IndexError):
                continue
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            direct = [int(one) for one in thread.read_text().split()]
        except OSError:
            continue
        for child in direct:
            found += [child, *_children(child)]
    return found


class Meter:
    """Adds up what a process and its children spend; a thread that ends between two readings loses at most that."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._first = spent_ns(pid)
        self._last = dict(self._first)

    def read(self) -> None:
        """One reading."""
        for key, value in spent_ns(self.pid).items():
            self._first.setdefault(key, 0)
            self._last[key] = value

    @property
    def seconds(self) -> float:
        """What was spent since the first reading."""
        return sum(self._last[key] - self._first[key] for key in self._last) / 1e9


@contextmanager
def started(*command: str, log: Path, env: dict[str, str] | None = None) -> Iterator[int]:
    """A process and its number; ended with its children."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **(env or {})})
        try:
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def netdata(folder: Path, *, only_proc: bool) -> Iterator[int]:
    """One with a folder of its own."""
    program = shutil.which("netdata", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        sys.exit("netdata is missing: scripts/install-tools.sh netdata")
    for name in ("etc", "cache", "lib", "log"):
        (folder / name).mkdir(parents=True)
    plugins = "\n".join(f"    {name} = no" for name in (*OTHERS, *MORE)) if only_proc else ""
    config = folder / "etc" / "netdata.conf"
    config.write_text(NETDATA.format(folder=folder, plugins=plugins), "utf-8")
    with started(program, "-D", "-c", str(config), log=folder / "out") as pid:
        yield pid


@contextmanager
def asked_every_second(url: str) -> Iterator[None]:
    """Somebody who asks for everything."""
    stop = threading.Event()

    def run() -> None:
        with httpx2.Client(timeout=30) as client:
            while not stop.wait(1.0):
                try:
                    client.get(url)
                except httpx2.HTTPError:
                    continue

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)


def own_numbers(url: str) -> dict[str, float]:
    """What trimtab says of its own collecting."""
    lines = httpx2.get(f"{url}/metrics", timeout=60).text.splitlines()
    return {
        line.split()[0]: float(line.split()[1])
        for line in lines
        if line.startswith("trimtab_host_") and "{" not in line
    }


def measure(seconds: float) -> int:
    """Run all of them, and say what each took."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trimtab-bench-host-")))
        port, server_port = free_port(), free_port()
        (folder / "trimtab.toml").write_text("[host]\ninterval_s = 1\n", "utf-8")
        lasts = str(seconds + 120)
        me = (sys.executable, "-m", "benchmarks.host", "--collect", lasts)
        exporter = shutil.which("prometheus-node-exporter") or sys.exit("node_exporter is missing")
        pids = {
            "trimtab's collectors": stack.enter_context(started(*me, log=folder / "look")),
            "trimtab's collectors, all of them every second": stack.enter_context(
                started(*me, "--everything", log=folder / "look-all")
            ),
            "node_exporter, asked every second": stack.enter_context(
                started(exporter, f"--web.listen-address=127.0.0.1:{port}", log=folder / "exporter")
            ),
            "netdata, the plug-in for /proc alone": stack.enter_context(netdata(folder / "n1", only_proc=True)),
            "netdata as it comes": stack.enter_context(netdata(folder / "n2", only_proc=False)),
        }
        server = (
            str(Path(sys.executable).with_name("trimtab")),
            *("up", "--listen", f"127.0.0.1:{server_port}", "--data-dir", str(folder / "data")),
            *("--config", str(folder / "trimtab.toml")),
        )
        stack.enter_context(started(*server, log=folder / "server", env={"TRIMTAB_COLLECT": "on"}))
        stack.enter_context(asked_every_second(f"http://127.0.0.1:{port}/metrics"))
        url = f"http://127.0.0.1:{server_port}"
        _wait_for(url, folder / "server")
        time.sleep(WARM_UP_S)
        meters = {name: Meter(pid) for name, pid in pids.items()}
        before = own_numbers(url)
        began_s = time.monotonic()
        while time.monotonic() < began_s + seconds:
            time.sleep(0.5)
            for meter in meters.values():
                meter.read()
        took_s = time.monotonic() - began_s
        after = own_numbers(url)
    grown = {name: after[name] - before[name] for name in after}
    looks = grown["trimtab_host_looks_total"]
    print(f"{took_s:.0f} s, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; share of one core:")
    for name, meter in meters.items():
        print(f"  {meter.seconds / took_s * 100:6.3f} %  {name}")
    print(f"in trimtab up, {looks:.0f} looks of {after['trimtab_host_series']:.0f} series, each:")
    for what, metric in (("looking", "trimtab_host_look_cpu"), ("storing", "trimtab_host_store_cpu")):
        spent_s = grown[f"{metric}_seconds_total"]
        print(f"  {spent_s / max(looks, 1) * 1000:6.2f} ms {what} ({spent_s / took_s * 100:.3f} % of a core)")
    ours = meters["trimtab's collectors"].seconds / took_s
    print(f"the limit is {LIMIT_SHARE:.0%} of a core: {'kept' if ours <= LIMIT_SHARE else 'BROKEN'}")
    return 0 if ours <= LIMIT_SHARE else 1


def _wait_for(url: str, log: Path) -> None:
    for _ in range(600):
        try:
            if "trimtab_host_looks_total" in httpx2.get(f"{url}/metrics", timeout=10).text:
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.5)
    sys.exit(f"trimtab did not start: {log.read_text('utf-8', 'replace')[-2000:]}")


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--collect", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--everything", action="store_true", help=argparse.SUPPRESS)
    wish = parser.parse_args()
    if wish.collect is not None:
        collect(wish.collect, everything=wish.everything)
        return 0
    return measure(wish.seconds)


if __name__ == "__main__":
    sys.exit(main())
