"""The service keeps to its own description, whatever it is sent (schemathesis)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import positive_data_acceptance

from connector.api import create_app
from tests.unit.test_api import Service

# The hooks carry a vendor's proof, and /readyz speaks of the whole installation.
# What a schema cannot say may be refused: how many digits a currency has, which reasons the policy knows.
EXAMPLES = int(os.environ.get("CREDITGATE_EXAMPLES", "15"))
OURS = r"^/v1/(checks|customers|holds)|^/healthz"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("schema"), calls_per_minute=1_000_000)
    made.bench.customer(limit=100_000)
    made.bench.customer("A2", limit=100)
    known = made.runtime.connections
    made.key = known.issue_key(
        known.get("zoho"), label="all", scopes=("check", "read", "decide"), actor="Lin"
    )
    made.bench.check("300.00", account="A2")  # a hold, so that decisions find one
    yield made
    made.listener.close()
    made.session.close()
    made.runtime.close()
    made.bench.store.close()


def test_every_answer_is_one_that_is_described(service: Service) -> None:
    described = schemathesis.openapi.from_asgi("/openapi.json", create_app(service.runtime))
    tried: Counter[str] = Counter()
    for operation in described.include(path_regex=OURS).get_all_operations():
        found = operation.ok()

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=found.as_strategy())
        def judged(case: Any) -> None:
            headers = {"Authorization": f"Bearer {service.key}"}
            case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])
            tried[case.operation.label] += 1

        judged()
    assert len(tried) == 7 and min(tried.values()) > 0
