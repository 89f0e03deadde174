"""Settings for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from trimtab.cli.output import moment, plain, size, table

if TYPE_CHECKING:
    from trimtab.app.config import Checked

Json = dict[str, Any]


def policy_table(console: Console, answer: Json) -> None:
    """What is in force about what trimtab may do."""
    _title(console, "Policy", answer)
    _settings(console, [row for row in answer["settings"] if row["section"] != "server"])
    _ignored(console, answer)


def config_table(console: Console, answer: Json) -> None:
    """Everything, with the file that it comes from."""
    _title(console, "Configuration", answer)
    file = answer["file"] or "no file was given: defaults"
    console.print(Text(f"file: {file}, read {moment(answer['loaded_at_ms'])}"))
    if answer["last_error"]:
        console.print(Text("the file as it is now is not in force, the last good one is:", "bold red"))
        console.print(Text(answer["last_error"], "red"))
    for row in answer["needs_restart"]:
        console.print(
            Text(f"after a restart: {row['name']} = {shown(row['in_file'])} (runs with {shown(row['running'])})")
        )
    if answer["targets_unknown"]:
        names = ", ".join(answer["targets_unknown"])
        console.print(Text(f"the file has targets that are not watched: {names}"))
    _settings(console, answer["settings"])
    _ignored(console, answer)


def setting_line(console: Console, row: Json) -> None:
    """One setting after it was set or cleared."""
    console.print(Text(f"{row['name']} = {shown(row['value'], row['unit'])} ({source(row)})"))


def shown(value: object, unit: str = "") -> str:
    """A value with its unit.

    >>> shown(5.0, "s"), shown([]), shown(True), shown(21474836480, "bytes"), shown(["a", "b"])
    ('5 s', '(none)', 'true', '20.0 GiB', 'a; b')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "; ".join(str(item) for item in value) or "(none)"
    if isinstance(value, int | float) and unit == "bytes":
        return size(value)
    text = f"{value:g}" if isinstance(value, float) else str(value) or "(none)"
    return f"{text} {unit}".strip()


def source(row: Json) -> str:
    """Where a value comes from."""
    if row["source"] != "override":
        return {"target": "file, this system"}.get(row["source"], str(row["source"]))
    whom = "this system" if row["set_for"] else "all systems"
    beneath = shown(row["beneath"], row["unit"])
    return f"set by {row['set_by']} {moment(row['set_at_ms'])} for {whom}; beneath: {beneath}"


def checked_lines(checked: Checked) -> Iterator[str]:
    """A file that is right: what it says otherwise than the defaults."""
    from trimtab.app.settings import SETTINGS

    values = dict(_values(checked))
    yield f"{checked.file}: right, {len(values)} of {len(SETTINGS)} settings named"
    for name, value in values.items():
        yield f"  {name} = {shown(value)}"


def checked_json(checked: Checked) -> Json:
    """The same for programs, also where the file is wrong."""
    return {
        "file": checked.file,
        "ok": not checked.problems,
        "problems": [
            {
                "message": problem.message,
                "setting": problem.setting,
                "line": problem.place and problem.place.line,
                "column": problem.place and problem.place.column,
            }
            for problem in checked.problems
        ],
        "settings": dict(_values(checked)),
    }


def _values(checked: Checked) -> Iterator[tuple[str, object]]:
    from trimtab.app.config import value_of
    from trimtab.app.settings import SETTINGS
    from trimtab.app.settings import plain as as_plain

    if checked.config is None:
        return
    for name in SETTINGS:
        if name in checked.config.named:
            yield name, as_plain(value_of(checked.config, name))
    for system, values in checked.config.targets.items():
        for name, value in values.items():
            yield f"target.{system}.{name}", as_plain(value)


def _title(console: Console, what: str, answer: Json) -> None:
    whom = f"for {answer['system']}" if answer["system"] else "where nothing is said of one system"
    console.print(Text(f"{what} in force {whom}", "bold"))


def _settings(console: Console, rows: list[Json]) -> None:
    drawn = table("", "setting", "value", "from")
    for row in rows:
        style = None if row["source"] == "default" else "bold"
        drawn.add_row(plain(row["name"]), plain(shown(row["value"], row["unit"])), plain(source(row)), style=style)
    console.print(drawn)


def _ignored(console: Console, answer: Json) -> None:
    for row in answer["overrides_ignored"]:
        whom = row["system"] or "all systems"
        console.print(
            Text(f"not in force: {row['name']} = {shown(row['value'])} for {whom}: {row['reason']}", "yellow")
        )
