"""One trimtab at a time writes to a database: a row says who, and is renewed as long as it does.

The server has no compare-and-set, so the row is taken as in Lamport's bakery: say that a number is being chosen, take
one greater than every number seen, wait for those who are choosing, and go on only if nobody has a smaller one. Of two
that start together one goes on and the other is told who it was. Rows run out by the server's clock; the holder stops
writing before its own does. A trimtab that comes back with the same data directory has the same name and goes on.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from trimtab.model.errors import EngineRefused, StoreError, StoreLocked
from trimtab.store.disk import write_file

if TYPE_CHECKING:
    import pyarrow as pa

Ask = Callable[[str, dict[str, object]], "pa.Table"]

TABLE = "trimtab_writers"
HELD_S = 60
RENEWED_EVERY_S = 10.0
_STARTING_S = 15
_WAIT_S = 0.1
_MARGIN_S = 10.0
"""The holder stops so long before others may begin."""

CREATE = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} (holder String, state LowCardinality(String), number UInt64, epoch UInt64,"
    " host String, process_id UInt32, data_dir String, seq UInt64, until DateTime64(3, 'UTC'))"
    " ENGINE = ReplacingMergeTree(seq) ORDER BY holder"
)
_INSERT = (
    f"INSERT INTO {TABLE} SELECT {{holder:String}}, {{state:String}}, {{number:UInt64}}, {{epoch:UInt64}},"
    " {host:String}, {process_id:UInt32}, {data_dir:String}, {seq:UInt64},"
    " now64(3, 'UTC') + toIntervalSecond({held_s:UInt32})"
)
_OTHERS = (
    f"SELECT holder, state, number, epoch, host, process_id, data_dir, until > now64(3, 'UTC') AS is_alive"
    f" FROM {TABLE} FINAL WHERE holder != {{holder:String}}"
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Other:
    """What somebody else's row says."""

    holder: str
    state: str
    number: int
    epoch: int
    host: str
    process_id: int
    data_dir: str
    is_alive: bool

    @property
    def name(self) -> str:
        """For people."""
        return f"process {self.process_id} on {self.host} (data directory {self.data_dir})"


class Lease:
    """The row of this trimtab. `ask` runs a statement on the host that has the table."""

    def __init__(self, ask: Ask, place: str, holder: str, data_dir: Path) -> None:
        self._ask, self._place, self._holder = ask, place, holder
        self._data_dir = data_dir
        self.epoch = 0
        """Greater than that of every other writer that there was."""
        self._number = 0
        self._until_s = 0.0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._error = "it was not taken yet"
        self._thread = threading.Thread(target=self._run, name="trimtab-lease", daemon=True)

    def take(self) -> None:
        """Take it, or raise StoreLocked, which names the holder; then keep it until `release`."""
        self._ask(CREATE, {})
        with self._lock:
            self._take()
        self._thread.start()

    def _take(self) -> None:
        self._say("choosing", _STARTING_S)
        others = self._others()
        self.epoch = max(self.epoch, *(other.epoch + 1 for other in others), 1)
        self._number = 1 + max((other.number for other in others), default=0)
        self._say("waiting", _STARTING_S)
        give_up_s = time.monotonic() + _STARTING_S
        while True:
            alive = [other for other in self._others() if other.is_alive]
            for other in alive:
                mine, its = (self._number, self._holder), (other.number, other.holder)
                if other.state == "holding" or (other.state == "waiting" and its < mine):
                    self._refuse(other)
            choosing = [other for other in alive if other.state == "choosing"]
            if not choosing:
                break
            if time.monotonic() > give_up_s:
                self._refuse(choosing[0])
            self._stop.wait(_WAIT_S)
        self._hold()

    def _refuse(self, other: Other) -> None:
        self._say("released", 0)
        raise StoreLocked(
            f"{self._place} is written by another trimtab: {other.name}. One at a time may: stop that one, or give this"
            f" one another database. If it is gone, its row in {TABLE} runs out within {HELD_S} s",
            holder=other.name,
        )

    def _hold(self) -> None:
        begun_s = time.monotonic()
        self._say("holding", HELD_S)
        self._until_s = begun_s + HELD_S - _MARGIN_S

    def _say(self, state: str, held_s: int) -> None:
        row: dict[str, object] = {
            "holder": self._holder,
            "state": state,
            "number": self._number,
            "epoch": self.epoch,
            "host": socket.gethostname(),
            "process_id": os.getpid(),
            "data_dir": str(self._data_dir),
            "seq": time.time_ns(),
            "held_s": held_s,
        }
        self._ask(_INSERT, row)

    def _others(self) -> list[Other]:
        rows = self._ask(_OTHERS, {"holder": self._holder}).to_pylist()
        return [Other(**{**row, "is_alive": bool(row["is_alive"])}) for row in rows]

    def _run(self) -> None:
        while not self._stop.wait(RENEWED_EVERY_S):
            self.renew()

    def renew(self) -> None:
        """Say again that it is held; where it ran out, take it again, unless somebody else has."""
        try:
            with self._lock:
                if time.monotonic() < self._until_s:
                    self._hold()
                else:
                    self._take()
        except StoreError as error:
            self._error = error.message
            log.warning("writer_lease_not_renewed", reason=error.message)

    def check(self) -> None:
        """Raise where somebody else may be writing by now."""
        if time.monotonic() >= self._until_s:
            raise EngineRefused(
                f"nothing is written: the right to write to {self._place} ran out: {self._error}", is_machine=True
            )

    def release(self) -> None:
        """Let others have it."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._until_s = 0.0
        try:
            self._say("released", 0)
        except StoreError as error:
            log.warning("writer_lease_not_released", reason=error.message)


def holder_of(directory: Path) -> str:
    """The name of a data directory as a writer, made once."""
    path = directory / "writer_id"
    if not path.exists():
        write_file(path, uuid.uuid4().hex.encode())
    name = path.read_text("ascii").strip()
    if len(name) != 32 or not name.isalnum():
        raise StoreError(f"{path} is damaged: it should hold 32 letters and digits. Remove it", path=str(path))
    return name
