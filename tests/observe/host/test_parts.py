"""What this kernel does not have, by files as other machines have them; devices that come and go; what is silent."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from trimtab.observe.host import connections, cpu, disks, filesystems, network, pressure, sensors, small
from trimtab.observe.host.files import HostPaths, KernelFile
from trimtab.observe.host.host import Host, Look, Told
from trimtab.observe.host.interfaces import Interfaces
from trimtab.observe.host.now import HostNow
from trimtab.observe.host.series import Collector, HostSeries, NotHere
from trimtab.observe.host.usage import Usage

STAT = """cpu  300 0 100 1000 50 0 5 2 0 0
cpu0 100 0 50 500 25 0 3 1 10 0
cpu1 200 0 50 500 25 0 2 1 0 0
intr 12345 0 9 0
ctxt 999
btime 1700000000
processes 77
procs_running 3
procs_blocked 1
softirq 5 1 1
"""
DISK = " 259 0 nvme0n1 100 5 2000 50 40 3 800 90 2 70 140 1 0 8 3 6 9\n 259 1 nvme0n1p1 1 1 1 1 1 1 1 1 1 1 1\n"
TRAFFIC = """a | b
face |x
  eth0: {} 1 0 {} 0 0 0 0 500 1 0 0 0 0 0 0
    lo: {} 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0
