"""Which packs are in force on a server, and their files, which are read as any other files of rules and objectives.

    [packs] of the configuration  →  what was switched while it runs (kept in the state)  →  files in the data directory

Files are written anew only where what they say changes. Thread-safe.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import structlog

from trimtab.app.packs.overriding import Rendered, override_problem, overrides_of, rendered, value_problem
from trimtab.app.packs.pack import Pack, names, pack_of
from trimtab.app.packs.settings import PacksPolicy
from trimtab.model.errors import InputError, StoreError
from trimtab.store.state import State

PACKS_FOLDER = "packs"
"""In the data directory: rules and objectives as they are in force."""
META = "packs"
RULES, OBJECTIVES = ".rules.yml", ".objectives.yml"
log = structlog.get_logger()


class Chosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was switched while the server runs: packs on or off, thresholds by 'PACK.THRESHOLD'."""

    enabled: dict[str, bool] = {}
    thresholds: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class PackNow:
    """A pack as it stands. `sources` say where each value comes from that is not the pack's own."""

    pack: Pack
    is_enabled: bool
    source: str
    overrides: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)


class Shelf:
    """`more` adds files that are made elsewhere, by their names (see `app.stack`)."""

    def __init__(
        self,
        folder: Path,
        state: State,
        policy: Callable[[], PacksPolicy],
        more: Callable[[], Mapping[str, Rendered]] = dict,
    ) -> None:
        self._folder, self._state, self._policy, self.more = folder, state, policy, more
        self._lock = threading.RLock()
        self._written: dict[str, str] | None = None
        self._made_of: object = None
        self.on_new: list[Callable[[], None]] = []
        """Called where somebody switched something, once its files are there."""
        self.error: str | None = None
        """Why the files could not be written; None where they were."""

    # --- look

    def every(self) -> list[PackNow]:
        """All packs."""
        return [self.named(name) for name in names()]

    def named(self, name: str) -> PackNow:
        """One pack; NotFound where there is none."""
        pack, policy, chosen = pack_of(name), self._policy(), self.chosen()
        from_file = overrides_of(policy.thresholds, name)
        said = {key.partition(".")[2]: value for key, value in chosen.thresholds.items() if key.startswith(f"{name}.")}
        at_run_time = {key: value for key, value in said.items() if value_problem(pack, key, value) is None}
        source = "set here" if name in chosen.enabled else "file" if name in policy.enabled else "default"
        return PackNow(
            pack,
            chosen.enabled.get(name, name in policy.enabled),
            source,
            {**from_file, **at_run_time},
            {**dict.fromkeys(from_file, "file"), **dict.fromkeys(at_run_time, "set here")},
        )

    def warnings(self) -> list[str]:
        """What a person should mend."""
        told = [] if self.error is None else [self.error]
        for key, value in self.chosen().thresholds.items():
            problem = override_problem(f"{key}={value}")
            if problem is not None:
                told.append(f"a threshold that was set does not count any more: {problem}")
        return told

    def chosen(self) -> Chosen:
        """What was switched while the server runs."""
        text = self._state.meta(META)
        try:
            return Chosen() if text is None else msgspec.json.decode(text, type=Chosen)
        except msgspec.DecodeError as error:
            raise StoreError(f"could not read which packs are in force from the state: {error}") from error

    # --- do

    def choose(self, name: str, is_enabled: bool | None, thresholds: Mapping[str, str | None]) -> PackNow:
        """Switch a pack on or off (None: as it is), and set thresholds (None: as file or pack say).

        InputError names every threshold that is wrong.
        """
        pack = pack_of(name)
        wrong = [
            problem
            for key, value in thresholds.items()
            if (problem := value_problem(pack, key, value if value is not None else _any_value(pack, key))) is not None
        ]
        if wrong:
            raise InputError("; ".join(wrong), field=f"thresholds.{next(iter(thresholds))}", problems=tuple(wrong))
        with self._lock:
            before = self.chosen()
            values = dict(before.thresholds)
            for key, value in thresholds.items():
                values.pop(f"{name}.{key}", None)
                if value is not None:
                    values[f"{name}.{key}"] = value
            enabled = before.enabled if is_enabled is None else {**before.enabled, name: is_enabled}
            after = Chosen(enabled, values)
            if after != before:
                self._state.set_meta(META, msgspec.json.encode(after).decode())
            self.renew()
        return self.named(name)

    # --- files

    def look(self) -> dict[str, str]:
        """Paths of the files that are in force with what they say; they are on disk when this returns."""
        with self._lock:
            made_of = (self._policy(), self.chosen(), self.more())
            if self._written is None or self._made_of != made_of:
                texts = self._texts(made_of[2])
                self._write(texts)
                self._written, self._made_of = texts, made_of
            return self._written

    def renew(self) -> None:
        """Write what is other now, and tell those who read it: they need not wait for their next look."""
        self.look()
        for heard in self.on_new:
            heard()

    def rule_files(self) -> list[str]:
        """Files of rules."""
        return [path for path in self.look() if path.endswith(RULES)]

    def objective_files(self) -> list[str]:
        """Files of objectives."""
        return [path for path in self.look() if path.endswith(OBJECTIVES)]

    def _texts(self, more: Mapping[str, Rendered]) -> dict[str, str]:
        made = {now.pack.name: rendered(now.pack, now.overrides) for now in self.every() if now.is_enabled}
        texts = {}
        for name, files in {**made, **more}.items():
            for ending, text in ((RULES, files.rules), (OBJECTIVES, files.objectives)):
                if text:
                    texts[str(self._folder / f"{name}{ending}")] = text
        return texts

    def _write(self, texts: Mapping[str, str]) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path, text in texts.items():
                _put(Path(path), text.encode())
            for old in self._folder.iterdir():
                if str(old) not in texts and old.name.endswith((RULES, OBJECTIVES)):
                    old.unlink()
        except OSError as error:
            self.error = f"files of packs could not be written to {self._folder}: {error.strerror}"
            log.error("packs_not_written", folder=str(self._folder), reason=error.strerror)
        else:
            self.error = None
            log.info("packs_in_force", files=len(texts))


def _any_value(pack: Pack, name: str) -> str:
    """A value that is right, to ask about the name alone."""
    known = pack.threshold(name)
    return "" if known is None else known.value or "0s"


def _put(path: Path, data: bytes) -> None:
    if path.is_file() and path.read_bytes() == data:
        return
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
