"""Cgroups: those of this kernel in a group that the test makes, those of the other version by files in their form."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trimtab.observe.containers.cgroup_numbers import numbers_of
from trimtab.observe.containers.cgroups import Trees, evidence, group_of, groups_in, own_namespaces, trees_of
from trimtab.observe.containers.kernel import NO_RESTARTS, KernelContainers
from trimtab.observe.host.files import HostPaths

ID = "5e" * 32
WORK = """
import os, sys
for place in sys.argv[1:]:
    open(place, "w").write(str(os.getpid()))
print("in", flush=True)
sys.stdin.readline()
held = bytearray(8 * 2**20)
while True:
    for _ in range(100_000):
        pass
"""
EAT = """
import os, sys
open(sys.argv[1], "w").write(str(os.getpid()))
held = []
while True:
    held.append(bytearray(b"x" * 2**20))
"""


class Box:
    """A container's cgroup in every tree of this machine, made by the test."""

    def __init__(self, trees: Trees) -> None:
        self.name = f"/trimtab-test-{os.getpid()}-{time.monotonic_ns()}"
        self.path = f"{self.name}/docker/{ID}"
        self.roots = dict(trees.controllers) if trees.controllers else {"": trees.unified}
        if trees.unified:
            self.roots[""] = trees.unified
        self.made: list[Path] = []
        for root in dict.fromkeys(self.roots.values()):
            for part in (self.name, f"{self.name}/docker", self.path):
                folder = Path(root + part)
                folder.mkdir()
                self.made.append(folder)

    def file(self, controller: str, name: str) -> Path:
        return Path(self.roots[controller] + self.path) / name

    @property
    def procs(self) -> list[str]:
        return [f"{root}{self.path}/cgroup.procs" for root in dict.fromkeys(self.roots.values())]

    def close(self) -> None:
        """Empty groups are taken away; the kernel may take a moment to see that they are empty."""
        for folder in reversed(self.made):
            for _ in range(1000):
                try:
                    folder.rmdir()
                except OSError:
                    time.sleep(0.01)
                else:
                    break


@pytest.fixture
def box() -> Iterator[Box]:
    trees = trees_of(HostPaths())
    if not trees.version:
        pytest.skip("no cgroups are mounted on this machine")
    try:
        made = Box(trees)
    except OSError as error:
        pytest.skip(f"no cgroup may be made here: {error.strerror}")
    yield made
    made.close()


