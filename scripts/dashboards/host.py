"""Hosts, by node_exporter's names: what each has, what is used of it, what waits, what failed."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from scripts.dashboards.building import bars, each, figure, lines, new, row, steps, variable

HERE = 'job=~"$job",instance=~"$instance"'
DISKS = f'{HERE},device!~"(loop|ram|sr|fd).*"'
FILES = f'{HERE},fstype!~"squashfs|iso9660|erofs|autofs|ramfs|devtmpfs"'
TAKEN = f"(node_filesystem_size_bytes{{{FILES}}} - node_filesystem_free_bytes{{{FILES}}})"
USED = f"{TAKEN} / ({TAKEN} + node_filesystem_avail_bytes{{{FILES}}}) unless node_filesystem_readonly{{{FILES}}} == 1"
"""How full file systems are as df counts it, of those that can be written to: as the pages and the pack for hosts."""
NETS = f'{HERE},device!~"lo|veth.*|docker.*|br-.*"'


def waits(way: str) -> str:
    """How long one read or write takes."""
    done = each(f"node_disk_{way}s_completed_total", DISKS)
    return f"{each(f'node_disk_{way}_time_seconds_total', DISKS)} / ({done} > 0)"


def made() -> dashboard.Dashboard:
    """The dashboard."""
    about = "Machines by node_exporter's names, as trimtab collects them itself or node_exporter sends them."
    return (
        new("trimtab-host", "trimtab: hosts", about, "host")
        .with_variable(variable("job", "Job", "label_values(node_load1, job)"))
        .with_variable(variable("instance", "Host", 'label_values(node_load1{job="$job"}, instance)', many=True))
        .with_row(row("Now"))
        .with_panel(
            figure(
                "Processor used",
                f'1 - avg(rate(node_cpu_seconds_total{{mode="idle",{HERE}}}[$__rate_interval]))',
                "percentunit",
                limits=steps((None, "green"), (0.8, "orange"), (0.95, "red")),
            )
        )
        .with_panel(
            figure(
                "Memory used",
                f"1 - sum(node_memory_MemAvailable_bytes{{{HERE}}}) / sum(node_memory_MemTotal_bytes{{{HERE}}})",
                "percentunit",
                limits=steps((None, "green"), (0.85, "orange"), (0.95, "red")),
            )
        )
        .with_panel(
            figure(
                "Fullest file system",
                f"max({USED})",
                "percentunit",
                limits=steps((None, "green"), (0.9, "orange"), (0.97, "red")),
            )
        )
        .with_panel(
            figure(
                "Busiest disk",
                f"max(rate(node_disk_io_time_seconds_total{{{DISKS}}}[$__rate_interval]))",
                "percentunit",
                limits=steps((None, "green"), (0.9, "orange"), (0.99, "red")),
            )
        )
        .with_panel(
            figure(
                "Load of a core",
                f"sum(node_load1{{{HERE}}}) / count(count by (cpu, instance) (node_cpu_seconds_total{{{HERE}}}))",
                decimals=2,
            )
        )
        .with_panel(figure("Up since", f"max(time() - node_boot_time_seconds{{{HERE}}})", "s"))
        .with_row(row("Processor and memory"))
        .with_panel(
            lines(
                "Processor by mode",
                [
                    (
                        f'sum by (mode) (rate(node_cpu_seconds_total{{mode!="idle",{HERE}}}[$__rate_interval]))',
                        "{{mode}}",
                    )
                ],
                "suffix: cores",
                about="Cores that are busy.",
                stack=True,
            )
        )
        .with_panel(
            lines(
                "Pressure",
                [
                    (
                        f"rate(node_pressure_{what}_waiting_seconds_total{{{HERE}}}[$__rate_interval])",
                        f"{{{{instance}}}} {what}",
                    )
                    for what in ("cpu", "memory", "io")
                ],
                "percentunit",
                about="Share of time in which something waited (PSI).",
            )
        )
        .with_panel(
            lines(
                "Memory",
                [
                    (f"sum(node_memory_MemTotal_bytes{{{HERE}}} - node_memory_MemAvailable_bytes{{{HERE}}})", "used"),
                    (f"sum(node_memory_Cached_bytes{{{HERE}}} + node_memory_Buffers_bytes{{{HERE}}})", "cache"),
                    (f"sum(node_memory_MemFree_bytes{{{HERE}}})", "free"),
                ],
                "bytes",
            )
        )
        .with_panel(
            lines(
                "Load",
                [(f"node_load1{{{HERE}}}", "{{instance}} 1 min"), (f"node_load15{{{HERE}}}", "{{instance}} 15 min")],
            )
        )
        .with_row(row("Disks"))
        .with_panel(
            lines(
                "Disks in use",
                [(f"rate(node_disk_io_time_seconds_total{{{DISKS}}}[$__rate_interval])", "{{instance}} {{device}}")],
                "percentunit",
            )
        )
        .with_panel(
            lines(
                "Time of one read or write",
                [
                    (
                        waits("read"),
                        "{{instance}} {{device}} read",
                    ),
                    (
                        waits("write"),
                        "{{instance}} {{device}} write",
                    ),
                ],
                "s",
            )
        )
        .with_panel(
            lines(
                "Bytes read and written",
                [
                    (f"rate(node_disk_read_bytes_total{{{DISKS}}}[$__rate_interval])", "{{instance}} {{device}} read"),
                    (
                        f"rate(node_disk_written_bytes_total{{{DISKS}}}[$__rate_interval])",
                        "{{instance}} {{device}} written",
                    ),
                ],
                "binBps",
            )
        )
        .with_panel(
            bars(
                "File systems",
                (
                    USED,
                    "{{instance}} {{mountpoint}}",
                ),
                "percentunit",
                steps((None, "green"), (0.9, "orange"), (0.97, "red")),
            )
        )
        .with_row(row("Network"))
        .with_panel(
            lines(
                "Bytes in and out",
                [
                    (
                        f"rate(node_network_receive_bytes_total{{{NETS}}}[$__rate_interval])",
                        "{{instance}} {{device}} in",
                    ),
                    (
                        f"rate(node_network_transmit_bytes_total{{{NETS}}}[$__rate_interval])",
                        "{{instance}} {{device}} out",
                    ),
                ],
                "binBps",
            )
        )
        .with_panel(
            lines(
                "Errors and drops",
                [
                    (
                        f"rate(node_network_{way}_{what}_total{{{NETS}}}[$__rate_interval])",
                        f"{{{{instance}}}} {{{{device}}}} {way} {what}",
                    )
                    for way in ("receive", "transmit")
                    for what in ("errs", "drop")
                ],
                "pps",
            )
        )
    )
