"""Runs as others tell of them: OpenLineage's client, dbt's results, Airflow's StatsD over a real socket."""

from __future__ import annotations

import json
import socket
import threading

import pytest
import statsd

from trimtab.model.errors import InputError, ServerUnreachable
from trimtab.model.pipelines import PipelineRun, RunStatus
from trimtab.observe.pipelines import dbt, openlineage
from trimtab.observe.pipelines.listening import StatsdListener
from trimtab.observe.pipelines.statsd import StatsdRuns

EVENT = {
    "eventType": "START",
    "eventTime": "2026-11-25T10:00:00.000Z",
    "run": {"runId": "0176a8c2-fe01-7439-87e6-56a1a1b4029f", "facets": {"errorMessage": {"message": "no disk"}}},
    "job": {"namespace": "etl", "name": "load", "facets": {}},
    "inputs": [{"namespace": "db", "name": "orders"}],
    "producer": "https://example.org",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/definitions/RunEvent",
}


def lineage(**changes: object) -> bytes:
    return json.dumps({**EVENT, **changes}).encode()


def test_lineage_events_become_runs() -> None:
    [start] = openlineage.runs_of(lineage())
    assert (start.pipeline, start.status, start.started_at_ms, start.ended_at_ms, start.told) == (
        "etl/load",
        RunStatus.RUNNING,
        1_795_600_800_000,
        None,
        "",
    )
    [failed] = openlineage.runs_of(lineage(eventType="FAIL"))
    assert (failed.status, failed.ended_at_ms, failed.told) == (RunStatus.FAILED, 1_795_600_800_000, "no disk")
    both = openlineage.runs_of(b"[" + lineage() + b"," + lineage(eventType="ABORT") + b"]")
    assert [run.status for run in both] == [RunStatus.RUNNING, RunStatus.ABORTED]
    assert openlineage.runs_of(json.dumps({"eventTime": "2026-11-25", "dataset": {"name": "x"}}).encode()) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "no OpenLineage event"),
        (b"[1]", "no OpenLineage event"),
        (lineage(eventType="DONE"), "eventType is one of START"),
        (lineage(eventTime="soon"), "eventTime is no time"),
        (lineage(job=None), "a run has a job"),
        (lineage(run={"runId": ""}), "must not be empty"),
        (b"[" + b",".join([lineage()] * 1001) + b"]", "at most 1000"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_broken_events_are_refused(body: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        openlineage.runs_of(body)


def results(version: int, *statuses: str, **changes: object) -> bytes:
    return json.dumps(
        {
            "metadata": {
                "dbt_schema_version": f"https://schemas.getdbt.com/dbt/run-results/v{version}.json",
                "dbt_version": "1.9.0",
                "generated_at": "2026-11-25T10:00:10.500000Z",
                "invocation_id": "b1",
                "env": {},
            },
            "results": [
                {
                    "status": status,
                    "timing": [{"name": "execute", "started_at": "2026-11-25T10:00:01Z", "completed_at": None}],
                    "thread_id": "Thread-1",
                    "execution_time": 1.5,
                    "adapter_response": {"rows_affected": 3},
                    "message": "SELECT 3",
                    "failures": None,
                    "unique_id": f"model.shop.m{number}",
                    "compiled": True,
                    "compiled_code": "select 1",
                    "relation_name": None,
                }
                for number, status in enumerate(statuses)
            ],
            "elapsed_time": 9.5,
            "args": {"which": "build"},
            **changes,
        }
    ).encode()


@pytest.mark.parametrize("version", [4, 5, 6])
def test_results_of_dbt_are_one_run(version: int) -> None:
    good = dbt.run_of(results(version, "success", "pass", "warn", "skipped"))
    assert (good.pipeline, good.run_id, good.status, good.duration_ms) == ("shop", "b1", RunStatus.SUCCESS, 9500.0)
    assert (good.ended_at_ms, good.started_at_ms) == (1_795_600_810_500, 1_795_600_801_000)
    assert good.database_ms == 6000.0
    bad = dbt.run_of(results(version, "success", "error", "fail"), "nightly")
    assert (bad.pipeline, bad.status) == ("nightly", RunStatus.FAILED)
    assert bad.told == "1 error, 1 fail, 1 success; failed: model.shop.m1, model.shop.m2"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (results(3, "success"), "schemas v4 to v6"),
        (results(7, "success"), "schemas v4 to v6"),
        (results(6, "exploded"), "status 'exploded'"),
        (b"{}", "no run_results.json"),
        (results(6, elapsed_time="long"), "no run_results.json"),
        (results(6, results={}), "no run_results.json"),
    ],
)
def test_what_is_no_result_of_dbt_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        dbt.run_of(data)


def test_both_forms_of_one_end_are_one_run() -> None:
    runs = StatsdRuns()
    packet = (
        b"airflow.dagrun.duration.success.load:1500.25|ms\n"
        b"airflow.dagrun.duration.success:1500.25|ms|#dag_id:load,run_type:scheduled\n"
        b"airflow.dagrun.duration.failed,dag_id=export:20|ms\n"
        b"airflow.ti.finish.load.task.success:1|c\nnonsense\nairflow.x:y|ms\n"
    )
    found = runs.take(packet, 10_000)
    assert [(run.pipeline, run.status, run.duration_ms) for run in found] == [
        ("load", RunStatus.SUCCESS, 1500.25),
        ("export", RunStatus.FAILED, 20.0),
    ]
    assert (runs.lines_count, runs.broken_count, runs.runs_count) == (6, 2, 2)
    assert runs.take(packet.split(b"\n")[0], 11_000) == []
    [later] = runs.take(packet.split(b"\n")[0], 99_000)
    assert later.run_id != found[0].run_id


def test_packets_come_over_a_socket() -> None:
    kept: list[PipelineRun] = []
    came = threading.Event()

    def keep(runs: list[PipelineRun]) -> None:
        kept.extend(runs)
        came.set()

    listener = StatsdListener("127.0.0.1:0", keep, lambda: 5_000)
    host, port = listener.address
    with pytest.raises(ServerUnreachable, match="could not listen"):
        StatsdListener(f"127.0.0.1:{port}", keep, lambda: 0)
    listener.start()
    client = statsd.StatsClient("127.0.0.1", port, prefix="airflow")  # the one that Airflow uses
    for _ in range(100):
        client.timing("dagrun.duration.failed.export", 1500.5)
        if came.wait(0.2):
            break
    client.close()
    assert (kept[0].pipeline, kept[0].status, kept[0].duration_ms) == ("export", RunStatus.FAILED, 1500.5)
    came.clear()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(100):
            sender.sendto(b"airflow.dagrun.duration.success.load:2500|ms", (host, port))
            if came.wait(0.2):
                break
    listener.stop()
    assert (kept[-1].pipeline, kept[-1].started_at_ms, kept[-1].ended_at_ms) == ("load", 2_500, 5_000)
