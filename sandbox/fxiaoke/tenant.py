"""One Fxiaoke tenant: employees, objects with their rows, and what people do in its browser pages.

Invariant: rows are kept as they travel (amounts as texts with their decimals, times in milliseconds,
employees as lists of plain ids, nothing empty); every change sets last_modified_time to now. Callers
of ``insert`` and ``update`` hold ``lock``.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.doors import Content, OrderForm, canonical
from sandbox.fxiaoke.fields import CREATED, DECIMALS, MODIFIED, Field, Object, options_of
from sandbox.fxiaoke.objects import CUSTOMER, ORDER_STATUS, common_fields, standard_objects
from sandbox.table import Row

TENANT_ZONE = dt.timezone(dt.timedelta(hours=8))
ADMIN_MOBILE = "13800000000"
_FIRST_ID = 0x65F0A1B2C3D4_000000000000
_NUMBER_PREFIX = {
    "SalesOrderObj": "FSO",
    "InvoiceApplicationObj": "FINV",
    "PaymentObj": "FPAY",
    "OrderPaymentObj": "FPAYD",
}
_CONSOLE_TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": "text", "max_length": 256},
    "long_text": {"type": "long_text", "max_length": 2000},
    "money": {"type": "currency"},
    "number": {"type": "number"},
    "integer": {"type": "number", "decimals": 0},
    "boolean": {"type": "true_or_false"},
    "date": {"type": "date"},
    "datetime": {"type": "date_time"},
    "option": {"type": "select_one"},
    "owner": {"type": "employee"},
    "reference": {"type": "object_reference", "target": CUSTOMER},
}
"""What an admin picks in the console, by the words of the side door."""


@dataclass(frozen=True)
class Employee:
    """``id`` is the plain CRM id, ``open_id`` the one of the old style (FSUID)."""

    id: str
    name: str
    mobile: str
    email: str

    @property
    def open_id(self) -> str:
        return "FSUID_" + hashlib.sha256(self.id.encode()).hexdigest()[:32].upper()


class Tenant:
    """An empty tenant with one administrator."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.objects: dict[str, Object] = standard_objects()
        self.employees: dict[str, Employee] = {}
        self._by_open_id: dict[str, str] = {}
        self._last_id = _FIRST_ID
        self._seeded_to = ""
        self._numbers: dict[str, int] = {}
        for name in _NUMBER_PREFIX:
            self.objects[name].table.make_unique("name")
        self.admin = self.add_employee("系统管理员", ADMIN_MOBILE, "admin@example.com", 0)

    # -- ids, time, employees

    def new_id(self) -> str:
        self._last_id += 1
        return f"{self._last_id:024x}"

    def now(self) -> int:
        return int(self.clock() * 1000)

    def add_employee(self, name: str, mobile: str, email: str, at: int) -> Employee:
        """A new employee, who is a row of PersonnelObj too; ``at`` in milliseconds."""
        employee = Employee(str(1000 + len(self.employees)), name, mobile, email)
        self.employees[employee.id] = employee
        self._by_open_id[employee.open_id] = employee.id
        row = self.fresh_row(employee.id, "1000", at, at)
        row |= {"name": name, "user_id": employee.id, "phone": mobile, "email": email, "status": "0"}
        self.objects["PersonnelObj"].table.add(row)
        return employee

    def plain_id(self, open_id: object) -> str | None:
        """The plain id behind an FSUID."""
        return self._by_open_id.get(open_id) if isinstance(open_id, str) else None

    def seeded(self) -> None:
        """Rows up to here are the same in every run; later ones are not."""
        self._seeded_to = f"{self._last_id:024x}"

    # -- rows

    def fresh_row(self, row_id: str, owner_id: str, created: int, modified: int) -> Row:
        owner = [owner_id]
        return {
            "_id": row_id,
            "owner": owner,
            "created_by": owner,
            CREATED: created,
            "last_modified_by": owner,
            MODIFIED: modified,
            "record_type": "default__c",
            "life_status": "normal",
            "lock_status": "0",
        }

    def insert(self, kind: Object, values: Mapping[str, Any], user_id: str) -> Row:
        now = self.now()
        row = self.fresh_row(self.new_id(), user_id, now, now)
        row |= {name: value for name, value in values.items() if value is not None}
        row["created_by"] = row["last_modified_by"] = [user_id]
        if kind.api_name in _NUMBER_PREFIX:
            row.setdefault("name", self.next_number(kind))
        kind.table.add(row)
        return row

    def update(self, kind: Object, row_id: str, values: Mapping[str, Any], user_id: str) -> Row:
        return kind.table.change(row_id, {**values, MODIFIED: self.now(), "last_modified_by": [user_id]})

    def next_number(self, kind: Object) -> str:
        """The next automatic number; one that a refused order was given is not given again."""
        prefix = _NUMBER_PREFIX[kind.api_name]
        count = self._numbers.get(prefix, len(kind.table)) + 1
        while kind.table.holder("name", f"{prefix}-{count:06d}") is not None:
            count += 1
        self._numbers[prefix] = count
        return f"{prefix}-{count:06d}"

    def valid_target(self, target: str, row_id: object) -> bool:
        """Whether a reference may point there: the row exists and is not void."""
        kind = self.objects.get(target)
        row = kind.table.get(row_id) if kind else None
        return row is not None and row["life_status"] != "invalid"

    # -- side doors

    def _account(self, form: OrderForm) -> Row:
        row = self.objects[CUSTOMER].table.get(form.account_id)
        if row is None:
            raise ValueError(f"there is no account {form.account_id}")
        return row

    def allot_number(self, form: OrderForm) -> str:
        with self.lock:
            self._account(form)
            return form.number or self.next_number(self.objects["SalesOrderObj"])

    def save_order(self, form: OrderForm, number: str) -> str:
        with self.lock:
            account, kind = self._account(form), self.objects["SalesOrderObj"]
            amount = f"{form.amount:.2f}"
            values = {
                "name": number,
                "account_id": form.account_id,
                "owner": account["owner"],
                "order_time": self.today(),
                "order_amount": amount,
                "receivable_amount": amount,
                "order_status": kind.fields["order_status"].values()[ORDER_STATUS["open"]],
                "mc_currency": form.currency,
            }
            row_id: str = self.insert(kind, values, account["owner"][0])["_id"]
            return row_id

    def today(self) -> int:
        """Midnight of today at the tenant, in milliseconds."""
        now = dt.datetime.fromtimestamp(self.clock(), TENANT_ZONE)
        return day_ms(now.date())

    def content(self) -> Content:
        with self.lock:
            drop = {
                name: [f.api_name for f in kind.fields.values() if f.type == "date_time"]
                for name, kind in self.objects.items()
            }
            objects = {
                name: [self._comparable(kind, row) for row in kind.table]
                for name, kind in self.objects.items()
            }
            return canonical(objects, drop)

    def _comparable(self, kind: Object, row: Row) -> Row:
        """The row with ids of rows that this run created replaced by a word."""
        references = {f.api_name for f in kind.fields.values() if f.target} | {"_id"}
        return {
            name: "created" if name in references and self._is_new(value) else value
            for name, value in row.items()
        }

    def _is_new(self, row_id: str) -> bool:
        return len(row_id) == len(self._seeded_to) and row_id > self._seeded_to

    def console_fields(self, body: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            for wanted in (*(body.get("objects") or ()), body.get("object")):
                self._object_by_hand(wanted)
            kind = self.objects[body["object"]]
            return {"fields": [self._field_by_hand(kind, wanted) for wanted in body.get("fields", [])]}

    def _object_by_hand(self, wanted: Any) -> None:
        """Make a custom object if it is not there: an api name, or a mapping with a label too."""
        described = wanted if isinstance(wanted, dict) else {"api_name": wanted}
        api_name = described.get("api_name") or described.get("object")
        if api_name in self.objects:
            return
        if not isinstance(api_name, str) or not api_name.endswith("__c"):
            raise ValueError(f"a custom object's name ends in __c, not {api_name!r}")
        made = self.objects[api_name] = Object(api_name, described.get("label") or api_name, custom=True)
        for one in common_fields():
            made.add(one)

    def _field_by_hand(self, kind: Object, wanted: Mapping[str, Any]) -> dict[str, Any]:
        settings, api_name = _CONSOLE_TYPES.get(wanted.get("type", "")), wanted.get("api_name")
        if settings is None or not isinstance(api_name, str) or not wanted.get("label"):
            raise ValueError(f"a field needs api_name, label and a type of {', '.join(_CONSOLE_TYPES)}")
        there = kind.fields.get(api_name)
        if there is None:
            if not api_name.endswith("__c"):
                raise ValueError(f"a custom field's name ends in __c, not {api_name!r}")
            kind.add(self._custom_field(kind, api_name, wanted, settings))
        elif there.type != settings["type"]:
            raise ValueError(f"{kind.api_name} has a field {api_name} of type {there.type}")
        return {"name": wanted.get("name"), "api_name": api_name}

    def _custom_field(
        self, kind: Object, api_name: str, wanted: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> Field:
        labels = [label for _, label in wanted.get("options") or ()]
        return Field(
            api_name,
            wanted["label"],
            custom=True,
            unique=bool(wanted.get("unique")),
            options=options_of(kind.api_name, api_name, labels),
            **settings,
        )


def day_ms(day: dt.date) -> int:
    """Midnight of ``day`` at the tenant, in milliseconds: how a date travels."""
    return int(dt.datetime(day.year, day.month, day.day, tzinfo=TENANT_ZONE).timestamp() * 1000)


def is_decimal(field: Field) -> bool:
    return field.type in (*DECIMALS, "count", "formula")
