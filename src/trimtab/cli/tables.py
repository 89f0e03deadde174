"""Tables that can be read: one line a row where nobody looks through a window, and never a broken hash, DSN or path.

On a terminal, long texts are folded between words in columns that stay wide enough to be read. Where that does not
fit, the rows are told one below the other, a line for each column.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

FOLDED_WIDTH_MIN = 28
"""A column that is folded has at least so many characters, and a column that needs no more is never folded."""
LABEL_INDENT = 2


class UnbrokenConsole(Console):
    """Folds between words only: what is wider than the window is left to the terminal, which copies it whole."""

    def print(self, *objects: Any, **options: Any) -> None:
        """As `Console.print` does."""
        super().print(*objects, **{"crop": False, "overflow": "ignore", **options})


class ReadableTable(Table):
    """A table in the house's style, for an `UnbrokenConsole`."""

    def __init__(self, title: str, *columns: str) -> None:
        super().__init__(header_style="bold", box=None, pad_edge=False)
        self.heading = title
        for column in columns:
            self.add_column(column, overflow="fold")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        cells = [[_seen(cell) for cell in column.cells] for column in self.columns]  # without the headers
        least = 0
        for column, texts in zip(self.columns, cells, strict=True):
            lines = (line for text in texts for line in text.split("\n"))
            widest = max(map(cell_len, (str(column.header), *lines)))
            column.no_wrap = widest <= FOLDED_WIDTH_MIN or not console.is_terminal
            words = max((cell_len(word) for text in texts for word in text.split()), default=0)
            column.min_width = widest if column.no_wrap else max(FOLDED_WIDTH_MIN, words)
            least += column.min_width + 1
        if self.heading:
            yield Text(self.heading, "italic", no_wrap=True, overflow="ignore")
        if least - 1 <= options.max_width:
            yield from super().__rich_console__(console, options)
            return
        labels = [str(column.header) for column in self.columns]
        for row in zip(*(texts for texts in cells), strict=True):
            yield from _record(list(zip(labels, row, strict=True)), options)


def _seen(cell: object) -> str:
    """A cell as it is read: a table takes what is escaped as markup, a line of a record must be told without it.

    >>> _seen("a\\\\[1], [bold]b[/bold]")
    'a[1], b'
    """
    return cell.plain if isinstance(cell, Text) else Text.from_markup(str(cell), emoji=False).plain


def _record(cells: list[tuple[str, str]], options: ConsoleOptions) -> Iterator[Segment]:
    """One row, a line for each column; a word that is wider than the window is left to the terminal."""
    room = max(cell_len(label) for label, _ in cells) + 2 * LABEL_INDENT
    for number, (label, text) in enumerate(cells):
        first = f"{'' if number == 0 else ' ' * LABEL_INDENT}{label}".ljust(room)
        folded = textwrap.wrap(
            text,
            max(options.max_width, room + FOLDED_WIDTH_MIN),
            initial_indent=first,
            subsequent_indent=" " * room,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in folded or [first.rstrip()]:
            yield Segment(line)
            yield Segment.line()
