"""Runs of dbt out of files, told to a server."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import urlencode

import msgspec
from rich.console import Console

from trimtab.cli.client import Client
from trimtab.cli.output import Json
from trimtab.model.errors import InputError, MissingError
from trimtab.observe.pipelines.dbt import BYTES_MAX, run_of

PATH = "/api/trimtab/pipelines/dbt"


def read(name: str) -> bytes:
    """A file, looked at: InputError says what is wrong with it, before anything is told."""
    try:
        if name == "-":
            data = sys.stdin.buffer.read(BYTES_MAX + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(BYTES_MAX + 1)
        run_of(data)
    except OSError as error:
        raise InputError(f"{name}: {error.strerror}", file=name) from error
    except InputError as error:
        raise InputError(f"{name}: {error.message}. Nothing was imported", file=name) from error
    return data


def tell(client: Client, name: str, body: bytes, pipeline: str | None) -> Json:
    """Tell of one run; how the server understood it."""
    query = f"?{urlencode({'pipeline': pipeline})}" if pipeline else ""
    answer = client.send(f"{PATH}{query}", body, "application/json")
    try:
        document = msgspec.json.decode(answer.content)
        if answer.is_success:
            return {"file": name, **document["runs"][0]}
        message = str(document["error"]["message"])
    except (msgspec.DecodeError, LookupError, TypeError):
        raise MissingError(f"{name}: the server answered {answer.status_code}") from None
    kind = InputError if answer.status_code in (400, 413, 415) else MissingError
    raise kind(f"{name}: {message}")


def draw(console: Console, answer: Json) -> None:
    """A line for each."""
    for run in answer["runs"]:
        console.print(f"{run['file']}: {run['pipeline']} {run['status']} ({run['told']})", markup=False)
