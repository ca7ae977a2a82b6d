"""Records in a blueprint: a process that owns a field and moves it by transitions only (vendor manual:
Get Blueprint Details, Update Blueprint Details).

Invariant: while a record is in a process, nobody writes the fields that the process guards, but through
one of its transitions. Which other writes the vendor refuses is not documented: none are here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.doors import posted
from sandbox.table import Row
from sandbox.zoho.answers import Refused, answer, error, parsed, refuse
from sandbox.zoho.changes import Attempt
from sandbox.zoho.fields import Field, Module
from sandbox.zoho.routing import Router
from sandbox.zoho.settings import invalid_module
from sandbox.zoho.tenant import Tenant
from sandbox.zoho.values import checked

_PATH = "/{module}/{id}/actions/blueprint"
_IN_BLUEPRINT = "Record is in blueprint, the field can be changed by a transition only"


@dataclass(frozen=True)
class Transition:
    id: str
    name: str
    to: str


@dataclass(frozen=True)
class Process:
    """``field`` is the one that transitions move; ``guarded`` are all that it alone may write."""

    id: str
    name: str
    module: Module
    field: Field
    guarded: frozenset[str]
    transitions: tuple[Transition, ...]

    def described(self, row: Row) -> dict[str, Any]:
        info = {
            "id": self.id,
            "name": self.name,
            "field_id": self.field.id,
            "api_name": self.field.api_name,
            "field_name": self.field.label,
            "field_label": self.field.label,
            "field_value": row.get(self.field.api_name),
            "is_continuous": False,
            "continuous": False,
        }
        transitions = [
            {
                "id": t.id,
                "name": t.name,
                "next_field_value": t.to,
                "next_transitions": [],
                "fields": [],
                "data": {},
                "criteria_matched": True,
                "type": "manual",
            }
            for t in self.transitions
            if t.to != row.get(self.field.api_name)
        ]
        return {"blueprint": {"process_info": info, "transitions": transitions}}


class Blueprints:
    """Which records are in which process; callers hold the tenant's lock."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._processes: dict[tuple[str, str], Process] = {}
        tenant.guards.append(self._refusal)

    def of(self, module: Module, row_id: str) -> Process | None:
        return self._processes.get((module.api_name, row_id))

    def enter(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The side door: put the rows ``ids`` of ``module`` in a process over ``field`` with the
        ``transitions`` (name and ``to``), or take them out (``leave``). ``ValueError`` if it is wrong."""
        with self._tenant.lock:
            module = self._tenant.modules.get(str(body.get("module")))
            if module is None:
                raise ValueError(f"module must be one of {', '.join(self._tenant.modules)}")
            ids = [row_id for row_id in body.get("ids", []) if module.table.get(row_id) is not None]
            if not ids:
                raise ValueError("ids must name rows of the module")
            process = None if body.get("leave") else self._process(module, body)
            for row_id in ids:
                if process is None:
                    self._processes.pop((module.api_name, row_id), None)
                else:
                    self._processes[module.api_name, row_id] = process
        return {"ids": ids}

    def _process(self, module: Module, body: Mapping[str, Any]) -> Process:
        field = module.fields.get(str(body.get("field", "Status")))
        if field is None or field.data_type != "picklist":
            raise ValueError("field must be a picklist of the module")
        given = body.get("transitions") or [{"name": option, "to": option} for option in field.options]
        transitions = tuple(
            Transition(self._tenant.new_setting_id(), str(one["name"]), str(one["to"])) for one in given
        )
        if any(transition.to not in field.options for transition in transitions):
            raise ValueError(f"transitions lead to one of {', '.join(field.options)}")
        guarded = frozenset(body.get("guarded", ())) | {field.api_name}
        name = str(body.get("name", f"{module.singular} process"))
        return Process(self._tenant.new_setting_id(), name, module, field, guarded, transitions)

    def _refusal(self, attempt: Attempt) -> dict[str, Any] | None:
        process = self.of(attempt.module, attempt.row["id"])
        touched = sorted(process.guarded & (attempt.fields or frozenset())) if process else []
        if not touched:
            return None
        details = {"api_name": touched[0], "json_path": f"{attempt.path}.{touched[0]}"}
        return error("RECORD_IN_BLUEPRINT", _IN_BLUEPRINT, details)


def routes(router: Router, tenant: Tenant, blueprints: Blueprints) -> list[Route]:
    """The routes of one record's blueprint."""
    acts = _Acts(tenant, blueprints)
    return [
        router.route("GET", _PATH, router.read(acts.shown), "{module}.READ"),
        router.route("PUT", _PATH, router.sent(acts.move), "{module}.UPDATE"),
    ]


def doors(blueprints: Blueprints) -> list[Route]:
    """``POST /_sandbox/blueprint``, see ``Blueprints.enter``."""
    return [Route("/_sandbox/blueprint", posted(blueprints.enter), methods=["POST"])]


class _Acts:
    def __init__(self, tenant: Tenant, blueprints: Blueprints) -> None:
        self._tenant = tenant
        self._blueprints = blueprints

    def shown(self, request: Request) -> Response:
        with self._tenant.lock:
            process, row = self._there(request)
            return answer(process.described(row))

    def move(self, request: Request, content: bytes) -> Response:
        """``PUT``: one transition, with the values that it asks for."""
        where = {"api_name": "blueprint", "json_path": "$.blueprint"}
        listed = parsed(content).get("blueprint")
        given = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else None
        if given is None:
            raise refuse(400, "MANDATORY_NOT_FOUND", "required field not found", **where)
        with self._tenant.lock:
            process, row = self._there(request)
            wanted = str(given.get("transition_id"))
            transition = next((t for t in process.transitions if t.id == wanted), None)
            if transition is None:
                spot = {"api_name": "transition_id", "json_path": "$.blueprint[0].transition_id"}
                raise refuse(400, "INVALID_DATA", "invalid transition", **spot)
            path = "$.blueprint[0].data"
            values, errors = checked(
                self._tenant, process.module, given.get("data") or {}, path, inserting=False
            )
            values = {name: value for name, value in values.items() if name not in process.guarded}
            attempt = Attempt(
                process.module, row, frozenset(values) | {process.field.api_name}, self._tenant.admin, "$"
            )
            # The process itself may move its fields; a lock stops it all the same.
            fault = errors[0] if errors else self._locked(attempt)
            if fault is not None:
                raise Refused(400, fault)
            values |= {process.field.api_name: transition.to}
            self._tenant.update(process.module, row["id"], values)
        message = "transition updated successfully"
        return answer({"code": "SUCCESS", "details": {}, "message": message, "status": "success"})

    def _locked(self, attempt: Attempt) -> dict[str, Any] | None:
        fault = self._tenant.refused(attempt)
        return fault if fault is not None and fault["code"] != "RECORD_IN_BLUEPRINT" else None

    def _there(self, request: Request) -> tuple[Process, Row]:
        module = self._tenant.modules.get(request.path_params["module"])
        if module is None:
            raise invalid_module()
        row = module.table.get(request.path_params["id"])
        if row is None:
            message = "the related id given seems to be invalid"
            raise refuse(400, "INVALID_DATA", message, resource_path_index=1)
        process = self._blueprints.of(module, row["id"])
        if process is None:
            raise refuse(400, "RECORD_NOT_IN_PROCESS", "record not in process")
        return process, row
