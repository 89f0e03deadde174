"""A Grafana: folders, data sources, dashboards, alert rules and annotations by their uids, each there once.

What trimtab pushed carries the fingerprint of what it was: a dashboard in the message of its version, an alert rule
in an annotation. Where the newest version has another message, or a rule does not fit its fingerprint, somebody changed
it, and it is left as it is. Between looking and writing Grafana itself checks the version (`overwrite: false`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from urllib.parse import quote

from trimtab.extend.dashboards import ChangeNote, Place, Pushed, PushOutcome, RuleWish, ServerRefused, SourceWish
from trimtab.integrations.grafana.alert_rules import as_pushed, fingerprint_in, rule_json
from trimtab.integrations.grafana.calling import Caller, Json

MARK = "trimtab sha256:"
CHANGED = "somebody changed it there: it was left as it is (overwrite says otherwise)"
OPEN_PROVENANCE = {"X-Disable-Provenance": "true"}
"""So that people may change in Grafana what was pushed."""


class Grafana:
    """See `DashboardServer`."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._caller = Caller(place)

    def ensure_folder(self) -> Pushed:
        """See `DashboardServer.ensure_folder`."""
        uid, title = self._place.folder_uid, self._place.folder_title
        about = f"folder {title!r}"
        if self._caller.get_one(f"/api/folders/{quote(uid, safe='')}", about) is not None:
            return Pushed("folder", title, PushOutcome.UNCHANGED)
        self._caller.send("POST", "/api/folders", about, {"uid": uid, "title": title})
        return Pushed("folder", title, PushOutcome.CREATED)

    def ensure_source(self, wish: SourceWish) -> Pushed:
        """See `DashboardServer.ensure_source`."""
        about = f"data source {wish.name!r}"
        found = self._caller.get_one(f"/api/datasources/uid/{quote(wish.uid, safe='')}", about)
        if isinstance(found, dict):
            if found.get("type") == wish.kind and str(found.get("url", "")).rstrip("/") == wish.url.rstrip("/"):
                return Pushed("data source", wish.name, PushOutcome.UNCHANGED)
            there = f"{found.get('type')} at {found.get('url')}"
            return Pushed("data source", wish.name, PushOutcome.KEPT, f"there it is {there}: it was left as it is")
        self._caller.send("POST", "/api/datasources", about, source_json(wish))
        return Pushed("data source", wish.name, PushOutcome.CREATED)

    def push_dashboard(self, document: Mapping[str, object], *, overwrite: bool) -> Pushed:
        """See `DashboardServer.push_dashboard`."""
        uid, name = str(document.get("uid", "")), str(document.get("title", ""))
        about = f"dashboard {name!r} in folder {self._place.folder_title!r}"
        mark = MARK + fingerprint(document)
        found = self._caller.get_one(f"/api/dashboards/uid/{quote(uid, safe='')}", about)
        version = 0
        if isinstance(found, dict):
            version = _whole(_part(found, "dashboard").get("version"))
            message = self._newest_message(uid, version, about)
            if not overwrite and not message.startswith(MARK):
                return Pushed("dashboard", name, PushOutcome.KEPT, CHANGED)
            if message == mark:
                return Pushed("dashboard", name, PushOutcome.UNCHANGED)
        body = {
            "dashboard": {**document, "id": None, "version": version},
            "folderUid": self._place.folder_uid,
            "message": mark,
            "overwrite": False,
        }
        try:
            self._caller.send("POST", "/api/dashboards/db", about, body)
        except ServerRefused as error:
            if error.status == 412:  # between the look and the write
                return Pushed("dashboard", name, PushOutcome.KEPT, CHANGED)
            raise
        return Pushed("dashboard", name, PushOutcome.CREATED if found is None else PushOutcome.UPDATED)

    def push_rule(self, wish: RuleWish, *, overwrite: bool) -> Pushed:
        """See `DashboardServer.push_rule`."""
        about = f"alert rule {wish.title!r} in folder {self._place.folder_title!r}"
        path = f"/api/v1/provisioning/alert-rules/{quote(wish.uid, safe='')}"
        body = rule_json(wish, self._place.folder_uid)
        found = self._caller.get_one(path, about)
        if not isinstance(found, dict):
            self._caller.send("POST", "/api/v1/provisioning/alert-rules", about, body, headers=OPEN_PROVENANCE)
            return Pushed("alert rule", wish.title, PushOutcome.CREATED)
        if not overwrite and not as_pushed(found):
            return Pushed("alert rule", wish.title, PushOutcome.KEPT, CHANGED)
        if as_pushed(found) and fingerprint_in(found) == fingerprint_in(body):
            return Pushed("alert rule", wish.title, PushOutcome.UNCHANGED)
        self._caller.send("PUT", path, about, body, headers=OPEN_PROVENANCE)
        return Pushed("alert rule", wish.title, PushOutcome.UPDATED)

    def annotate(self, note: ChangeNote, known_id: int | None) -> int:
        """See `DashboardServer.annotate`."""
        about = f"annotation of {note.key}"
        body: dict[str, object] = {"time": note.at_ms, "tags": [*note.tags, note.key], "text": note.text}
        if note.end_ms is not None:
            body["timeEnd"] = note.end_ms
        known = known_id or self._annotation_of(note.key, about)
        if not known:
            return _whole(self._caller.send("POST", "/api/annotations", about, body).get("id"))
        try:
            self._caller.send("PATCH", f"/api/annotations/{known}", about, body)
        except ServerRefused as error:
            if error.status == 404:
                return 0
            raise
        return known

    def close(self) -> None:
        """See `DashboardServer.close`."""
        self._caller.close()

    def _annotation_of(self, key: str, about: str) -> int:
        """One that is there already: it was made, and the answer did not come back."""
        found = self._caller.get(
            "/api/annotations", about, {"tags": ["trimtab", key], "type": "annotation", "limit": "1"}
        )
        return _whole(found[0].get("id")) if isinstance(found, list) and found else 0

    def _newest_message(self, uid: str, version: int, about: str) -> str:
        """What stands with the newest version; newer Grafanas wrap the list."""
        found = self._caller.get(f"/api/dashboards/uid/{quote(uid, safe='')}/versions", about, {"limit": "1"})
        many = found.get("versions") if isinstance(found, dict) else found
        newest = many[0] if isinstance(many, list) and many and isinstance(many[0], dict) else {}
        return str(newest.get("message", "")) if _whole(newest.get("version")) == version else ""


def fingerprint(document: Mapping[str, object]) -> str:
    """What a dashboard is, without what Grafana gives it.

    >>> fingerprint({"title": "x", "version": 3}) == fingerprint({"title": "x", "id": 7})
    True
    """
    own = {key: value for key, value in document.items() if key not in ("id", "version")}
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()[:32]


def source_json(wish: SourceWish) -> Json:
    """A data source as Grafana takes it."""
    more: Json = {"httpMethod": "POST", "timeInterval": "15s", "prometheusType": "Prometheus"}
    if wish.kind == "jaeger":
        more = {"traceIdTimeParams": {"enabled": True}}
    body: Json = {"uid": wish.uid, "name": wish.name, "type": wish.kind, "access": "proxy", "url": wish.url}
    if wish.authorization:
        more["httpHeaderName1"] = "Authorization"
        body["secureJsonData"] = {"httpHeaderValue1": wish.authorization}
    return {**body, "isDefault": False, "jsonData": more}


def _part(holder: Json, name: str) -> Json:
    found = holder.get(name)
    return found if isinstance(found, dict) else {}


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
