"""The files of objectives that the configuration names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from trimtab.analyze.slo.document import Problem
from trimtab.analyze.slo.reading import objectives_in, read_objectives
from trimtab.app.files_in_force import FilesInForce, Joined
from trimtab.model.objectives import Objective

OBJECTIVES_MAX = 20_000
OBJECTIVES_FOLDER = "objectives-kept"
"""In the data directory: copies of files as they were read last and were right."""
Objectives = tuple[Objective, ...]


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


class ObjectiveFiles:
    """Reads them anew where they changed. Not thread-safe. `kept`: the folder of the copies; None: there are none."""

    def __init__(self, named: Callable[[], Iterable[str]], now_ms: Callable[[], int], kept: Path | None = None) -> None:
        self._files: FilesInForce[Objectives, Objectives] = FilesInForce(_Reader(), named, now_ms, kept)

    @property
    def objectives(self) -> Objectives:
        """What is in force, by name."""
        return self._files.whole

    @property
    def status(self) -> tuple[FileStatus, ...]:
        """Each file."""
        return tuple(FileStatus(one.file, one.count, one.read_at_ms, one.problems) for one in self._files.status)

    def look(self) -> bool:
        """Read what changed; whether what is in force did."""
        old = self.objectives
        self._files.look()
        return self.objectives != old


class _Reader:
    what = "objectives"

    def read(self, path: Path) -> tuple[Objectives, str]:
        return read_objectives(path)

    def again(self, text: str, path: Path) -> Objectives:
        return tuple(replace(one, origin=str(path)) for one in objectives_in(text, str(path)))

    def nothing(self) -> Objectives:
        return ()

    def joined(self, said: Mapping[Path, Objectives]) -> Joined[Objectives]:
        """A name that an earlier file has is refused in the later one."""
        taken: dict[str, tuple[Path, Objective]] = {}
        counts: dict[Path, int] = {}
        problems: dict[Path, tuple[Problem, ...]] = {}
        for path, objectives in said.items():
            wrong: list[Problem] = []
            counts[path] = 0
            for one in objectives:
                if one.name in taken:
                    told = f"the name {one.name!r} stands in {taken[one.name][0]} already: this one is left out"
                    wrong.append(Problem(one.line, 1, told))
                elif len(taken) >= OBJECTIVES_MAX:
                    wrong.append(Problem(one.line, 1, f"there are more than {OBJECTIVES_MAX} objectives"))
                    break
                else:
                    taken[one.name] = (path, one)
                    counts[path] += 1
            problems[path] = tuple(wrong)
        return Joined(tuple(sorted((one for _, one in taken.values()), key=lambda one: one.name)), counts, problems)
