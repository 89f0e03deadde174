"""The store's tests on a real server: those of this folder that ask for an `address` run there, too, if it is named.

    CLICKHOUSE_URL='clickhouse://user:${PASSWORD}@host:8123/default' python -m pytest tests/clickhouse -k "real server"

The user has to be allowed to make and drop databases whose names begin with `trimtab_test_`.
"""

from __future__ import annotations

import os
from contextlib import closing

import pytest

from tests.clickhouse.kinds import REAL, URL
from trimtab.store.clickhouse.address import parse
from trimtab.store.clickhouse.engine import ClickHouseEngine
from trimtab.store.limits import TelemetryLimits


@pytest.mark.skipif(not REAL, reason=f"{URL} names no ClickHouse server: only the shim was asked")
def test_the_real_server_answers() -> None:
    with closing(ClickHouseEngine(parse(os.environ[URL]), TelemetryLimits(), "test")) as engine:
        engine.open()
        assert engine.version
