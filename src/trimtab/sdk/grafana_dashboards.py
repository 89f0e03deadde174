"""`GrafanaDashboards`: trimtab's dashboards from Python: as documents, or put into a Grafana; no server is needed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from trimtab.app.dashboards.library import builtin
from trimtab.app.dashboards.pushing import PushReport, push
from trimtab.app.dashboards.report import Report, report_of
from trimtab.model.errors import InputError
from trimtab.model.grafana_settings import GrafanaPolicy, reference_problem, url_problem


class GrafanaDashboards:
    """The dashboards that come with trimtab, and a Grafana that they are put into.

    `token` names where the token of a service account stands (`env:NAME`, `file:/PATH`), never the token itself.
    `source_url` is how that Grafana reaches trimtab.

    >>> sorted(GrafanaDashboards().documents())
    ['trimtab-alerts', 'trimtab-host', 'trimtab-objectives', 'trimtab-postgres', 'trimtab-traces']
    >>> GrafanaDashboards("https://grafana.example", token="glsa_secret")
    Traceback (most recent call last):
    ...
    trimtab.model.errors.InputError: token: it names where the value stands, such as 'env:GRAFANA_TOKEN' or ...
    """

    def __init__(
        self,
        url: str = "",
        *,
        token: str = "env:GRAFANA_TOKEN",  # noqa: S107  (where it stands)
        folder: str = "trimtab",
        source_url: str = "http://127.0.0.1:9321",
        timeout_s: float = 10.0,
    ) -> None:
        problems = {"url": url_problem(url), "token": reference_problem(token), "source_url": url_problem(source_url)}
        for field, problem in problems.items():
            if problem is not None:
                raise InputError(f"{field}: {problem}", field=field)
        self._policy = GrafanaPolicy(url=url, token=token, folder=folder, source_url=source_url, timeout_s=timeout_s)

    def documents(self) -> Mapping[str, dict[str, Any]]:
        """The JSON of each, by its uid, as a Grafana takes it."""
        return {uid: json.loads(data) for uid, (_, data) in builtin().items()}

    def push_dashboards(self, uids: Sequence[str] = (), *, overwrite: bool = False) -> PushReport:
        """Put folder, data sources and dashboards there; what a person changed there stays, unless `overwrite`.

        What became of each thing is in the report; InputError where no Grafana was named.
        """
        return push(self._policy, self._policy.source_url, (), uids=uids, overwrite=overwrite)

    @staticmethod
    def check(document: Mapping[str, Any]) -> Report:
        """Which panels of a Grafana dashboard trimtab's pages draw, and why others are not.

        >>> GrafanaDashboards.check({"title": "x", "panels": [{"type": "news"}]}).not_drawn
        [('panel 1', 'news come from the net, and trimtab fetches nothing from there')]
        """
        return report_of(json.dumps(document).encode(), "the dashboard")
