"""What rules cost: 5,000 rules (those of 1,000 objectives) on 100,000 series, in trimtab and in Debian's Prometheus.

Both get the same samples by remote write and the same rule files, evaluated every 15 s while nothing else happens. What
is told is processor time of the whole process tree from `/proc`: of some rounds, less what the server takes without
rules in as much time, divided by the rounds. Both run at the same time, so that they meet the same machine.

    python -m benchmarks.rules [--services 1000] [--rounds 4]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cramjam
import httpx2
import numpy as np
import numpy.typing as npt

from benchmarks.metrics.servers import Server, prometheus, trimtab
from trimtab.app.alerting.elsewhere import write_request
from trimtab.model.alerts import Labels

INTERVAL_S = 15
SCRAPES = 50
AHEAD_S = 580
"""The last scrape is so far in the future, so that windows stay full while it is measured."""
SCRAPE_MS = 15_000
INSTANCES, CODES = 10, ("200", "201", "204", "301", "304", "400", "404", "500", "502", "503")
SERIES_A_BODY = 10_000
AT_MS = 1_800_000_000_000
BUDGET_S = 5.0
OBJECTIVES_S_MAX = 240.0
RULES_A_SERVICE = 5


@dataclass
class Measured:
    """Of one server: processor time of a round, and what it says of its rules."""

    name: str
    round_cpu_s: float
    rounds: float
    idle_cpu_s_a_s: float
    gross_cpu_s: float
    recorded: int
    failing: int


def rules_text(services: int) -> str:
    """One file: a group for each objective, as a generator of burn-rate rules writes them."""
    groups = []
    for number in range(services):
        mine = f'service="s{number}"'
        errors, all_ = f'http_requests_total{{{mine},code=~"5.."}}', f"http_requests_total{{{mine}}}"
        slo = f'slo="s{number}-availability"'
        burns = [f"slo:sli_error:ratio_rate{window}{{{slo}}} > (14.4 * 0.001)" for window in ("5m", "2m")]
        groups.append(
            {
                "name": f"slo-s{number}",
                "interval": f"{INTERVAL_S}s",
                "rules": [
                    *(
                        {
                            "record": f"slo:sli_error:ratio_rate{window}",
                            "expr": f"sum(rate({errors}[{window}])) / sum(rate({all_}[{window}]))",
                            "labels": {"slo": f"s{number}-availability"},
                        }
                        for window in ("5m", "2m")
                    ),
                    {"record": "instance:requests:rate5m", "expr": f"sum by (service, instance) (rate({all_}[5m]))"},
                    {
                        "alert": "ErrorBudgetBurn",
                        "expr": " and ".join(burns),
                        "for": "2m",
                        "labels": {"severity": "page", "slo": f"s{number}-availability"},
                        "annotations": {"summary": "{{ $value | humanizePercentage }} of requests fail"},
                    },
                    {
                        "alert": "InstanceSilent",
                        "expr": f"sum by (instance) (rate({all_}[5m])) == 0",
                        "for": "5m",
                        "labels": {"severity": "ticket"},
                    },
                ],
            }
        )
    return json.dumps({"groups": groups})


class Body:
    """A remote write body of one sample for each series, whose values and time are put in their places."""

    def __init__(self, labels: Sequence[Labels]) -> None:
        body = bytearray()
        places = []
        for one in labels:  # times of this century have six bytes as a varint: all bodies have one length
            body += write_request([(one, 0.0)], AT_MS)
            places.append(len(body) - 15)
        self._body, self._places = np.frombuffer(bytes(body), np.uint8).copy(), np.array(places)

    def filled(self, values: npt.NDArray[np.float64], at_ms: int) -> bytes:
        """Packed, with these values at that time."""
        self._body[self._places[:, None] + np.arange(8)] = values.astype("<f8").view(np.uint8).reshape(-1, 8)
        for byte in range(6):
            self._body[self._places + 9 + byte] = (at_ms >> 7 * byte & 127) | (128 if byte < 5 else 0)
        return bytes(cramjam.snappy.compress_raw(self._body.tobytes()))


def objectives_text(services: int) -> str:
    """One objective for each service, in trimtab's own form."""
    objectives = [
        {
            "name": f"s{number}-availability",
            "target": "99.9%",
            "window": "30d",
            "events": {
                "bad": f'http_requests_total{{service="s{number}",code=~"5.."}}',
                "total": f'http_requests_total{{service="s{number}"}}',
            },
        }
        for number in range(services)
    ]
    return json.dumps({"objectives": objectives})


