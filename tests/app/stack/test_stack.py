"""A nested configuration: read with all that is wrong at once, set up once, told what is other the next time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from trimtab import CPUMetric, DataSystemMonitoringStack, ErrorRateMetric, LatencyMetric, NetworkIOMetric
from trimtab.analyze.rules.rule_files import groups_of
from trimtab.analyze.rules.unit_report import run_files
from trimtab.analyze.rules.unit_tests import Ways
from trimtab.analyze.slo.queries import asked_of
from trimtab.analyze.slo.reading import objectives_in
from trimtab.app.packs.pack import pack_of
from trimtab.app.packs.settings import PacksPolicy
from trimtab.app.packs.shelf import Shelf
from trimtab.app.stack.answers import StackReport
from trimtab.app.stack.kinds import KINDS, SEED
from trimtab.app.stack.making import alert_of, objective_of, rendered_stack
from trimtab.app.stack.reading import read_config, seed_config
from trimtab.app.stack.reasons import Surroundings, SystemNow, reason_of
from trimtab.app.stack.rows import Answer
from trimtab.app.stack.stack import Around, Kept, Stack
from trimtab.model.errors import InputError
from trimtab.model.objectives import SLICE_MS, EventsSli
from trimtab.sdk.data_system_monitoring_stack import plain_config
from trimtab.store.state import State

SHOP = Surroundings([SystemNow("shop", is_read=True)])


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack whose questions find one series of 7, but for those about costs, which fail."""

    def ask(queries: Sequence[str]) -> list[Answer]:
        return ["the store is busy" if "cost" in query else [({"instance": "a"}, 7.0)] for query in queries]

    with State.open(tmp_path / "state.db") as state:
        shelf = Shelf(tmp_path / "packs", state, PacksPolicy)
        yield Stack(
            Around(
                state,
                shelf,
                ask,
                lambda: {"HostCpuBusy": "firing"},
                lambda _config, _is_new: [],
                lambda _config: SHOP,
                lambda: 1000,
            )
        )


def names(report: StackReport) -> list[str]:
    """Files that are in force would be of these."""
    return [part.part for part in report.parts]


def test_the_seeds_table_is_read_whole_and_each_has_rule_and_objective() -> None:
    config = read_config(seed_config())
    assert {metric.name: metric.kind.name for metric in config.metrics} == {
        name: kind for section in SEED.values() for name, kind in section.items()
    }
    made = rendered_stack(config)
    [group] = groups_of(made.rules, "stack")
    recorded = {dict(rule.labels)["metric"] for rule in group.rules if not rule.is_alert}
    alerts = {rule.name for rule in group.rules if rule.is_alert}
    assert recorded == {metric.name for metric in config.metrics}
    assert alerts == {alert_of(metric) for metric in config.metrics if not metric.kind.pack}
    objectives = {one.name: one for one in objectives_in(made.objectives, "stack")}
    assert sorted(objectives) == [
        "stack-data-freshness",
        "stack-data-quality-score",
        "stack-error-rate",
        "stack-pipeline-success-rate",
        "stack-processing-cost",
        "stack-query-latency",
        "stack-throughput",
        "stack-user-satisfaction",
    ]
    assert objectives["stack-error-rate"].target == 0.999
    of_packs = {one.name for one in objectives_in(pack_of("host").objectives_text, "host")}
    assert all(objective_of(metric) in {*objectives, *of_packs} for metric in config.metrics), "each has its own"
    wakes = {name: {rule.severity for rule in one.burn_rules} for name, one in objectives.items()}
    assert wakes["stack-query-latency"] == {"page", "ticket"}
    assert wakes["stack-error-rate"] == {"page", "ticket"}
    assert {name for name, severities in wakes.items() if severities == {"ticket"}} == {
        "stack-data-freshness",
        "stack-data-quality-score",
        "stack-pipeline-success-rate",
        "stack-processing-cost",
        "stack-throughput",
        "stack-user-satisfaction",
    }, "nobody is woken for one run in a night, a server without load, what people answered last week"
    of_pipelines = objectives_in(pack_of("pipeline").objectives_text, "pipeline")
    assert {rule.severity for one in of_pipelines for rule in one.burn_rules} == {"ticket"}
    urgent = {"business_metrics": {"user_satisfaction": {"severity": "critical"}, "processing_cost": {}}}
    found = {one.name: one for one in objectives_in(rendered_stack(read_config(urgent)).objectives, "stack")}
    assert "page" in {rule.severity for rule in found["stack-user-satisfaction"].burn_rules}
    calm = read_config({"business_metrics": {"processing_cost": {"budget_threshold": False}}})
    assert rendered_stack(calm).objectives == "", "nothing was promised"


