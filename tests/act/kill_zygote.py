"""Runs the machine on a real PostgreSQL in processes that are killed; started by `test_kill.py`.

This process imports everything once and then forks one child for each command (a JSON line on standard input), so
that a kill costs milliseconds. It has no threads and no connections itself. The answer is a JSON line: how the child
ended, and the steps it passed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.act.support import OURS, FakeJudge, finding, policy, proposal
from trimtab.act import change_session, create_index, index_build
from trimtab.act.create_index import CreateIndex
from trimtab.act.machine import Machine
from trimtab.app.logs import configure_logs
from trimtab.model.change import Change, JudgementKind
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.store.state import State

INDEX = IndexDefinition("public", "orders", (IndexKey("lower(email)", is_expression=True), IndexKey("created_at")))
SETTLE_S = 20.0


@dataclass
class ShiftedClock:
    """Real time plus what was skipped: nobody waits for a back-off."""

    skipped_ms: int = 0

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.skipped_ms

    def sleep(self, seconds: float) -> None:
        self.skipped_ms += round(seconds * 1000)


class Steps:
    """Names every step in a file, and dies by SIGKILL at the one that is wanted (by number from 0, or by name)."""

    def __init__(self, path: Path, kill_at: int | str | None) -> None:
        self._file = path.open("a")
        self._kill_at = kill_at
        self._count = 0

    def reach(self, name: str) -> None:
        self._file.write(f"{name}\n")
        self._file.flush()
        if self._kill_at in (self._count, name):
            os.kill(os.getpid(), signal.SIGKILL)
        self._count += 1

    def around(self, owner: Any, attribute: str, naming: Callable[..., str | None]) -> None:
        """Put a step before and after a function; `naming` gives None for calls that are no step."""
        inner = getattr(owner, attribute)

        def outer(*arguments: Any, **named: Any) -> Any:
            name = naming(*arguments, **named)
            if name is None:
                return inner(*arguments, **named)
            self.reach(f"before {name}")
            result = inner(*arguments, **named)
            self.reach(f"after {name}")
            return result

        setattr(owner, attribute, outer)


def statement_name(_connection: object, statement: str) -> str | None:
    """DDL is a step, a SET is none."""
    words = statement.split()
    return None if words[0] == "SET" else " ".join(words[:3])


def run(command: dict[str, Any]) -> None:
    """One life of trimtab: recover, then advance until the end or until it is killed."""
    steps = Steps(Path(command["steps_path"]), command.get("kill_at"))
    steps.around(State, "append", lambda _state, _change, _seq, event, *_: f"entry {event}")
    for module in (create_index, index_build, change_session):
        steps.around(module, "execute_change", statement_name)
    for method in ("checks", "checkpoint", "inspect", "apply", "roll_back"):
        steps.around(CreateIndex, method, lambda *_, method=method: f"{method}()")

    clock, judge = ShiftedClock(), FakeJudge()
    judge.will_say(JudgementKind(command["verdict"]))
    limits = policy(attempts_max=20, lock_timeout_s=command.get("lock_timeout_s", 10.0), long_transaction_s_max=3600.0)

    def connect(_system: str) -> psycopg.Connection[Any]:
        return psycopg.connect(command["dsn"], autocommit=True, connect_timeout=10)

    with State.open(Path(command["state_path"]), now_ms=clock.now_ms) as state:
        machine = Machine(state, [CreateIndex(connect)], judge, clock, lambda _system: limits)
        if not state.changes():
            case = state.case_of_shape("shop", finding().fingerprint) or state.open_case(finding(), "select $1")
            machine.propose(case.id, proposal(INDEX))
        change = state.changes()[0]
        if command.get("recover"):
            change = settle(machine, state, change, clock)
            with connect("") as connection:
                left = connection.execute(OURS).fetchall()
            Path(command["settled_path"]).write_text(json.dumps({"state": change.state.value, "indexes": left}))
        deadline_s = time.monotonic() + SETTLE_S
        while not change.state.is_final:
            assert time.monotonic() < deadline_s, f"still {change.state}: {change.reason}"
            before = change.ledger_seq
            change = machine.advance(change.id)
            if change.ledger_seq == before:
                clock.sleep(10)


def settle(machine: Machine, state: State, change: Change, clock: ShiftedClock) -> Change:
    """What a start does: recover, and wait for a build that still runs on the server."""
    machine.recover()
    deadline_s = time.monotonic() + SETTLE_S
    while (change := state.change(change.id)).state.value in ("checked", "checkpointed", "applying"):
        assert time.monotonic() < deadline_s, f"not settled: {change.state}, {change.reason}"
        before = change.ledger_seq
        if machine.advance(change.id).ledger_seq == before:
            time.sleep(0.02)  # the server still builds
            clock.sleep(0.5)
    return change


def main() -> None:
    """Serve commands until the input ends. Its output is for answers alone: the log goes to standard error."""
    configure_logs()
    for line in sys.stdin:
        command = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                run(command)
                code = 0
            except BaseException:  # noqa: BLE001  (the child must not fall back into the loop)
                Path(command["steps_path"]).with_suffix(".error").write_text(traceback.format_exc())
            os._exit(code)
        if command.get("kill_after_s") is not None:
            time.sleep(command["kill_after_s"])
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"exit": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    main()
