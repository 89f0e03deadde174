"""Ask the API for episodes all the time, as somebody does who waits for one: when was which first told?"""

from __future__ import annotations

import threading
import time
from typing import Any

import httpx2

from benchmarks.demo_day.alarms import ALL_STATEMENTS, Alarm

EVERY_S = 0.5
TIMEOUT_S = 10.0
ROWS = 1000
BACK_MS = 120_000
"""Episodes that began longer ago are asked for no more."""
AWAY_MAX = 40
"""So many questions in a row without an answer end the day."""

Json = dict[str, Any]


class Watching(threading.Thread):
    """`told_ms` has, for each episode that was ever told, the moment of the first answer that had it."""

    def __init__(self, url: str, system: str) -> None:
        super().__init__(name="watching", daemon=True)
        self._http = httpx2.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False)
        self._system = system
        self._ends = threading.Event()
        self._lock = threading.Lock()
        self.told_ms: dict[int, int] = {}
        self.problem: str | None = None
        self.series_count = 0
        """Series and measures of query shapes that the server looks at, at the last answer."""
        self.began_ms = time.time_ns() // 1_000_000

    def run(self) -> None:
        """Until `stop`."""
        away = 0
        while not self._ends.wait(EVERY_S):
            try:
                episodes = self._episodes(time.time_ns() // 1_000_000 - BACK_MS)
            except httpx2.HTTPError as error:
                away += 1
                if away > AWAY_MAX:
                    self.problem = f"the API has not answered {away} times: {error}"
                    return
                continue
            away = 0
            now_ms = time.time_ns() // 1_000_000
            for one in episodes:
                self.told_ms.setdefault(int(one["id"]), now_ms)

    def stop(self) -> None:
        """End."""
        self._ends.set()
        if self.is_alive():
            self.join(TIMEOUT_S)

    def alarms(self) -> list[Alarm]:
        """Everything that was told since the beginning, as it stands now."""
        found = []
        shapes = self._shapes()
        for one in self._episodes(self.began_ms):
            labels: dict[str, str] = one["labels"]
            is_shape = one["source"] in ("query", "system")
            text, tables = shapes.get(labels["fingerprint"], ("", ())) if "fingerprint" in labels else ("", ())
            text = ALL_STATEMENTS if one["source"] == "system" else text
            found.append(
                Alarm(
                    "" if is_shape else labels["__name__"],
                    one["measure"],
                    labels,
                    tables,
                    text,
                    one["start_ms"],
                    one["end_ms"],
                    self.told_ms.get(int(one["id"]), int(one["end_ms"])),
                    one["test"],
                    one["score"],
                    one["observed"],
                    one["expected"],
                )
            )
        return found

    def _episodes(self, from_ms: int) -> list[Json]:
        found: list[Json] = []
        while True:
            asked = {"from": str(from_ms), "limit": str(ROWS), "offset": str(len(found))}
            answer = self._http.get("/api/trimtab/anomalies", params=asked)
            answer.raise_for_status()
            document = answer.json()
            rows = document["episodes"]
            self.series_count = document["looked_at"]["metrics_count"] + document["looked_at"]["queries_count"]
            found += rows
            if len(rows) < ROWS:
                return found

    def _shapes(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        answer = self._http.get("/api/trimtab/shapes", params={"from": str(self.began_ms), "limit": str(ROWS)})
        answer.raise_for_status()
        return {one["fingerprint"]: (one["text"] or "", tuple(one["tables"])) for one in answer.json()["rows"]}
