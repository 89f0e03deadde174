"""Scrapes of a target that says what a test wants: samples, relabelling, limits, and the end of series."""

from __future__ import annotations

import gzip
import math
import random
import struct
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import structlog

from tests.observe.metrics.fake_store import FakeStore
from tests.observe.metrics.wire import mutated
from trimtab.model.errors import ConfigError, InputError, ServerUnreachable
from trimtab.observe.otlp import BodyTooLong
from trimtab.observe.scrape.asking import Answer, ask, client_of
from trimtab.observe.scrape.config import Job, jobs_of, load
from trimtab.observe.scrape.exposition import read
from trimtab.observe.scrape.scraper import Scraper
from trimtab.observe.scrape.scraping import Scraping
from trimtab.observe.scrape.targets import Discovery, target_of
from trimtab.store.metrics.block import STALE_BITS
from trimtab.store.metrics.contract import Metadata
from trimtab.store.metrics.wire_cache import new_seed

NOW = 1_800_000_000_000
TEXT = """\
# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{method="get", path="/a b",} 10
requests_total{method="post",path="/\\"q\\\\"}  2.5e3\r
# TYPE load gauge
load 0.1
load_nan NaN
load_inf{} +Inf
load_long 3.141592653589793238462643
load_small 5e-324
load_sci -1.5E-5

   padded_metric{a="x}y"}   7 # not an exemplar but tolerated? no
"""


class Teller:
    """What the target says next."""

    def __init__(self) -> None:
        self.text = "up_to_date 1\n"
        self.content_type = "text/plain; version=0.0.4"
        self.error: Exception | None = None

    def __call__(self, target: object) -> Answer:
        if self.error is not None:
            raise self.error
        return Answer(bytearray(self.text.encode()), self.content_type)


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def teller() -> Teller:
    return Teller()


def job(**fields: object) -> Job:
    [found] = jobs_of({"scrape_configs": [{"job_name": "app", **fields}]}, Path())
    return found


def scraping(store: FakeStore, teller: Teller, **fields: object) -> Scraping:
    target = target_of(job(**fields), "host:1", {"zone": "a"})
    assert target is not None
    return Scraping(target, store, teller)


SHARED = {"job": "app", "instance": "host:1", "zone": "a"}


def is_stale(value: float) -> bool:
    return struct.pack("<d", value) == struct.pack("<Q", STALE_BITS)


def test_samples_labels_metadata_and_reports(store: FakeStore, teller: Teller) -> None:
    teller.text = TEXT.replace(" # not an exemplar but tolerated? no", "")
    one = scraping(store, teller)
    for step in range(2):
        one.scrape(NOW + step)
    assert one.health.is_up, one.health.error
    assert store.of("requests_total", method="get", path="/a b", **SHARED) == {NOW: 10.0, NOW + 1: 10.0}
    assert store.of("requests_total", method="post", path='/"q\\', **SHARED)[NOW] == 2500.0
    assert store.of("load", **SHARED)[NOW] == 0.1
    assert math.isnan(store.of("load_nan", **SHARED)[NOW])
    assert not is_stale(store.of("load_nan", **SHARED)[NOW])
    assert store.of("load_inf", **SHARED)[NOW] == math.inf
    assert store.of("load_long", **SHARED)[NOW] == math.pi
    assert store.of("load_small", **SHARED)[NOW] == 5e-324
    assert store.of("load_sci", **SHARED)[NOW] == -1.5e-5
    assert store.of("padded_metric", a="x}y", **SHARED)[NOW] == 7.0
    assert store.of("up", **SHARED) == {NOW: 1.0, NOW + 1: 1.0}
    assert store.of("scrape_samples_scraped", **SHARED)[NOW] == 9
    assert store.of("scrape_series_added", **SHARED) == {NOW: 9.0, NOW + 1: 0.0}
    assert store.told["requests_total"] == Metadata("requests_total", "counter", "", "Requests.")


