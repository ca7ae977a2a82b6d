"""Create and update (vendor manual: data operations).

Invariant: one row a call, with its details; a locked row is not changed; a save is seen by the functions
bound before it and by the validation rules unless the call switches them off, and only if it is otherwise
good. Every write that is carried out is recorded with its flags.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool

from sandbox.doors import OrderForm, PluginSlot, judge
from sandbox.fxiaoke.answers import SERVICE, Fault, forbidden, wrong
from sandbox.fxiaoke.calls import Caller
from sandbox.fxiaoke.fields import NEVER_WRITTEN, Object
from sandbox.fxiaoke.flags import Flags
from sandbox.fxiaoke.functions import Functions
from sandbox.fxiaoke.objects import CUSTOMER, ORDER_STATUS
from sandbox.fxiaoke.rollups import ORDER
from sandbox.fxiaoke.rules import Rules
from sandbox.fxiaoke.tenant import VOID, Tenant
from sandbox.fxiaoke.values import checked
from sandbox.table import Row

CHECKINS = "CheckinsObj"
LOCKED = "数据已锁定，不能编辑"
Details = list[tuple[Object, str, Row]]


class Writer:
    """Writes for callers of the API; ``plugins`` holds a stand-in of the function bound to saving an
    order, which is asked as long as no such function is installed."""

    def __init__(self, tenant: Tenant, rules: Rules, plugins: PluginSlot, functions: Functions) -> None:
        self._tenant = tenant
        self._rules = rules
        self._plugins = plugins
        self._functions = functions

    async def create(self, who: Caller, kind: Object, body: Mapping[str, Any]) -> dict[str, Any]:
        """What the answer says of the new row: its id, and those of its details if they are asked for."""
        flags, given = Flags.of(body), _object_data(body)
        if kind.api_name == CHECKINS and not self._tenant.traits.checkins_by_api:
            raise wrong("该对象不支持通过接口新建")
        with self._tenant.lock:
            values = self._new_values(who, kind, given, flags)
            details = self._new_details(who, kind, body["data"].get("details"))
        if flags.runs_functions(self._tenant.traits):
            rows: dict[str, list[Row]] = {}
            for of, _, row in details:
                rows.setdefault(of.api_name, []).append(row)
            await self._ask_functions(who, kind, values, rows)
        with self._tenant.lock:
            self._run_rules(kind, values, "create", flags)
            refuse_twins(kind, values, None)
            row_id = self._insert(who, kind, values, flags)
            detail_ids = [
                self._insert(who, of, {**row, master: row_id}, flags, recorded=False)
                for of, master, row in details
            ]
        told: dict[str, Any] = {}
        if not kind.custom or self._tenant.traits.custom_create_tells_id:
            told["dataId"] = row_id
        if flags.details_told:
            told["detailIds"] = detail_ids
        return told

    async def update(self, who: Caller, kind: Object, body: Mapping[str, Any]) -> None:
        """Change the fields that are sent; the others stay."""
        flags, given = Flags.of(body), _object_data(body)
        with self._tenant.lock:
            row, values = self._changed_values(who, kind, body, flags, given)
        if flags.runs_functions(self._tenant.traits) and self._functions.guards(kind):
            await self._ask_bound(who, kind, {**row, **values}, {}, "update")
        with self._tenant.lock:
            row, values = self._changed_values(who, kind, body, flags, given)
            self._run_rules(kind, {**row, **values}, "update", flags)
            if kind.api_name in self._tenant.approvals and flags.approval:
                values["life_status"] = "in_change"
            self._tenant.update(kind, row["_id"], values, who.user_id, workflow=flags.workflow)
            record(self._tenant, who, "update", kind, row["_id"], flags)

    # -- a row that changes

    def _changed_values(
        self, who: Caller, kind: Object, body: Mapping[str, Any], flags: Flags, given: Mapping[str, Any]
    ) -> tuple[Row, Row]:
        """The row as it is, and what would change."""
        if body["data"].get("details"):
            raise wrong("编辑时不支持同时编辑从对象")
        row = living(self._tenant, who, kind, given.get("_id"))
        # Only the custom objects' call can write to locked rows.
        if row["lock_status"] == "1" and not (kind.custom and flags.past_lock):
            raise Fault(SERVICE, LOCKED)
        values = checked(self._tenant, who, kind, given, creating=False)
        if not self._tenant.traits.unsent_fields_stay:
            values = {**dict.fromkeys(_emptied(kind)), **values}
        refuse_twins(kind, values, row["_id"])
        return row, values

    # -- a new row

    def _new_values(self, who: Caller, kind: Object, given: Mapping[str, Any], flags: Flags) -> Row:
        values = checked(self._tenant, who, kind, given, creating=True, specified=flags.specified)
        refuse_twins(kind, values, None)
        compared = kind.table if flags.looks_for_twins and kind.api_name == CUSTOMER else ()
        if any(row["name"] == values["name"] for row in compared if row["life_status"] != VOID):
            raise wrong("存在重复数据")
        if kind.api_name == ORDER:
            values = {**fresh_order(self._tenant, kind), **values}
        return values

    def _new_details(self, who: Caller, kind: Object, given: Any) -> Details:
        if given is not None and not isinstance(given, Mapping):
            raise wrong("details必须是对象")
        found: Details = []
        for name, rows in (given or {}).items():
            of = self._tenant.objects.get(name)
            master = _master_field(of, kind) if of else None
            if of is None or master is None or not isinstance(rows, list):
                raise wrong(f"{name}不是{kind.api_name}的从对象")
            for row in rows:
                if not isinstance(row, Mapping):
                    raise wrong("details中的数据不合法")
                values = checked(self._tenant, who, of, row, creating=True, exempt=(master,))
                found.append((of, master, values))
        return found

    async def _ask_functions(
        self, who: Caller, kind: Object, values: Row, details: Mapping[str, list[Row]]
    ) -> None:
        """Asks the functions before a save; without one, an order's save asks the stand-in."""
        if self._functions.guards(kind):
            if self._tenant.traits.number_before_save and kind.api_name == ORDER:
                with self._tenant.lock:
                    values["name"] = self._tenant.next_number(kind)
            await self._ask_bound(who, kind, values, details, "create")
            return
        plugin = self._plugins.installed() if kind.api_name == ORDER else None
        if plugin is None:
            return
        with self._tenant.lock:
            values["name"] = self._tenant.next_number(kind)
            form = order_form(self._tenant, kind, values)
        _, message, refused = await run_in_threadpool(judge, plugin, form, values["name"])
        self._refuse(message if refused else "")

    async def _ask_bound(
        self, who: Caller, kind: Object, row: Row, details: Mapping[str, list[Row]], scene: str
    ) -> None:
        ask = partial(self._functions.before_save, kind, row, details, scene, who.user_id, browser=False)
        self._refuse(await run_in_threadpool(ask))

    @staticmethod
    def _refuse(message: str) -> None:
        if message:
            raise wrong(message)

    def _run_rules(self, kind: Object, row: Row, scene: str, flags: Flags) -> None:
        if flags.runs_rules(self._tenant.traits):
            verdict = self._rules.verdict(kind, row, scene)
            if verdict.refused:
                raise wrong(verdict.message)

    def _insert(self, who: Caller, kind: Object, values: Row, flags: Flags, *, recorded: bool = True) -> str:
        if kind.api_name in self._tenant.approvals and flags.approval:
            values = {**values, "life_status": "under_review"}
        row_id: str = self._tenant.insert(kind, values, who.user_id, workflow=flags.workflow)["_id"]
        if recorded:
            record(self._tenant, who, "create", kind, row_id, flags)
        return row_id


