"""The files that `[business] files` names: read when they change; of a wrong one the last good reading stays in force.

What was read last and was right is kept as a copy, too, for a restart with a file that is wrong by then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from trimtab.analyze.slo.document import ObjectivesRefused, Problem
from trimtab.app.business.definitions import Definitions
from trimtab.app.business.reading import beside, definitions_in, joined, read_definitions
from trimtab.app.kept_texts import KeptTexts
from trimtab.app.objectives.files import paths_of, signature_of
from trimtab.model.errors import InputError

FOLDER = "business-kept"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class BusinessFile:
    """A file as it stands. `problems` are why what it says now is not in force; `count` things are."""

    file: str
    count: int
    read_at_ms: int
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Held:
    signature: tuple[int, int, int] | None
    said: Definitions
    status: BusinessFile


class BusinessFiles:
    """Reads them anew where they changed. Not thread-safe. `kept`: the folder of the copies; None: there are none."""

    def __init__(self, named: Callable[[], Iterable[str]], now_ms: Callable[[], int], kept: Path | None = None) -> None:
        self._named, self._now_ms, self._kept = named, now_ms, KeptTexts(kept)
        self._held: dict[Path, _Held] = {}
        self.said = Definitions()

    @property
    def status(self) -> tuple[BusinessFile, ...]:
        """Each file."""
        return tuple(held.status for held in self._held.values())

    def look(self) -> bool:
        """Read what changed; whether anything was read."""
        before = self._held
        self._held = {}
        changed = False
        for path in paths_of(self._named()):
            signature, held = signature_of(path), before.get(path)
            if held is not None and held.signature == signature:
                self._held[path] = held
                continue
            changed = True
            self._held[path] = self._read(path, signature, held)
        if not changed and before.keys() == self._held.keys():
            return False
        self.said = self._together()
        if not any(status.problems for status in self.status):
            self._kept.only(self._held)
        return True

    def _read(self, path: Path, signature: tuple[int, int, int] | None, held: _Held | None) -> _Held:
        try:
            said, text = read_definitions(path)
        except ObjectivesRefused as error:
            problems = error.facts["problems"]
            listed = tuple(p for p in problems if isinstance(p, Problem)) if isinstance(problems, tuple) else ()
            return self._refused(path, signature, held, listed)
        except InputError as error:
            return self._refused(path, signature, held, (Problem(1, 1, error.message),))
        self._kept.keep(path, text)
        log.info("business_file_read", file=str(path), count=said.count)
        return _Held(signature, said, BusinessFile(str(path), said.count, self._now_ms()))

    def _refused(
        self, path: Path, signature: tuple[int, int, int] | None, held: _Held | None, problems: tuple[Problem, ...]
    ) -> _Held:
        said = self._before(path) if held is None else held.said
        first = problems[0].told(str(path)) if problems else str(path)
        log.error("business_file_refused", file=str(path), error=first, kept=said.count)
        return _Held(signature, said, BusinessFile(str(path), said.count, self._now_ms(), problems))

    def _before(self, path: Path) -> Definitions:
        """What the file said when it was right, before this start."""
        text = self._kept.of(path)
        if text is None:
            return Definitions()
        try:
            return beside(definitions_in(text, str(path)), path)
        except InputError as error:
            log.warning("business_copy_refused", file=str(path), reason=error.message)
            return Definitions()

    def _together(self) -> Definitions:
        """Of all files; what an earlier file says already is left out of the later one, and told there."""
        together = Definitions()
        for path, held in self._held.items():
            together, clashes = joined(together, held.said)
            if clashes:
                problems = (*held.status.problems, *(Problem(1, 1, clash) for clash in clashes))
                status = replace(held.status, problems=tuple(dict.fromkeys(problems)))
                self._held[path] = replace(held, status=status)
        return together
