"""A text of the kernel has the same names at the same places nearly always: they are learnt once, and later compared.

What is left for each look is splitting, comparing and turning into numbers, each one call into compiled code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter

from trimtab.observe.host.series import HostSeries

Line = list[bytes]
Found = tuple[int, HostSeries]
"""A place in a line, and the series of the number that stands there."""
Describe = Callable[[Line], Iterable[Found]]


class Layout:
    """Numbers at places. `describe` says of a line which numbers are wanted; `names_at` are the places of the names
    that make a line what it is.

    >>> layout = Layout(lambda line: [(1, HostSeries(line[0].decode()))])
    >>> layout.numbers(b"a 1\\nb 2\\n"), [one.name for one in layout.series]
    ([1.0, 2.0], ['a', 'b'])
    >>> layout.numbers(b"a 3\\n"), len(layout.series)
    ([3.0], 1)
    """

    def __init__(self, describe: Describe, names_at: Sequence[int] = (0,)) -> None:
        self.series: tuple[HostSeries, ...] = ()
        self._describe, self._names_at = describe, names_at
        self._tokens_count = -1
        self._names: tuple[bytes, ...] = ()
        self._take_names: Callable[[Line], tuple[bytes, ...]] = _nothing
        self._take_values: Callable[[Line], tuple[bytes, ...]] = _nothing

    def numbers(self, data: bytes) -> list[float]:
        """What stands at the places now, in the order of `series`."""
        tokens = data.split()
        if len(tokens) != self._tokens_count or self._take_names(tokens) != self._names:
            self._learn(data)
        return list(map(float, self._take_values(tokens)))

    def _learn(self, data: bytes) -> None:
        values: list[int] = []
        names: list[int] = []
        series: list[HostSeries] = []
        first = 0
        for text in data.splitlines():
            line = text.split()
            names.extend(first + place for place in self._names_at if place < len(line))
            for place, one in self._describe(line):
                values.append(first + place)
                series.append(one)
            first += len(line)
        tokens = data.split()
        self._tokens_count = len(tokens)
        self._take_names, self._take_values = taking(names), taking(values)
        self._names = self._take_names(tokens)
        if tuple(series) != self.series:
            self.series = tuple(series)


def taking(places: Sequence[int]) -> Callable[[Line], tuple[bytes, ...]]:
    """A function that gives what stands at these places, always as a tuple.

    >>> taking([2, 0])([b"a", b"b", b"c"]), taking([1])([b"a", b"b"]), taking([])([b"a"])
    ((b'c', b'a'), (b'b',), ())
    """
    if not places:
        return _nothing
    if len(places) == 1:
        [place] = places
        return lambda line: (line[place],)
    taken: Callable[[Line], tuple[bytes, ...]] = itemgetter(*places)
    return taken


def _nothing(_line: Line) -> tuple[bytes, ...]:
    return ()
