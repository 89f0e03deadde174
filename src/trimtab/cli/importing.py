"""`trimtab import`: traces, and runs of dbt, that are in files, through the same doors as those that are sent."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from trimtab.cli.common import client_options, guarded, way_of
from trimtab.model.errors import InputError, TrimtabError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from trimtab.cli.trace_doors import TraceDoor
    from trimtab.observe.trace_files.documents import Reader

Json = dict[str, Any]
HELD_BYTES_MAX = 512 * 1024 * 1024
"""Spans of all files of one command, as they are sent: all are read before the first is stored."""


@click.group("import")
def import_() -> None:
    """Take in traces from files: into a running server, or into its data directory while none runs; and runs of dbt.

    A file that is wrong somewhere is refused as a whole, with the place. Traces that are imported twice are stored
    twice.
    """


@import_.command("jaeger")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@client_options
@guarded
def jaeger(files: tuple[str, ...], data_dir: Path | None, server: str | None, form: str) -> None:
    """Import traces in Jaeger's JSON: what its page downloads, and what its query API answers.

    FILE is a file, or - for standard input. Exit code: 0 all is stored, 1 some spans were refused (they are older than
    spans are kept), 2 a file cannot be read, and nothing of it is stored.
    """
    from trimtab.observe.trace_files.documents import jaeger_spans

    _import(files, jaeger_spans, data_dir, server, form)


@import_.command("otlp")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@client_options
@guarded
def otlp(files: tuple[str, ...], data_dir: Path | None, server: str | None, form: str) -> None:
    """Import traces in OTLP's JSON: one document, or one to a line as the Collector's file exporter writes them.

    FILE is a file, or - for standard input. Exit code: 0 all is stored, 1 some spans were refused (they are older than
    spans are kept), 2 a file cannot be read, and nothing of it is stored.
    """
    from trimtab.observe.trace_files.documents import otlp_spans

    _import(files, otlp_spans, data_dir, server, form)


@import_.command("dbt")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--pipeline", help="The name of the pipeline; default: the dbt project's.")
@client_options
@guarded
def dbt(files: tuple[str, ...], pipeline: str | None, data_dir: Path | None, server: str | None, form: str) -> None:
    """Tell a running server of runs of dbt: FILE is target/run_results.json (schemas v4 to v6), or - for stdin.

    One file is one run; the same one again counts once. Exit code: 0 all are told, 2 a file is wrong, and none is.
    """
    from trimtab.cli import output
    from trimtab.cli.common import client_of
    from trimtab.cli.dbt_runs import draw, read, tell

    bodies = [(name, read(name)) for name in files]
    told = [tell(client_of(data_dir, server), name, body, pipeline) for name, body in bodies]
    output.show(form, {"runs": told}, draw)


def _import(files: tuple[str, ...], reader: Reader, data_dir: Path | None, server: str | None, form: str) -> None:
    from trimtab.cli import output
    from trimtab.cli.trace_doors import trace_door

    requests = list(_read_all(files, reader))
    with trace_door(way_of(data_dir, server)) as door:
        imported = [_send(name, of_file, door) for name, of_file in requests]
    output.show(form, {"files": imported}, _draw)
    if any(one["refused"] for one in imported):
        sys.exit(1)


def _read_all(files: tuple[str, ...], reader: Reader) -> Iterator[tuple[str, list[tuple[bytes, int]]]]:
    held_bytes = 0
    for name in files:
        requests = _read(name, reader)
        held_bytes += sum(len(body) for body, _ in requests)
        if held_bytes > HELD_BYTES_MAX:
            raise InputError(
                f"{name}: the files hold more than {HELD_BYTES_MAX} bytes of spans together: import fewer at a time. "
                "Nothing was imported",
                limit=HELD_BYTES_MAX,
                observed=held_bytes,
            )
        yield name, requests


def _read(name: str, reader: Reader) -> list[tuple[bytes, int]]:
    """All of a file, before anything of any file is stored."""
    from trimtab.observe.trace_files.places import BadFile
    from trimtab.observe.trace_files.reading import read_requests

    try:
        with _opened(name) as file:
            return read_requests(file, reader)
    except BadFile as error:
        raise BadFile(f"{name}: {error.message}. Nothing was imported", file=name, **error.facts) from error


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115  (closed below: errors of reading have another message)
    except OSError as error:
        raise InputError(f"{name}: {error.strerror}", file=name) from error
    with file:
        yield file


def _send(name: str, requests: Iterable[tuple[bytes, int]], door: TraceDoor) -> Json:
    """Hand over one file's requests. Where that breaks off, it is said how much is stored."""
    sent_count, refused_count, told = 0, 0, Counter[str]()
    for body, spans_count in requests:
        try:
            taken = door(body)
        except TrimtabError as error:
            stored = sent_count - refused_count
            raise type(error)(
                f"{name}: {error.message} ({stored} spans of this file are stored)", **error.facts
            ) from error
        sent_count += spans_count
        refused_count += taken.refused_count
        if taken.told:
            told[taken.told] += 1
    return {"file": name, "spans": sent_count - refused_count, "refused": refused_count, "why": list(told)}


def _draw(console: Console, answer: Json) -> None:
    for one in answer["files"]:
        console.print(f"{one['file']}: {one['spans']} spans imported", markup=False)
        for why in one["why"]:
            console.print(f"  {why}", markup=False)
