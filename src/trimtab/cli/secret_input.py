"""Secrets from a prompt, a file or standard input; never from an argument, which every user of the machine can read."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from trimtab.model.errors import InputError

SECRET_CHARS_MAX = 10_000


def read_password(what: str, file: Path | None, from_stdin: bool, *, twice: bool) -> str:
    """The password; one line end behind it is not part of it."""
    if file is not None and from_stdin:
        raise InputError("--password-file and --password-stdin: one of them")
    if file is not None:
        try:
            with file.open() as opened:
                return _line(opened.read(SECRET_CHARS_MAX), f"--password-file {file}")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"--password-file {file}: {getattr(error, 'strerror', None) or 'not a text'}") from error
    if from_stdin:
        return _line(sys.stdin.read(SECRET_CHARS_MAX), "--password-stdin")
    if not sys.stdin.isatty():
        raise InputError("there is no terminal to ask for the password: use --password-file FILE or --password-stdin")
    return str(click.prompt(what, hide_input=True, confirmation_prompt=twice, err=True))


def _line(text: str, place: str) -> str:
    password = text.removesuffix("\n").removesuffix("\r")
    if not password:
        raise InputError(f"{place}: there is no password in it")
    return password
