"""Insert, update, upsert and delete of records (vendor manual: Insert, Update, Upsert, Delete Records).

Invariant: results come by position; one faulty record does not stop the others; a locked record is
refused before its values are looked at. Validation rules are asked only when the caller names their
kind (a browser always does), and only about records that are otherwise good; the installed function
rule, which is one of them, only about orders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from sandbox.doors import OrderForm, PluginSlot, judge
from sandbox.table import Row
from sandbox.zoho.answers import Item, Refused, error, invalid, items, parsed, refuse
from sandbox.zoho.changes import TRIGGERS, Action, Attempt
from sandbox.zoho.fields import CREATED, MODIFIED, SE_MODULE, USERS, Module
from sandbox.zoho.moments import parsed_stamp
from sandbox.zoho.people import User
from sandbox.zoho.tenant import Tenant
from sandbox.zoho.values import checked

MAX_RECORDS = 100
FUNCTION_RULE, CRITERIA_RULE = "function_validation_rule", "criteria_validation_rule"
FEATURES = (
    "layout_rules",
    "range_validation",
    "assignment_rules",
    FUNCTION_RULE,
    CRITERIA_RULE,
    "global_map_dependency",
    "territory_subordinates",
)
SKIPPABLE = ("assignment_rules", "cadences", "connected_workflows")
_RULE_MESSAGE = 100


def write_credits(count: int) -> int:
    """One credit for every ten records begun."""
    return max(1, -(-count // 10))


@dataclass(frozen=True)
class Call:
    """One write call: ``mode`` is insert, update or upsert; ``unmodified_since`` a stamp; ``triggers`` is
    the automation that runs after it; ``by`` is who writes (the API's user when left out); ``shown`` are the
    records as a page shows them, which is what rules see of them there."""

    module: Module
    mode: str
    records: Sequence[Any]
    duplicate_fields: Sequence[str] = ()
    with_rule: bool = False
    with_criteria: bool = False
    unmodified_since: str | None = None
    triggers: Sequence[str] = TRIGGERS
    by: User | None = None
    shown: Sequence[Any] = ()


def with_records(call: Call, records: Sequence[Any]) -> Call:
    """The same call with other records."""
    return replace(call, records=records)


def read_call(module: Module, mode: str, request: Request, content: bytes) -> Call:
    """The call that a request makes; ``Refused`` when it is malformed as a whole."""
    body = parsed(content)
    records = body.get("data")
    row_id = request.path_params.get("id") if mode == "update" else None
    if row_id is not None and isinstance(records, list):  # PUT /{module}/{id}
        records = [{**record, "id": row_id} for record in records[:1] if isinstance(record, dict)]
    if not isinstance(records, list) or not records:
        where = {"api_name": "data", "json_path": "$.data"}
        if "data" not in body:
            raise _whole(error("MANDATORY_NOT_FOUND", "required field not found", where))
        raise _whole(invalid({"expected_data_type": "jsonarray", **where}))
    if len(records) > MAX_RECORDS:
        details = {"maximum_length": MAX_RECORDS, "api_name": "data"}
        raise _whole(error("LIMIT_EXCEEDED", "count of records in your request exceeds the limit", details))
    triggers = TRIGGERS if body.get("trigger") is None else body["trigger"]
    _known_words(triggers, TRIGGERS, "trigger", "$.trigger[{}]")
    features = _features(body, "apply_feature_execution", FEATURES)
    _features(body, "skip_feature_execution", SKIPPABLE)
    duplicate_fields = body.get("duplicate_check_fields") or []
    _known_words(
        duplicate_fields,
        tuple(f.api_name for f in module.fields.values() if f.unique),
        "duplicate_check_fields",
        "$.duplicate_check_fields[{}]",
    )
    return Call(
        module,
        mode,
        records,
        duplicate_fields,
        with_rule=FUNCTION_RULE in features and module.api_name == "Sales_Orders",
        with_criteria=CRITERIA_RULE in features,
        unmodified_since=_unmodified_since(request),
        triggers=triggers,
    )


def _features(body: dict[str, Any], name: str, known: Sequence[str]) -> list[Any]:
    """The names under ``apply_feature_execution`` or ``skip_feature_execution``."""
    features = [
        feature.get("name") if isinstance(feature, dict) else feature for feature in body.get(name) or []
    ]
    _known_words(features, known, "name", f"$.{name}[{{}}].name")
    return features


def _unmodified_since(request: Request) -> str | None:
    text = request.headers.get("if-unmodified-since")
    since = parsed_stamp(text)
    if text is not None and since is None:
        header = {"header": "If-Unmodified-Since", "expected_data_type": "datetime"}
        raise _whole(invalid(header))
    return since


def _known_words(words: Sequence[Any], known: Sequence[str], name: str, path: str) -> None:
    for i, word in enumerate(words):
        if word not in known:
            details = {
                "api_name": name,
                "json_path": path.format(i),
                "supported_values": list(known),
            }
            raise _whole(invalid(details))


def _whole(item: Item) -> Refused:
    """The write calls put errors of the whole request under ``data`` too."""
    return Refused(400, {"data": [item]})


async def perform(
    tenant: Tenant, call: Call, slot: PluginSlot, faulty: Mapping[int, Item] | None = None
) -> Response:
    """Carry the call out and answer it. The records at the places of ``faulty`` fail with the item that
    is given."""
    results = await carry_out(tenant, call, slot, faulty or {})
    return items("data", results, 201 if call.mode == "insert" else 200)


async def carry_out(tenant: Tenant, call: Call, slot: PluginSlot, faulty: Mapping[int, Item]) -> list[Item]:
    """The results by position; the plugin in ``slot`` and the tenant's own are the function rules."""
    writer = _Writer(tenant, call)
    refusals: dict[int, str] = {}
    plugin = slot.installed() if call.with_rule else None
    if plugin is not None:
        with tenant.lock:
            forms = writer.order_forms()
        for i, (form, number) in forms.items():
            _, message, refused = await run_in_threadpool(judge, plugin, form, number)
            if refused:
                refusals[i] = message[:_RULE_MESSAGE]
    if call.with_rule:
        for i, record in enumerate(call.shown or call.records):
            for rule in tenant.function_rules if isinstance(record, dict) else ():
                found = await run_in_threadpool(rule, call.module, record, call.by or tenant.admin)
                if found is not None:
                    refusals[i] = found
    with tenant.lock:
        return [faulty.get(i) or writer.write(i, refusals.get(i)) for i in range(len(call.records))]


class _Writer:
    def __init__(self, tenant: Tenant, call: Call) -> None:
        self._tenant = tenant
        self._call = call
        self._module = call.module
        self._by = call.by or tenant.admin
        self._numbers: dict[int, str] = {}

    def order_forms(self) -> dict[int, tuple[OrderForm, str]]:
        """What the rule sees of each good record; a new order has its number by then."""
        forms: dict[int, tuple[OrderForm, str]] = {}
        for i in range(len(self._call.records)):
            row_id, values, errors, _ = self._planned(i)
            if errors:
                continue
            old = self._module.table.get(row_id) or {}
            row = {**old, **values}
            number = old.get("SO_Number") or self._tenant.next_number(self._module)
            self._numbers[i] = number
            amount = row.get("Grand_Total") or Decimal(0)
            form = OrderForm(row["Account_Name"], amount, row.get("Currency") or "CNY", number)
            forms[i] = form, number
        return forms

    def write(self, i: int, refusal: str | None) -> Item:
        row_id, values, errors, duplicate_field = self._planned(i)
        if not errors:
            errors = self._invalid(i, {**(self._module.table.get(row_id) or {}), **values}, refusal)
        if len(errors) > 1:
            details = {"errors": errors}
            return error("MULTIPLE_OR_MULTI_ERRORS", "Multiple errors in the request", details)
        if errors:
            return errors[0]
        action: Action = "insert" if row_id is None else "update"
        if row_id is None:
            if i in self._numbers:
                values["SO_Number"] = self._numbers[i]
            row = self._tenant.insert(self._module, values, self._by)
        else:
            row = self._tenant.update(self._module, row_id, values, self._by)
        self._tenant.run_automation(self._module, row["id"], action, self._call.triggers)
        return self._done(row, action, duplicate_field)

    def _invalid(self, i: int, row: Row, refusal: str | None) -> list[Item]:
        """What the validation rules have against the row as it would become."""
        path, found = f"$.data[{i}]", []
        if refusal is not None:
            found.append(invalid({"api_name": "Account_Name", "json_path": path}, refusal))
        if self._call.with_criteria:
            for validator in self._tenant.validators:
                found += validator(self._module, row, path)
        return found

    def _planned(self, i: int) -> tuple[str | None, Row, list[Item], str | None]:
        """Id of the record to change (``None`` inserts), values, errors, the field that matched."""
        path, given = f"$.data[{i}]", self._call.records[i]
        if not isinstance(given, dict):
            return None, {}, [invalid({"expected_data_type": "jsonobject", "json_path": path})], None
        row_id, matched = self._target(given, path)
        if isinstance(row_id, dict):
            return None, {}, [row_id], None
        values, errors = checked(self._tenant, self._module, given, path, inserting=row_id is None)
        errors += self._duplicates(values, row_id, path)
        if row_id is not None and (refused := self._refused(row_id, values, path)):
            errors = [refused]
        return row_id, values, errors, matched

    def _target(self, given: Row, path: str) -> tuple[str | Item | None, str | None]:
        mode, table = self._call.mode, self._module.table
        row_id = given.get("id")
        if mode == "insert" or (mode == "upsert" and row_id is None):
            return (None, None) if mode == "insert" else self._match(given)
        where = {"api_name": "id", "json_path": f"{path}.id"}
        if row_id is None:
            return error("MANDATORY_NOT_FOUND", "required field not found", where), None
        row_id = str(row_id) if isinstance(row_id, int) else row_id
        if table.get(row_id) is None:
            return invalid(where, "the id given seems to be invalid"), None
        return row_id, "id"

    def _match(self, given: Row) -> tuple[str | None, str | None]:
        """The record that an upsert means, by the fields named or by all unique ones."""
        unique = [f.api_name for f in self._module.fields.values() if f.unique]
        for name in self._call.duplicate_fields or unique:
            if isinstance(given.get(name), (str, int)):
                row_id = self._module.table.holder(name, given[name])
                if row_id is not None:
                    return row_id, name
        return None, None

    def _duplicates(self, values: Row, row_id: str | None, path: str) -> list[Item]:
        found = []
        for field in self._module.fields.values():
            if not field.unique or values.get(field.api_name) is None:
                continue
            holder = self._module.table.holder(field.api_name, values[field.api_name])
            if holder is not None and holder != row_id:
                found.append(self._duplicate(field.api_name, holder, path))
        return found

    def _duplicate(self, name: str, holder: str, path: str) -> Item:
        row = self._module.table.get(holder) or {}
        details = {
            "api_name": name,
            "json_path": f"{path}.{name}",
            "id": holder,
            "more_records": False,
            "duplicate_record": {
                "id": holder,
                "Owner": self._tenant.lookup(USERS, row.get("Owner")),
                "module": {"api_name": self._module.api_name, "id": self._module.id},
            },
        }
        return error("DUPLICATE_DATA", "duplicate data", details)

    def _refused(self, row_id: str, values: Row, path: str) -> Item | None:
        """A refusal for what the record is, whatever is written to it: locked, in a process, stale."""
        row = self._module.table.get(row_id) or {}
        fields = frozenset(values) - {SE_MODULE}
        guarded = self._tenant.refused(Attempt(self._module, row, fields, self._by, path))
        return guarded or self._stale(row_id)

    def _stale(self, row_id: str) -> Item | None:
        since, row = self._call.unmodified_since, self._module.table.get(row_id)
        if since is None or row is None or row[MODIFIED] <= since:
            return None
        message = "record updated time has already passed if-unmodified-since time"
        return error("ALREADY_MODIFIED", message, self._details(row))

    def _done(self, row: Row, action: str, matched: str | None) -> Item:
        message = "record added" if action == "insert" else "record updated"
        done: Item = {
            "code": "SUCCESS",
            "details": self._details(row),
            "message": message,
            "status": "success",
        }
        if self._call.mode == "upsert":
            done |= {"action": action, "duplicate_field": matched}
        return done

    def _details(self, row: Row) -> dict[str, Any]:
        return {
            "id": row["id"],
            CREATED: row[CREATED],
            MODIFIED: row[MODIFIED],
            "Created_By": self._tenant.lookup(USERS, row["Created_By"]),
            "Modified_By": self._tenant.lookup(USERS, row["Modified_By"]),
        }


def delete(tenant: Tenant, module: Module, ids_text: str) -> Response:
    """``DELETE /{module}?ids=a,b``."""
    ids = [row_id.strip() for row_id in ids_text.split(",") if row_id.strip()]
    if not ids:
        message = "One of the expected parameter is missing"
        raise refuse(400, "REQUIRED_PARAM_MISSING", message, param_name="ids")
    if len(ids) > MAX_RECORDS:
        raise refuse(400, "LIMIT_EXCEEDED", "limit exceeded", limit=MAX_RECORDS, param_name="ids")
    with tenant.lock:
        return items("data", [delete_one(tenant, module, i, tenant.admin) for i in ids], 200)


def delete_one(tenant: Tenant, module: Module, row_id: str, by: User) -> Item:
    """Delete a record; the result. The caller holds the tenant's lock."""
    row = module.table.get(row_id)
    if row is None:
        return invalid({"id": row_id}, "record not deleted")
    refused = tenant.refused(Attempt(module, row, None, by, "$"))
    if refused is not None:
        return refused
    tenant.delete(module, row_id, by)
    return {
        "code": "SUCCESS",
        "details": {"id": row_id},
        "message": "record deleted",
        "status": "success",
    }
