"""`python -m docs.generate`: write what is not current; `--check`: only say so, and exit with 1."""

from __future__ import annotations

import sys

from docs.generate.pages import DOCS, made


def main(arguments: list[str]) -> int:
    """Write or check."""
    stale = [(file, text) for file, text in made().items() if not file.exists() or file.read_text("utf-8") != text]
    for file, text in stale:
        print(file.relative_to(DOCS.parent))
        if "--check" not in arguments:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
    return int("--check" in arguments and bool(stale))


sys.exit(main(sys.argv[1:]))
