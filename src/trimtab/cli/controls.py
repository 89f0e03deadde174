"""Text of others on a terminal: what a terminal would obey (escape sequences, a change of the direction of writing)
is shown, not done."""

from __future__ import annotations

import re
from typing import Any

_OBEYED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\r(?!\n)")
"""Line ends and tabs stay."""


def shown(text: str) -> str:
    r"""The text, with what a terminal would obey written out.

    >>> shown("a\x1b[2Jb\u202ec\r\n")
    'a\\x1b[2Jb\\u202ec\r\n'
    """
    return _OBEYED.sub(lambda found: _written_out(ord(found[0])), text)


def all_shown(answer: Any) -> Any:
    """An answer of a server, with every text in it as `shown`.

    >>> all_shown({"labels": {"a": "\\x07"}, "count": 1, "lines": ["b"]})
    {'labels': {'a': '\\\\x07'}, 'count': 1, 'lines': ['b']}
    """
    if isinstance(answer, str):
        return shown(answer)
    if isinstance(answer, dict):
        return {all_shown(name): all_shown(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [all_shown(value) for value in answer]
    return answer


def _written_out(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