def test_decimals_are_read_exactly() -> None:
    dice = random.Random(20260108)
    numbers = [f"{dice.uniform(-1, 1) * 10 ** dice.randint(-25, 25):.{dice.randint(1, 18)}g}" for _ in range(5000)]
    numbers += ["0", "-0", "1e22", "1e23", "123456789012345", "1234567890123456", ".5", "5.", "+7", "00012.50"]
    body = "".join(f"a {number}\n" for number in numbers).encode()
    found = read(bytearray(body), new_seed(), NOW, is_openmetrics=False, honor_timestamps=True, rows_max=100_000)
    expected = np.array([float(number) for number in numbers])
    assert found.values.view(np.uint64).tolist() == expected.view(np.uint64).tolist()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "is no sample"),
        ('a{b="c" 1', "is no sample"),
        ("a one", "no number"),
        ("a 1_0", "is no sample"),
        ("a 1 x", "no time"),
        ("a 1 2 3", "is no sample"),
        ('a{b="c",b="d"} 1', "twice"),
        ("a{b=c} 1", "not quoted"),
        ("9a 1", "no series"),
        ("{} 1", "no metric name"),
    ],
)
def test_a_line_that_makes_no_sense_is_said(store: FakeStore, teller: Teller, text: str, message: str) -> None:
    """What cannot be a line fails the scrape; a series that cannot be one is left out."""
    teller.text = f"good 1\n{text}\n"
    one = scraping(store, teller)
    one.scrape(NOW)
    if one.health.is_up:
        assert store.of("scrape_samples_scraped", **SHARED) == {NOW: 2.0}
        assert store.of("good", **SHARED) == {NOW: 1.0}
    else:
        assert message in one.health.error
        assert store.of("up", **SHARED) == {NOW: 0.0}


def test_openmetrics_has_times_in_seconds_exemplars_and_an_end(store: FakeStore, teller: Teller) -> None:
    teller.content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    teller.text = (
        "# TYPE a counter\n# UNIT a seconds\n"
        f'a_total 5 {NOW / 1000 - 1:.3f} # {{trace_id="1 2"}} 0.5 {NOW / 1000:.3f}\n'
        'b_bucket{le="1"} 2 # {} 0.7\n# EOF\n'
    )
    one = scraping(store, teller)
    one.scrape(NOW)
    assert one.health.is_up, one.health.error
    assert store.of("a_total", **SHARED) == {NOW - 1000: 5.0}
    first, second = store.examples
    assert (first.labels, first.value, first.at_ms) == ((("trace_id", "1 2"),), 0.5, NOW)
    assert (second.labels, second.value, second.at_ms) == ((), 0.7, NOW)
    assert store.told["a"].unit == "seconds"
    teller.text = "a_total 5\n"
    one.scrape(NOW + 1)
    assert "# EOF" in one.health.error


def test_series_that_are_not_there_any_more_end(store: FakeStore, teller: Teller) -> None:
    one = scraping(store, teller)
    teller.text = f"a 1\nb 2\ntimed 3 {NOW}\n"
    one.scrape(NOW)
    teller.text = "a 1\n"
    one.scrape(NOW + 1)
    assert is_stale(store.of("b", **SHARED)[NOW + 1])
    assert list(store.of("timed", **SHARED)) == [NOW]
    teller.error = ServerUnreachable("connection refused")
    one.scrape(NOW + 2)
    assert is_stale(store.of("a", **SHARED)[NOW + 2])
    assert store.of("up", **SHARED)[NOW + 2] == 0.0
    one.scrape(NOW + 3)
    assert NOW + 3 not in store.of("a", **SHARED)
    teller.error = None
    one.scrape(NOW + 4)
    one.end(NOW + 5)
    assert is_stale(store.of("a", **SHARED)[NOW + 5])
    assert is_stale(store.of("up", **SHARED)[NOW + 5])


def test_labels_of_the_target_come_before_those_of_the_line(store: FakeStore, teller: Teller) -> None:
    teller.text = 'a{job="mine"} 1\n'
    scraping(store, teller).scrape(NOW)
    assert store.of("a", exported_job="mine", **SHARED) == {NOW: 1.0}
    scraping(store, teller, honor_labels=True).scrape(NOW)
    assert store.of("a", **(SHARED | {"job": "mine"})) == {NOW: 1.0}


def test_series_are_relabelled_and_left_out(store: FakeStore, teller: Teller) -> None:
    rules = [
        {"source_labels": ["__name__"], "regex": "go_.*", "action": "drop"},
        {"source_labels": ["path"], "regex": "/(.*)", "target_label": "first", "replacement": "x-$1"},
        {"regex": "path", "action": "labeldrop"},
    ]
    teller.text = 'go_threads 1\na{path="/p"} 2\n'
    one = scraping(store, teller, metric_relabel_configs=rules)
    one.scrape(NOW)
    assert store.of("a", first="x-p", **SHARED) == {NOW: 2.0}
    assert store.of("go_threads", **SHARED) == {}
    assert store.of("scrape_samples_scraped", **SHARED) == {NOW: 2.0}
    assert store.of("scrape_samples_post_metric_relabeling", **SHARED) == {NOW: 1.0}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sample_limit": 1}, "sample limit exceeded"),
        ({"label_limit": 4}, "label_limit exceeded"),
        ({"label_name_length_limit": 7}, "label_name_length_limit exceeded"),
        ({"label_value_length_limit": 5}, "label_value_length_limit exceeded"),
    ],
)
def test_limits_fail_the_scrape(store: FakeStore, teller: Teller, fields: dict[str, object], message: str) -> None:
    teller.text = 'a{much="longer value"} 1\nb 2\n'
    one = scraping(store, teller, **fields)
    one.scrape(NOW)
    assert message in one.health.error
    assert store.of("b", **SHARED) == {}


