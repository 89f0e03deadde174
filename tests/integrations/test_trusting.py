"""Stores behind https:// with an authority of their own, as Elasticsearch makes one: believed where a file names it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.types import ASGIApp

from tests.cli.test_access import certificate
from tests.integrations.fake_collector import Collector
from tests.integrations.fake_elasticsearch import Fake
from trimtab.extend.registry import load
from trimtab.extend.sources import SOURCES, Address, FoundLog, LogSource, SourceError
from trimtab.integrations.jaeger.traces import JaegerTraces
from trimtab.model.errors import MissingError

RECORD = FoundLog("1", 1_795_000_000_000_000_000, "hello")


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """For localhost, by itself."""
    return certificate(tmp_path_factory.mktemp("signed"), "localhost")


@contextmanager
def serving(app: ASGIApp, signed: tuple[Path, Path]) -> Iterator[str]:
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="critical", ws="none", ssl_certfile=signed[0], ssl_keyfile=signed[1]
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started and thread.is_alive():
        threading.Event().wait(0.01)
    try:
        yield f"https://localhost:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)


@pytest.mark.parametrize("kind", ["elasticsearch", "opensearch"])
def test_logs(kind: str, signed: tuple[Path, Path]) -> None:
    fake = Fake(product=kind == "elasticsearch")
    with serving(fake.app, signed) as url:
        trusting: LogSource = load(SOURCES)[kind](Address("own", url, "logs", 30.0, str(signed[0])))
        assert trusting.write([RECORD]).taken_count == 1
        trusting.close()
        wary: LogSource = load(SOURCES)[kind](Address("own", url, "logs", 30.0))
        with pytest.raises(SourceError, match=r"(?i)certificate"):
            wary.write([RECORD])
        wary.close()


def test_traces(signed: tuple[Path, Path]) -> None:
    with serving(Collector().app, signed) as url:
        trusting = JaegerTraces(Address("own", url, "", 30.0, str(signed[0])))
        assert trusting.write(b"", 3).taken_count == 3
        trusting.close()
        wary = JaegerTraces(Address("own", url, "", 30.0))
        with pytest.raises(SourceError, match=r"(?i)certificate"):
            wary.write(b"", 3)
        wary.close()


def test_a_file_that_is_none(tmp_path: Path) -> None:
    junk = tmp_path / "junk"
    junk.write_text("no certificate")
    for file in (junk, tmp_path / "nowhere"):
        with pytest.raises(MissingError, match="could not be read"):
            JaegerTraces(Address("own", "https://localhost:1", "", 1.0, str(file)))
