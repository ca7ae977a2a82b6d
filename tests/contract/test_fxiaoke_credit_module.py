"""The vendor's own credit module: one master of limits, chosen once in the connection."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector.admin.connect import add, kind_of
from connector.errors import Halt
from connector.limits import acts as limits
from connector.limits import quotas
from connector.limits.acts import Size, Subject, Terms
from connector.rules.outcome import Step
from connector.store import assessments
from connector.store.lines import CUSTOMER
from connector.store.record_tables import account, credit_file
from connector.store.tables import customer, journal
from sandbox.run import installed
from tests.fxiaoke_shop import STYLES, Shop, shop

MEANWHILE = dt.timedelta(minutes=1)


def files(found: Shop) -> list[dict[str, Any]]:
    return found.rows("CreditFileObj", "customer_id", "credit_quota")


def some(found: Shop) -> tuple[str, int, int]:
    """A credit file's id, the customer that it is about, and its quota in minor units."""
    with found.runtime.store.read() as tx:
        query = sa.select(credit_file.c.external_id, account.c.customer_id, credit_file.c.limit).join_from(
            credit_file, account, account.c.external_id == credit_file.c.account_id
        )
        query = query.where(credit_file.c.currency == "CNY").order_by(credit_file.c.external_id)
        rows = tx.execute(query).all()
    # Some debtors have several accounts, and so several quotas.
    row = next(one for one in rows if [other.customer_id for other in rows].count(one.customer_id) == 1)
    return row.external_id, row.customer_id, row.limit


def limit_of(found: Shop, number: int) -> tuple[str, int | None]:
    standing = limits.standing(found.runtime, Subject(CUSTOMER, number))[0]
    assert standing.line is not None
    return standing.line.limit_state, standing.line.limit_minor


def steps(found: Shop, number: int) -> list[Step]:
    with found.runtime.store.read() as tx:
        stored = assessments.latest(tx, number)
    assert stored is not None
    return list(stored.assessment.steps)


def waiting(found: Shop) -> int:
    with found.runtime.store.read() as tx:
        changed = customer.c.changes > customer.c.assessed
        return int(tx.execute(sa.select(sa.func.count()).select_from(customer).where(changed)).scalar_one())


@pytest.mark.parametrize("style", STYLES)
def test_where_the_module_decides_our_limit_follows_its_quota(tmp_path: Path, style: str) -> None:
    with shop(tmp_path, style=style, settings={"credit_module": "read"}) as found:
        found.pull()
        found.judge()
        file, number, quota = some(found)
        assert limit_of(found, number) == ("amount", quota)
        told = next(one for one in steps(found, number) if one.code == "limit_quota")
        assert told.params["source"] == f"fxiaoke credit_file {file}"
        found.door("edit", {"object": "CreditFileObj", "ids": [file], "values": {"credit_quota": "7.00"}})
        found.time += MEANWHILE
        found.pull()
        assert waiting(found) == 1
        found.judge()
        assert limit_of(found, number) == ("amount", 700)
        # What is owed is more than that: nobody but the module has said so.
        with found.runtime.store.read() as tx:
            stored = assessments.latest(tx, number)
        assert stored is not None and stored.assessment.status != "ok"
        before = files(found)
        found.push()
        assert files(found) == before
        assert {one["object"] for one in found.wrote()} <= {"AccountObj", "SalesOrderObj", "credit_visit__c"}


def test_a_quota_that_vanishes_leaves_no_limit_of_ours_behind(tmp_path: Path) -> None:
    with shop(tmp_path, settings={"credit_module": "read"}) as found:
        found.pull()
        _, number, _ = some(found)
        everything = [row["_id"] for row in files(found)]
        owned = [row["_id"] for row in found.rows("CustomerAccountObj", "customer_id")]
        found.door("void", {"object": "CreditFileObj", "ids": everything})
        found.door("void", {"object": "CustomerAccountObj", "ids": owned})
        found.time += dt.timedelta(days=1, minutes=1)  # queries hide what is void: the sweep finds it
        found.pull()
        found.judge()
        assert limit_of(found, number) == ("none", None)
        told = list(quotas.findings(found.runtime, found.connection))
        assert [one.level for one in told] == ["warn"]


