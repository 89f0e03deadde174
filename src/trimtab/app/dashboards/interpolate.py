"""Variables in texts: `$name`, `${name}`, `${name:format}`, `[[name]]`, and Grafana's own such as `$__rate_interval`.

In queries values are escaped as Grafana does it for Prometheus: one value as it is, several as `(a|b)`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from trimtab.app.dashboards.steps import Step, duration_text

_VARIABLE = re.compile(
    r"\$(?P<plain>\w+)|\[\[(?P<square>[\w.]+?)(?::(?P<square_format>\w+))?\]\]|"
    r"\$\{(?P<braced>[\w.]+)(?::(?P<format>[^}]+))?\}",
    re.ASCII,
)
_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}]")
ALL = "$__all"
RESULT_CHARS_MAX = 60_000


@dataclass(frozen=True, slots=True)
class Chosen:
    """The values that a variable has now. `is_many` where it may have several; `all_value` stands for all of them."""

    values: tuple[str, ...]
    texts: tuple[str, ...] = ()
    is_many: bool = False
    all_value: str = ""

    @property
    def text(self) -> str:
        """How the values are called."""
        return " + ".join(self.texts or self.values)


Words = Callable[[Chosen], str]


@dataclass(frozen=True, slots=True)
class Scope:
    """What names stand for; `step` is of the panel that asks."""

    variables: Mapping[str, Chosen] = field(default_factory=dict)
    step: Step | None = None
    dashboard: str = ""

    def having(self, more: Mapping[str, Chosen]) -> Scope:
        """The same, where some names stand for something else."""
        return Scope({**self.variables, **more}, self.step, self.dashboard) if more else self

    def at(self, step: Step) -> Scope:
        """The same, for a panel that is asked so."""
        return Scope(self.variables, step, self.dashboard)


def query_text(template: str, scope: Scope) -> str:
    """A query with everything filled in; names that nobody knows stay.

    >>> scope = Scope({"job": Chosen(("a", "b"), is_many=True), "node": Chosen(("x.y",))})
    >>> query_text('up{job=~"$job",node="${node}"} $other', scope)
    'up{job=~"(a|b)",node="x.y"} $other'
    >>> query_text('x{a=~"[[job]]", b="${job:csv}"}', scope)
    'x{a=~"(a|b)", b="a,b"}'
    """
    return _filled(template, scope, _for_prometheus)


def plain_text(template: str, scope: Scope) -> str:
    """A title or a text with variables as they are called.

    >>> plain_text("CPU of $host", Scope({"host": Chosen(("a:1", "b:1"), ("a", "b"))}))
    'CPU of a + b'
    """
    return _filled(template, scope, lambda chosen: chosen.text)


def names_in(template: str) -> set[str]:
    """The names that a text speaks of."""
    return {
        (found["plain"] or found["square"] or found["braced"]).partition(".")[0]
        for found in _VARIABLE.finditer(template)
    }


def _filled(template: str, scope: Scope, default: Words) -> str:
    def put(found: re.Match[str]) -> str:
        name = found["plain"] or found["square"] or found["braced"]
        form = found["format"] or found["square_format"] or ""
        own = _own(name, form, scope)
        if own is not None:
            return own
        chosen = scope.variables.get(name)
        if chosen is None:
            return found[0]
        if not form and chosen.all_value and default is _for_prometheus:
            return chosen.all_value
        return _FORMATS[form](chosen) if form in _FORMATS else default(chosen)

    return _VARIABLE.sub(put, template)[:RESULT_CHARS_MAX]


def _own(name: str, form: str, scope: Scope) -> str | None:
    """What Grafana itself knows."""
    step = scope.step
    if name == "__dashboard":
        return scope.dashboard
    if not name.startswith("__") or step is None:
        return None
    from_ms, to_ms = step.within.from_ms, step.within.to_ms
    match name:
        case "__interval":
            return duration_text(step.interval_ms)
        case "__interval_ms":
            return str(step.interval_ms)
        case "__rate_interval":
            return duration_text(step.rate_ms)
        case "__rate_interval_ms":
            return str(step.rate_ms)
        case "__range":
            return f"{max(round((to_ms - from_ms) / 1000), 1)}s"
        case "__range_s":
            return str(max(round((to_ms - from_ms) / 1000), 1))
        case "__range_ms":
            return str(to_ms - from_ms)
        case "__from" | "__to":
            at_ms = from_ms if name == "__from" else to_ms
            return str(at_ms // 1000) if form == "date:seconds" else str(at_ms)
    return None


def _for_prometheus(chosen: Chosen) -> str:
    if not chosen.is_many:
        return (chosen.values or ("",))[0].replace("\\", "\\\\").replace('"', '\\"')
    escaped = [_escaped(value) for value in chosen.values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})" if escaped else ""


def _escaped(value: str) -> str:
    """For a regular expression within a text of PromQL.

    >>> print(_escaped("a.b"))
    a\\\\.b
    """
    return _SPECIAL.sub(lambda found: "\\\\" + found[0] if found[0] != "\\" else "\\\\\\\\", value)


def _regex(chosen: Chosen) -> str:
    escaped = [_SPECIAL.sub(lambda found: "\\" + found[0], value) for value in chosen.values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _quoted(sign: str) -> Words:
    return lambda chosen: ",".join(f"{sign}{value}{sign}" for value in chosen.values)


_FORMATS: Mapping[str, Words] = {
    "raw": lambda chosen: ",".join(chosen.values),
    "csv": lambda chosen: ",".join(chosen.values),
    "pipe": lambda chosen: "|".join(chosen.values),
    "regex": _regex,
    "glob": lambda chosen: chosen.values[0] if len(chosen.values) == 1 else f"{{{','.join(chosen.values)}}}",
    "text": lambda chosen: chosen.text,
    "json": lambda chosen: json.dumps(list(chosen.values)),
    "percentencode": lambda chosen: quote(_list_text(chosen.values), safe=""),
    "singlequote": _quoted("'"),
    "doublequote": _quoted('"'),
}


def _list_text(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"{{{','.join(values)}}}"
