"""The language of Go's text/template, as far as rules use it: from a text to a tree.

Text, `{{ actions }}` with `{{-` and `-}}` around them, pipelines, variables, `if`, `else if`, `range`, `with`, `break`,
`continue`, `define`, `block`, `template`, comments.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

LENGTH_MAX = 100_000
DEPTH_MAX = 50

_ACTION = re.compile(r"\{\{(-(?=\s))?")
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
    |(?P<char>'(?:[^'\\\n]|\\.)+')
    |(?P<number>[+-]?(?:0[xX][0-9a-fA-F_]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))
    |(?P<variable>\$\w*)
    |(?P<field>\.[^\W\d]\w*)
    |(?P<dot>\.)
    |(?P<declare>:=)
    |(?P<symbol>[|(),=])
    |(?P<word>[^\W\d]\w*)""",
    re.VERBOSE,
)
_KEYWORDS = frozenset(("if", "else", "end", "range", "with", "define", "block", "template", "break", "continue"))


class TemplateError(Exception):
    """A template that cannot be read, or run; the text says why, as Go says it where that is known."""


@dataclass(slots=True)
class Token:
    kind: str
    text: str
    after_space: bool
    offset: int


@dataclass(slots=True)
class Text:
    text: str


@dataclass(slots=True)
class Operand:
    """One argument: `kind` is dot, variable, string, number, word (a function, true, false, nil) or pipe."""

    kind: str
    value: object = None
    fields: list[str] = field(default_factory=list)
    offset: int = 0
    text: str = ""


@dataclass(slots=True)
class Pipe:
    declared: list[str]
    is_assignment: bool
    commands: list[list[Operand]]
    text: str


@dataclass(slots=True)
class Action:
    pipe: Pipe


@dataclass(slots=True)
class Branch:
    """`kind` is if, range or with."""

    kind: str
    pipe: Pipe
    body: list[Part]
    otherwise: list[Part]


@dataclass(slots=True)
class Jump:
    """`break` or `continue`."""

    kind: str


@dataclass(slots=True)
class Use:
    """`template "name" pipe`."""

    name: str
    pipe: Pipe | None


Part = Text | Action | Branch | Jump | Use


@dataclass(slots=True)
class Template:
    """What a text says, and the templates that are defined in it."""

    parts: list[Part]
    defined: dict[str, list[Part]]


def parse(text: str, functions: Collection[str], variables: Collection[str] = ()) -> Template:
    """The tree of a template. `functions` and `variables` are what it may name.

    >>> parse('{{ if .Value }}yes{{ end }}', ()).parts[0].kind
    'if'
    >>> parse("{{ $label.foo }}", (), ["$labels"])
    Traceback (most recent call last):
    ...
    trimtab.analyze.rules.template_parse.TemplateError: undefined variable "$label"
    """
    if len(text) > LENGTH_MAX:
        raise TemplateError(f"a template of {len(text)} characters; the limit is {LENGTH_MAX}")
    return _Parser(text, functions, variables).whole()


