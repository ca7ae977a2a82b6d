"""What the contract tests of writing to Fxiaoke share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fxiaoke_shop import STYLES, Shop, shop

ACCOUNT, ORDER, VISIT = "AccountObj", "SalesOrderObj", "credit_visit__c"


@pytest.fixture(params=STYLES)
def style(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def found(tmp_path: Path, style: str) -> Iterator[Shop]:
    with shop(tmp_path, style=style) as made:
        made.pull()
        yield made


LOST = [
    ("write__lost", "header"),
    ("write__500", "body"),
    ("write__50009", "header"),
    ("write__50009_done", "body"),
    ("write__drop", "header"),
]


def option(found: Shop, field: str, label: str, of: str = ORDER) -> str:
    """The opaque value of an option, as the tenant has it."""
    return str(found.crm._schemas.value(of, field, label))


def _same(before: list[dict[str, Any]], after: list[dict[str, Any]], fields: tuple[str, ...]) -> bool:
    return [[row.get(name) for name in fields] for row in before] == [
        [row.get(name) for name in fields] for row in after
    ]


def _files(found: Shop) -> list[dict[str, Any]]:
    return found.rows("CreditFileObj", "customer_id", "credit_quota")