"""
SECOND = "   8 0 sda 7 0 16 3 0 0 0 0 0 3 3 0 0 0 0 0 0\n"


@pytest.fixture
def machine(tmp_path: Path) -> HostPaths:
    """A machine of files: nothing there yet."""
    for name in ("proc", "sys", "root"):
        (tmp_path / name).mkdir()
    return HostPaths(str(tmp_path / "proc"), str(tmp_path / "sys"), str(tmp_path / "root"))


def put(folder: str, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def told(one: Collector) -> dict[str, object]:
    """Values by name and values of labels: `node_load1`, `node_disk_io_now sda`."""
    numbers = one.read()
    assert len(numbers) == len(one.series)
    return {
        " ".join([series.name, *(value for _, value in series.labels)]): pytest.approx(number * series.scale)
        for series, number in zip(one.series, numbers, strict=True)
    }


def test_processors(machine: HostPaths) -> None:
    put(machine.proc, {"stat": STAT})
    found = told(one := cpu.Cpu(machine))
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    assert found["node_cpu_seconds_total 1 user"] == 200 * tick_s
    assert found["node_cpu_guest_seconds_total 0 user"] == 10 * tick_s
    assert (found["node_intr_total"], found["node_procs_blocked"], found["node_boot_time_seconds"]) == (
        12345,
        1,
        1_700_000_000,
    )
    put(machine.proc, {"stat": STAT.replace("cpu1 200 0 50 500 25", "cpu1 201 0 50 499 24")})
    again = told(one)
    assert again["node_cpu_seconds_total 1 idle"] == 500 * tick_s  # the kernel takes a little back: no restart is seen
    assert again["node_cpu_seconds_total 1 user"] == 201 * tick_s
    before = one.series
    put(machine.proc, {"stat": STAT.replace("cpu1 200 0 50 500 25 0 2 1 0 0\n", "")})
    assert "node_cpu_seconds_total 1 user" not in told(one)
    assert one.series is not before


def test_a_disk_that_comes_and_goes(machine: HostPaths) -> None:
    put(machine.proc, {"diskstats": DISK})
    one = disks.diskstats(machine)
    found = told(one)
    assert found["node_disk_read_bytes_total nvme0n1"] == 2000 * 512
    assert found["node_disk_io_time_seconds_total nvme0n1"] == 0.07
    assert found["node_disk_flush_requests_time_seconds_total nvme0n1"] == 0.009
    assert not any("p1" in name for name in found)
    same = one.series
    put(machine.proc, {"diskstats": DISK.replace("100 5", "101 5")})
    told(one)
    assert one.series is same
    put(machine.proc, {"diskstats": SECOND + DISK})
    assert told(one)["node_disk_reads_completed_total sda"] == 7
    put(machine.proc, {"diskstats": DISK})
    assert not any("sda" in name for name in told(one))


def test_all_pressures(machine: HostPaths) -> None:
    one = pressure.Pressure(machine)
    with pytest.raises(NotHere, match="no pressure stall"):
        one.read()
    some = "some avg10=0.00 avg60=0.00 avg300=0.00 total={}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total={}\n"
    full = "full avg10=0.00 avg60=0.00 avg300=0.00 total=5000000\n"
    files = {f"pressure/{name}": some.format(1_000_000, 500_000) for name in ("cpu", "io", "memory")}
    put(machine.proc, {**files, "pressure/irq": full})
    assert told(one) == {
        "node_pressure_cpu_waiting_seconds_total": 1,
        "node_pressure_io_waiting_seconds_total": 1,
        "node_pressure_io_stalled_seconds_total": 0.5,
        "node_pressure_memory_waiting_seconds_total": 1,
        "node_pressure_memory_stalled_seconds_total": 0.5,
        "node_pressure_irq_stalled_seconds_total": 5,
    }


def test_what_a_server_of_iron_has(machine: HostPaths) -> None:
    put(
        machine.sys,
        {
            "class/hwmon/hwmon0/name": "coretemp\n",
            "class/hwmon/hwmon0/temp1_input": "45500\n",
            "class/hwmon/hwmon0/temp1_max": "90000\n",
            "class/hwmon/hwmon0/temp1_crit_alarm": "0\n",
            "class/hwmon/hwmon0/fan2_input": "1200\n",
            "class/hwmon/hwmon0/pwm1": "7\n",
            "class/thermal/thermal_zone0/type": "x86_pkg_temp\n",
            "class/thermal/thermal_zone0/temp": "51000\n",
            "class/thermal/cooling_device3/type": "Processor\n",
            "class/thermal/cooling_device3/cur_state": "2\n",
            "class/thermal/cooling_device3/max_state": "10\n",
            "class/power_supply/AC/online": "1\n",
            "devices/system/cpu/cpu1/cpufreq/scaling_cur_freq": "2400000\n",
            "devices/system/cpu/cpuidle/x": "",
        },
    )
    assert told(sensors.Hwmon(machine)) == {
        "node_hwmon_chip_names hwmon0 coretemp": 1,
        "node_hwmon_temp_celsius hwmon0 temp1": 45.5,
        "node_hwmon_temp_max_celsius hwmon0 temp1": 90,
        "node_hwmon_temp_crit_alarm_celsius hwmon0 temp1": 0,
        "node_hwmon_fan_rpm hwmon0 fan2": 1200,
    }
    assert told(sensors.Thermal(machine)) == {
        "node_thermal_zone_temp x86_pkg_temp 0": 51,
        "node_cooling_device_cur_state 3 Processor": 2,
        "node_cooling_device_max_state 3 Processor": 10,
    }
    assert told(sensors.Power(machine)) == {"node_power_supply_online AC": 1}
    assert told(sensors.Frequencies(machine)) == {"node_cpu_scaling_frequency_hertz 1": 2.4e9}
    put(machine.proc, {"schedstat": "version 15\ncpu0 0 0 0 0 0 0 2000000000 3000000000 44\n"})
    assert told(cpu.schedstat(machine)) == {
        "node_schedstat_running_seconds_total 0": 2,
        "node_schedstat_waiting_seconds_total 0": 3,
        "node_schedstat_timeslices_total 0": 44,
    }
    put(machine.proc, {"sys/net/netfilter/nf_conntrack_count": "12\n", "sys/net/netfilter/nf_conntrack_max": "1000\n"})
    assert told(small.conntrack(machine)) == {"node_nf_conntrack_entries": 12, "node_nf_conntrack_entries_limit": 1000}


def test_interfaces_with_and_without_a_line(machine: HostPaths) -> None:
    put(
        machine.sys,
        {
            "class/net/eth0/speed": "10000\n",
            "class/net/eth0/operstate": "up\n",
            "class/net/eth0/mtu": "9000\n",
            "class/net/eth0/flags": "0x1003\n",
            "class/net/eth1/speed": "-1\n",
            "class/net/eth1/operstate": "down\n",
            "class/net/bonding_masters": "bond0\n",
        },
    )
    found = told(Interfaces(machine))
    assert found["node_network_speed_bytes eth0"] == 1.25e9
    assert "node_network_speed_bytes eth1" not in found
    assert (found["node_network_up eth0"], found["node_network_up eth1"]) == (1, 0)
    assert any(name.startswith("node_network_info") and "up" in name for name in found)


def test_protocols_without_ipv6(machine: HostPaths) -> None:
    put(
        machine.proc,
        {
            "net/snmp": "Tcp: MaxConn CurrEstab InErrs\nTcp: -1 12 3\nUdp: InDatagrams InErrors\nUdp: 5 6\n",
            "net/netstat": "TcpExt: SyncookiesSent Other ListenDrops\nTcpExt: 1 2 3\n",
        },
    )
    one = network.Netstat(machine)
    assert told(one) == {
        "node_netstat_Tcp_MaxConn": -1,
        "node_netstat_Tcp_CurrEstab": 12,
        "node_netstat_Tcp_InErrs": 3,
        "node_netstat_Udp_InDatagrams": 5,
        "node_netstat_Udp_InErrors": 6,
        "node_netstat_TcpExt_SyncookiesSent": 1,
        "node_netstat_TcpExt_ListenDrops": 3,
    }
    put(machine.proc, {"net/netstat": "TcpExt: SyncookiesSent ListenDrops TCPTimeouts\nTcpExt: 1 3 9\n"})
    assert told(one)["node_netstat_TcpExt_TCPTimeouts"] == 9


def test_softnet_is_hexadecimal(machine: HostPaths) -> None:
    put(machine.proc, {"net/softnet_stat": "0000001f 00000002 0000000a" + " 00000000" * 9 + " 00000003 00000000\n"})
    found = told(network.Softnet(machine))
    assert (found["node_softnet_processed_total 3"], found["node_softnet_times_squeezed_total 3"]) == (31, 10)


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """`statvfs` of /mnt/nfs waits until the event is set."""
    answers, real = threading.Event(), os.statvfs

    def statvfs(path: str) -> os.statvfs_result:
        if path.endswith("/mnt/nfs"):
            answers.wait(60)
            return real("/")
        return real("/")

    monkeypatch.setattr(os, "statvfs", statvfs)
    monkeypatch.setattr(filesystems, "ANSWER_S", 0.05)
    yield answers
    answers.set()


def test_a_server_of_files_that_is_gone_holds_up_nobody(machine: HostPaths, hanging: threading.Event) -> None:
    put(machine.proc, {"mounts": "/dev/a / ext4 rw 0 0\nsrv:/x /mnt/nfs nfs4 ro 0 0\nsrv:/y /mnt/nfs2 nfs4 rw 0 0\n"})
    one = filesystems.Filesystems(machine)
    found = told(one)
    assert found["node_filesystem_device_error /dev/a ext4 /"] == 0
    assert found["node_filesystem_size_bytes /dev/a ext4 /"] == os.statvfs("/").f_blocks * os.statvfs("/").f_frsize
    assert found["node_filesystem_device_error srv:/x nfs4 /mnt/nfs"] == 1
    assert found["node_filesystem_device_error srv:/y nfs4 /mnt/nfs2"] == 1  # behind it, as long as it hangs
    assert "node_filesystem_size_bytes srv:/x nfs4 /mnt/nfs" not in found
    hanging.set()
    for _ in range(1000):
        found = told(one)
        if not any("device_error" in name and value == 1 for name, value in found.items()):
            break
        threading.Event().wait(0.01)
    assert found["node_filesystem_readonly srv:/x nfs4 /mnt/nfs"] == 1
    assert found["node_filesystem_device_error srv:/y nfs4 /mnt/nfs2"] == 0


def test_a_broken_collector_hurts_no_other(machine: HostPaths) -> None:
    put(
        machine.proc,
        {"stat": STAT, "loadavg": "0.5 0.4 0.3 1/2 3\n", "diskstats": "1 2\n", "meminfo": "MemTotal: x kB\n"},
    )
    host = Host(machine)
    look = host.look(1000, everything=True)
    assert look.value("node_load1") == 0.5
    assert look.went["meminfo"].why.startswith(f"{machine.proc}/meminfo: ValueError")
    assert not look.went["meminfo"].is_absent
    assert look.went["hwmon"].is_absent
    assert look.went["vmstat"].is_absent
    now = HostNow("x").after(look, "x", host.busiest)
    told_memory = Usage(now).memory_utilization()
    assert told_memory.value is None
    assert "ValueError" in told_memory.why
    assert "one look" in Usage(now).cpu_utilization().why


def test_rates_and_what_they_mean(machine: HostPaths) -> None:
    put(
        machine.proc,
        {
            "stat": STAT,
            "diskstats": DISK,
            "loadavg": "1.5 1.0 0.5 1/2 3\n",
            "net/dev": TRAFFIC.format(1000, 0, 9),
        },
    )
    put(machine.sys, {"class/net/eth0/speed": "8\n"})
    host = Host(machine, slow_s=0.0)
    now = HostNow("x").after(host.look(10_000), "x", host.busiest)
    put(
        machine.proc,
        {
            "stat": STAT.replace("cpu0 100 0 50 500 25", "cpu0 150 0 50 525 50"),
            "diskstats": DISK.replace("100 5 2000 50 40 3 800 90 2 70 140", "110 5 2000 150 40 3 800 90 2 570 1140"),
            "net/dev": TRAFFIC.format(501_000, 9, 99),
        },
    )
    now = now.after(host.look(11_000), "x", host.busiest)
    usage = Usage(now)
    busy = usage.cpu_utilization()
    assert busy.part("0").value == pytest.approx(0.5)
    assert busy.part("mode:user").value == pytest.approx(0.5)
    assert (busy.at_ms, busy.interval_ms) == (11_000, 1000)
    [disk] = [one for one in usage.resources() if one.kind == "disk"]
    assert disk.utilisation.value == pytest.approx(0.5)
    waits = {one.name: one for one in disk.saturation}
    assert waits["requests in flight"].value == pytest.approx(1.0)
    assert waits["read latency"].value == pytest.approx(0.01)
    assert waits["write latency"].why == "no writes in this time"
    [eth0] = [one for one in usage.resources() if one.kind == "network"]
    assert eth0.utilisation.value == pytest.approx(0.5)
    assert {one.name: one.value for one in eth0.saturation}["receive drops"] == 9
    moved = usage.network_throughput()
    assert moved.value == pytest.approx(500_000)
    assert moved.part("lo receive").value == pytest.approx(90)
    load = usage.load_average()
    assert (load.value, load.part("cores").value) == (1.5, 2)


def test_a_file_that_is_longer_than_a_page_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "long"
    file.write_bytes(b"x" * 300_000)
    one = KernelFile(file)
    assert len(one.read()) == 300_000
    file.unlink()
    assert len(one.read()) == 300_000  # it is open
    one.close()
    with pytest.raises(FileNotFoundError):
        one.read()


def test_messages_of_different_kinds_are_counted_one_by_one() -> None:
    import struct

    import numpy as np

    body = bytearray(72)
    body[1] = 10
    message = struct.pack("=IHHII", 88, 20, 0, 0, 0) + bytes(body)
    counts, queued = np.zeros(16, np.int64), np.zeros(2, np.int64)
    assert connections._one_by_one(message + struct.pack("=IHHII", 20, 3, 0, 0, 0) + b"\0" * 4, counts, queued)
    assert counts[10] == 1
    with pytest.raises(PermissionError):
        connections._one_by_one(struct.pack("=IHHIIi", 20, 2, 0, 0, 0, -1), counts, queued)


def test_keys_are_sorted_as_the_store_wants_them() -> None:
    assert HostSeries("up", (("z", "1"), ("a", "2"))).key == (("__name__", "up"), ("a", "2"), ("z", "1"))


def test_how_full_is_as_df_says_and_what_is_read_only_is_not_judged() -> None:
    """100 blocks, 20 free, of which 10 are kept for root: df says 80 of 90, 89 %."""
    mounts = {"/": (100.0, 20.0, 10.0, 0.0), "/cdrom": (10.0, 0.0, 0.0, 1.0), "/empty": (0.0, 0.0, 0.0, 0.0)}
    fields = ("size_bytes", "free_bytes", "avail_bytes", "readonly", "device_error")
    rows = [
        (HostSeries(f"node_filesystem_{field}", (("mountpoint", place),)), value)
        for place, values in mounts.items()
        for field, value in zip(fields, (*values, 0.0), strict=True)
    ]
    told = Told("filesystem", "statvfs", tuple(one for one, _ in rows), [value for _, value in rows])
    usage = Usage(HostNow("x").after(Look(1, (told,)), "x", Host().busiest))
    found = usage.disk_usage()
    assert found.text == "/"
    assert found.value == pytest.approx(80 / 90)
    assert found.part("/").part("used").value == 80
    assert found.part("/cdrom").value == 1.0
    assert found.part("/empty").why == "the file system has no size"
