"""JavaScript modules as they are sent: without comments and indentation. No line moves into another.

It knows two kinds of comment, which the house's modules keep to: `/** … */`, and a line that begins with `//`.
"""

from __future__ import annotations

import re

_JSDOC = re.compile(r"/\*\*.*?\*/", re.DOTALL)


def lean(text: str) -> str:
    """The text without what only readers need.

    >>> lean("// what\\n/** @param {number} a */\\nexport function f(a) {\\n  return a; // why\\n}\\n")
    'export function f(a) {\\nreturn a; // why\\n}'
    """
    lines = (line.strip() for line in _JSDOC.sub("", text).splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))