def test_a_full_store_loses_a_scrape_and_nothing_else(store: FakeStore, teller: Teller) -> None:
    one = scraping(store, teller)
    store.is_full = True
    one.scrape(NOW)
    assert "full" in one.health.error
    store.is_full = False
    one.scrape(NOW + 1)
    assert store.of("up_to_date", **SHARED) == {NOW + 1: 1.0}


def test_expositions_broken_at_random(store: FakeStore, teller: Teller) -> None:
    dice = random.Random(20260109)
    good = [TEXT.encode(), b'a_total 5 1.5 # {trace_id="1 2"} 0.5 1\nb 2\n# EOF\n']
    refused = 0
    for _ in range(10_000):
        body = bytearray(mutated(good, dice))
        for is_openmetrics in (False, True):
            try:
                read(body, new_seed(), NOW, is_openmetrics=is_openmetrics, honor_timestamps=True, rows_max=10_000)
            except InputError:
                refused += 1
    assert refused > 1000
    one = scraping(store, teller)
    for step in range(300):
        teller.text = mutated(good, dice).decode("latin-1")
        one.scrape(NOW + step)


# --- asking


class Handler(BaseHTTPRequestHandler):
    """A target."""

    def do_GET(self) -> None:
        wanted = self.path.partition("?")[0]
        self.server.seen.append((self.path, self.headers.get("Authorization", "")))  # type: ignore[attr-defined]
        if wanted == "/slow":
            time.sleep(3)
        body = b"a 1\n" if wanted != "/long" else b"a 1\n" * 100_000
        packed = gzip.compress(body)
        self.send_response(500 if wanted == "/broken" else 200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(packed)))
        self.end_headers()
        self.wfile.write(packed)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        pass


@pytest.fixture
def http() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.seen = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def answer(http: ThreadingHTTPServer, **fields: object) -> Answer:
    one = job(**fields)
    target = target_of(one, f"127.0.0.1:{http.server_address[1]}", {})
    assert target is not None
    with client_of(one) as client:
        return ask(client, target, "tests")


def test_asking(http: ThreadingHTTPServer, tmp_path: Path) -> None:
    assert answer(http).body == b"a 1\n"
    secret = tmp_path / "token"
    secret.write_text("s3cret\n")
    answer(http, authorization={"credentials_file": str(secret)}, params={"match[]": ["up", "a b"]})
    answer(http, basic_auth={"username": "u", "password": "p"})
    assert http.seen[1:] == [  # type: ignore[attr-defined]
        ("/metrics?match%5B%5D=up&match%5B%5D=a+b", "Bearer s3cret"),
        ("/metrics", "Basic dTpw"),
    ]
    with pytest.raises(ServerUnreachable, match="status 500"):
        answer(http, metrics_path="/broken")
    with pytest.raises(BodyTooLong, match=r"body size limit|unpacked"):
        answer(http, metrics_path="/long", body_size_limit="100KB")
    with pytest.raises(ServerUnreachable, match="deadline"):
        answer(http, metrics_path="/slow", scrape_interval="1s", scrape_timeout="200ms")


def test_a_scraper_finds_targets_in_files_and_ends_those_that_go(
    store: FakeStore, http: ThreadingHTTPServer, tmp_path: Path
) -> None:
    address = f"127.0.0.1:{http.server_address[1]}"
    (tmp_path / "targets.json").write_text(f'[{{"targets": ["{address}"], "labels": {{"zone": "b"}}}}]')
    file = tmp_path / "prometheus.yml"
    file.write_text(
        "global: {scrape_interval: 1s}\nscrape_configs:\n"
        "  - {job_name: files, file_sd_configs: [{files: [targets.json]}]}\n"
        f"  - {{job_name: fixed, static_configs: [{{targets: ['{address}']}}]}}\n"
    )
    scraper = Scraper(file, store)
    scraper.start()
    try:
        wait_until(lambda: len(store.of("a", job="fixed", instance=address)) > 1)
        wait_until(lambda: len(store.of("a", job="files", instance=address, zone="b")) > 1)
        assert [one.health.is_up for one in scraper.status()] == [True, True]
        file.write_text("scrape_configs: [{job_name: fixed, oauth2: {}}]")
        time.sleep(0.1)
        file.write_text("global: {scrape_interval: 1s}\nscrape_configs: []\n")
        wait_until(lambda: any(is_stale(value) for value in store.of("a", job="fixed", instance=address).values()))
        assert scraper.status() == []
    finally:
        scraper.stop()