def _emptied(kind: Object) -> list[str]:
    """Fields that an update could have named and that may be empty."""
    fields = kind.fields.values()
    kept = ("name", "owner")
    return [
        field.api_name
        for field in fields
        if not field.system
        and not field.required
        and field.type not in NEVER_WRITTEN
        and field.api_name not in kept
    ]


def fresh_order(tenant: Tenant, kind: Object) -> Row:
    """What an order has that says nothing else: it is open, and of today."""
    status = kind.here("order_status")
    return {
        status: kind.fields[status].values().get(ORDER_STATUS["open"]),
        kind.here("order_time"): tenant.today(),
    }


def order_form(tenant: Tenant, kind: Object, values: Row) -> OrderForm:
    """The order as the pre-validation function sees it."""
    account_id, amount = values[kind.here("account_id")], values[kind.here("order_amount")]
    account = tenant.objects[CUSTOMER].table.get(account_id) or {}
    currency = values.get("mc_currency") or account.get("mc_currency") or "CNY"
    return OrderForm(account_id, Decimal(amount), currency, values["name"])


def living(tenant: Tenant, who: Caller, kind: Object, row_id: Any) -> Row:
    """The row that the caller may change, or ``Fault``."""
    row = kind.table.get(row_id)
    if row is None or row["life_status"] == VOID:
        raise wrong("数据不存在或已作废")
    if not tenant.sees(who.user_id, kind, row):
        raise forbidden()
    return row


def refuse_twins(kind: Object, values: Row, row_id: str | None) -> None:
    """``Fault`` when another row, void ones included, has the value of a unique field."""
    for name, field in kind.fields.items():
        if field.unique and values.get(name) is not None:
            holder = kind.table.holder(name, values[name])
            if holder is not None and holder != row_id:
                raise wrong(f"{field.label}的值重复")


def record(
    tenant: Tenant, who: Caller, action: str, kind: Object, row_id: str, flags: Flags | None = None
) -> None:
    """Remember a write that was carried out."""
    done = {
        "action": action,
        "object": kind.api_name,
        "id": row_id,
        "by": who.user_id,
        "thirdTraceId": who.trace_id,
    }
    tenant.writes.append({**done, **(flags.recorded() if flags else {})})


def details_of(tenant: Tenant, kind: Object, row_ids: Collection[str]) -> list[tuple[Object, Row]]:
    """The rows that are details of the given ones."""
    wanted = set(row_ids)
    return [
        (of, row)
        for of in tenant.objects.values()
        if (master := _master_field(of, kind)) is not None
        for row in of.table
        if row.get(master) in wanted
    ]


def _master_field(of: Object, kind: Object) -> str | None:
    fields = of.fields.values()
    names = (f.api_name for f in fields if f.type == "master_detail" and f.target == kind.api_name)
    return next(names, None)


def _object_data(body: Mapping[str, Any]) -> Mapping[str, Any]:
    given = body["data"].get("object_data")
    if not isinstance(given, Mapping):
        raise wrong("缺少object_data")
    return given
