"""All attacks, run one after the other, and the page that tells what each got: docs/reference/attacks.md.

`python -m tests.api.attacks` writes the page anew; the test compares it with what happens.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.api import attacks_browser, attacks_credentials, attacks_pages, attacks_wire
from tests.api.attack import Arena, Attack, Got
from tests.api.served import listening, served
from tests.sql.allowlist_statements import HOSTILE_FAMILIES
from trimtab.api.bodies import BodyTimes
from trimtab.cli import patient_http
from trimtab.model.errors import StatementRefused
from trimtab.sql.allowlist import check

PAGE = Path(__file__).parents[2] / "docs/reference/attacks.md"
HEADERS_S = 0.5
TIMES = BodyTimes(piece_s=0.5, whole_s=1.0)
"""Less patience than a real server has, so that slow senders need not be waited for."""

SAID_CHARS = 100
ATTACKS: tuple[Attack, ...] = (
    *attacks_browser.ATTACKS,
    *attacks_pages.ATTACKS,
    *attacks_credentials.ATTACKS,
    *attacks_wire.ATTACKS,
)

_INTRODUCTION = """# Attacks that were tried

Each row is run by the tests (`tests/api/attacks_*.py`, `tests/sql/allowlist_statements.py`), which fail where it gets
another answer than this. A **control** is something that must work: it shows that the rows around it do not fail by
chance. `0` is a connection that was closed without an answer.

Attacks through the pages themselves (scripts in query texts and names) are tried in a browser: `tests/web/`.
"""


@contextmanager
def arena() -> Iterator[Arena]:
    """A server of its own."""
    patience_s, patient_http.HEADERS_S = patient_http.HEADERS_S, HEADERS_S
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder) / "data", times=TIMES) as made,
        listening(made.app) as port,
    ):
        yield Arena(made, port)
    patient_http.HEADERS_S = patience_s


def refused_statements(statements: Sequence[str]) -> int:
    """How many of them the allow-list of the changing role refuses."""
    count = 0
    for statement in statements:
        try:
            check(statement)
        except StatementRefused:
            count += 1
    return count


def page(results: Sequence[tuple[Attack, Got]]) -> str:
    """The page, from what happened."""
    lines = [_INTRODUCTION]
    family = ""
    for attack, found in results:
        if attack.family != family:
            family = attack.family
            lines += [f"\n## {family}\n", "| tried | got | because |", "|---|---|---|"]
        tried = f"**{attack.tried}**" if attack.is_control else attack.tried
        lines.append(f"| {_cell(tried)} | {found.status} | {_cell(_short(found.said))} |")
    lines += [
        "\n## Statements smuggled past the allow-list\n",
        "What the changing role may run is decided by the parse tree (`sql/allowlist.py`). These were handed to it:\n",
        "| kind of statement | tried | refused |",
        "|---|---|---|",
    ]
    total = refused = 0
    for name, statements in HOSTILE_FAMILIES.items():
        count = refused_statements(statements)
        total, refused = total + len(statements), refused + count
        lines.append(f"| {_cell(name)} | {len(statements)} | {count} |")
    lines.append(f"| **all** | {total} | {refused} |")
    return "\n".join(lines) + "\n"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= SAID_CHARS else f"{text[: SAID_CHARS - 1]}…"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def main() -> None:
    """Write the page."""
    with arena() as place:
        PAGE.write_text(page([(attack, attack.run(place)) for attack in ATTACKS]), "utf-8")


if __name__ == "__main__":
    main()
