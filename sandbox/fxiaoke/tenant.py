"""One Fxiaoke tenant: employees, and objects with their rows.

Invariant: rows are kept as they travel (amounts as texts with their decimals, times in milliseconds,
employees as lists of plain ids, nothing empty); every change of a row's own values sets
last_modified_time to now and is told to the observers. Callers hold ``lock``.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.fxiaoke import rollups
from sandbox.fxiaoke.changes import Action, Change, Observer
from sandbox.fxiaoke.fields import CREATED, MODIFIED, Object
from sandbox.fxiaoke.objects import standard_objects
from sandbox.fxiaoke.traits import OPTIONAL_OBJECTS, Traits
from sandbox.table import Row

TENANT_ZONE = dt.timezone(dt.timedelta(hours=8))
ADMIN_MOBILE = "13800000000"
PEOPLE = "PersonnelObj"
VOID = "invalid"
KEPT = 2_000
_FIRST_ID = 0x65F0A1B2C3D4_000000000000
_NUMBER_PREFIX = {
    "SalesOrderObj": "FSO",
    "InvoiceApplicationObj": "FINV",
    "PaymentObj": "FPAY",
    "OrderPaymentObj": "FPAYD",
    "PaymentPlanObj": "FPLAN",
    "CreditFileObj": "FCRED",
    "CustomerAccountObj": "FACC",
    "CheckinsObj": "FCHK",
}


@dataclass(frozen=True)
class Employee:
    """``id`` is the plain CRM id, ``open_id`` the one of the old style (FSUID). An ``admin`` sees the
    rows of all; the others see their own."""

    id: str
    name: str
    mobile: str
    email: str
    admin: bool = False

    @property
    def open_id(self) -> str:
        return "FSUID_" + hashlib.sha256(self.id.encode()).hexdigest()[:32].upper()


class Tenant:
    """An empty tenant with one administrator.

    ``writes`` are the API's writes that were carried out, with their flags; ``messages`` those that
    were sent to employees; ``approvals`` names the objects that have an approval flow.
    """

    def __init__(self, clock: Callable[[], float] = time.time, traits: Traits | None = None) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.traits = traits or Traits()
        self.objects: dict[str, Object] = standard_objects()
        self.employees: dict[str, Employee] = {}
        self.observers: list[Observer] = []
        self.approvals: set[str] = set()
        self.writes: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.messages: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._by_open_id: dict[str, str] = {}
        self._last_id = _FIRST_ID
        self._created: set[str] = set()
        self._numbers: dict[str, int] = {}
        for name in _NUMBER_PREFIX:
            self.objects[name].table.make_unique("name")
        self.admin = self.add_employee("系统管理员", ADMIN_MOBILE, "admin@example.com", 0, admin=True)

    # -- ids, time, employees, objects

    def new_id(self) -> str:
        self._last_id += 1
        return f"{self._last_id:024x}"

    def reserve(self, count: int) -> int:
        """The number before ``count`` ids that nobody else will get."""
        first, self._last_id = self._last_id, self._last_id + count
        return first

    def now(self) -> int:
        return int(self.clock() * 1000)

    def today(self) -> int:
        """Midnight of today at the tenant, in milliseconds."""
        return day_ms(dt.datetime.fromtimestamp(self.clock(), TENANT_ZONE).date())

    def add_employee(self, name: str, mobile: str, email: str, at: int, *, admin: bool = False) -> Employee:
        """A new employee, who is a row of PersonnelObj too; ``at`` in milliseconds."""
        employee = Employee(str(1000 + len(self.employees)), name, mobile, email, admin)
        self.employees[employee.id] = employee
        self._by_open_id[employee.open_id] = employee.id
        row = self.fresh_row(employee.id, "1000", at, at)
        row |= {"name": name, "user_id": employee.id, "phone": mobile, "email": email, "status": "0"}
        self.objects[PEOPLE].table.add(row)
        return employee

    def plain_id(self, open_id: object) -> str | None:
        """The plain id behind an FSUID."""
        return self._by_open_id.get(open_id) if isinstance(open_id, str) else None

    def has(self, kind: Object) -> bool:
        """Whether the tenant has bought the module of this object."""
        return kind.api_name not in OPTIONAL_OBJECTS or kind.api_name in self.traits.objects

    def sees(self, user_id: str, kind: Object, row: Row) -> bool:
        """Whether an employee's data permission reaches the row."""
        if kind.api_name == PEOPLE:
            return self.traits.people_readable
        employee = self.employees.get(user_id)
        return employee is not None and (employee.admin or user_id in row.get("owner", ()))

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

    def insert(self, kind: Object, values: Mapping[str, Any], user_id: str, *, workflow: bool = True) -> Row:
        now = self.now()
        row = self.fresh_row(self._created_id(kind), user_id, now, now)
        row |= {name: value for name, value in values.items() if value is not None}
        row["last_modified_by"] = [user_id]
        row |= _filled(rollups.own(self.objects, kind, row, self.today()))
        if kind.api_name in _NUMBER_PREFIX:
            row.setdefault("name", self.next_number(kind))
        kind.table.add(row)
        self._changed(kind, "create", {}, row, workflow=workflow)
        return row

    def update(
        self,
        kind: Object,
        row_id: str,
        values: Mapping[str, Any],
        user_id: str,
        *,
        action: Action = "update",
        workflow: bool = True,
    ) -> Row:
        before = dict(kind.table.get(row_id) or {})
        worked_out = rollups.own(self.objects, kind, {**before, **values}, self.today())
        changed = {**values, **worked_out, MODIFIED: self.now(), "last_modified_by": [user_id]}
        row = kind.table.change(row_id, changed)
        kind.stale.pop(row_id, None)
        self._changed(kind, action, before, row, workflow=workflow)
        return row

    def remove(self, kind: Object, row_id: str, *, workflow: bool = True) -> Row:
        row = kind.table.remove(row_id)
        self._changed(kind, "delete", row, {}, workflow=workflow)
        return row

    def _changed(self, kind: Object, action: Action, before: Row, after: Row, *, workflow: bool) -> None:
        for target, row_id, values in rollups.totals(self.objects, kind, before, after, self.today()):
            found = target.table.get(row_id) or {}
            kept = target.stale.setdefault(row_id, {})
            for name in values:
                kept.setdefault(name, found.get(name))
            moved = {MODIFIED: self.now()} if self.traits.rollups_move_time else {}
            target.table.change(row_id, {**values, **moved})
        change = Change(kind, action, str((after or before)["_id"]), workflow)
        for observer in self.observers:
            observer(change)

    def _created_id(self, kind: Object) -> str:
        """Custom objects' ids are longer: ids have been seen with 24 and with 32 signs."""
        made = self.new_id()
        row_id = made + made[-8:] if kind.custom else made
        self._created.add(row_id)
        return row_id

    def is_new(self, row_id: object) -> bool:
        """Whether the row was created while the sandbox ran: its id differs from run to run."""
        return row_id in self._created

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
        return row is not None and row["life_status"] != VOID


def day_ms(day: dt.date) -> int:
    """Midnight of ``day`` at the tenant, in milliseconds: how a date travels."""
    return int(dt.datetime(day.year, day.month, day.day, tzinfo=TENANT_ZONE).timestamp() * 1000)


def _filled(row: Row) -> Row:
    return {name: value for name, value in row.items() if value is not None}
