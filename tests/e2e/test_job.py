"""The main job over real HTTP: pull, join, assess, push, check."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from connector.cli.cast import Part, cast
from sandbox.server import Options
from tests.installation import Installation, installation
from tests.service import serving

OPTIONS = Options(accounts=120, seed=7, as_of=dt.datetime(2026, 6, 30, tzinfo=dt.UTC))
CHAIN = (["pull"], ["assess"], ["visit", "plan"], ["push"])


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("job")
    with installation(folder, OPTIONS, names=("zoho", "fxiaoke", "bureau"), pinned=True) as made:
        made.run("pull")
        made.run("bureau", "refresh", expect=1)  # some customers need a person: that is exit code 1
        made.run("assess")
        made.review()
        for command in CHAIN[1:]:
            made.run(*command)
        yield made


def customers(made: Installation) -> list[dict[str, Any]]:
    listing: list[dict[str, Any]] = orjson.loads(made.run("customer", "list", "--format", "json").stdout)
    return listing


def test_customers_standing_in_both_crms_are_joined_into_one(job: Installation) -> None:
    with job.opened() as runtime, runtime.store.read() as tx:
        from connector.store import listing

        rows = listing.customers(tx)
        places = [{a.connection for a in listing.accounts(tx, row.id)} for row in rows]
    both = [place for place in places if place == {"zoho", "fxiaoke"}]
    assert len(rows) == OPTIONS.accounts
    assert len(both) > OPTIONS.accounts // 10


def test_every_customer_has_a_status_a_class_and_a_limit(job: Installation) -> None:
    rows = customers(job)
    assert {row["status"] for row in rows} >= {"ok", "watch", "stop"}
    assert all(row["risk_class"] and row["limit"] is not None for row in rows)


def test_credit_fields_and_visit_tasks_are_in_both_crms(job: Installation) -> None:
    zoho, fxiaoke = job.door("zoho", "content"), job.door("fxiaoke", "content")
    assert zoho["Tasks"]
    assert fxiaoke["credit_visit__c"]
    with job.opened() as runtime:
        for connection, rows in (("zoho", zoho["Accounts"]), ("fxiaoke", fxiaoke["AccountObj"])):
            names = runtime.connections.names(runtime.connections.get(connection), "account")
            filled = [row for row in rows if row.get(names["credit_status"])]
            assert len(filled) == len(rows) > 0


def test_a_second_run_right_after_the_first_writes_nothing(job: Installation) -> None:
    before = job.writes()
    for command in CHAIN:
        job.run(*command)
    assert job.writes() == before


def test_explain_shows_the_way_from_raw_value_to_limit_in_both_languages(job: Installation) -> None:
    number = str(customers(job)[0]["id"])
    english = job.run("explain", number, "--language", "en").stdout
    chinese = job.run("explain", number, "--language", "zh").stdout
    assert "Score" in english
    assert "Limit" in english
    assert "额度" in chinese
    assert len(english.splitlines()) > 20


def test_orders_saved_in_the_crms_pass_or_are_refused_with_reasons(job: Installation) -> None:
    with serving(job) as base:
        _install_plugins(job, base)
        with job.opened() as runtime:
            parts = {part.story: part for part in cast(runtime.store)}
        answers = {story: _save(job, part) for story, part in parts.items()}

        assert answers["passes"]["saved"] is True
        assert answers["over_limit"]["saved"] is False
        assert answers["on_hold"]["saved"] is False
        codes = {story: _codes(answer) for story, answer in answers.items()}
        assert "over_limit" in codes["over_limit"]
        assert codes["on_hold"]
        assert all(
            reason["text"]["zh"] and reason["text"]["en"]
            for answer in answers.values()
            for reason in answer["check"]["reasons"]
        )
        _the_reservation_becomes_exposure(job, parts["passes"])


def _the_reservation_becomes_exposure(made: Installation, part: Part) -> None:
    amount = Decimal(part.amount)
    before = _line(made, part.customer)
    assert Decimal(before["reserved"]) == amount
    made.run("pull")
    made.run("assess")
    after = _line(made, part.customer)
    assert Decimal(after["reserved"]) == 0
    assert Decimal(after["exposure"]) == Decimal(before["exposure"]) + amount


def _line(made: Installation, name: str) -> dict[str, Any]:
    return next(row for row in customers(made) if row["name"] == name)


def _install_plugins(made: Installation, base: str) -> None:
    with made.opened() as runtime:
        for one in runtime.connections.all("crm"):
            key = runtime.connections.issue_key(one)
            plugin = {"url": base, "key": key, "connection": one.name, "on_failure": "refuse"}
            made.door(one.name, "plugin", plugin)


def _save(made: Installation, part: Part) -> dict[str, Any]:
    body = {"account_id": part.account_id, "amount": part.amount, "currency": part.currency}
    answer: dict[str, Any] = made.door(part.connection, "orders", body)
    return answer


def _codes(answer: dict[str, Any]) -> list[str]:
    return [reason["code"] for reason in answer["check"]["reasons"]]


def test_a_run_leaves_the_days_calls_to_the_next_but_for_what_it_used(job: Installation) -> None:
    from connector.store.tables import budget

    def counted() -> int:
        with job.opened() as runtime, runtime.store.read() as tx:
            query = sa.select(sa.func.sum(budget.c.used)).where(budget.c.bucket == "credits")
            return int(tx.execute(query).scalar_one())

    before, calls = counted(), job.door("zoho", "calls")
    job.run("pull", "zoho")
    made = job.door("zoho", "calls")["read"] - calls["read"]
    assert made > 0
    assert counted() - before <= 3 * made  # no read costs more than three credits