def wait_until(is_so: object, wait_s: float = 20.0) -> None:
    give_up_at = time.monotonic() + wait_s
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


# --- configuration and discovery


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scrape_configs: 5", "scrape_configs must be a list"),
        ("scrape_configs: [5]", r"scrape_configs\[0\] must be a mapping"),
        ("scrape_configs: [{}]", r"scrape_configs\[0\]: job_name is missing"),
        ("scrape_configs: [{job_name: a}, {job_name: a}]", "two jobs with the name 'a'"),
        ("scrape_configs: [{job_name: a, kubernetes_sd_configs: []}]", "kubernetes_sd_configs is not supported"),
        ("scrape_configs: [{job_name: a, scrape_interval: 5}]", "'5' is no duration"),
        ("scrape_configs: [{job_name: a, scrape_interval: 5s, scrape_timeout: 6s}]", "at most scrape_interval"),
        ("scrape_configs: [{job_name: a, relabel_configs: [{regex: '('}]}]", "no regular expression"),
        ("scrape_configs: [{job_name: a, relabel_configs: [{action: dance}]}]", "must be one of replace"),
        ("scrape_configs: [{job_name: a, dns_sd_configs: [{names: [b]}]}]", "SRV is not supported"),
        ("scrape_configs: [", "is not YAML"),
        ("scrape_config: [{job_name: a}]", "scrape_config is not supported by trimtab, or no field of Prometheus"),
        ("scrape_config_files: [more.yml]", "scrape_config_files is not supported"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "prometheus.yml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load(file)


def test_a_whole_prometheus_yml_is_read_and_the_log_names_what_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "prometheus.yml"
    file.write_text(
        "global: {scrape_interval: 5s, external_labels: {site: a}, evaluation_interval: 1m}\nrule_files: [rules.yml]\n"
        "alerting: {alertmanagers: []}\nscrape_configs: [{job_name: a, static_configs: [{targets: [b]}]}]\n"
    )
    with structlog.testing.capture_logs() as logs:
        assert [one.interval_s for one in load(file)] == [5.0]
    assert [(line["event"], line["sections"]) for line in logs] == [
        ("scrape_config_sections_not_used", ["alerting", "rule_files"])
    ]
    file.write_text("")
    assert load(file) == []


def test_targets_are_relabelled() -> None:
    rules: list[dict[str, object]] = [
        {"source_labels": ["__address__"], "target_label": "__param_target"},
        {"source_labels": ["__param_target"], "target_label": "instance"},
        {"target_label": "__address__", "replacement": "prober:9115"},
        {"source_labels": ["__meta_zone"], "regex": "b", "action": "drop"},
    ]
    one = job(metrics_path="/probe", params={"module": ["http"]}, relabel_configs=rules, scheme="https")
    target = target_of(one, "example.com", {"__meta_zone": "a"})
    assert target is not None
    assert target.url == "https://prober:9115/probe?module=http&target=example.com"
    assert dict(target.labels) == {"job": "app", "instance": "example.com"}
    assert target_of(one, "example.com", {"__meta_zone": "b"}) is None


def test_dns_gives_addresses_and_keeps_them_when_it_fails() -> None:
    answers: list[list[str] | OSError] = [["10.0.0.1", "10.0.0.2"], OSError("no answer"), ["10.0.0.2"]]

    def resolve(name: str, family: str) -> list[str]:
        assert (name, family) == ("app.example", "A")
        found = answers.pop(0)
        if isinstance(found, OSError):
            raise found
        return found

    one = job(dns_sd_configs=[{"names": ["app.example"], "type": "A", "port": 9100, "refresh_interval": "10s"}])
    discovery = Discovery(one, resolve)
    first = [target.url for target in discovery.targets(0.0)]
    assert first == ["http://10.0.0.1:9100/metrics", "http://10.0.0.2:9100/metrics"]
    assert len(discovery.targets(5.0)) == 2
    assert len(discovery.targets(10.0)) == 2
    assert [target.url for target in discovery.targets(20.0)] == ["http://10.0.0.2:9100/metrics"]
