"""Rules as JSON: files, groups, what fails. (`/api/v1/rules` has each rule, as Prometheus tells it.)"""

from __future__ import annotations

from trimtab.api.control.operation import Operation
from trimtab.app.alerting.answers import RulesNow, rules_now

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/rules",
        "Rule files (with what is wrong in them), groups, rules that fail, and how long a round takes",
        lambda service, _request, _body: rules_now(service.alerting.rules),
        answer=RulesNow,
    ),
)