def objectives_cpu_s(server: Server, services: int) -> float | None:
    """Processor time of a round of objectives, as trimtab tells it; None: none came."""
    deadline_s = time.monotonic() + OBJECTIVES_S_MAX
    while time.monotonic() < deadline_s:
        text = httpx2.get(f"{server.base}/metrics", timeout=60.0).text
        numbers = {
            line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[:1] != "#"
        }
        there = sum(value for name, value in numbers.items() if name.startswith("trimtab_objectives{"))
        cpu_s = numbers.get("trimtab_objectives_round_cpu_seconds", 0.0)
        if there >= services and cpu_s > 0:
            return cpu_s
        time.sleep(2.0)
    return None


def bodies(services: int, end_ms: int) -> Iterator[bytes]:
    """Remote write bodies, scrape after scrape; one service in fifty has two errors in a hundred."""
    random = np.random.default_rng(5)
    labels = [
        (("__name__", "http_requests_total"), ("code", code), ("instance", f"i{instance}"), ("service", f"s{number}"))
        for number in range(services)
        for instance in range(INSTANCES)
        for code in CODES
    ]
    mean = np.tile([900, 20, 10, 5, 5, 10, 20, 0.1, 0.1, 0.1], services * INSTANCES) / 10
    is_bad = np.repeat(np.arange(services) % 50 == 0, INSTANCES * len(CODES))
    is_error = np.tile([code.startswith("5") for code in CODES], services * INSTANCES)
    mean = np.where(is_bad & is_error, 0.7, mean)
    slices = [slice(first, first + SERIES_A_BODY) for first in range(0, len(labels), SERIES_A_BODY)]
    templates = [Body(labels[one]) for one in slices]
    values = np.zeros(len(labels))
    for scrape in range(SCRAPES):
        values = values + random.poisson(mean)
        at_ms = end_ms - (SCRAPES - 1 - scrape) * SCRAPE_MS
        for one, template in zip(slices, templates, strict=True):
            yield template.filled(values[one], at_ms)


def send(server: Server, body: bytes) -> None:
    """One body."""
    headers = {
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    reply = httpx2.post(server.write, content=body, headers=headers, timeout=60.0)
    reply.raise_for_status()


def count(server: Server, query: str) -> int:
    """A number that a server gives."""
    reply = httpx2.get(f"{server.base}/api/v1/query", params={"query": query}, timeout=60.0).json()
    result = reply["data"]["result"]
    return int(float(result[0]["value"][1])) if result else 0


def evaluations(server: Server) -> float:
    """How many rules it evaluated so far, each time: a busy machine makes both miss some."""
    text = httpx2.get(f"{server.base}/metrics", timeout=60.0).text
    name = "trimtab_rule_evaluations_total" if server.name == "trimtab" else "prometheus_rule_evaluations_total"
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))


def failing(server: Server) -> int:
    """How many rules say that something is wrong with them."""
    reply = httpx2.get(f"{server.base}/api/v1/rules", timeout=60.0).json()
    return sum(rule["health"] == "err" for group in reply["data"]["groups"] for rule in group["rules"])


