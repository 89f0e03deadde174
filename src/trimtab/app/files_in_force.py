"""Files that the configuration names: read when they change; of a wrong one the last good reading stays in force, and
what is wrong with it is seen.

What was read last and was right is kept as a copy, too: a restart with a file that is wrong by now would otherwise end
alerts that still hold, and take guards of changes away. What stands in a file is the matter of its reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import structlog

from trimtab.analyze.slo.document import ObjectivesRefused, Problem
from trimtab.app.kept_texts import KeptTexts
from trimtab.model.errors import InputError

ENDINGS = (".yml", ".yaml")
Signature = tuple[int, int, int]
log = structlog.get_logger()

Said = TypeVar("Said")
Whole = TypeVar("Whole")
Whole_co = TypeVar("Whole_co", covariant=True)


@dataclass(frozen=True, slots=True)
class FileNow:
    """A file as it stands: `count` things of it are in force; `problems` are why not all of what it says now is."""

    file: str
    count: int
    read_at_ms: int
    problems: tuple[Problem, ...] = ()

    @property
    def told(self) -> tuple[str, ...]:
        """All that is wrong, with places."""
        return tuple(problem.told(self.file) for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Joined(Generic[Whole_co]):
    """All files together. `counts` of each file are in force; `problems` are what it may not say beside the others."""

    whole: Whole_co
    counts: Mapping[Path, int]
    problems: Mapping[Path, tuple[Problem, ...]]


class Reader(Protocol[Said, Whole_co]):
    """What files of one kind say."""

    @property
    def what(self) -> str:
        """How the log calls them."""

    def read(self, path: Path) -> tuple[Said, str]:
        """What a file says, and its text; InputError (`ObjectivesRefused`: with places) where it is wrong."""

    def again(self, text: str, path: Path) -> Said:
        """What a copy of its text says; InputError where it is wrong for this version."""

    def nothing(self) -> Said:
        """What a file says that never was right."""

    def joined(self, said: Mapping[Path, Said]) -> Joined[Whole_co]:
        """All of them, in their order."""


@dataclass(frozen=True, slots=True)
class _Held(Generic[Said]):
    """`said` is in force; `problems` are those of the text that stands in the file now."""

    signature: Signature | None
    said: Said
    read_at_ms: int
    problems: tuple[Problem, ...] = ()


class FilesInForce(Generic[Said, Whole]):
    """Reads them anew where they changed. Not thread-safe. `kept`: the folder of the copies; None: there are none."""

    def __init__(
        self,
        reader: Reader[Said, Whole],
        named: Callable[[], Iterable[str]],
        now_ms: Callable[[], int],
        kept: Path | None = None,
    ) -> None:
        self._reader, self._named, self._now_ms, self._kept = reader, named, now_ms, KeptTexts(kept)
        self._held: dict[Path, _Held[Said]] = {}
        self._joined = reader.joined({})

    @property
    def whole(self) -> Whole:
        """What is in force."""
        return self._joined.whole

    @property
    def status(self) -> tuple[FileNow, ...]:
        """Each file."""
        counts, clashes = self._joined.counts, self._joined.problems
        return tuple(
            FileNow(str(path), counts.get(path, 0), held.read_at_ms, (*held.problems, *clashes.get(path, ())))
            for path, held in self._held.items()
        )

    def look(self) -> bool:
        """Read what changed; whether anything was read, or is not named any more."""
        before, held = self._held, {}
        is_new = False
        for path in paths_of(self._named()):
            signature, old = signature_of(path), before.get(path)
            if old is None or old.signature != signature:
                is_new = True
                old = self._read(path, signature, old)
            held[path] = old
        if not is_new and before.keys() == held.keys():
            return False
        self._held = held
        self._joined = self._reader.joined({path: one.said for path, one in held.items()})
        if not any(status.problems for status in self.status):
            self._kept.only(held)
        return True

    def _read(self, path: Path, signature: Signature | None, old: _Held[Said] | None) -> _Held[Said]:
        try:
            said, text = self._reader.read(path)
        except ObjectivesRefused as error:
            problems = error.facts["problems"]
            listed = tuple(p for p in problems if isinstance(p, Problem)) if isinstance(problems, tuple) else ()
            return self._refused(path, signature, old, listed)
        except InputError as error:
            return self._refused(path, signature, old, (Problem(0, 0, str(error.facts.get("reason", error.message))),))
        self._kept.keep(path, text)
        log.info(f"{self._reader.what}_read", file=str(path))
        return _Held(signature, said, self._now_ms())

    def _refused(
        self, path: Path, signature: Signature | None, old: _Held[Said] | None, problems: tuple[Problem, ...]
    ) -> _Held[Said]:
        told = "\n".join(problem.told(str(path)) for problem in problems)
        log.error(f"{self._reader.what}_refused", file=str(path), error=told)
        return _Held(signature, self._before(path) if old is None else old.said, self._now_ms(), problems)

    def _before(self, path: Path) -> Said:
        """What the file said when it was right, before this start."""
        text = self._kept.of(path)
        if text is None:
            return self._reader.nothing()
        try:
            return self._reader.again(text, path)
        except InputError as error:
            log.warning(f"{self._reader.what}_copy_refused", file=str(path), reason=error.message)
            return self._reader.nothing()


def paths_of(named: Iterable[str]) -> Iterator[Path]:
    """Files as they are named, and those in folders; a folder that cannot be looked into, as it is."""
    for name in dict.fromkeys(named):
        path = Path(name)
        try:
            inside = sorted(path.iterdir()) if path.is_dir() else None
        except OSError:
            inside = None
        if inside is None:
            yield path
        else:
            yield from (one for one in inside if one.suffix in ENDINGS and one.is_file())


def signature_of(path: Path) -> Signature | None:
    """What is other when a file was written to; None where it cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
