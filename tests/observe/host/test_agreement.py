"""The host's numbers beside those of /proc, Debian's node_exporter and pidstat, over the same time.

What only grows is read by trimtab, by the other, and by trimtab again: the other's number has to lie between ours,
whatever load the machine is under and however long each took. What can stand still (a stopped process) has to be equal.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.observe.host.peers import Burner, Key, NodeExporter, node_exporter, pidstat
from trimtab.observe.host.about import about
from trimtab.observe.host.host import Host, Look
from trimtab.observe.host.now import HostNow
from trimtab.observe.host.usage import Usage

OTHERS_OWN = re.compile(
    r"process_.*|node_scrape_.*|node_time_seconds|node_network_info|node_os_info|node_exporter.*|go_.*|promhttp.*"
)
"""Of which there is one in each process, or in which we say more labels than an old node_exporter."""
UNSTEADY = re.compile(
    r"node_memory_.*|node_sockstat_.*|node_procs_.*|node_load.*|node_processes_.*|node_netstat_Tcp_CurrEstab"
    r"|node_filefd_allocated|node_filesystem_(avail|free)_bytes|node_filesystem_files_free|node_disk_io_now|node_entropy.*"
    r"|node_tcp_connection_states|node_udp_queues|node_timex_.*|node_arp_entries|node_nf_conntrack_entries"
)
"""Gauges that move by themselves from one moment to the next."""
STEADY_MEMORY = ("MemTotal", "SwapTotal", "CommitLimit", "Hugepagesize", "VmallocTotal", "HugePages_Total")
LEFT_OUT = re.compile(
    r"node_disk_.*zram.*|node_disk_info|node_network_(address_assign_type|device_id|dormant|flags|iface_.*|name_assign_type"
    r"|net_dev_group|protocol_type)|node_nf_conntrack_stat_.*|node_os_version|node_processes_threads_state|node_selinux.*"
    r"|node_textfile.*|node_time_(clocksource|zone).*|node_network_speed_bytes|node_xfs.*|node_btrfs.*|node_dmi.*"
    r"|node_edac.*|node_nvme.*|node_rapl.*|node_schedstat_.*|node_cpu_(info|core|package|frequency).*|node_nfs.*"
    r"|node_softnet_backlog_len|node_bonding.*|node_md_.*|node_zfs.*|node_power_supply_.*|node_hwmon_.*|node_cooling.*"
    r"|node_thermal.*|node_filesystem_.*"
)
"""What trimtab does not tell, or tells of other disks and file systems than Debian's package does."""


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeExporter]:
    with node_exporter(tmp_path_factory.mktemp("exporter") / "log") as running:
        yield running


@pytest.fixture
def burner() -> Iterator[Burner]:
    made = Burner(48 * 2**20)
    yield made
    made.close()


def told(look: Look) -> dict[Key, float]:
    """Everything in a look, by name and labels without empty ones."""
    return {
        (one.name, tuple(sorted((name, value) for name, value in one.labels if value))): value
        for one, value in look.rows()
    }


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_what_node_exporter_says_lies_between_two_looks(exporter: NodeExporter) -> None:
    host = Host(also=("interrupts",), slow_s=0.0)
    before = told(host.look(now_ms()))
    theirs = {
        (name, tuple(pair for pair in labels if pair[1])): value for (name, labels), value in exporter.scrape().items()
    }
    after = told(host.look(now_ms()))
    seen, wrong, missing = 0, [], []
    for key, value in theirs.items():
        name = key[0]
        if OTHERS_OWN.fullmatch(name) or LEFT_OUT.fullmatch(name + str(key[1])) or LEFT_OUT.fullmatch(name):
            continue
        if not name.startswith("node_") or (UNSTEADY.fullmatch(name) and not name.endswith(steady_names())):
            continue
        if key not in before or key not in after:
            missing.append(key)
            continue
        seen += 1
        low, high = sorted((before[key], after[key]))
        slack = max(abs(value) * 1e-9, 1e-6)
        if not low - slack <= value <= high + slack:
            wrong.append((key, low, value, high))
    assert not wrong
    assert not missing
    assert seen > 150


def not_collected() -> re.Pattern[str]:
    """Names in the list of the how-to, with `*` for any rest."""
    page = (Path(__file__).parents[3] / "docs/how-to/hosts-and-containers.md").read_text("utf-8")
    table = page.partition("## What is not collected")[2].partition("\n## ")[0]
    names = re.findall(r"`(node_[a-z_*]+)`", table)
    assert len(names) > 30
    return re.compile("|".join(name.replace("*", ".*") for name in names))


def test_what_node_exporter_tells_and_trimtab_does_not_is_in_the_documentations_list(exporter: NodeExporter) -> None:
    ours = {name for name, _ in told(Host(also=("interrupts",), slow_s=0.0).look(now_ms()))}
    theirs = {name for name, _ in exporter.scrape() if name.startswith("node_")}
    listed = not_collected()
    assert not sorted(name for name in theirs - ours if not listed.fullmatch(name))


def steady_names() -> tuple[str, ...]:
    return (*(f"_{name}_bytes" for name in STEADY_MEMORY), "_maximum", "_total")


def test_every_series_of_node_exporter_that_is_a_counter_is_one_here(exporter: NodeExporter) -> None:
    counters = [name for name, _ in exporter.scrape() if name.startswith("node_") and name.endswith("_total")]
    assert len(counters) > 50
    assert {about(name).kind for name in counters} == {"counter"}


