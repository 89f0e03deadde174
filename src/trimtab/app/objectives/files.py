"""The files of objectives that the configuration names: read when they change; of a wrong one the last good reading
stays in force, and what is wrong with it is seen.

What was read last and was right is kept as a copy, too: a restart with a file that is wrong by now would otherwise end
alerts that still hold, and take guards of changes away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from trimtab.analyze.slo.document import ObjectivesRefused, Problem
from trimtab.analyze.slo.reading import objectives_in, read_objectives
from trimtab.app.kept_texts import KeptTexts
from trimtab.model.errors import InputError
from trimtab.model.objectives import Objective

OBJECTIVES_MAX = 20_000
OBJECTIVES_FOLDER = "objectives-kept"
"""In the data directory: copies of files as they were read last and were right."""
ENDINGS = (".yml", ".yaml")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class FileStatus:
    """A file as it stands. `problems` are why what it says now is not in force; `objectives_count` are in force."""

    file: str
    objectives_count: int
    read_at_ms: int
    problems: tuple[Problem, ...] = ()

    @property
    def error(self) -> str | None:
        """All that is wrong, in one text; None where nothing is."""
        return "\n".join(problem.told(self.file) for problem in self.problems) or None


@dataclass(frozen=True, slots=True)
class _Held:
    signature: tuple[int, int, int] | None
    objectives: tuple[Objective, ...]
    status: FileStatus


class ObjectiveFiles:
    """Reads them anew where they changed. Not thread-safe. `kept`: the folder of the copies; None: there are none."""

    def __init__(self, named: Callable[[], Iterable[str]], now_ms: Callable[[], int], kept: Path | None = None) -> None:
        self._named, self._now_ms, self._kept = named, now_ms, KeptTexts(kept)
        self._held: dict[Path, _Held] = {}
        self._objectives: tuple[Objective, ...] = ()

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What is in force, by name."""
        return self._objectives

    @property
    def status(self) -> tuple[FileStatus, ...]:
        """Each file."""
        return tuple(held.status for held in self._held.values())

    def look(self) -> bool:
        """Read what changed; whether what is in force did."""
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
        old = self._objectives
        self._objectives = tuple(sorted(self._together(), key=lambda one: one.name))
        if not any(status.problems for status in self.status):
            self._kept.only(self._held)
        return self._objectives != old

    def _read(self, path: Path, signature: tuple[int, int, int] | None, held: _Held | None) -> _Held:
        try:
            found, text = read_objectives(path)
        except ObjectivesRefused as error:
            problems = error.facts["problems"]
            listed = tuple(p for p in problems if isinstance(p, Problem)) if isinstance(problems, tuple) else ()
            return self._refused(path, signature, held, listed)
        except InputError as error:
            return self._refused(path, signature, held, (Problem(1, 1, error.message),))
        self._kept.keep(path, text)
        log.info("objectives_read", file=str(path), objectives=len(found))
        return _Held(signature, found, FileStatus(str(path), len(found), self._now_ms()))

    def _refused(
        self,
        path: Path,
        signature: tuple[int, int, int] | None,
        held: _Held | None,
        problems: tuple[Problem, ...],
    ) -> _Held:
        kept = self._before(path) if held is None else held.objectives
        status = FileStatus(str(path), len(kept), self._now_ms(), problems)
        log.error("objectives_refused", file=str(path), error=status.error, objectives_kept=len(kept))
        return _Held(signature, kept, status)

    def _before(self, path: Path) -> tuple[Objective, ...]:
        """What the file said when it was right, before this start."""
        text = self._kept.of(path)
        if text is None:
            return ()
        try:
            found = objectives_in(text, str(path))
        except InputError as error:
            log.warning("objectives_copy_refused", file=str(path), reason=error.message)
            return ()
        return tuple(replace(one, origin=str(path)) for one in found)

    def _together(self) -> Iterator[Objective]:
        """Of all files; a name that an earlier file has is refused in the later one."""
        seen: dict[str, str] = {}
        for path, held in self._held.items():
            problems = list(held.status.problems)
            count = 0
            for one in held.objectives:
                if one.name in seen:
                    told = f"the name {one.name!r} stands in {seen[one.name]} already: this one is left out"
                    if not any(problem.reason == told for problem in problems):
                        problems.append(Problem(one.line, 1, told))
                elif len(seen) >= OBJECTIVES_MAX:
                    problems.append(Problem(one.line, 1, f"there are more than {OBJECTIVES_MAX} objectives"))
                    break
                else:
                    seen[one.name] = str(path)
                    count += 1
                    yield one
            status = replace(held.status, problems=tuple(problems), objectives_count=count)
            self._held[path] = replace(held, status=status)


def paths_of(named: Iterable[str]) -> Iterator[Path]:
    """Files as they are named, and those in folders."""
    for name in dict.fromkeys(named):
        path = Path(name)
        if path.is_dir():
            yield from sorted(inner for inner in path.iterdir() if inner.suffix in ENDINGS and inner.is_file())
        else:
            yield path


def signature_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
