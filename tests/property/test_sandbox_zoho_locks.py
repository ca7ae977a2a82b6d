"""Locks of the Zoho sandbox, whatever happens to records and to the configuration."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sandbox.zoho.changes import Attempt
from sandbox.zoho.fields import LOCKED, Field
from sandbox.zoho.locks import AUTOMATIC, EXCEPT_EXCLUDED, MANUAL, Configuration, Locks, Rule
from sandbox.zoho.people import CREDIT_MANAGER
from sandbox.zoho.tenant import Tenant
from tests.sandbox_clients import NOON, Clock

FLAG = "Credit_Hold"


class LockedOrders(RuleBasedStateMachine):
    """Orders that are created, edited, deleted, locked and unlocked in any order."""

    @initialize()
    def org(self) -> None:
        self.tenant = Tenant(Clock(NOON))
        self.manager = self.tenant.add_user("Ming", "Zhao", "manager@example.com", CREDIT_MANAGER)
        self.orders = self.tenant.modules["Sales_Orders"]
        self.tenant.create_field(self.orders, Field("", "Credit Hold", "boolean"))
        self.locks = Locks(self.tenant)
        self.ids: list[str] = []

    @property
    def configuration(self) -> Configuration | None:
        return self.locks.configuration(self.orders)

    def lock_of(self, row_id: str) -> Any:
        return self.locks.of(self.orders, row_id)

    @rule(
        lock_type=st.sampled_from(["manual", "automatic", "both"]),
        existing=st.booleans(),
        excused=st.booleans(),
        actions=st.sets(st.sampled_from(["update", "delete"])),
    )
    def configure(self, lock_type: str, existing: bool, excused: bool, actions: set[str]) -> None:
        hold = Rule(self.tenant.new_setting_id(), "Hold", {}, lambda row: bool(row.get(FLAG)), existing)
        new = Configuration(
            self.tenant.new_setting_id(),
            self.orders,
            lock_type,
            EXCEPT_EXCLUDED if excused else "all_profiles",
            [self.manager.profile] if excused else [],
            [self.orders.fields[FLAG]],
            sorted(actions),
            rules=[hold],
        )
        self.locks.configure(new, {hold.id})

    @precondition(lambda self: self.configuration is not None)
    @rule()
    def remove_the_configuration(self) -> None:
        self.locks.remove(self.configuration)
        assert not any(self.lock_of(row_id) for row_id in self.ids)

    @rule(flag=st.booleans())
    def create(self, flag: bool) -> None:
        row = self.tenant.insert(self.orders, {"Subject": "x", FLAG: flag})
        self.ids.append(row["id"])

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), flag=st.booleans(), by_manager=st.booleans(), subject=st.booleans())
    def edit(self, data: Any, flag: bool, by_manager: bool, subject: bool) -> None:
        row_id = data.draw(st.sampled_from(self.ids))
        values: dict[str, Any] = {FLAG: flag} | ({"Subject": "y"} if subject else {})
        by = self.manager if by_manager else self.tenant.admin
        row = self.orders.table.get(row_id) or {}
        attempt = Attempt(self.orders, row, frozenset(values), by, "$.data[0]")
        refused = self.tenant.refused(attempt)
        lock, configuration = self.lock_of(row_id), self.configuration
        guarded = (
            lock is not None and configuration is not None and "update" in configuration.restricted_actions
        )
        excused = configuration is not None and configuration.excuses(by)
        # The flag itself is a field that stays writable.
        assert (refused is not None) is (guarded and subject and not excused)
        if refused is None:
            self.tenant.update(self.orders, row_id, values, by)

    @precondition(lambda self: self.ids)
    @rule(data=st.data())
    def delete(self, data: Any) -> None:
        row_id = data.draw(st.sampled_from(self.ids))
        row = self.orders.table.get(row_id) or {}
        if self.tenant.refused(Attempt(self.orders, row, None, self.tenant.admin, "$")) is None:
            self.tenant.delete(self.orders, row_id)
            self.ids.remove(row_id)
            assert self.lock_of(row_id) is None

    @precondition(lambda self: self.ids and self.configuration is not None and self.configuration.by_hand)
    @rule(data=st.data())
    def lock_or_unlock_by_hand(self, data: Any) -> None:
        row_id = data.draw(st.sampled_from(self.ids))
        lock = self.lock_of(row_id)
        if lock is None:
            self.locks.lock(self.configuration, row_id, "reason", self.tenant.admin)
        elif lock.source == MANUAL:
            self.locks.unlock(lock)

    @invariant()
    def the_row_says_whether_it_is_locked(self) -> None:
        for row_id in getattr(self, "ids", []):
            row = self.orders.table.get(row_id) or {}
            assert row[LOCKED] is (self.lock_of(row_id) is not None)

    @invariant()
    def an_automatic_lock_stands_as_long_as_its_rule_holds(self) -> None:
        for row_id in getattr(self, "ids", []):
            lock, row = self.lock_of(row_id), self.orders.table.get(row_id) or {}
            if lock is not None and lock.source == AUTOMATIC:
                assert self.configuration is not None and self.configuration.by_rule and row[FLAG]


TestLockedOrders = LockedOrders.TestCase
TestLockedOrders.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