def test_what_it_made_alerts_as_it_says(tmp_path: Path) -> None:
    """Below and above each threshold, by unit tests of the rules that were made."""
    said = {"for": "0s", **{section: seed_config()[section] for section in ("application_metrics", "business_metrics")}}
    (tmp_path / "rules.yml").write_text(rendered_stack(read_config(said)).rules)
    cases = {
        "throughput": ("pg_stat_statements_calls_total", "0+66000x10 660000+30000x20"),
        "data_freshness": ("data_freshness_seconds", "299x10 301x20"),
        "pipeline_success_rate": ("pipeline_success_rate", "1x10 0.99x20"),
        "data_quality_score": ("data_quality_score", "0.96x10 0.95x20"),
        "processing_cost": ("processing_cost_forecast_budget_ratio", "1x10 1.01x20"),
        "user_satisfaction": ("user_satisfaction_ratio", "0.91x10 0.9x20"),
    }
    lines = ["rule_files: [rules.yml]", "evaluation_interval: 1m", "tests:"]
    for name, (series, values) in cases.items():
        alert = alert_of(next(one for one in read_config(said).metrics if one.name == name))
        lines += [
            "  - interval: 1m",
            f"    input_series: [{{series: '{series}{{instance=\"shop\"}}', values: '{values}'}}]",
            "    promql_expr_test:",
            f"      - {{expr: 'ALERTS{{alertname=\"{alert}\"}}', eval_time: 8m, exp_samples: []}}",
            f'      - expr: count(ALERTS{{alertname="{alert}",alertstate="firing"}})',
            "        eval_time: 20m",
            "        exp_samples: [{value: 1}]",
        ]
    tests = tmp_path / "tests.yml"
    tests.write_text("\n".join(lines))
    [report] = run_files([(str(tests), tests.read_text())], Ways(), takes_either=False)
    assert not report.error
    assert not report.failures


