"""dbt's `run_results.json`, schemas v4 to v6: one invocation is one run of the pipeline that its project is.

It failed where a node ended as `error` or `fail` (a warning is none, a skipped node failed further up). How long its
nodes took is how long it waited for the database.
"""

from __future__ import annotations

import re
from collections import Counter

import msgspec

from trimtab.model.errors import InputError
from trimtab.model.pipelines import PipelineRun, RunSource, RunStatus
from trimtab.observe.pipelines.openlineage import moment_ms

BYTES_MAX = 64 * 1024 * 1024
VERSIONS = (4, 5, 6)
FAILED = ("error", "fail", "runtime error")
KNOWN = frozenset(
    {*FAILED, "success", "pass", "warn", "skipped", "partial success", "no-op", "reused"},
)
NODES_TOLD = 3
SECONDS_MAX = 1e8
_SCHEMA = re.compile(r"/dbt/run-results/v(\d+)(?:\.json)?\Z")


class _Metadata(msgspec.Struct):
    dbt_schema_version: str
    generated_at: str
    invocation_id: str | None = None
    dbt_version: str = ""


class _Result(msgspec.Struct):
    status: str
    unique_id: str
    execution_time: float = 0.0
    message: str | None = None


class _RunResults(msgspec.Struct):
    metadata: _Metadata
    results: list[_Result]
    elapsed_time: float
    args: dict[str, object] = {}


def run_of(data: bytes, pipeline: str = "") -> PipelineRun:
    """The run that a file tells of; InputError says what is wrong with it. `pipeline`: its name, else the project's.

    >>> head = b'{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json",'
    >>> head += b' "generated_at": "2026-11-25T10:00:10Z", "invocation_id": "i1"}, "elapsed_time": 9.5, "results": ['
    >>> run = run_of(head + b'{"status": "error", "unique_id": "model.shop.orders", "execution_time": 2.0}]}')
    >>> run.pipeline, run.status.value, run.duration_ms, run.database_ms, run.told
    ('shop', 'failed', 9500.0, 2000.0, '1 error; failed: model.shop.orders')
    """
    if len(data) > BYTES_MAX:
        raise InputError(f"the file has more than {BYTES_MAX} bytes, which is the limit", limit=BYTES_MAX)
    try:
        found = msgspec.json.decode(data, type=_RunResults)
    except msgspec.DecodeError as error:
        raise InputError(f"this is no run_results.json of dbt: {error}") from None
    version = _SCHEMA.search(found.metadata.dbt_schema_version)
    if version is None or int(version[1]) not in VERSIONS:
        seen = found.metadata.dbt_schema_version[:80]
        raise InputError(f"known are schemas v{VERSIONS[0]} to v{VERSIONS[-1]} of run results, found {seen!r}")
    unknown = sorted({one.status for one in found.results} - KNOWN)
    if unknown:
        raise InputError(f"a node has the status {unknown[0][:40]!r}; known are {', '.join(sorted(KNOWN))}")
    if not 0 <= found.elapsed_time <= SECONDS_MAX:
        raise InputError(f"elapsed_time is {found.elapsed_time:g} s; it lies from 0 to {SECONDS_MAX:g}")
    ended_ms = moment_ms(found.metadata.generated_at, "metadata.generated_at")
    failed = [one.unique_id for one in found.results if one.status in FAILED]
    duration_ms = found.elapsed_time * 1000
    return PipelineRun(
        source=RunSource.DBT,
        pipeline=pipeline or _project(found.results),
        run_id=found.metadata.invocation_id or found.metadata.generated_at,
        status=RunStatus.FAILED if failed else RunStatus.SUCCESS,
        started_at_ms=round(ended_ms - duration_ms),
        ended_at_ms=ended_ms,
        duration_ms=duration_ms,
        database_ms=sum(min(max(one.execution_time, 0.0), SECONDS_MAX) for one in found.results) * 1000,
        told=_told(found.results, failed),
    )


def _project(results: list[_Result]) -> str:
    """A node is called `model.project.name`: the project that most of them are of."""
    named = Counter(parts[1] for one in results if len(parts := one.unique_id.split(".")) > 2)
    return named.most_common(1)[0][0] if named else "dbt"


def _told(results: list[_Result], failed: list[str]) -> str:
    counts = Counter(one.status for one in results)
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "no node ran"
    if failed:
        more = f" and {len(failed) - NODES_TOLD} more" if len(failed) > NODES_TOLD else ""
        told += f"; failed: {', '.join(failed[:NODES_TOLD])}{more}"
    return told