def measure(
    servers: Sequence[Server], begin: Sequence[object], rounds: int, rules_count: int, answers: dict[str, object]
) -> list[Measured]:
    """Idle first, then with rules; both servers over the same seconds."""
    idle_s = float(INTERVAL_S)
    for server in servers:
        server.settle(2.0, 40.0)
    before = [server.cpu_s() for server in servers]
    time.sleep(idle_s)
    idle = [(server.cpu_s() - cpu) / idle_s for server, cpu in zip(servers, before, strict=True)]
    for one in begin:
        assert callable(one)
        one()
    for server in servers:  # the first round reads, plans and makes series
        while count(server, "count(slo:sli_error:ratio_rate5m)") == 0:
            time.sleep(0.5)
    time.sleep(INTERVAL_S)
    done = [evaluations(server) for server in servers]
    before = [server.cpu_s() for server in servers]
    took_s = INTERVAL_S * rounds
    time.sleep(took_s)
    cpu = [server.cpu_s() - one for server, one in zip(servers, before, strict=True)]
    done = [(evaluations(server) - one) / rules_count for server, one in zip(servers, done, strict=True)]
    found = []
    for server, spent, quiet, whole in zip(servers, cpu, idle, done, strict=True):
        queries = (
            "count(slo:sli_error:ratio_rate5m)",
            "count(instance:requests:rate5m)",
            'count(ALERTS{alertname="ErrorBudgetBurn"})',
        )
        told = [count(server, query) for query in queries]
        answers[server.name] = told
        each = (spent - quiet * took_s) / whole
        found.append(Measured(server.name, each, whole, quiet, spent / whole, sum(told), failing(server)))
    return found


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=4)
    given = parser.parse_args()
    series = given.services * INSTANCES * len(CODES)
    print(f"# {given.services * RULES_A_SERVICE} rules on {series} series, every {INTERVAL_S} s, {given.rounds} rounds")
    with tempfile.TemporaryDirectory(prefix="trimtab-bench-rules-") as folder, contextlib.ExitStack() as stack:
        root = Path(folder)
        (root / "rules").mkdir()
        promised = root / "objectives.yml"
        settings = f'[rules]\nfiles = ["{root}/rules/*.yml"]\n[objectives]\nfiles = ["{promised}"]\n'
        settings += "[metrics]\nseries_max = 1000000\n"
        mine = stack.enter_context(trimtab(root / "trimtab", settings=settings))
        other = stack.enter_context(prometheus(root / "prometheus"))
        servers = [mine] if other is None else [mine, other]
        for body in bodies(given.services, int(time.time() + AHEAD_S) * 1000):
            for server in servers:
                send(server, body)
        text = rules_text(given.services)

        def begin_mine() -> None:
            (root / "rules" / "all.yml").write_text(text, "utf-8")

        def begin_other() -> None:
            if other is not None:
                (root / "all.yml").write_text(text, "utf-8")
                config = f"global: {{evaluation_interval: {INTERVAL_S}s}}\nrule_files: [{root}/all.yml]\n"
                (root / "prometheus.yml").write_text(config, "utf-8")
                other.process.send_signal(signal.SIGHUP)

        answers: dict[str, object] = {}
        found = measure(servers, [begin_mine, begin_other], given.rounds, given.services * RULES_A_SERVICE, answers)
        promised.write_text(objectives_text(given.services), "utf-8")
        promise_cpu_s = objectives_cpu_s(mine, given.services)
    for one in found:
        print(
            f"{one.name}: {one.round_cpu_s:.2f} s CPU a round ({one.rounds:.1f} rounds; {one.gross_cpu_s:.2f} s with"
            f" what it takes when idle: {one.idle_cpu_s_a_s * 100:.1f} % of a core), {one.recorded} series,"
            f" {one.failing} rules failing"
        )
    told = "not measured" if promise_cpu_s is None else f"{promise_cpu_s:.2f} s CPU a round (once a minute)"
    print(f"trimtab: {given.services} objectives besides: {told}")
    if other is None:
        print("Prometheus: not measured (not installed)")
        return
    ratio = found[0].round_cpu_s / found[1].round_cpu_s
    print(f"trimtab / Prometheus: {ratio:.2f}")
    print(f"same number of series: {answers['trimtab'] == answers['Prometheus']} {answers}")
    is_kept = found[0].round_cpu_s + (promise_cpu_s or 0.0) <= BUDGET_S and ratio <= 1.0
    print(f"at most {BUDGET_S:g} s and no more than Prometheus: {'kept' if is_kept else 'NOT KEPT'}")


if __name__ == "__main__":
    main()
