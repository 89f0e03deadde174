"""A small Grafana: keeps what is pushed, and refuses what Grafana's published API (OpenAPI, HTTP API documentation of
version 12) says it refuses. It is no Grafana: what it proves is that requests are as documented, and what trimtab makes
of the answers.

Dashboards and alert rules are read by the models of grafana-foundation-sdk, and have to be the same when they are
written again.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.integrations.grafana.models import alert_rule_problem, dashboard_problem

TOKEN = "glsa_test"
Json = Any


@dataclass
class FakeGrafana:
    """What it holds, and every request it got."""

    url: str = ""
    folders: dict[str, Json] = field(default_factory=dict)
    sources: dict[str, Json] = field(default_factory=dict)
    dashboards: dict[str, Json] = field(default_factory=dict)
    versions: dict[str, list[Json]] = field(default_factory=dict)
    rules: dict[str, Json] = field(default_factory=dict)
    annotations: dict[int, Json] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    """What was wrong with requests."""
    fails: dict[str, int] = field(default_factory=dict)
    """Paths that are answered with a status."""
    wraps_versions: bool = True
    before_write: Any = None
    """Called before a dashboard is written: somebody else is quicker."""

    def save(self, document: Json, message: str, folder_uid: str = "trimtab") -> int:
        """A new version of a dashboard, by whomever."""
        uid = document["uid"]
        many = self.versions.setdefault(uid, [])
        version = len(many) + 1
        many.insert(0, {"id": version, "uid": uid, "version": version, "message": message, "createdBy": "x"})
        self.dashboards[uid] = {**document, "id": 7, "version": version, "folderUid": folder_uid}
        return version

    @property
    def writes(self) -> list[tuple[str, str]]:
        """Requests that change something."""
        return [one for one in self.requests if one[0] != "GET"]

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: Json) -> tuple[int, Json]:
        """What is answered to a request."""
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        self.requests.append((method, path))
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, {"message": "Invalid API key"}
        for failing, status in self.fails.items():
            if path.startswith(failing):
                return status, {"message": "no"}
        if method != "GET" and not headers.get("Content-Type", "").startswith("application/json"):
            self.odd.append(f"{method} {path}: Content-Type")
        parts = path.strip("/").split("/")
        match (method, parts[1:]):
            case ("GET", ["folders", uid]):
                return (200, self.folders[uid]) if uid in self.folders else (404, {"message": "folder not found"})
            case ("POST", ["folders"]):
                self._needs(body, path, uid=str, title=str)
                self.folders[body["uid"]] = body
                return 200, {**body, "id": 1, "version": 1}
            case ("GET", ["datasources", "uid", uid]):
                return (200, self.sources[uid]) if uid in self.sources else (404, {"message": "Data source not found"})
            case ("POST", ["datasources"]):
                self._needs(body, path, uid=str, name=str, type=str, access=str, url=str, jsonData=dict)
                self.sources[body["uid"]] = {k: v for k, v in body.items() if k != "secureJsonData"}
                return 200, {"id": 1, "message": "Datasource added", "name": body["name"], "datasource": {}}
            case ("GET", ["dashboards", "uid", uid]):
                if uid not in self.dashboards:
                    return 404, {"message": "Dashboard not found"}
                return 200, {"dashboard": self.dashboards[uid], "meta": {"version": self.dashboards[uid]["version"]}}
            case ("GET", ["dashboards", "uid", uid, "versions"]):
                many = self.versions.get(uid, [])[: int(query["limit"][0])]
                return 200, {"continueToken": "", "versions": many} if self.wraps_versions else many
            case ("POST", ["dashboards", "db"]):
                return self._write_dashboard(body, path)
            case ("GET", ["v1", "provisioning", "alert-rules", uid]):
                return (200, self.rules[uid]) if uid in self.rules else (404, {})
            case ("POST" | "PUT", ["v1", "provisioning", "alert-rules", *_]):
                if headers.get("X-Disable-Provenance") != "true":
                    self.odd.append("a rule that nobody could change in Grafana")
                if problem := alert_rule_problem(body):
                    return 400, {"message": problem}
                if body["folderUID"] not in self.folders:
                    return 400, {"message": "folder does not exist"}
                self.rules[body["uid"]] = {
                    **body,
                    "id": 3,
                    "updated": "2026-01-01T00:00:00Z",
                    "for": _shorter(body["for"]),
                }
                return (201 if method == "POST" else 200), self.rules[body["uid"]]
            case ("GET", ["annotations"]):
                wanted = set(query.get("tags", []))
                found = [{**one, "id": key} for key, one in self.annotations.items() if wanted <= set(one["tags"])]
                return 200, found[: int(query["limit"][0])]
            case ("POST", ["annotations"]):
                self._needs(body, path, time=int, tags=list, text=str)
                number = len(self.annotations) + 1
                self.annotations[number] = body
                return 200, {"message": "Annotation added", "id": number}
            case ("PATCH", ["annotations", number_text]):
                if int(number_text) not in self.annotations:
                    return 404, {"message": "annotation not found"}
                self.annotations[int(number_text)] = body
                return 200, {"message": "Annotation patched"}
        self.odd.append(f"{method} {path} is nothing that is documented")
        return 404, {"message": "Not found"}

    def _write_dashboard(self, body: Json, path: str) -> tuple[int, Json]:
        self._needs(body, path, dashboard=dict, folderUid=str, message=str, overwrite=bool)
        document = body["dashboard"]
        if problem := dashboard_problem(document):
            return 400, {"message": problem}
        if document.get("id") is not None:
            return 404, {"message": "Dashboard not found", "status": "not-found"}
        if body["folderUid"] not in self.folders:
            return 400, {"message": "folder not found"}
        if self.before_write is not None:
            self.before_write()
        there = self.dashboards.get(document["uid"], {}).get("version", 0)
        if not body["overwrite"] and document["version"] != there:
            return 412, {"message": "The dashboard has been changed by someone else", "status": "version-mismatch"}
        version = self.save({k: v for k, v in document.items() if k != "id"}, body["message"], body["folderUid"])
        return 200, {
            "id": 7,
            "uid": document["uid"],
            "status": "success",
            "version": version,
            "url": "/d/x",
            "slug": "x",
        }

    def _needs(self, body: Json, path: str, **kinds: type) -> None:
        for name, kind in kinds.items():
            if not isinstance(body, dict) or not isinstance(body.get(name), kind):
                self.odd.append(f"{path}: {name} must be {kind.__name__}")


def _shorter(text: str) -> str:
    """Grafana writes durations anew."""
    return f"{int(text[:-1]) // 60}m" if text.endswith("s") and int(text[:-1]) % 60 == 0 else text


@contextmanager
def running() -> Iterator[FakeGrafana]:
    """One on a free port."""
    fake = FakeGrafana()

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, answer = fake.answer(self.command, self.path, dict(self.headers.items()), body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
