"""Rule files on disk: read at the start and whenever they change. Of a wrong one, the last good state stays, over a
restart too: what was right is kept as a copy."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from trimtab.analyze.rules.rule_files import FILE_BYTES_MAX, Group, groups_of
from trimtab.app.kept_texts import KeptTexts
from trimtab.model.errors import InputError

FILES_MAX = 10_000
_Stamp = tuple[int, int, int]
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One file as it is in force. `error`: why what is on disk now is not; then `groups` are those before."""

    path: str
    groups: tuple[Group, ...] = ()
    loaded_at_ms: int = 0
    error: str = ""


@dataclass(slots=True)
class RuleBook:
    """The files that some patterns name."""

    patterns: Sequence[str]
    now_ms: Callable[[], int]
    kept: KeptTexts = field(default_factory=lambda: KeptTexts(None))
    more: Callable[[], Sequence[str]] = tuple
    """Paths of further files, asked at each look: those of packs."""
    _files: dict[str, RuleFile] = field(default_factory=dict)
    _stamps: dict[str, _Stamp] = field(default_factory=dict)

    @property
    def files(self) -> list[RuleFile]:
        """All files, by path; a pattern that finds none is among them, with the reason."""
        return [self._files[path] for path in sorted(self._files)]

    @property
    def groups(self) -> list[Group]:
        """The groups of all files, in order."""
        return [group for file in self.files for group in file.groups]

    def look(self) -> bool:
        """Read what is new or changed; True where anything is different now."""
        found = self._found()
        is_changed = False
        for path in set(self._files) - set(found):
            del self._files[path]
            self._stamps.pop(path, None)
            is_changed = True
        for path in found:
            is_changed = self._look_at(path) or is_changed
        if is_changed and not any(file.error for file in self._files.values()):
            self.kept.only(map(Path, found))
        return is_changed

    def _found(self) -> list[str]:
        paths: dict[str, None] = dict.fromkeys(self.more())
        for pattern in self.patterns:
            matches = sorted(glob.glob(pattern, recursive=True)) or [pattern]  # noqa: PTH207  (patterns are texts)
            paths.update(dict.fromkeys(matches[:FILES_MAX]))
        return list(paths)

    def _look_at(self, path: str) -> bool:
        known = self._files.get(path)
        try:
            stat = Path(path).stat()
            stamp = stat.st_mtime_ns, stat.st_size, stat.st_ino
            if self._stamps.get(path) == stamp:
                return False
            if stat.st_size > FILE_BYTES_MAX:
                raise InputError(f"{path} has {stat.st_size} bytes; at most {FILE_BYTES_MAX}", limit=FILE_BYTES_MAX)
            text = Path(path).read_text("utf-8")
            groups = groups_of(text, path)
        except (OSError, UnicodeDecodeError) as error:
            return self._refuse(path, known, f"could not read {path}: {error}", (0, 0, 0))
        except InputError as error:
            return self._refuse(path, known, error.message, stamp)
        self._stamps[path] = stamp
        self.kept.keep(Path(path), text)
        self._files[path] = RuleFile(path, groups, self.now_ms())
        return True

    def _refuse(self, path: str, known: RuleFile | None, reason: str, stamp: _Stamp) -> bool:
        if any(stamp):
            self._stamps[path] = stamp
        else:
            self._stamps.pop(path, None)
        if known is not None and known.error == reason:
            return False
        before = known or self._before(path)
        self._files[path] = RuleFile(path, before.groups, before.loaded_at_ms, reason)
        return True

    def _before(self, path: str) -> RuleFile:
        """The file as it was when it was right, before this start."""
        text = self.kept.of(Path(path))
        if text is None:
            return RuleFile(path)
        try:
            return RuleFile(path, groups_of(text, path), self.now_ms())
        except InputError as error:
            log.warning("rules_copy_refused", file=path, reason=error.message)
            return RuleFile(path)
