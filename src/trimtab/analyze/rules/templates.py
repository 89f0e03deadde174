"""Labels and annotations of alerts: Go's templates with Prometheus' functions and data.

`{{ $labels.instance }} has been down; {{ $value | humanize }}`. Differences to Prometheus: methods of times
(`.Format`) are not known, and the text of an error that comes while a template runs says less of the place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from trimtab.analyze.rules.go_format import Struct, type_name, written
from trimtab.analyze.rules.template_functions import NAMES, Function, Query, functions, is_true
from trimtab.analyze.rules.template_parse import (
    Action,
    Branch,
    Jump,
    Operand,
    Part,
    Pipe,
    Template,
    TemplateError,
    Text,
    Use,
    parse,
)

__all__ = ["Data", "TemplateError", "check", "expand", "is_plain"]

VARIABLES = ("$labels", "$externalLabels", "$externalURL", "$value")
OUTPUT_CHARS_MAX = 1_000_000
STEPS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Data:
    """What a template of one alert can see."""

    labels: Mapping[str, str]
    value: float
    external_labels: Mapping[str, str] = field(default_factory=dict)
    external_url: str = ""


def is_plain(text: str) -> bool:
    """Whether there is nothing to expand."""
    return "{{" not in text


def check(text: str) -> None:
    """Raise TemplateError where it cannot be read."""
    if not is_plain(text):
        _parsed(text)


@lru_cache(4096)
def _parsed(text: str) -> Template:
    return parse(text, NAMES, VARIABLES)


def expand(text: str, data: Data, query: Query, at_ms: int) -> str:
    """The text with what the actions give. Raises TemplateError.

    >>> expand("{{ $labels.job }} at {{ $value | humanizePercentage }}", Data({"job": "shop"}, 0.25), lambda _: [], 0)
    'shop at 25%'
    >>> expand('{{ range query "up" }}{{ .Labels.job }}={{ .Value }} {{ end }}', Data({}, 0.0),
    ...        lambda _: [({"job": "a"}, 1.0), ({"job": "b"}, 0.0)], 0)
    'a=1 b=0 '
    """
    if is_plain(text):
        return text
    run = _Run(_parsed(text), functions(query, data.external_url, at_ms / 1000))
    dot = Struct(
        Labels=dict(data.labels),
        ExternalLabels=dict(data.external_labels),
        ExternalURL=data.external_url,
        Value=data.value,
    )
    variables: list[tuple[str, object]] = [
        ("$", dot),
        ("$labels", dot["Labels"]),
        ("$externalLabels", dot["ExternalLabels"]),
        ("$externalURL", data.external_url),
        ("$value", data.value),
    ]
    run.parts(run.template.parts, dot, variables)
    return "".join(run.out)


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


Variables = list[tuple[str, object]]


class _Run:
    """One run of one template."""

    def __init__(self, template: Template, known: Mapping[str, Function]) -> None:
        self.template = template
        self.out: list[str] = []
        self._known = known
        self._chars = 0
        self._steps = 0
        self._depth = 0

    # --- parts -----------------------------------------------------------------------------------------------------

    def parts(self, parts: Sequence[Part], dot: object, variables: Variables) -> None:
        """Write what they give."""
        for part in parts:
            self._steps += 1
            if self._steps > STEPS_MAX:
                raise TemplateError(f"more than {STEPS_MAX} steps")
            match part:
                case Text():
                    self._write(part.text)
                case Action():
                    value = self.pipe(part.pipe, dot, variables)
                    if not part.pipe.declared:
                        self._write(written(value))
                case Branch():
                    self._branch(part, dot, variables)
                case Jump():
                    raise _Break if part.kind == "break" else _Continue
                case Use():
                    self._use(part, dot, variables)

    def _write(self, text: str) -> None:
        self._chars += len(text)
        if self._chars > OUTPUT_CHARS_MAX:
            raise TemplateError(f"more than {OUTPUT_CHARS_MAX} characters")
        self.out.append(text)

    def _use(self, part: Use, dot: object, variables: Variables) -> None:
        if part.name not in self.template.defined:
            raise TemplateError(f'template "{part.name}" not defined')
        value = None if part.pipe is None else self.pipe(part.pipe, dot, variables)
        self._depth += 1
        if self._depth > 100:
            raise TemplateError("exceeded maximum template depth (100)")
        self.parts(self.template.defined[part.name], value, [("$", value)])
        self._depth -= 1

    def _branch(self, part: Branch, dot: object, variables: Variables) -> None:
        known = len(variables)
        if part.kind == "range":
            self._range(part, dot, variables)
        else:
            value = self.pipe(part.pipe, dot, variables)
            if is_true(value):
                self.parts(part.body, value if part.kind == "with" else dot, variables)
            else:
                self.parts(part.otherwise, dot, variables)
        del variables[known:]

    def _range(self, part: Branch, dot: object, variables: Variables) -> None:
        value = self._commands(part.pipe, dot, variables)
        pairs: Sequence[tuple[object, object]]
        if isinstance(value, Mapping) and not isinstance(value, Struct):
            pairs = [(key, value[key]) for key in sorted(value)]
        elif isinstance(value, list):
            pairs = list(enumerate(value))
        elif isinstance(value, int) and not isinstance(value, bool):
            pairs = [(index, index) for index in range(min(value, STEPS_MAX))]
        elif value is None:
            pairs = []
        else:
            raise TemplateError(f"range can't iterate over {written(value)}")
        if not pairs:
            self.parts(part.otherwise, dot, variables)
            return
        known = len(variables)
        names = part.pipe.declared
        for key, one in pairs:
            del variables[known:]
            if names:
                variables += list(zip(names, (one,) if len(names) == 1 else (key, one), strict=True))
            try:
                self.parts(part.body, one, variables)
            except _Break:
                break
            except _Continue:
                continue

    # --- pipelines -------------------------------------------------------------------------------------------------

    def pipe(self, pipe: Pipe, dot: object, variables: Variables) -> object:
        """The value of a pipeline; what it declares is known from then on."""
        value = self._commands(pipe, dot, variables)
        for name in pipe.declared:
            if pipe.is_assignment:
                place = max(index for index, (known, _) in enumerate(variables) if known == name)
                variables[place] = name, value
            else:
                variables.append((name, value))
        return value

    def _commands(self, pipe: Pipe, dot: object, variables: Variables) -> object:
        value: object = None
        for index, command in enumerate(pipe.commands):
            final = (value,) if index else ()
            value = self._command(command, final, dot, variables)
        return value

    def _command(self, command: list[Operand], final: tuple[object, ...], dot: object, variables: Variables) -> object:
        first = command[0]
        if first.kind == "word" and first.value not in ("true", "false", "nil"):
            value = self._call(str(first.value), command[1:], final, dot, variables)
            return _fields(value, first)
        if len(command) > 1 or final:
            if first.fields or first.kind in ("variable", "pipe"):
                raise TemplateError(f"{first.text} has arguments but cannot be invoked as function")
            raise TemplateError(f"can't give argument to non-function {first.text}")
        return self._operand(first, dot, variables)

    def _operand(self, operand: Operand, dot: object, variables: Variables) -> object:
        match operand.kind:
            case "dot":
                value: object = dot
            case "variable":
                value = next(value for name, value in reversed(variables) if name == operand.value)
            case "pipe" if isinstance(operand.value, Pipe):
                value = self.pipe(operand.value, dot, variables)
            case "word":
                if operand.value in ("true", "false", "nil"):
                    return {"true": True, "false": False}.get(str(operand.value))
                value = self._call(str(operand.value), [], (), dot, variables)
            case _:
                return operand.value
        return _fields(value, operand)

    def _call(
        self, name: str, given: list[Operand], final: tuple[object, ...], dot: object, variables: Variables
    ) -> object:
        if name in ("and", "or"):
            return self._and_or(name, given, final, dot, variables)
        function = self._known.get(name)
        if function is None:
            raise TemplateError(f'function "{name}" is not known here')
        values = [*(self._operand(operand, dot, variables) for operand in given), *final]
        takes = function.takes
        least = len(takes.rstrip("*")) - takes.endswith("*")
        if len(values) < least or (len(values) > least and not takes.endswith("*")):
            wanted = f"at least {least}" if takes.endswith("*") else str(least)
            raise TemplateError(f"wrong number of args for {name}: want {wanted} got {len(values)}")
        kinds = takes.rstrip("*")
        for index, value in enumerate(values):
            _check_kind(kinds[min(index, len(kinds) - 1)], value)
        return function.call(*values)

    def _and_or(
        self, name: str, given: list[Operand], final: tuple[object, ...], dot: object, variables: Variables
    ) -> object:
        if not given and not final:
            raise TemplateError(f"wrong number of args for {name}: want at least 1 got 0")
        value: object = None
        for operand in given:
            value = self._operand(operand, dot, variables)
            if is_true(value) == (name == "or"):
                return value
        return final[0] if final else value


def _check_kind(kind: str, value: object) -> None:
    wanted = {"s": str, "v": list, "i": int}.get(kind)
    if wanted is not None and not isinstance(value, wanted):
        told = {"s": "string", "v": "template.queryResult", "i": "int"}[kind]
        raise TemplateError(f"wrong type for value; expected {told}; got {type_name(value)}")


def _fields(value: object, operand: Operand) -> object:
    for name in operand.fields:
        if isinstance(value, Struct):
            if name not in value:
                raise TemplateError(f"can't evaluate field {name} in type {value.type_name}")
            value = value[name]
        elif isinstance(value, Mapping):
            value = value.get(name, "")
        elif value is None:
            raise TemplateError(f"nil data; no entry for key {name!r}")
        else:
            raise TemplateError(f"can't evaluate field {name} in type {type_name(value)}")
    return value
