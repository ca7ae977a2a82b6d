"""One Zoho org: users, modules with their rows, and what people do in its browser pages.

Invariant: every change of a row sets its Modified_Time to now; ids are 18 digits and are never used
twice. Callers of ``insert``, ``update`` and ``delete`` hold ``lock``.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.doors import Content, NotSaved, OrderForm, canonical
from sandbox.table import Row
from sandbox.zoho.changes import TRIGGERS, Action, Attempt, Change, FunctionRule, Guard, Observer, Validator
from sandbox.zoho.fields import (
    CREATED,
    LOCKED,
    LOOKUPS,
    MODIFIED,
    USERS,
    Field,
    Module,
    generated_name,
)
from sandbox.zoho.modules import custom_module, hidden_modules, standard_modules
from sandbox.zoho.moments import stamp_of
from sandbox.zoho.people import ADMINISTRATOR, PROFILES, STANDARD, Profile, User

ORG_ID = "554023000000020005"
_SETTINGS_IDS, _USER_IDS, _RECORD_IDS = 554023000000000100, 554023000000225000, 554023000001000000
_AUTOMATION_KEPT = 1_000
_NUMBERED = {"Sales_Orders": ("SO_Number", "SO"), "Invoices": ("Invoice_Number", "INV")}

# What an admin picks in the console, by the words of the side door.
_CONSOLE_TYPES: dict[str, dict[str, Any]] = {
    "text": {"data_type": "text", "length": 255},
    "long_text": {"data_type": "textarea", "length": 32_000},
    "money": {"data_type": "currency", "length": 16, "decimals": 2},
    "number": {"data_type": "double", "length": 16, "decimals": 2},
    "integer": {"data_type": "integer", "length": 9},
    "boolean": {"data_type": "boolean"},
    "date": {"data_type": "date", "length": 20},
    "datetime": {"data_type": "datetime", "length": 120},
    "option": {"data_type": "picklist", "length": 120},
    "reference": {"data_type": "lookup", "length": 120, "target": "Accounts"},
}


class Tenant:
    """An empty org with one administrator, as whom all API calls act."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self._last_setting, self._last_user, self._last_record = _SETTINGS_IDS, _USER_IDS, _RECORD_IDS
        self._seeded_to = ""
        self._numbers: dict[str, int] = {}
        self.modules: dict[str, Module] = standard_modules(self.new_setting_id)
        for name, (number_field, _) in _NUMBERED.items():
            self.modules[name].table.make_unique(number_field)
        self.profiles: dict[str, Profile] = {
            name: Profile(self.new_setting_id(), name, description, custom)
            for name, description, custom in PROFILES
        }
        self.hidden_modules = hidden_modules(self.new_setting_id)
        self.users: dict[str, User] = {}
        self.admin = self.add_user("Credit", "Connector", "connector@example.com", ADMINISTRATOR)
        self.guards: list[Guard] = []
        self.observers: list[Observer] = []
        self.validators: list[Validator] = []
        self.function_rules: list[FunctionRule] = []
        self.automation: deque[dict[str, Any]] = deque(maxlen=_AUTOMATION_KEPT)

    # -- ids, time, users

    def new_setting_id(self) -> str:
        self._last_setting += 1
        return str(self._last_setting)

    def new_record_id(self) -> str:
        self._last_record += 1
        return str(self._last_record)

    def now(self) -> str:
        return stamp_of(self.clock())

    def add_user(self, first_name: str, last_name: str, email: str, profile: str = STANDARD) -> User:
        self._last_user += 1
        user = User(str(self._last_user), first_name, last_name, email, self.profiles[profile])
        self.users[user.id] = user
        return user

    def seeded(self) -> None:
        """Rows up to here are the same in every run; later ones are not."""
        self._seeded_to = str(self._last_record)

    # -- rows

    def refused(self, attempt: Attempt) -> dict[str, Any] | None:
        """The first guard's error, if one refuses; insert, update and delete do not ask themselves."""
        return next((fault for guard in self.guards if (fault := guard(attempt))), None)

    def insert(self, module: Module, values: Mapping[str, Any], by: User | None = None) -> Row:
        now, user = self.now(), by or self.admin
        row: Row = {"Owner": user.id, "Created_By": user.id, "Modified_By": user.id, LOCKED: False}
        row |= {name: value for name, value in values.items() if value is not None}
        row |= {"id": self.new_record_id(), CREATED: now, MODIFIED: now}
        if module.api_name in _NUMBERED:
            row.setdefault(_NUMBERED[module.api_name][0], self.next_number(module))
        if module.api_name == "Tasks" and row.get("Status") == "Completed":
            row["Closed_Time"] = now
        if module.api_name == "Contacts":
            row["Full_Name"] = f"{row.get('First_Name', '')} {row['Last_Name']}".strip()
        module.table.add(row)
        self._observe(module, "insert", row, tuple(values))
        return row

    def update(self, module: Module, row_id: str, values: Mapping[str, Any], by: User | None = None) -> Row:
        now, before = self.now(), module.table.get(row_id) or {}
        fields = tuple(name for name, value in values.items() if before.get(name) != value)
        changed = {**values, MODIFIED: now, "Modified_By": (by or self.admin).id}
        if module.api_name == "Tasks" and "Status" in values:
            changed["Closed_Time"] = now if values["Status"] == "Completed" else None
        row = module.table.change(row_id, changed)
        self._observe(module, "update", row, fields)
        return row

    def _observe(self, module: Module, action: Action, row: Row, fields: tuple[str, ...]) -> None:
        change = Change(module, action, row, fields)
        for observer in self.observers:
            observer(change)

    def delete(self, module: Module, row_id: str, by: User | None = None) -> Row:
        row = module.table.remove(row_id)
        module.deleted.append(
            {
                "id": row_id,
                "display_name": row.get(module.name_field),
                "type": "recycle",
                "deleted_time": self.now(),
                "deleted_by": self.lookup(USERS, (by or self.admin).id),
                "created_by": self.lookup(USERS, row["Created_By"]),
            }
        )
        self._observe(module, "delete", row, ())
        return row

    def run_automation(self, module: Module, row_id: str, action: Action, triggers: Sequence[str]) -> None:
        """Automation is not modelled, only noted: which kinds of it a write has set off."""
        if triggers:
            self.automation.append(
                {"module": module.api_name, "id": row_id, "action": action, "triggers": list(triggers)}
            )

    def lookup(self, target: str, row_id: str | None) -> dict[str, Any] | None:
        """A lookup as it is shown; ``None`` when empty or when its row has gone."""
        if row_id is None:
            return None
        if target == USERS:
            user = self.users.get(row_id)
            return {"name": user.full_name, "id": user.id, "email": user.email} if user else None
        module = self.modules[target]
        row = module.table.get(row_id)
        return None if row is None else {"name": row.get(module.name_field), "id": row_id}

    def exists(self, target: str, row_id: object) -> bool:
        if target == USERS:
            return row_id in self.users
        return target in self.modules and self.modules[target].table.get(row_id) is not None

    def next_number(self, module: Module) -> str:
        """The next document number; one that a refused order was given is not given again."""
        field_name, prefix = _NUMBERED[module.api_name]
        count = self._numbers.get(prefix, len(module.table)) + 1
        while module.table.holder(field_name, f"{prefix}-{count:06d}") is not None:
            count += 1
        self._numbers[prefix] = count
        return f"{prefix}-{count:06d}"

    def create_field(self, module: Module, new: Field) -> Field:
        """Create a custom field; its id and api name are given here."""
        new.id, new.custom = self.new_setting_id(), True
        new.api_name = generated_name(new.label, module)
        module.add(new)
        return new

    # -- side doors

    def allot_number(self, form: OrderForm) -> str:
        with self.lock:
            if self.modules["Accounts"].table.get(form.account_id) is None:
                raise ValueError(f"there is no account {form.account_id}")
            return form.number or self.next_number(self.modules["Sales_Orders"])

    def save_order(self, form: OrderForm, number: str) -> str:
        with self.lock:
            account = self.modules["Accounts"].table.get(form.account_id)
            if account is None:
                raise ValueError(f"there is no account {form.account_id}")
            values = {
                "Subject": number,
                "SO_Number": number,
                "Account_Name": form.account_id,
                "Owner": account["Owner"],
                "Grand_Total": form.amount,
                "Currency": form.currency,
                "Status": "Approved",
            }
            orders = self.modules["Sales_Orders"]
            faults = [fault for validator in self.validators for fault in validator(orders, values, "$")]
            if faults:
                raise NotSaved("\n".join(fault["message"] for fault in faults))
            row_id: str = self.insert(orders, values, self.users.get(account["Owner"]))["id"]
            self.run_automation(orders, row_id, "insert", TRIGGERS)
            return row_id

    def content(self) -> Content:
        with self.lock:
            drop = {
                name: [f.api_name for f in module.fields.values() if f.data_type == "datetime"]
                for name, module in self.modules.items()
            }
            objects = {
                name: [self._comparable(module, row) for row in module.table]
                for name, module in self.modules.items()
            }
            return canonical(objects, drop)

    def _comparable(self, module: Module, row: Row) -> Row:
        """The row with ids of rows that this run created replaced by a word."""
        references = {f.api_name for f in module.fields.values() if f.data_type in LOOKUPS} | {"id"}
        return {
            name: "created" if name in references and self._is_new(value) else value
            for name, value in row.items()
        }

    def _is_new(self, row_id: str) -> bool:
        return row_id > self._seeded_to

    def console_fields(self, body: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            wanted = body.get("object")
            if isinstance(wanted, dict):
                wanted = self._module_by_hand(str(wanted.get("api_name")), str(wanted.get("label")))
            module = self.modules.get(str(wanted))
            if module is None:
                raise ValueError(f"there is no module {body.get('object')!r}")
            return {"fields": [self._by_hand(module, wanted) for wanted in body.get("fields", [])]}

    def _module_by_hand(self, api_name: str, label: str) -> str:
        """Make a custom module if it is not there."""
        if api_name not in self.modules:
            self.modules[api_name] = custom_module(api_name, label, self.new_setting_id)
        return api_name

    def _by_hand(self, module: Module, wanted: Mapping[str, Any]) -> dict[str, Any]:
        settings = _CONSOLE_TYPES.get(wanted.get("type", ""))
        if settings is None or not wanted.get("label"):
            raise ValueError(f"a field needs a label and a type of {', '.join(_CONSOLE_TYPES)}")
        there = module.labelled(wanted["label"])
        if there is None:
            new = Field(api_name="", label=wanted["label"], unique=bool(wanted.get("unique")), **settings)
            new.options = tuple(label for _, label in wanted.get("options") or ())
            there = self.create_field(module, new)
        elif there.data_type != settings["data_type"]:
            raise ValueError(f"{module.api_name} has a field {there.label!r} of type {there.data_type}")
        return {"name": wanted.get("name"), "api_name": there.api_name}
