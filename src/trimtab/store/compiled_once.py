"""Whether this machine has the machine code of all kernels already, and its compilation where it has not.

Who compiled everything leaves a note in the folder of Numba's caches: a checksum of what the code was made from and for
(the kernels' source, Numba, Python, the processor) and the names of its files. Looking at it imports nothing and takes
milliseconds. `trimtab up` looks, and compiles before it serves where the note does not fit: never in somebody's query.

Where the package's own folder cannot be written to, what was compiled there before (for an image, by its builder) is
used from there; without it Numba takes a folder of the user, as `Places` says.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
COMPILER = "trimtab.store.compiled"
FIRST = (
    "trimtab: first start of this version on this machine: compiling what reads and writes data, once "
    "(about a minute on two cores) …"
)
_PROCESSOR = ("vendor_id", "cpu family", "model", "stepping", "flags", "Features", "CPU implementer", "CPU part")
_PROCESSOR_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Places:
    """Where a note may lie, and with it the caches: the folder that the user named, the package, the user's own."""

    named: Path | None
    package: Path
    users: Path

    @classmethod
    def of_this_machine(cls) -> Places:
        """As Numba chooses them."""
        named = os.environ.get("NUMBA_CACHE_DIR")
        users = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "numba"  # noqa: PTH111
        return cls(Path(named) if named else None, PACKAGE / "store" / "__pycache__", users)

    def note_to_write(self) -> Path | None:
        """The note beside caches that this process would write; None where it can write none."""
        for place in (self.named, self.package, self.users):
            if place is not None and is_writable(place):
                return place / _name()
        return None

    def notes_to_read(self) -> list[Path]:
        """The notes beside caches that this process would load: one of the package also where it cannot be written."""
        found = [] if self.named is not None and is_writable(self.named) else [self.package / _name()]
        written = self.note_to_write()
        return found if written is None or written in found else [*found, written]


def is_writable(folder: Path) -> bool:
    """Whether files can be put there, after the folder was made if need be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)


def _name() -> str:
    return f"trimtab-{zlib.crc32(bytes(PACKAGE)):08x}.{sys.implementation.cache_tag}.compiled.json"


def made_from() -> str:
    """A checksum of all that compiled code depends on."""
    found = hashlib.sha256()
    for name in ("numba", "llvmlite"):
        found.update(f"{name} {importlib.metadata.version(name)}\n".encode())
    found.update(f"{sys.version}\n{os.uname().machine}\n{_processor()}\n".encode())
    for path in sorted([*PACKAGE.rglob("*kernels.py"), Path(__file__).with_name("compiled.py")]):
        found.update(f"{path.relative_to(PACKAGE)} {path.stat().st_size}\n".encode() + path.read_bytes())
    return found.hexdigest()


def _processor() -> str:
    """What code for this processor may use: the first one's kind and abilities, as Linux tells them."""
    try:
        with Path("/proc/cpuinfo").open("rb") as file:
            told = file.read(_PROCESSOR_BYTES).decode(errors="replace").split("\n\n", 1)[0]
    except OSError:
        return ""
    return "\n".join(line for line in told.splitlines() if line.split("\t")[0].split(":")[0].strip() in _PROCESSOR)


def is_complete(note: Path, source: str) -> bool:
    """Whether everything was compiled from just this, and its files are there."""
    try:
        told = json.loads(note.read_bytes())
        return bool(told["from"] == source) and all(map(os.path.exists, told["files"]))
    except (OSError, ValueError, KeyError, TypeError):
        return False  # there is none, or a torn one: it is written anew


def write_note(source: str, files: Iterable[str]) -> None:
    """Say that all is compiled, in one step."""
    note = Places.of_this_machine().note_to_write()
    if note is None:
        return
    note.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=note.parent, delete=False, encoding="utf-8") as file:
        json.dump({"from": source, "files": sorted(set(files))}, file)
    Path(file.name).chmod(0o644)  # an image's builder is not its user
    Path(file.name).replace(note)


def has_all() -> bool:
    """Whether nothing is left to compile here."""
    notes = [note for note in Places.of_this_machine().notes_to_read() if note.exists()]
    source = made_from() if notes else ""
    return any(is_complete(note, source) for note in notes)


def loads_from_package() -> bool:
    """Whether the package's caches are whole while nobody here could write to them: then they are only read."""
    places = Places.of_this_machine()
    note = places.package / _name()
    if is_writable(places.package) or note not in places.notes_to_read():
        return False
    return is_complete(note, made_from())


def compile_once(say: Callable[[str], None]) -> None:
    """Compile what is not compiled yet, in processes of their own, and say so before. Quick where nothing is left."""
    if has_all():
        return
    note = Places.of_this_machine().note_to_write()
    if note is None:
        say(
            f"trimtab: WARNING: compiled code cannot be kept: neither {PACKAGE} nor a folder of this user can be "
            "written to. The first questions wait for a compiler; name a folder in NUMBA_CACHE_DIR."
        )
        return
    with _alone(note):
        if has_all():  # by whoever was first
            return
        say(FIRST)
        code = _run()
    if code or not has_all():
        say(
            f"trimtab: WARNING: not everything could be compiled (exit code {code}); the first questions wait for a "
            f"compiler. See what {sys.executable} -m {COMPILER} says."
        )


@contextlib.contextmanager
def _alone(note: Path) -> Iterator[None]:
    """Of several that start at one time, one compiles and the others wait."""
    note.parent.mkdir(parents=True, exist_ok=True)
    with note.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run() -> int:
    """The compiler's exit code; who ends this process meanwhile ends the compiler too."""

    def end(_number: int, _frame: object) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    is_main = threading.current_thread() is threading.main_thread()  # no other one may say what a signal does
    before = signal.signal(signal.SIGTERM, end) if is_main else None
    command = [sys.executable, "-m", COMPILER]
    try:
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as process:
            try:
                return process.wait()
            except BaseException:
                os.killpg(process.pid, signal.SIGTERM)
                raise
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, before)
