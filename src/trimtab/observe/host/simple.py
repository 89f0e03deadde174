"""The collector of one text whose lines name their numbers."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.observe.host.files import KernelFile
from trimtab.observe.host.layout import Describe, Layout
from trimtab.observe.host.series import HostSeries, NotHere


class OneText:
    """Reads one file by a `Layout`."""

    is_slow = False

    def __init__(
        self, name: str, path: str, describe: Describe, names_at: Sequence[int] = (0,), *, missing: str = ""
    ) -> None:
        self.name, self.source = name, path
        self._file, self._layout, self._missing = KernelFile(path), Layout(describe, names_at), missing

    @property
    def series(self) -> tuple[HostSeries, ...]:
        """See `Collector.series`."""
        return self._layout.series

    def read(self) -> list[float]:
        """See `Collector.read`."""
        try:
            data = self._file.read()
        except FileNotFoundError:
            raise NotHere(self._missing or f"the kernel has no {self.source}") from None
        return self._layout.numbers(data)
