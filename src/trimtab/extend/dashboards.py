"""Who draws dashboards elsewhere: what trimtab asks of such a server, and what that answers.

It comes in by entry point (`trimtab.dashboard_servers`, by its kind, such as `grafana`) as a callable that takes a
`Place`. Every method waits, has a time-out, and raises `ServerRefused` with the name of the thing it was about; nothing
that it raises holds a secret. Whatever is pushed twice is there once, and what a person changed there stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from trimtab.model.errors import MissingError

DASHBOARD_SERVERS = "trimtab.dashboard_servers"
"""The group of entry points."""


class ServerRefused(MissingError):
    """It could not be done there. `status` is the one of its answer, 0 where there was none."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message, status=status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Place:
    """A server and a folder in it. `token` is read anew for each push; '' where none is configured."""

    url: str
    token: Callable[[], str]
    folder_uid: str
    folder_title: str
    timeout_s: float
    ca_file: str = ""


class PushOutcome(StrEnum):
    """What became of one thing."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    KEPT = "kept"
    """A person changed it there: it was left as it is."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Pushed:
    """One thing: `kind` is folder, data source, dashboard or alert rule. `why` says what a person may want to know."""

    kind: str
    name: str
    outcome: PushOutcome
    why: str = ""


@dataclass(frozen=True, slots=True)
class SourceWish:
    """A data source that is to be there. `kind` is prometheus or jaeger; `authorization` its header, '' for none."""

    uid: str
    name: str
    kind: str
    url: str
    authorization: str = ""


@dataclass(frozen=True, slots=True)
class RuleWish:
    """An alerting rule of Prometheus' kind."""

    uid: str
    title: str
    group: str
    expression: str
    for_ms: int
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    source_uid: str


@dataclass(frozen=True, slots=True)
class ChangeNote:
    """What is to be known of one change; `end_ms` None while it goes on. `key` is the tag that it is found by."""

    key: str
    text: str
    tags: Sequence[str]
    at_ms: int
    end_ms: int | None


class DashboardServer(Protocol):
    """A connection to one server."""

    def ensure_folder(self) -> Pushed:
        """See that the folder is there."""
        ...

    def ensure_source(self, wish: SourceWish) -> Pushed:
        """See that a data source is there; one that is, and is another one, is left as it is."""
        ...

    def push_dashboard(self, document: Mapping[str, object], *, overwrite: bool) -> Pushed:
        """Put a dashboard there. `overwrite`: also where a person changed it."""
        ...

    def push_rule(self, wish: RuleWish, *, overwrite: bool) -> Pushed:
        """Put an alerting rule there."""
        ...

    def annotate(self, note: ChangeNote, known_id: int | None) -> int:
        """Tell of a change; an annotation that is known, or found by the key, is updated. Gives its id, 0 where a
        person took it away."""
        ...

    def close(self) -> None:
        """Let connections go."""
        ...