def test_nobody_sets_a_limit_where_the_module_decides(tmp_path: Path) -> None:
    with shop(tmp_path, settings={"credit_module": "read"}) as found:
        found.pull()
        _, number, _ = some(found)
        about, wanted = Subject(CUSTOMER, number), Size("amount", 100, "CNY")
        with pytest.raises(Halt, match="credit module of fxiaoke decides"):
            limits.prepare(found.runtime, about, wanted, Terms("base"), reason="x", actor="Lin")
        secured = limits.prepare(found.runtime, about, wanted, Terms("insured"), reason="x", actor="Lin")
        with found.runtime.store.write() as tx, pytest.raises(Halt, match="credit module of fxiaoke decides"):
            limits.enter(found.runtime, tx, replace(secured, kind="base"))  # asked for before it decided
        told = list(quotas.findings(found.runtime, found.connection))
        assert [one.level for one in told] == ["ok"] and "13 of 13" in told[0].found


def test_whoever_chooses_later_has_everything_written_by_that_choice(tmp_path: Path) -> None:
    with shop(tmp_path) as found:
        found.pull()
        found.judge()
        found.push()
        names = found.names("account")

        def limits_there() -> dict[str, Any]:
            rows = found.rows("AccountObj", *names.values())
            return {row["_id"]: row.get(names["credit_limit"]) for row in rows}

        ours = {key: Decimal(value) for key, value in limits_there().items() if value}
        assert ours
        found.configure(credit_module="write")
        found.judge()
        found.push()
        held = {row["customer_id"]: Decimal(row["credit_quota"]) for row in files(found)}
        assert {key: held[key] for key in ours} == ours
        known = installed()["fxiaoke"].settings_at(found.made.bases["fxiaoke"]) | {"credit_module": "read"}
        add(found.runtime, kind_of("fxiaoke"), "fxiaoke", known, "Lin", ["credit_module"])
        found.connection = found.runtime.connections.get("fxiaoke")
        found.judge()
        found.push()
        assert set(limits_there().values()) == {None}  # none of ours is left beside the module's


@pytest.mark.parametrize("choice", ["write", ""])
def test_where_it_does_not_decide_its_quota_is_shown_and_never_the_limit(tmp_path: Path, choice: str) -> None:
    with shop(tmp_path, settings={"credit_module": choice}) as found:
        found.pull()
        found.judge()
        file, number, _ = some(found)
        before = limit_of(found, number)
        found.push()
        found.door("edit", {"object": "CreditFileObj", "ids": [file], "values": {"credit_quota": "7.00"}})
        found.time += MEANWHILE
        found.pull()
        assert some(found)[2] == 700  # it is read, to be shown
        assert waiting(found) == 0
        found.judge()
        assert limit_of(found, number) == before
        assert not [one for one in steps(found, number) if one.code.startswith("limit_quota")]


def test_who_decides_is_changed_only_by_who_says_so_and_then_everybody_is_judged_anew(tmp_path: Path) -> None:
    with shop(tmp_path, settings={"credit_module": "read"}) as found:
        found.pull()
        found.judge()
        _, number, quota = some(found)
        assert waiting(found) == 0
        fxiaoke, known = kind_of("fxiaoke"), installed()["fxiaoke"].settings_at(found.made.bases["fxiaoke"])
        with pytest.raises(Halt, match="chosen once: read, not write") as refused:
            add(found.runtime, fxiaoke, "fxiaoke", known | {"credit_module": "write"}, "Lin")
        assert "--change credit_module" in refused.value.todo
        kept = add(found.runtime, fxiaoke, "fxiaoke", known, "Lin")
        assert kept.settings["credit_module"] == "read"
        new = known | {"credit_module": "write"}
        found.connection = add(found.runtime, fxiaoke, "fxiaoke", new, "Lin", ["credit_module"])
        assert waiting(found) > 10
        found.judge()
        assert limit_of(found, number) != ("amount", quota)
        with found.runtime.store.read() as tx:
            last = tx.execute(sa.select(journal.c.detail).where(journal.c.act == "connection_set")).scalars()
            assert '"changed":{"credit_module":["read","write"]}' in list(last)[-1]
        found.push()
        names = found.names("account")
        ours = {
            row["_id"]: row.get(names["credit_limit"]) for row in found.rows("AccountObj", *names.values())
        }
        held = {row["customer_id"]: row.get("credit_quota") for row in files(found)}
        assert all(Decimal(held[key]) == Decimal(value) for key, value in ours.items() if value)
