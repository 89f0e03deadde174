"""The files that `[business] files` names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from trimtab.analyze.slo.document import Problem
from trimtab.app.business.definitions import Definitions
from trimtab.app.business.reading import beside, definitions_in, joined, read_definitions
from trimtab.app.files_in_force import FilesInForce, Joined

FOLDER = "business-kept"
"""In the data directory: copies of files as they were read last and were right."""
BusinessFiles = FilesInForce[Definitions, Definitions]


def business_files(
    named: Callable[[], Iterable[str]], now_ms: Callable[[], int], kept: Path | None = None
) -> BusinessFiles:
    """`kept`: the folder of the copies; None: there are none."""
    return FilesInForce(_Reader(), named, now_ms, kept)


class _Reader:
    what = "business_file"

    def read(self, path: Path) -> tuple[Definitions, str]:
        return read_definitions(path)

    def again(self, text: str, path: Path) -> Definitions:
        return beside(definitions_in(text, str(path)), path)

    def nothing(self) -> Definitions:
        return Definitions()

    def joined(self, said: Mapping[Path, Definitions]) -> Joined[Definitions]:
        """What an earlier file says already is left out of the later one, and told there."""
        whole = Definitions()
        counts: dict[Path, int] = {}
        problems: dict[Path, tuple[Problem, ...]] = {}
        for path, one in said.items():
            whole, clashes = joined(whole, one)
            counts[path], problems[path] = one.count - len(clashes), tuple(clashes)
        return Joined(whole, counts, problems)
