"""File systems: how large, how full, read-only or not. What lies on the network is asked on a thread of its own: a
server that is gone holds up who asks, for hours."""

from __future__ import annotations

import os
import queue
import re
import threading
from dataclasses import dataclass

from trimtab.observe.host.files import HostPaths, KernelFile
from trimtab.observe.host.series import HostSeries, NotHere

_TYPES_LEFT_OUT = re.compile(
    r"autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc"
    r"|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs|efivarfs|ramfs"
)
_PLACES_LEFT_OUT = re.compile(
    r"/(dev|proc|run/credentials/.+|run/user/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+|var/lib/kubelet/.+)($|/.*)"
)
_REMOTE = re.compile(r"(nfs.*|cifs|smb.*|fuse\..*|9p|ceph|glusterfs|lustre|afs|virtiofs)")
_ESCAPED = re.compile(r"\\([0-7]{3})")
_FIELDS = (
    "node_filesystem_size_bytes",
    "node_filesystem_free_bytes",
    "node_filesystem_avail_bytes",
    "node_filesystem_files",
    "node_filesystem_files_free",
    "node_filesystem_readonly",
)
ANSWER_S = 1.0
"""How long one that lies on the network is waited for."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of /proc/mounts that is of interest."""

    device: str
    mountpoint: str
    fstype: str
    is_readonly: bool

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """As node_exporter has them."""
        return (("device", self.device), ("fstype", self.fstype), ("mountpoint", self.mountpoint))


def mounts_in(text: str) -> tuple[Mount, ...]:
    """Of several on one place the last is seen.

    >>> text = "/dev/a / ext4 rw 0 0\\nproc /proc proc rw 0 0\\n/dev/b /a\\\\040b xfs ro 0 0"
    >>> [mount.mountpoint for mount in mounts_in(text)]
    ['/', '/a b']
    """
    found: dict[str, Mount] = {}
    for line in text.splitlines():
        parts = line.split(" ")
        if len(parts) < 4:
            continue
        device, place, fstype, options = parts[:4]
        place = _ESCAPED.sub(lambda octal: chr(int(octal[1], 8)), place)
        is_wanted = not _TYPES_LEFT_OUT.fullmatch(fstype) or (fstype == "overlay" and place == "/")
        if is_wanted and not _PLACES_LEFT_OUT.fullmatch(place):
            found.pop(place, None)
            found[place] = Mount(device, place, fstype, "ro" in options.split(","))
    return tuple(found.values())


class Filesystems:
    """/proc/mounts (of the first process: the host's, not a container's) and statvfs."""

    name = "filesystem"
    is_slow = False

    def __init__(self, paths: HostPaths) -> None:
        self.source = f"{paths.proc}/mounts, statvfs"
        self._paths = paths
        self._files = [KernelFile(f"{paths.proc}/{name}") for name in ("1/mounts", "mounts")]
        if paths.proc == "/proc":
            self._files.reverse()
        self._text = b""
        self._mounts: tuple[Mount, ...] = ()
        self._answering: dict[Mount, bool] = {}
        self._remote = _Remote()
        self.series: tuple[HostSeries, ...] = ()

    def read(self) -> list[float]:
        """See `Collector.read`. One that does not answer has `node_filesystem_device_error` alone."""
        text = self._mounts_text()
        if text != self._text:
            self._text, self._mounts = text, mounts_in(text.decode("utf-8", "replace"))
            self._answering = {}
        if not self._mounts:
            raise NotHere(f"no file system of interest is mounted ({self.source})")
        found: list[float] = []
        answering: dict[Mount, bool] = {}
        for mount in self._mounts:
            told = self._told(mount)
            answering[mount] = told is not None
            found.append(float(told is None))
            if told is not None:
                block = float(told.f_frsize)
                found += (
                    told.f_blocks * block,
                    told.f_bfree * block,
                    told.f_bavail * block,
                    float(told.f_files),
                    float(told.f_ffree),
                    float(mount.is_readonly),
                )
        if answering != self._answering:
            self._answering = answering
            self.series = tuple(
                HostSeries(name, mount.labels)
                for mount, does in answering.items()
                for name in ("node_filesystem_device_error", *(_FIELDS if does else ()))
            )
        return found

    def _mounts_text(self) -> bytes:
        for file in self._files[:-1]:
            try:
                return file.read()
            except OSError:  # of another user, or gone: the own ones
                continue
        return self._files[-1].read()

    def _told(self, mount: Mount) -> os.statvfs_result | None:
        place = self._paths.under_root(mount.mountpoint)
        if _REMOTE.fullmatch(mount.fstype):
            return self._remote.ask(place)
        try:
            return os.statvfs(place)
        except OSError:
            return None


class _Remote:
    """Asks on a thread that may hang. As long as it hangs nothing else on the network is asked."""

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[str, os.statvfs_result | None]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._waits_for = ""

    def ask(self, place: str) -> os.statvfs_result | None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="remote-filesystems", daemon=True)
            self._thread.start()
        wait_s = ANSWER_S
        if self._waits_for:
            wait_s = 0.0
        else:
            self._waits_for = place
            self._asked.put(place)
        try:
            answered, told = self._answers.get(timeout=wait_s) if wait_s else self._answers.get_nowait()
        except queue.Empty:
            return None
        self._waits_for = ""
        return told if answered == place else None

    def _run(self) -> None:
        while True:
            place = self._asked.get()
            try:
                told = os.statvfs(place)
            except OSError:
                self._answers.put((place, None))
            else:
                self._answers.put((place, told))