class _Parser:
    def __init__(self, text: str, functions: Collection[str], variables: Collection[str]) -> None:
        self._functions = functions
        self._variables = ["$", *variables]
        self._defined: dict[str, list[Part]] = {}
        self._pieces = _split(text)
        self._at = 0
        self._tokens: list[Token] = []
        self._depth = 0
        self._in_range = 0
        self._source = text

    def whole(self) -> Template:
        parts, ended_by = self._list(())
        if ended_by:
            raise TemplateError(f"unexpected {{{{{ended_by}}}}}")
        return Template(parts, self._defined)

    # --- parts -----------------------------------------------------------------------------------------------------

    def _list(self, enders: Collection[str]) -> tuple[list[Part], str]:
        """Parts up to `end` or `else`, and which it was."""
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise TemplateError(f"more than {DEPTH_MAX} levels")
        parts: list[Part] = []
        try:
            while self._at < len(self._pieces):
                piece = self._pieces[self._at]
                self._at += 1
                if isinstance(piece, str):
                    if piece:
                        parts.append(Text(piece))
                    continue
                self._tokens = piece
                word = piece[0].text if piece and piece[0].kind == "word" else ""
                if word in ("end", "else"):
                    if not enders:
                        raise TemplateError(f"unexpected {{{{{word}}}}}")
                    return parts, word
                part = self._part(word)
                if part is not None:
                    parts.append(part)
        finally:
            self._depth -= 1
        if enders:
            raise TemplateError("unexpected EOF")
        return parts, ""

    def _part(self, word: str) -> Part | None:
        if not self._tokens:
            raise TemplateError("missing value for command")
        if word not in _KEYWORDS:
            return Action(self._pipe("command"))
        self._take()
        if word in ("if", "range", "with"):
            return self._branch(word)
        if word in ("break", "continue"):
            self._done(word)
            if not self._in_range:
                raise TemplateError(f"{{{{{word}}}}} outside {{{{range}}}}")
            return Jump(word)
        name = self._take()
        if name is None or name.kind != "string":
            raise TemplateError(f"unexpected {_told(name)} in {word} clause")
        told = _unquoted(name.text)
        if word == "template":
            return Use(told, self._pipe("template clause") if self._tokens else None)
        pipe = self._pipe("block clause") if word == "block" else None
        if word == "define":
            self._done("define clause")
        kept, self._variables = self._variables, ["$"]
        body, ended = self._list(("end",))
        if ended == "else":
            raise TemplateError(f"unexpected {{{{else}}}} in {word} clause")
        self._variables = kept
        self._defined[told] = body
        return Use(told, pipe) if word == "block" else None

    def _branch(self, kind: str) -> Branch:
        known = len(self._variables)
        pipe = self._pipe(kind)
        self._in_range += kind == "range"
        body, ended = self._list(("end", "else"))
        self._in_range -= kind == "range"
        otherwise: list[Part] = []
        if ended == "else":
            self._take()
            if self._tokens and self._tokens[0].text in ("if", "with") and kind == self._tokens[0].text:
                self._take()
                otherwise = [self._branch(kind)]
            else:
                self._done("else")
                otherwise, ended = self._list(("end", "else"))
                if ended == "else":
                    raise TemplateError("expected end; found {{else}}")
        del self._variables[known:]
        return Branch(kind, pipe, body, otherwise)

    # --- pipelines -------------------------------------------------------------------------------------------------

    def _pipe(self, context: str, closer: str = "") -> Pipe:
        began = self._tokens[0].offset if self._tokens else 0
        declared, is_assignment = self._declared(context)
        commands: list[list[Operand]] = []
        while True:
            command = self._command()
            if not command:
                raise TemplateError(f"missing value for {context}")
            commands.append(command)
            token = self._take()
            if token is None or (closer and token.text == closer):
                end = len(self._source) if token is None else token.offset
                break
            if token.text != "|":
                raise TemplateError(f"unexpected {_told(token)} in {context}")
        for later in commands[1:]:
            if later[0].kind in ("dot_alone", "string", "number", "nil"):
                raise TemplateError(f"non executable command in pipeline stage {commands.index(later) + 1}")
        if not is_assignment:
            self._variables += declared
        return Pipe(declared, is_assignment, commands, self._source[began:end].split("}}", 1)[0].strip("- \n"))

    def _declared(self, context: str) -> tuple[list[str], bool]:
        tokens = self._tokens
        if not tokens or tokens[0].kind != "variable":
            return [], False
        names, at = [tokens[0].text], 1
        if context == "range" and len(tokens) > 3 and tokens[1].text == "," and tokens[2].kind == "variable":
            names.append(tokens[2].text)
            at = 3
        if at >= len(tokens) or tokens[at].text not in (":=", "="):
            return [], False
        is_assignment = tokens[at].text == "="
        for name in names:
            if is_assignment and name not in self._variables:
                raise TemplateError(f'undefined variable "{name}"')
        del tokens[: at + 1]
        return names, is_assignment

    def _command(self) -> list[Operand]:
        operands: list[Operand] = []
        while self._tokens and self._tokens[0].text not in ("|", ")"):
            if operands and not self._tokens[0].after_space and self._tokens[0].kind != "symbol":
                raise TemplateError(f"unexpected {_told(self._tokens[0])} in operand")
            operands.append(self._operand())
        return operands

    def _operand(self) -> Operand:
        token = self._take()
        if token is None:
            raise TemplateError("unexpected end of action")
        found = self._first(token)
        while self._tokens and self._tokens[0].kind == "field" and not self._tokens[0].after_space:
            if found.kind in ("string", "number") or (found.kind == "word" and found.value in ("true", "false", "nil")):
                raise TemplateError(f"unexpected . after term {token.text}")
            found.fields.append(self._tokens.pop(0).text[1:])
            found.text += f".{found.fields[-1]}"
        return found

    def _first(self, token: Token) -> Operand:
        kind, text = token.kind, token.text
        if kind == "dot":
            return Operand("dot", offset=token.offset, text=".")
        if kind == "field":
            return Operand("dot", fields=[text[1:]], offset=token.offset, text=text)
        if kind == "variable":
            if text not in self._variables:
                raise TemplateError(f'undefined variable "{text}"')
            return Operand("variable", text, offset=token.offset, text=text)
        if kind == "string":
            return Operand("string", _unquoted(text), offset=token.offset, text=text)
        if kind == "char":
            return Operand("number", ord(str(ast.literal_eval(text))), offset=token.offset, text=text)
        if kind == "number":
            return Operand("number", _number(text), offset=token.offset, text=text)
        if kind == "word" and text not in _KEYWORDS:
            if text not in ("true", "false", "nil") and text not in self._functions:
                raise TemplateError(f'function "{text}" not defined')
            return Operand("word", text, offset=token.offset, text=text)
        if text == "(":
            pipe = self._pipe("parenthesized pipeline", ")")
            return Operand("pipe", pipe, offset=token.offset, text=f"({pipe.text})")
        raise TemplateError(f"unexpected {_told(token)} in operand")

    def _take(self) -> Token | None:
        return self._tokens.pop(0) if self._tokens else None

    def _done(self, context: str) -> None:
        if self._tokens:
            raise TemplateError(f"unexpected {_told(self._tokens[0])} in {context}")


