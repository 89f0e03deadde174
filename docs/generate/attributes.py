"""Docstrings that stand under names: `NAME = value` and then a string. Python forgets them, the source does not."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Sequence
from types import ModuleType


def attribute_docs(where: type | ModuleType) -> dict[str, str]:
    """Names of a class or module with the docstring under each; '' where there is none.

    >>> from trimtab.observe.postgres.facts import EventKind
    >>> attribute_docs(EventKind)["CONNECTED"]
    'The watch has a connection (again).'
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(where)))
    body = tree.body[0].body if isinstance(where, type) and isinstance(tree.body[0], ast.ClassDef) else tree.body
    return _docs(body)


def _docs(body: Sequence[ast.stmt]) -> dict[str, str]:
    found: dict[str, str] = {}
    for statement, after in zip(body, [*body[1:], None], strict=True):
        targets: list[ast.expr] = []
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        is_doc = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        text = after.value.value if is_doc and isinstance(after, ast.Expr) else ""  # type: ignore[attr-defined]
        for target in targets:
            if isinstance(target, ast.Name):
                found[target.id] = " ".join(text.split()) if isinstance(text, str) else ""
    return found
