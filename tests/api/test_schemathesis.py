"""The API keeps to its own OpenAPI document, whoever asks and whatever is sent: no status, header or answer of which it
does not tell, and never a fault of ours."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.api.served import HOST, Served, served
from trimtab.model.access import Role

pytestmark = [pytest.mark.store, pytest.mark.slow]

VISITORS: tuple[tuple[Role | None, float], ...] = (
    (Role.ADMIN, 10.0),
    (Role.OPERATOR, 5.0),
    (Role.VIEWER, 5.0),
    (Role.INGEST, 2.0),
    (None, 2.0),
)
"""Who asks, and for how many seconds; the admin asks at least half of all operations, however busy the machine is."""

EXAMPLES_PER_ROUND = 2
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    negative_data_rejection,
    unsupported_method,
    ignored_auth,
]
TOO_LONG = frozenset({413, 414, 431})
"""Refused before it was read: as good a refusal of wrong data as any, which the check for those does not know."""
QUIET = settings(
    max_examples=EXAMPLES_PER_ROUND,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("schemathesis") / "data") as opened:
        yield opened


@pytest.fixture(scope="module")
def schema(made: Served) -> BaseSchema:
    headers = _headers(made, Role.VIEWER)
    return schemathesis.openapi.from_asgi("/api/trimtab/openapi.json", made.app, headers=headers)


def _headers(made: Served, role: Role | None) -> dict[str, str]:
    return {"Host": HOST} if role is None else {"Host": HOST, "Authorization": f"Bearer {made.tokens[role]}"}


@pytest.mark.parametrize(("role", "budget_s"), VISITORS, ids=str)
def test_the_api_keeps_to_its_document(made: Served, schema: BaseSchema, role: Role | None, budget_s: float) -> None:
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(operations) > 30
    end_s = time.monotonic() + budget_s
    seen: dict[str, list[int]] = {operation.label: [] for operation in operations}
    faults: dict[str, str] = {}
    number = 0
    while number == 0 or time.monotonic() < end_s:
        for operation in operations:
            is_long_enough = number > 0 or role is not Role.ADMIN or _tried(seen) > len(operations) / 2
            if time.monotonic() > end_s and is_long_enough:
                break
            for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:
                _try(operation, mode, number, _headers(made, role), seen[operation.label], faults)
        number += 1
    assert not faults, "\n\n".join(faults.values())
    assert _tried(seen) > len(operations) / 3 or role is not Role.ADMIN
    allowed = {"GET /api/trimtab/access/me", "POST /api/trimtab/access/login", "POST /api/trimtab/access/logout"}
    if role in {None, Role.INGEST}:
        let_in = {label for label, statuses in seen.items() if any(status < 300 for status in statuses)}
        assert let_in <= allowed


def _tried(seen: dict[str, list[int]]) -> int:
    """How many operations have answered."""
    return sum(1 for statuses in seen.values() if statuses)


def _try(
    operation: APIOperation[Any, Any, Any, Any],
    mode: GenerationMode,
    number: int,
    headers: dict[str, str],
    statuses: list[int],
    faults: dict[str, str],
) -> None:
    @seed(number)
    @QUIET
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case[Any]) -> None:
        response = case.call(headers=headers)
        statuses.append(response.status_code)
        try:
            checks = [c for c in CHECKS if c is not negative_data_rejection or response.status_code not in TOO_LONG]
            case.validate_response(response, checks=checks)
        except FailureGroup as failed:
            faults.setdefault(operation.label, "\n".join(str(one) for one in failed.exceptions) + str(failed)[:2000])

    with suppress(Unsatisfiable):  # where nothing can be sent, nothing wrong can
        ask()