def test_processor_time_agrees_with_node_exporter_within_a_point(exporter: NodeExporter, burner: Burner) -> None:
    """Between two pairs of readings: how far both can be apart is known, for each pair is read one after the other."""
    host = Host()

    def pair() -> tuple[Look, dict[Key, float], Look]:
        return host.look(now_ms()), exporter.scrape(), host.look(now_ms())

    first = pair()
    burner.burn(30)
    second = pair()
    cores = {dict(labels)["cpu"] for _, labels in first[1] if dict(labels).get("mode") == "idle"}
    assert cores
    for cpu in cores:
        for mode in ("user", "system", "idle", "iowait", "nice", "softirq", "steal"):
            key = ("node_cpu_seconds_total", (("cpu", cpu), ("mode", mode)))
            theirs = second[1][key] - first[1][key]
            least = told(second[0])[key] - told(first[2])[key]
            most = told(second[2])[key] - told(first[0])[key]
            assert least - 1e-6 <= theirs <= most + 1e-6, (key, least, theirs, most)


def test_a_process_agrees_with_pidstat(burner: Burner) -> None:
    """pidstat tells the milliseconds of its interval; the process works only inside of it, and of ours."""
    host = Host(slow_s=0.0)
    name = Path(f"/proc/{burner.pid}/comm").read_text().strip()
    host.look(now_ms())
    group_before = host.look(now_ms()).values("namedprocess_namegroup_cpu_seconds_total")
    with pidstat(burner.pid) as other:
        before_ticks = burner.ticks()
        burner.burn(50)
        spent_s = (burner.ticks() - before_ticks) / os.sysconf("SC_CLK_TCK")
        output = other.ends()
    look = host.look(now_ms())
    rows = [line.split() for line in output.splitlines() if str(burner.pid) in line.split()]
    [row] = rows
    theirs_s = (float(row[-4]) + float(row[-3])) / 1000
    group_after = look.values("namedprocess_namegroup_cpu_seconds_total")
    key = {mode: (("groupname", name), ("mode", mode)) for mode in ("user", "system")}
    group_s = sum(group_after[one] - group_before.get(one, 0.0) for one in key.values())
    [ours] = [one for one in host.busiest.by_cpu if one.pid == burner.pid]
    assert ours.cpu_cores is not None
    ours_s = ours.cpu_cores * host.busiest.interval_ms / 1000
    assert ours_s == pytest.approx(spent_s, rel=0.01, abs=0.01)
    assert theirs_s == pytest.approx(spent_s, rel=0.01, abs=0.01), output
    assert group_s >= spent_s - 0.011  # other processes of this name may have worked, too
    resident = int(Path(f"/proc/{burner.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    assert ours.resident_bytes == pytest.approx(resident, rel=0.01)  # the kernel's counts per core are added up lazily
    assert resident > 48 * 2**20
    assert ours.command == sys.executable


def test_usage_is_what_proc_says(burner: Burner) -> None:
    """Busy share of all cores between two looks, from the text of /proc/stat at the same moments, within a point."""
    host = Host()

    def busy_and_all() -> tuple[float, float]:
        parts = [int(part) for part in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return sum(parts) - parts[3] - parts[4], sum(parts)

    texts = [busy_and_all()]
    now = HostNow("x").after(host.look(now_ms()), "x", host.busiest)
    texts.append(busy_and_all())
    burner.burn(40)
    texts.append(busy_and_all())
    now = now.after(host.look(now_ms()), "x", host.busiest)
    texts.append(busy_and_all())
    used = Usage(now).cpu_utilization()
    least = (texts[2][0] - texts[1][0]) / (texts[3][1] - texts[0][1])
    most = (texts[3][0] - texts[0][0]) / (texts[2][1] - texts[1][1])
    assert used.value is not None
    assert least - 0.01 <= used.value <= most + 0.01
    assert (used.unit, used.source) == ("ratio", "/proc/stat")
    assert used.interval_ms > 0
    memory = Usage(now).memory_utilization()
    assert memory.part("MemTotal").value == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    root = Usage(now).disk_usage().part("/")
    assert root.value is not None
    df = subprocess.run(["df", "--output=pcent", "/"], capture_output=True, text=True, check=True).stdout
    percent = int(df.split()[-1].rstrip("%"))
    assert percent - 2 <= root.value * 100 <= percent + 1, "as df says, which rounds up"


CONNECTED = """
import socket, sys
sys.path[:0] = {path!r}
from trimtab.observe.host.connections import TcpStates
listening = socket.socket()
import subprocess
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
listening.bind(("127.0.0.1", 0)); listening.listen(50)
pairs = []
for _ in range(20):
    one = socket.create_connection(listening.getsockname()); pairs.append((one, listening.accept()[0]))
pairs[0][0].sendall(b"x" * 1000)
import time
states = TcpStates()
while True:
    told = dict(zip((dict(one.labels)["state"] for one in states.series), states.read()))
    if told["rx_queued_bytes"] == 1000: break
    time.sleep(0.01)
print(told["established"], told["listen"], told["rx_queued_bytes"])
"""


def test_connections_are_counted_by_state() -> None:
    """In a network of its own, where nobody else connects."""
    program = CONNECTED.format(path=[path for path in sys.path if path])
    command = ["unshare", "-n", sys.executable, "-c", program]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    if done.returncode and "not permitted" in done.stderr:
        pytest.skip("this machine lets nobody make a network namespace")
    assert done.stdout.split() == ["40.0", "1.0", "1000.0"], done.stderr


def test_an_interface_that_listens_is_in_the_numbers_of_sockets() -> None:
    host = Host()
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        look = host.look(now_ms())
    assert (look.value("node_sockstat_TCP_inuse") or 0) >= 1
    assert (look.value("node_sockstat_sockets_used") or 0) >= 1