@contextmanager
def worker(box: Box) -> Iterator[subprocess.Popen[str]]:
    """A process in the box that works when a line comes."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, *box.procs], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def stopped(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGSTOP)
    while Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].split()[0] != "T":
        time.sleep(0.005)


def pairs(path: Path) -> dict[str, float]:
    return {line.split()[0]: float(line.split()[1]) for line in path.read_text().splitlines()}


def test_the_kernels_own_files_of_a_busy_box(box: Box) -> None:
    """A stopped process changes nothing: what trimtab tells has to be what the files say."""
    is_limited = "cpu" in box.roots
    if is_limited:
        box.file("cpu", "cpu.cfs_period_us").write_text("20000")
        box.file("cpu", "cpu.cfs_quota_us").write_text("4000")
    if "memory" in box.roots:
        box.file("memory", "memory.limit_in_bytes").write_text(str(256 * 2**20))
    containers = KernelContainers(HostPaths())
    with worker(box) as process:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        while spent_s(box) < 0.1 or (is_limited and pairs(box.file("cpu", "cpu.stat"))["nr_throttled"] < 2):
            time.sleep(0.01)
        stopped(process)
        before = pairs(box.file("cpu", "cpu.stat")) if is_limited else {}
        [seen] = [one for one in containers.look(1000, 100_000).containers if one.labels["id"] == box.path]
        numbers = seen.numbers
        assert (seen.key, seen.name, seen.state) == (ID, ID[:12], "running")
        assert numbers["cpu_s"] == pytest.approx(spent_s(box), rel=0.01)
        assert seen.why["restarts"] == NO_RESTARTS
        if is_limited:
            after = pairs(box.file("cpu", "cpu.stat"))  # a period may end after the process was stopped
            for name, file, scale in (
                ("cpu_periods", "nr_periods", 1.0),
                ("cpu_throttled_periods", "nr_throttled", 1.0),
                ("cpu_throttled_s", "throttled_time", 1e-9),
            ):
                assert before[file] * scale - 1e-9 <= numbers[name] <= after[file] * scale + 1e-9
            assert numbers["cpu_throttled_periods"] > 0
            assert seen.cpu_limit_cores == pytest.approx(0.2)
        if "memory" in box.roots:
            used = float(box.file("memory", "memory.usage_in_bytes").read_text())
            assert numbers["memory_bytes"] == pytest.approx(used, rel=0.01)
            assert numbers["memory_limit_bytes"] == 256 * 2**20
            assert numbers["rss_bytes"] == pytest.approx(
                pairs(box.file("memory", "memory.stat"))["total_rss"], rel=0.01
            )
            assert numbers["rss_bytes"] > 8 * 2**20
        if "pids" in box.roots:
            assert numbers["threads"] == 1
        if "" in box.roots and box.file("", "cpu.pressure").exists():
            assert numbers["cpu_waiting_s"] > 0


def spent_s(box: Box) -> float:
    if "cpuacct" in box.roots:
        return int(box.file("cpuacct", "cpuacct.usage").read_text()) / 1e9
    return pairs(box.file("", "cpu.stat"))["usage_usec"] / 1e6


def test_a_kill_for_want_of_memory_is_counted(box: Box) -> None:
    if "memory" not in box.roots:
        pytest.skip("memory is not a controller of version 1 on this machine")
    box.file("memory", "memory.limit_in_bytes").write_text(str(32 * 2**20))
    eater = subprocess.Popen([sys.executable, "-c", EAT, str(box.file("memory", "cgroup.procs"))])
    assert eater.wait(120) == -signal.SIGKILL
    [seen] = [one for one in KernelContainers(HostPaths()).look(1, 100_000).containers if one.key == ID]
    assert seen.numbers["oom_kills"] == 1
    assert seen.numbers["memory_failures"] > 0
    assert seen.numbers["memory_most_bytes"] <= 32 * 2**20


def test_a_group_that_is_asked_for_by_its_path(box: Box) -> None:
    listed = KernelContainers(HostPaths(), (box.name, "/no-such-group")).look(1, 100_000)
    assert [one.name for one in listed.containers if one.key == box.name] == [box.name]
    [gone] = [one for one in listed.containers if one.key == "/no-such-group"]
    assert not gone.numbers
    assert "there is no" in gone.why["cpu_s"]


VERSION_2 = {
    "cpu.stat": "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\nnr_periods 40\nnr_throttled 10\n"
    "throttled_usec 300000\n",
    "cpu.max": "50000 100000\n",
    "memory.current": "104857600\n",
    "memory.peak": "209715200\n",
    "memory.max": "536870912\n",
    "memory.swap.current": "4096\n",
    "memory.stat": "anon 60000000\nfile 40000000\ninactive_file 30000000\n",
    "memory.events": "low 0\nhigh 0\nmax 7\noom 2\noom_kill 1\n",
    "pids.current": "12\n",
    "pids.max": "max\n",
    "cpu.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0 avg60=0 avg300=0 total=0\n",
    "memory.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=20\nfull avg10=0 avg60=0 avg300=0 total=10\n",
    "io.stat": "254:0 rbytes=1000 wbytes=2000 rios=1 wios=2 dbytes=0 dios=0\n8:0 rbytes=5 wbytes=6\n",
}


def test_all_of_version_2(tmp_path: Path) -> None:
    folder = tmp_path / "kubepods.slice/kubepods-burstable.slice" / f"cri-containerd-{ID}.scope"
    folder.mkdir(parents=True)
    for name, text in VERSION_2.items():
        (folder / name).write_text(text)
    trees = Trees(str(tmp_path))
    [group] = groups_in(trees)
    assert (group.key, group.engine) == (ID, "cri-containerd")
    numbers, why = numbers_of(trees, lambda _controller: group.path)
    assert numbers == pytest.approx(
        {
            "cpu_s": 2.5,
            "cpu_user_s": 2.0,
            "cpu_system_s": 0.5,
            "cpu_periods": 40,
            "cpu_throttled_periods": 10,
            "cpu_throttled_s": 0.3,
            "cpu_quota_us": 50_000,
            "cpu_period_us": 100_000,
            "memory_bytes": 104_857_600,
            "memory_most_bytes": 209_715_200,
            "memory_limit_bytes": 536_870_912,
            "working_set_bytes": 74_857_600,
            "swap_bytes": 4096,
            "rss_bytes": 60_000_000,
            "cache_bytes": 40_000_000,
            "oom_kills": 1,
            "memory_failures": 7,
            "threads": 12,
            "threads_max": 0,
            "cpu_waiting_s": 1.5,
            "cpu_stalled_s": 0,
            "memory_waiting_s": 2e-5,
            "memory_stalled_s": 1e-5,
            "read_bytes": 1005,
            "written_bytes": 2006,
        }
    )
    assert why.keys() == {"io_waiting_s", "io_stalled_s"}
    (folder / "memory.max").write_text("max\n")
    (folder / "cpu.max").write_text("max 100000\n")
    numbers, _ = numbers_of(trees, lambda _controller: group.path)
    assert (numbers["memory_limit_bytes"], numbers["cpu_quota_us"]) == (0, -1)


@pytest.mark.parametrize(
    ("path", "engine", "pod"),
    [
        (f"/system.slice/docker-{ID}.scope", "docker", ""),
        (f"/docker/{ID}", "docker", ""),
        (f"/machine.slice/libpod-{ID}.scope", "libpod", ""),
        (
            f"/kubepods/burstable/pod0a1b2c3d-0000-4000-8000-0123456789ab/{ID}",
            "kubernetes",
            "0a1b2c3d-0000-4000-8000-0123456789ab",
        ),
        (
            f"/kubepods.slice/kubepods-pod0a1b2c3d_0000_4000_8000_0123456789ab.slice/crio-{ID}.scope",
            "crio",
            "0a1b2c3d-0000-4000-8000-0123456789ab",
        ),
        (f"/ecs/0f/{ID}", "ecs", ""),
        ("/lxc.payload.web", "lxc", ""),
    ],
)
def test_paths_of_containers(path: str, engine: str, pod: str) -> None:
    found = group_of(path)
    assert found is not None
    assert (found.engine, found.pod_uid) == (engine, pod)


@pytest.mark.parametrize(
    "path", ["/", "/user.slice", f"/process/{'0' * 64}", "/system.slice/postgresql.service", "/docker"]
)
def test_paths_of_what_is_no_container(path: str) -> None:
    assert group_of(path) is None


def test_signs_of_a_container_are_not_believed_on_a_machine_of_its_own(tmp_path: Path) -> None:
    (tmp_path / ".dockerenv").touch()
    told = evidence({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "container": "podman"}, str(tmp_path))
    if own_namespaces():
        assert told.is_containerized
        assert "/.dockerenv is there (Docker)" in told.signs
    else:
        assert not told.is_containerized
        assert len(told.not_believed) >= 3
    assert not evidence({}, str(tmp_path / "none")).is_containerized or own_namespaces()


SEEN = """
import sys
sys.path[:0] = {path!r}
from trimtab.observe.containers.cgroups import evidence
told = evidence({{"container": "oci"}})
print(told.is_containerized, "container=oci is set" in told.signs)
"""


def test_signs_are_believed_in_a_namespace_of_its_own() -> None:
    program = SEEN.format(path=[path for path in sys.path if path])
    command = ["unshare", "--uts", "--pid", "--fork", sys.executable, "-c", program]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    if done.returncode and "not permitted" in done.stderr:
        pytest.skip("this machine lets nobody make namespaces")
    assert done.stdout.split() == ["True", "True"], done.stderr
