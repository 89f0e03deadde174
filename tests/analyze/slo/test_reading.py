"""Files of objectives: every form as it is, bad ones refused with line, column and reason."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from trimtab.analyze.slo.document import ObjectivesRefused
from trimtab.analyze.slo.quantities import duration_ms, short_form
from trimtab.analyze.slo.queries import asked_of
from trimtab.analyze.slo.reading import objectives_in, objectives_of_file
from trimtab.analyze.slo.wishes import seed_meant
from trimtab.model.objective_window import CalendarUnit
from trimtab.model.objectives import Comparison, DurationsSli, EventsSli, LatencySli, Objective, SliKind, TimeSliceSli
from trimtab.store.promql.parse import parse

SHARED = Path(__file__).parents[4] / "shared/data"
BAD = Path(__file__).parent / "bad"
MINUTE_MS = 60_000

REASONS = {
    "unknown_key": "line 3, column 5: unknown key 'targte' in objectives[0] (did you mean target?)",
    "query": "line 5, column 12: bad: 1:27: parse error: unclosed left bracket",
    "twice": "line 3, column 1: the name 'shop' stands in line 2 already",
    "no_yaml": "line 3, column 4: this is no YAML:",
    "zone": "line 4, column 37: there is no time zone 'Europe/Atlantis'; it is named as in 'Europe/Berlin'",
    "percent": "line 3, column 13: target: 99.9 is no share: write '99.9%' or 0.999",
    "sloth_plugin": "line 7, column 20: the SLI plug-in 'somebody/else' is a program of Sloth, which is not run here;",
    "openslo_slices": "line 14, column 7: timeSliceTarget is missing: budgetingMethod Timeslices needs it",
    "form": "line 1, column 1: this is none of the forms that are known: objectives: (trimtab),",
}


def only(text: str) -> Objective:
    """The one objective of our own form."""
    (found,) = objectives_in("objectives:\n" + textwrap.indent(textwrap.dedent(text), "  "), "a.yml")
    return found


@pytest.mark.parametrize("name", sorted(REASONS))
def test_a_bad_file_is_refused_with_its_place(name: str) -> None:
    path = BAD / f"{name}.bad.yml"
    with pytest.raises(ObjectivesRefused) as refused:
        objectives_of_file(path)
    said = f"{path}, {REASONS[name]}"
    assert any(line.startswith(said) for line in refused.value.message.split("\n")), refused.value.message
    assert refused.value.facts["line"]


def test_every_bad_file_has_its_reason() -> None:
    assert {path.name.removesuffix(".bad.yml") for path in BAD.iterdir()} == set(REASONS)


@pytest.mark.parametrize("form", ["openslo", "sloth"])
def test_files_of_others_are_read_as_they_are(form: str) -> None:
    files = sorted((SHARED / form).glob("*.y*ml"))
    if not files:
        pytest.skip(f"{SHARED / form} is not there")
    for path in files:
        found = objectives_of_file(path)
        assert found, path
        for one in found:
            assert 0 < one.target < 1
            assert one.line > 1
            if any("MetricsQL" in notice for notice in one.notices):
                continue
            for query in asked_of(one.sli, MINUTE_MS).queries:
                parse(query)


def test_sloth_s_alerts_carry_their_labels() -> None:
    text = """
    version: prometheus/v1
    service: web
    labels: {owner: me}
    slos:
      - name: availability
        objective: 99.9
        sli: {events: {error_query: "sum(rate(e[{{.window}}]))", total_query: "sum(rate(t[{{.window}}]))"}}
        alerting:
          name: High
          labels: {category: availability}
          page_alert: {labels: {severity: critical}}
          ticket_alert: {disable: true}
    """
    (one,) = objectives_in(textwrap.dedent(text), "sloth.yml")
    assert (one.name, one.alert_name, one.labels) == ("web-availability", "High", (("owner", "me"),))
    assert [rule.name for rule in one.burn_rules] == ["page-quick", "page-slow"]
    assert one.burn_rules[0].labels == (("category", "availability"), ("severity", "critical"))
    assert isinstance(one.sli, EventsSli)
    assert one.sli.scale == 60


def test_openslo_s_references_and_conditions() -> None:
    text = """
    apiVersion: openslo/v1
    kind: SLO
    metadata: {name: web, displayName: The web}
    spec:
      service: web
      indicatorRef: good-answers
      budgetingMethod: Occurrences
      timeWindow: [{duration: 1M, isRolling: false, calendar: {startTime: 2022-01-01 12:00:00, timeZone: Europe/Rome}}]
      objectives: [{target: 0.99}]
      alertPolicies: [fast]
    ---
    apiVersion: openslo/v1
    kind: SLI
    metadata: {name: good-answers}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: prometheus, spec: {query: 'good_total'}}}
        total: {metricSource: {type: prometheus, spec: {query: 'all_total'}}}
    ---
    apiVersion: openslo/v1
    kind: AlertPolicy
    metadata: {name: fast}
    spec: {conditions: [{conditionRef: burn}]}
    ---
    apiVersion: openslo/v1
    kind: AlertCondition
    metadata: {name: burn}
    spec:
      severity: page
      condition: {kind: burnrate, op: gte, threshold: 14.4, lookbackWindow: 1h, alertAfter: 5m}
    """
    (one,) = objectives_in(textwrap.dedent(text), "openslo.yml")
    assert (one.window.unit, one.window.zone, one.window.starts_at) == (
        CalendarUnit.MONTH,
        "Europe/Rome",
        "2022-01-01T12:00:00",
    )
    (rule,) = one.burn_rules
    assert (rule.factor, rule.long_ms, rule.short_ms, rule.for_ms) == (14.4, 3_600_000, 3_600_000, 300_000)
    assert asked_of(one.sli, MINUTE_MS).good == "sum(increase(good_total[1m] anchored))"


@pytest.mark.parametrize(
    ("source", "slo", "expected", "target"),
    [
        ("latency: query_seconds", "p95 < 500ms", (Comparison.BELOW, 0.5, "s", SliKind.LATENCY), 0.99),
        ("throughput: done_total", "> 1000 rps", (Comparison.ABOVE, 1000, "/s", SliKind.THROUGHPUT), 0.99),
        ("throughput: {counter: done_total}", "> 1000 rps", (Comparison.ABOVE, 1000, "/s", SliKind.THROUGHPUT), 0.99),
        ("freshness: {timestamp: t}", "< 5 minutes", (Comparison.BELOW, 300, "s", SliKind.FRESHNESS), 0.99),
        ("threshold: {query: q}", "> 95%", (Comparison.ABOVE, 0.95, "ratio", SliKind.THRESHOLD), 0.99),
        ("events: {bad: e, total: t}", "< 0.1%", None, 0.999),
        ("freshness: last_update", "< 5 minutes", (Comparison.BELOW, 300, "s", SliKind.FRESHNESS), 0.99),
        ("events: {good: g, total: t}", "> 99.9%", None, 0.999),
        ("threshold: data_quality", "> 95%", (Comparison.ABOVE, 0.95, "ratio", SliKind.THRESHOLD), 0.99),
        ("threshold: satisfaction", "> 4.5/5", (Comparison.ABOVE, 4.5, "of 5", SliKind.THRESHOLD), 0.99),
    ],
)
def test_the_seed_s_short_forms(
    source: str, slo: str, expected: tuple[Comparison, float, str, SliKind] | None, target: float
) -> None:
    found = only(f'- {{name: it, {source}, slo: "{slo}"}}')
    assert found.target == target
    if expected is None:
        assert isinstance(found.sli, EventsSli)
    else:
        assert isinstance(found.sli, TimeSliceSli)
        assert (found.sli.comparison, found.sli.threshold, found.sli.unit, found.sli.kind) == expected


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("throughput: {counter: c, above: 5 rps}, slo: '> 9 rps'", "throughput has its threshold twice: in above and"),
        ("latency: {histogram: h, below: 1s}, target: 99%, slo: 'p95 < 500ms'", "the share of good events is target"),
        ("events: {bad: e, total: t}, target: 99%, slo: '< 0.1%'", "target is 0.99, and slo says 0.999"),
    ],
)
def test_a_short_form_that_would_not_count_is_refused(wrong: str, told: str) -> None:
    with pytest.raises(ObjectivesRefused, match=told):
        only(f"- {{name: it, {wrong}}}")


def test_the_seed_s_four_definitions_mean_what_mission_says() -> None:
    up = seed_meant("a", 'sum(up{job="data-service"}) / count(up{job="data-service"})', 0.999)
    assert isinstance(up.sli, EventsSli)
    assert (up.target, up.sli.kind) == (0.999, SliKind.AVAILABILITY)
    latency = seed_meant("b", "histogram_quantile(0.99, query_duration_seconds)", 0.5)
    assert isinstance(latency.sli, TimeSliceSli)
    assert latency.sli.query.startswith(
        "histogram_quantile(0.99, sum by (le) (rate(query_duration_seconds_bucket[5m]))) or"
    )
    assert (latency.sli.comparison, latency.target) == (Comparison.BELOW, 0.99)
    assert "was read as" in latency.notices[0]
    fresh = seed_meant("c", "time() - max(last_update_timestamp)", 300)
    assert isinstance(fresh.sli, TimeSliceSli)
    assert (fresh.sli.comparison, fresh.sli.threshold, fresh.sli.kind) == (Comparison.BELOW, 300, SliKind.FRESHNESS)
    done = seed_meant("d", "rate(records_processed_total[5m])", 1000)
    assert isinstance(done.sli, TimeSliceSli)
    assert (done.sli.comparison, done.sli.kind) == (Comparison.ABOVE, SliKind.THROUGHPUT)
    with pytest.raises(ValueError, match="it cannot be seen from the query which way is better"):
        seed_meant("e", "queue_length", 5)


def test_latency_has_three_sources() -> None:
    assert only("- {name: a, target: 99%, latency: {histogram: h, below: 500ms}}").sli == LatencySli("h", 0.5)
    spans = only("- {name: a, target: 99%, latency: {spans: {service: web, operation: GET /}, below: 1s}}").sli
    assert spans == DurationsSli("spans", 1000.0, service="web", operation="GET /")
    rows = only("- {name: a, target: 99%, latency: {executions: {system: db, fingerprint: ab}, below: 50ms}}").sli
    assert rows == DurationsSli("executions", 50.0, system="db", fingerprint="ab")


def test_windows_and_burn_rules() -> None:
    one = only(
        """
        - name: a
          target: 99%
          window: {calendar: month, zone: Europe/Berlin}
          availability: up
          burn_rules:
            - {long: 1h, factor: 14.4, for: 2m}
            - {name: slow, severity: ticket, long: 3d, short: 6h, budget: 10%}
          exclusions: [{from: 2026-01-01 08:00, to: "2026-01-01T10:00:00+01:00", reason: move}]
        """
    )
    assert (one.window.unit, one.window.zone, one.window.length_ms) == (
        CalendarUnit.MONTH,
        "Europe/Berlin",
        duration_ms("30d"),
    )
    fast, slow = one.burn_rules
    assert (fast.name, fast.short_ms, fast.for_ms, round(fast.budget_ratio, 4)) == ("rule-1", 300_000, 120_000, 0.02)
    assert (slow.factor, slow.severity) == (1.0, "ticket")
    assert one.exclusions[0].end_ms - one.exclusions[0].start_ms == 3_600_000
    assert only("- {name: a, target: 99%, availability: up, burn_rules: none}").burn_rules == ()
    assert len(only("- {name: a, target: 99%, availability: up, burn_rules: sloth}").burn_rules) == 4


def test_a_file_that_would_grow_is_refused() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(8)
    )
    with pytest.raises(ObjectivesRefused, match="more than 200000 values"):
        objectives_in(bomb, "bomb.yml")


@pytest.mark.parametrize("text", ["", "p95", "> ", "p95 > 3%", "< 5 parsecs", "> 6/5"])
def test_what_is_no_short_form_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"none of the short forms|no duration|quantile|more than there is"):
        short_form(text)


def test_a_burn_rule_that_cannot_fire_is_told() -> None:
    one = only("- {name: a, target: 90%, availability: up}")
    (told,) = one.notices
    assert told == "rule fast cannot fire: its limit is 14.4, and if everything is bad the burn rate is 10"
    assert only("- {name: a, target: 99%, availability: up}").notices == ()


def test_a_file_that_is_too_long_is_told_with_the_limit_alone() -> None:
    with pytest.raises(ObjectivesRefused, match="the file has more than 4000000 characters, which is the limit"):
        objectives_in("#" * 4_000_001, "long.yml")