def test_everything_wrong_is_named_with_the_value_seen() -> None:
    said = {
        "infrastructure_metrics": {
            "cpu_usage": {"threshold": 180, "treshold": 3},
            "disk_io": 90,
            "network_io": {"link_speed_bytes": -1},
            "storage_usage": {"query": "up"},
        },
        "application_metrics": {
            "query_latency": {"slo": "p95 < 500"},
            "throughput": {"slo": 1000},
            "error_rate": {"slo": "< 0.1%", "severity": "loud"},
            "mine": {"type": "LatencyMetrik"},
            "other": {"type": "CPUMetric"},
        },
        "business_metrics": {"processing_cost": {"budget_threshold": "yes"}, "user_satisfaction": {"target": "> 6/5"}},
        "window": "soon",
        "intervall": "5m",
    }
    with pytest.raises(InputError) as error:
        read_config(said)
    told = error.value.facts["problems"]
    assert isinstance(told, tuple)
    assert told == (
        "intervall: there is no such field (did you mean interval?)",
        "infrastructure_metrics.cpu_usage.treshold: CPUMetric has no such field (did you mean threshold?)",
        "infrastructure_metrics.cpu_usage.threshold: it is a number of percent from 1 to 100, found 180",
        "infrastructure_metrics.disk_io: it is a metric such as {threshold: 80}, found 90",
        "infrastructure_metrics.network_io.link_speed_bytes: must be from 0 to 1000000000000 bytes/s, found '-1'",
        "infrastructure_metrics.storage_usage.query: StorageMetric is measured by the pack host: it has no query of"
        " its own",
        "application_metrics.query_latency.slo: 'p95 < 500': a quantile is compared with a time, such as 'p95 < 500ms'",
        "application_metrics.throughput.slo: it is a text such as '> 1000 rps', found 1000",
        "application_metrics.error_rate.severity: it is one of info, warning, critical, found 'loud'",
        "application_metrics.mine.type: there is no 'LatencyMetrik' (did you mean LatencyMetric?)",
        "application_metrics.other.type: CPUMetric belongs to infrastructure_metrics",
        "business_metrics.processing_cost.budget_threshold: it is true or false, found 'yes'",
        "business_metrics.user_satisfaction.target: '> 6/5': 6 of 5 is more than there is",
        "window: it is a duration such as 5m or 15s, found 'soon'",
    )


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"application_metrics": {"throughput": {"slo": "< 5 minutes"}}}, "compared as in '> 1000 rps'"),
        ({"application_metrics": {"query_latency": {"slo": "< 500ms"}}}, "a quantile stands in latency alone"),
        ({"application_metrics": {"throughput": {"query": "sum("}}}, "throughput.query: "),
        ({"application_metrics": {"1st": {}}}, "a name has a-z"),
        ({"application_metrics": []}, "it has metrics by their names, found a list"),
        ({"window": "5m"}, "nothing is to be set up"),
        ({"application_metrics": {"throughput": {"description": "a {{ b"}}}, "it is no template"),
        ({"application_metrics": {"throughput": {}}, "objective_window": "1s"}, "a duration from 5m to 366d"),
        ({"application_metrics": {"throughput": {}}, "interval": "0s"}, "interval: it is from 1s to 30d, found '0s'"),
        ({"application_metrics": {"throughput": {}}, "window": "0"}, "window: it is from 1s to 30d, found '0'"),
        ({"infrastructure_metrics": {}}, "infrastructure_metrics: nothing is to be set up: it has no metric"),
        ({"application_metrics": {"query_latency": {"slo": "p95 > 500ms"}}}, "LatencyMetric is good below a limit"),
        ({"business_metrics": {"data_quality_score": {"slo": "< 95%"}}}, "QualityMetric is good above a limit"),
    ],
)
def test_what_cannot_be_says_why(said: dict[str, object], reason: str) -> None:
    with pytest.raises(InputError) as error:
        read_config(said)
    assert reason in error.value.message


def test_objects_and_plain_values_are_the_same() -> None:
    objects = {
        "infrastructure_metrics": {"cpu_usage": CPUMetric(threshold=80)},
        "application_metrics": {
            "query_latency": LatencyMetric(slo="p95 < 500ms"),
            "error_rate": ErrorRateMetric(slo="< 0.1%"),
        },
    }
    plain = {
        "infrastructure_metrics": {"cpu_usage": {"threshold": 80}},
        "application_metrics": {"query_latency": {"slo": "p95 < 500ms"}, "error_rate": {"slo": "< 0.1%"}},
    }
    first, second = read_config(plain_config(objects)), read_config(plain_config(plain))
    assert first.metrics == second.metrics
    assert [one.name for one in read_config(plain_config({})).metrics] == [
        name for section in SEED.values() for name in section
    ]
    assert len(KINDS) == 13


def test_a_second_time_changes_nothing_and_says_so(stack: Stack, tmp_path: Path) -> None:
    said = plain_config({"infrastructure_metrics": {"cpu_usage": CPUMetric(threshold=70)}, "for": "1m"})
    dry = stack.setup("me", said, dry_run=True)
    assert (dry.is_changed, dry.changes) == (
        False,
        ["cpu_usage: new, threshold 70", "for: none → 1m", "pack host: on"],
    )
    assert stack.now() is None
    assert not (tmp_path / "packs").exists()
    first = stack.setup("me", said)
    assert first.is_changed
    assert first.metrics[0].alert_state == "firing"
    rules = (tmp_path / "packs" / "host.rules.yml").read_text()
    assert "instance:node_cpu_busy:percent > 70" in rules
    assert (tmp_path / "packs" / "stack.rules.yml").exists()
    again = stack.setup("me", said)
    assert (again.is_changed, again.changes) == (False, [])
    assert again.said.startswith("nothing changed: 1 of 1 metrics have data")