def _split(text: str) -> list[str | list[Token]]:
    """Texts and the words of actions, one after the other."""
    pieces: list[str | list[Token]] = []
    at, trims = 0, False
    while True:
        match = _ACTION.search(text, at)
        plain = text[at:] if match is None else text[at : match.start()]
        if trims:
            plain = plain.lstrip(" \t\r\n")
        if match is None:
            pieces.append(plain)
            return pieces
        pieces.append(plain.rstrip(" \t\r\n") if match[1] else plain)
        at, trims, tokens = _action(text, match.end())
        if tokens is not None:
            pieces.append(tokens)


def _action(text: str, at: int) -> tuple[int, bool, list[Token] | None]:
    """Where an action ends, whether it takes the space after it, its words (None: a comment)."""
    comment = re.compile(r"\s*/\*.*?\*/(\s-)?\}\}", re.DOTALL).match(text, at)
    if comment:
        return comment.end(), comment[1] is not None, None
    if re.compile(r"\s*/\*").match(text, at):
        raise TemplateError("unclosed comment")
    tokens: list[Token] = []
    after_space = True
    while True:
        if text.startswith("}}", at):
            return at + 2, False, tokens
        if after_space and text.startswith("-}}", at):
            return at + 3, True, tokens
        match = _TOKEN.match(text, at)
        if match is None:
            raise TemplateError(_unreadable(text, at))
        if match.lastgroup == "space":
            after_space = True
        else:
            kind = str(match.lastgroup)
            if kind == "number" and re.compile(r"[\w.]").match(text, match.end()):
                raise TemplateError(f"bad number syntax: {text[at : match.end() + 1]!r}")
            tokens.append(Token(kind, match[0], after_space, at))
            after_space = False
        at = match.end()


def _unreadable(text: str, at: int) -> str:
    if at >= len(text):
        return "unclosed action"
    if text[at] in "\"'":
        return "unterminated quoted string" if text[at] == '"' else "unterminated character constant"
    if text[at] == "`":
        return "unterminated raw quoted string"
    return f"unexpected {text[at]!r} in command"


def _told(token: Token | None) -> str:
    if token is None:
        return "}}"
    return f"{{{{{token.text}}}}}" if token.text in ("end", "else") else f"<{token.text}>"


def _unquoted(text: str) -> str:
    if text[0] == "`":
        return text[1:-1]
    try:
        return str(ast.literal_eval(text))
    except (SyntaxError, ValueError):
        raise TemplateError(f"invalid syntax: {text}") from None


def _number(text: str) -> int | float:
    plain = text.replace("_", "")
    try:
        return int(plain, 16) if "x" in plain.lower() else int(plain)
    except ValueError:
        return float(plain)


Functions = Mapping[str, object]
