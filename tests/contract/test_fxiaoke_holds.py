"""Orders on hold in Fxiaoke: flagged, locked, released or rejected by whoever may."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from connector.config import CrmUser
from connector.gate.crm import Heeded
from connector.gate.settling import settle
from connector.store.record_tables import sales_order
from tests.fxiaoke_pushes import ORDER, option
from tests.fxiaoke_pushes import found as found
from tests.fxiaoke_pushes import style as style
from tests.fxiaoke_shop import Shop
from tests.gate_bench import decide


def test_a_held_order_is_flagged_and_locked_until_it_is_released(found: Shop) -> None:
    order = found.held()
    found.push()
    flag, reasons, locked = found.flags(order)
    assert (flag, locked) == (True, True) and reasons
    assert [one["action"] for one in found.wrote() if one["object"] == ORDER] == ["update", "lock"]
    decide(found.runtime, "release", found.time)
    found.push()
    assert found.flags(order) == (False, None, False)
    assert found.waiting() == []
    acts = [one["action"] for one in found.wrote() if one["object"] == ORDER]
    assert acts == ["update", "lock", "unlock", "update"]


def test_a_rejection_set_inside_fxiaoke_counts_from_whoever_may(found: Shop) -> None:
    first = found.rows(ORDER)[0]["_id"]
    found.door(
        "edit",
        {
            "object": ORDER,
            "ids": [first],
            "values": {"order_status": option(found, "order_status", "已确认")},
        },
    )
    found.pull()
    order = found.held()
    found.push()
    field = found.names("order")["credit_decision"]
    for heeded in (Heeded(0, 1), Heeded(1, 0)):
        values = {field: option(found, field, "拒绝")}
        found.door("edit", {"object": ORDER, "ids": [order], "values": values, "by": "1001"})
        found.time = dt.datetime.now(dt.UTC)
        found.pull()
        assert settle(found.runtime).heeded == heeded
        found.push()
        row = next(one for one in found.rows(ORDER, f"{field}__label") if one["_id"] == order)
        assert not row.get(f"{field}__label")
        # Now the user is known to be one of ours.
        with found.runtime.store.read() as tx:
            query = sa.select(sales_order.c.decided_by).where(sales_order.c.external_id == order)
            people = [CrmUser(connection="fxiaoke", user=tx.execute(query).scalar_one(), who="Boss")]
        found.runtime.config = found.runtime.config.model_copy(update={"crm_users": people})
    assert found.flags(order) == (False, None, False)


def test_a_lock_by_somebody_else_stays_when_the_hold_ends(found: Shop) -> None:
    order = found.held()
    found.push()
    found.door("edit", {"object": ORDER, "ids": [order], "values": {"lock_user": ["1001"]}})
    decide(found.runtime, "reject", found.time)
    (told,) = found.push().faults
    assert order in told and " – " in told
    assert found.flags(order)[::2] == (True, True)
    found.door("edit", {"object": ORDER, "ids": [order], "values": {"lock_status": "0"}})
    found.time += dt.timedelta(hours=1)
    found.push()
    assert found.flags(order)[::2] == (False, False)


def test_new_reasons_of_an_order_that_we_locked_are_written_and_it_stays_locked(found: Shop) -> None:
    order = found.held()
    found.push()
    found.put(order, "order", credit_hold=True, credit_reasons={"zh": "新的原因", "en": "another reason"})
    found.push()
    assert found.flags(order)[::2] == (True, True)


def test_where_nothing_can_be_locked_the_flag_alone_is_written_and_the_lack_told(found: Shop) -> None:
    mapping = found.made.home / "mappings" / "fxiaoke.yaml"
    mapping.write_text(mapping.read_text().replace("    lock: credit_hold\n", ""))
    order = found.held()
    found.push()
    assert found.flags(order)[::2] == (True, False)
    assert found.waiting() == []


def test_trap_a_rule_against_orders_on_hold_does_not_stop_our_own_flag(found: Shop) -> None:
    names = found.names("order")
    rule = {"object": ORDER, "field": names["credit_hold"], "equals": True, "message": "订单被信用冻结"}
    found.door("console/rules", rule)
    order = found.held()
    found.push()
    assert found.flags(order)[::2] == (True, True)