def test_what_is_other_is_told_and_what_is_gone_is_taken_back(stack: Stack, tmp_path: Path) -> None:
    stack.setup("me", plain_config({}))
    network = NetworkIOMetric(threshold=75, link_speed_bytes=1e7, devices_left_out="docker.*", wait="10s")
    changed = stack.setup(
        "me",
        plain_config(
            {
                "infrastructure_metrics": {"network_io": network},
                "application_metrics": {"throughput": {"slo": "> 10 rps"}},
                "window": "1m",
            }
        ),
    )
    assert changed.is_changed
    assert "throughput: slo > 1000 rps → slo > 10 rps" in changed.changes
    assert "network_io: other options" in changed.changes
    assert "cpu_usage: not monitored any more" in changed.changes
    assert "window: 5m → 1m" in changed.changes
    rules = (tmp_path / "packs" / "host.rules.yml").read_text()
    assert "instance:node_cpu_busy:percent > 80" in rules, "what was set for it is the pack's own again"
    assert '0 * node_network_receive_bytes_total{device!~"docker.*"} + 10000000 > 0' in rules
    assert "[5m]" not in rules
    [group] = groups_of(rules, "host")
    assert {rule.name: rule.for_ms for rule in group.rules}["HostNetworkBusy"] == 10_000
    assert "cpu_usage" not in (tmp_path / "packs" / "stack.rules.yml").read_text()
    assert stack.remove("me")
    assert not stack.remove("me")
    assert not (tmp_path / "packs" / "stack.rules.yml").exists()


def test_what_a_newer_version_cannot_read_stays_in_force(stack: Stack, tmp_path: Path) -> None:
    stack.setup("me", plain_config({"application_metrics": {"throughput": {"slo": "> 10 rps"}}}))
    with State.open(tmp_path / "other.db") as state:
        old = Kept({"application_metrics": {"gone": {"type": "OldMetric"}}}, "me", 1, "groups: []\n", "")
        state.set_meta("stack", msgspec.json.encode(old).decode())
        shelf = Shelf(tmp_path / "others", state, PacksPolicy)
        other = Stack(
            Around(
                state,
                shelf,
                lambda queries: [[] for _ in queries],
                dict,
                lambda _config, _is_new: [],
                lambda _config: SHOP,
                lambda: 1000,
            )
        )
        assert [Path(path).name for path in shelf.rule_files()] == ["stack.rules.yml"]
        assert other.setup("me", {"application_metrics": {"throughput": {}}}, dry_run=True).changes == [
            "throughput: new, slo > 1000 rps"
        ]


def test_what_has_no_data_says_what_it_needs(stack: Stack) -> None:
    report = stack.setup("me", plain_config({"business_metrics": {"processing_cost": {}, "data_quality_score": {}}}))
    why = {metric.name: (metric.value, metric.why) for metric in report.metrics}
    assert why == {"processing_cost": (None, "the store is busy"), "data_quality_score": (7.0, "")}
    assert names(report) == ["rules and objectives"]


def test_an_alert_without_data_cannot_fire_and_the_reason_looks_at_what_is_watched(tmp_path: Path) -> None:
    with State.open(tmp_path / "state.db") as state:
        shelf = Shelf(tmp_path / "packs", state, PacksPolicy)
        around = Around(
            state,
            shelf,
            lambda queries: [[] for _ in queries],
            dict,
            lambda _config, _is_new: [],
            lambda _config: SHOP,
            lambda: 1000,
        )
        report = Stack(around).setup("me", plain_config({"system": "shop"}))
    rows = {row.name: row for row in report.metrics}
    assert {row.alert_state for row in report.metrics} == {"cannot fire"}
    assert rows["throughput"].why == "no data: shop is watched; no statement ran in the last 5m"
    assert rows["error_rate"].why == "no data: shop is watched; no transaction ended in the last 5m"
    assert "no link of it tells its speed" in rows["network_io"].why
    assert rows["processing_cost"].why == "no data: needs a price list and a budget ([business] files)"


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (SystemNow("shop", is_read=False), "shop is watched; its first look is under way"),
        (SystemNow("shop", True, "connection refused"), "shop is watched, and cannot be read: connection refused"),
        (
            SystemNow("shop", True, "", {"pg_stat_statements": "is not created"}),
            "shop is watched, and its statements cannot be read: is not created",
        ),
    ],
)
def test_a_watched_system_says_itself_why_it_tells_nothing(now: SystemNow, said: str) -> None:
    config = read_config({"application_metrics": {"throughput": {}}, "system": "shop"})
    assert reason_of(config.metrics[0], config, Surroundings([now])) == f"no data: {said}"


