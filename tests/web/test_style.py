"""The style sheets against the templates: a class that lays out a block must not fall on a part of a table."""

from __future__ import annotations

import functools
import re
from importlib.resources import files

import pytest

SHEETS = ("trimtab.css", "asking.css", "cases.css", "explore.css", "logs.css", "traces.css")
WEB = files("trimtab.web")


@functools.cache
def laying_out() -> set[str]:
    """Classes whose rule stands for any element and says how its inside is laid out, or where it stands."""
    found = set()
    for name in SHEETS:
        text = re.sub(r"/\*.*?\*/", "", (WEB / "static" / name).read_text("utf-8"), flags=re.DOTALL)
        for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", text):
            if not re.search(
                r"(?<![\w-])(display:\s*(block|flex|grid|inline)|position:\s*(sticky|fixed|absolute))", body
            ):
                continue
            found |= {m[1] for one in selectors.split(",") if (m := re.fullmatch(r"\.([\w-]+)", one.strip()))}
    return found


def templates() -> list[str]:
    """Every template."""
    here = WEB / "templates"
    return [
        *(one.name for one in here.iterdir() if one.name.endswith(".html")),
        *(f"settings/{one.name}" for one in (here / "settings").iterdir() if one.name.endswith(".html")),
    ]


def test_the_rules_are_found() -> None:
    assert {"top", "panel-head", "stack", "clip"} <= laying_out()


@pytest.mark.parametrize("name", templates())
def test_parts_of_tables_stay_parts_of_tables(name: str) -> None:
    text = (WEB / "templates" / name).read_text("utf-8")
    wrong = []
    for tag, classes in re.findall(r"<(table|thead|tbody|tr|td|th)\b[^>]*?\bclass=\"([^\"]*)\"", text):
        plain = re.sub(r"\{[{%].*?[%}]\}", " ", classes)
        wrong += [f"<{tag} class={one}>" for one in plain.split() if one in laying_out()]
    assert wrong == []