def test_a_probe_that_was_measured_and_is_no_series_yet_is_not_said_to_have_no_value() -> None:
    config = read_config({"application_metrics": {"data_freshness": {}}})
    one = {"freshness": 1}
    assert "1 probe measures it, and it has no value now" in reason_of(
        config.metrics[0], config, Surroundings((), "", one)
    )
    assert "measured a moment ago" in reason_of(config.metrics[0], config, Surroundings((), "", one, one))


def test_a_system_that_is_not_watched_is_refused_with_those_that_are(stack: Stack) -> None:
    said = plain_config({"application_metrics": {"throughput": {}}, "system": "nosuch"})
    for dry_run in (True, False):
        with pytest.raises(InputError, match="system: 'nosuch' is not watched; watched: shop"):
            stack.setup("me", said, dry_run=dry_run)
    assert stack.now() is None


def test_a_metric_that_cannot_be_is_refused_when_it_is_written() -> None:
    with pytest.raises(InputError, match=r"CPUMetric.threshold: it is a number of percent from 1 to 100, found 'x'"):
        CPUMetric(threshold="x")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"LatencyMetric.slo: 'fast' is none of the short forms"):
        LatencyMetric(slo="fast")


@pytest.mark.parametrize("said", [None, {}, [], "shop"])
def test_nothing_to_set_up_is_an_error(said: object) -> None:
    with pytest.raises(InputError, match="system_config: it names metrics in infrastructure_metrics"):
        DataSystemMonitoringStack("http://127.0.0.1:1").setup_monitoring(said)  # type: ignore[arg-type]


def test_who_did_not_answer_is_not_known_and_one_word_says_that_nothing_is_wrong(stack: Stack) -> None:
    free = {"type": "CostMetric", "budget_threshold": False}
    report = stack.setup(
        "me", {"business_metrics": {"processing_cost": {}, "data_quality_score": {}, "cost_too": free}}
    )
    assert {row.name: row.alert_state for row in report.metrics} == {
        "processing_cost": "not known",
        "data_quality_score": "quiet",
        "cost_too": "",
    }


def test_a_query_of_ones_own_says_what_it_did_not_find() -> None:
    mine = {"type": "LatencyMetric", "slo": "p99 < 2s", "query": "nosuch_series"}
    config = read_config({"application_metrics": {"checkout_latency": mine}, "system": "shop"})
    assert reason_of(config.metrics[0], config, SHOP) == "no data: the query found no series: nosuch_series"


def test_the_status_shows_what_is_in_force(tmp_path: Path) -> None:
    with State.open(tmp_path / "state.db") as state:
        shelf = Shelf(tmp_path / "packs", state, PacksPolicy)
        around = Around(
            state,
            shelf,
            lambda queries: [[({}, 7.0)] for _ in queries],
            dict,
            lambda _config, _is_new: [],
            lambda _config: SHOP,
            lambda: 1000,
        )
        stack = Stack(around)
        said = {"infrastructure_metrics": {"cpu_usage": {"threshold": 80}}}
        dry = stack.setup("me", said, dry_run=True)
        assert (dry.metrics[0].alert_state, dry.parts[0].detail) == ("quiet", "would be on with cpu_percent=80")
        assert stack.setup("me", said).parts[0].detail == "on with cpu_percent=80"
        shelf.choose("host", False, {})
        off = stack.now()
        assert off is not None
        assert (off.metrics[0].alert_state, off.metrics[0].objective) == ("cannot fire", "")
        assert off.metrics[0].why == "pack host is off: trimtab packs enable host"
        assert not off.parts[0].is_set_up
        assert off.parts[0].detail.startswith("off, so none of its alerts can fire; set up was cpu_percent=80")
        shelf.choose("host", True, {"cpu_percent": "90"})
        other = stack.now()
        assert other is not None
        row = other.metrics[0]
        assert (row.wish, row.wish_set_up, row.alert_state, row.why) == (90.0, 80.0, "quiet", "")
        shelf.choose("host", None, {"cpu_percent": "5"})
        broken = stack.now()
        assert broken is not None
        assert "out of bounds now: the alert begins at the next look of its rule" in broken.metrics[0].why
        shelf.choose("host", None, {"cpu_percent": "90"})
        assert other.parts[0].detail == "on with cpu_percent=90; cpu_percent was set up as 80"


def test_alerts_tell_values_in_the_unit_of_the_wish_and_leave_out_what_trimtab_cut_off(tmp_path: Path) -> None:
    """And without the series of what was cut off the error rate is that of all."""
    said = {"for": "0s", **{section: seed_config()[section] for section in ("application_metrics", "business_metrics")}}
    (tmp_path / "rules.yml").write_text(rendered_stack(read_config(said)).rules)
    committed = "{series: 'pg_stat_database_xact_commit{instance=\"shop\"}', values: '0+590x20'}"
    rolled_back = "{series: 'pg_stat_database_xact_rollback{instance=\"shop\"}', values: '0+10x20'}"
    own = "{series: 'trimtab_postgres_own_rollbacks_total{system=\"shop\"}', values: '0+10x20'}"
    alert = "{exp_labels: {severity: warning%s}, exp_annotations: {summary: '%s', %s}}"
    lines = ["rule_files: [rules.yml]", "evaluation_interval: 1m", "tests:"]
    cases = (
        (
            "user_satisfaction_ratio{}",
            "0.8667x20",
            "UserSatisfaction",
            "user_satisfaction is 4.33 of 5, wanted is > 4.5/5",
        ),
        ("data_freshness_seconds{}", "955.9x20", "DataFreshness", "data_freshness is 15m 55s, wanted is < 5 minutes"),
        ("data_quality_score{}", "0.8x20", "DataQualityScore", "data_quality_score is 80%, wanted is > 95%"),
    )
    metrics = {one.name: one for one in read_config(said).metrics}
    for series, values, name, summary in cases:
        metric = next(one for one in metrics.values() if alert_of(one).startswith(name))
        runbook = msgspec.json.encode(metric.kind.runbook).decode()
        more = f"description: '{metric.name}: {metric.kind.title}.', runbook: {runbook}"
        labels = f", metric: {metric.name}, section: {metric.kind.section}, unit: {metric.kind.unit}"
        fires = alert % (labels, summary, more)
        lines += [
            "  - interval: 1m",
            f"    input_series: [{{series: '{series}', values: '{values}'}}]",
            "    alert_rule_test:",
            f"      - {{eval_time: 5m, alertname: {alert_of(metric)}, exp_alerts: [{fires}]}}",
        ]
    for more_series, rate in ((f", {own}", 0.0), ("", 10 / 600)):
        lines += [
            "  - interval: 1m",
            f"    input_series: [{committed}, {rolled_back}{more_series}]",
            "    promql_expr_test:",
            '      - expr: sum(stack_metric{metric="error_rate"})',
            "        eval_time: 10m",
            f"        exp_samples: [{{value: {rate}}}]",
        ]
    sli = next(
        one.sli for one in objectives_in(rendered_stack(read_config(said)).objectives, "stack") if "error" in one.name
    )
    assert isinstance(sli, EventsSli)
    earlier = own.replace("0+10x20", "0x10 10x10")
    once = rolled_back.replace("0+10x20", "0x11 10x10")
    for series, bad in ((f"{once}, {earlier}", 0), (once, 10)):
        lines += [
            "  - interval: 30s",
            f"    input_series: [{committed}, {series}]",
            "    promql_expr_test:",
            f"      - expr: {json.dumps(asked_of(sli, SLICE_MS).bad)}",
            "        eval_time: 6m",
            f"        exp_samples: [{{value: {bad}}}]",
        ]
    tests = tmp_path / "tests.yml"
    tests.write_text("\n".join(lines))
    [report] = run_files([(str(tests), tests.read_text())], Ways(), takes_either=False)
    assert not report.error
    assert not report.failures
