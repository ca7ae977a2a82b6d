"""Functions of a tenant (vendor manual: APL): what is installed, where it is bound, and what it may ask.

Invariant: a function bound as pre-validation sees a save before anything is stored, with the row as it would
be saved; in the browser a field that is empty is an empty text, elsewhere it is null. One that fails or runs
out of time stops the save if the tenant's trait says so. Functions change rows without rules, locks and
further functions.
"""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.fxiaoke.changes import Change
from sandbox.fxiaoke.fields import Object
from sandbox.fxiaoke.platform import PLATFORM, Broken, Run
from sandbox.fxiaoke.tenant import VOID, Tenant
from sandbox.table import Row

SECONDS = {"validate": 20, "flow": 300, "controller": 300}
"""How long a function of a namespace may run. The manual says 50 s for validate and 20 s for buttons; which
of them holds before a save is open, so it is the shorter one."""
RETURNS = {"validate": "ValidateResult", "flow": "void", "controller": "Map"}
BINDINGS = ("create:save", "update:save", "workflow:create", "workflow:update", "workflow:invalid")
CHECKIN = "CheckinsObj"


@dataclass(frozen=True)
class Function:
    """A function as the console has it; ``bindings`` say what runs it on rows of ``object``."""

    api_name: str
    namespace: str
    object: str
    parameters: tuple[str, ...]
    bindings: tuple[str, ...]

    @classmethod
    def from_body(cls, body: Mapping[str, Any], tenant: Tenant) -> Function:
        """``ValueError`` when something is missing or wrong."""
        api_name, namespace = body.get("api_name"), body.get("namespace")
        if not isinstance(api_name, str) or not api_name.endswith("__c"):
            raise ValueError(f"a function's name ends in __c, not {api_name!r}")
        if namespace not in SECONDS or body.get("return_type") != RETURNS[namespace]:
            raise ValueError(f"{api_name}: namespace and return type must be of {RETURNS}")
        bound = tuple(body.get("bindings", ()))
        wanted = {"validate": ("create:save", "update:save"), "flow": BINDINGS[2:]}.get(namespace, ())
        if not set(bound) <= set(wanted):
            raise ValueError(f"{api_name}: a function of {namespace} can be bound to {wanted}")
        name = str(body.get("object") or "NONE")
        if namespace != "controller" and name not in tenant.objects:
            raise ValueError(f"{api_name}: there is no object {name}")
        return cls(api_name, namespace, name, tuple(body.get("parameters", ())), bound)


class Functions:
    """The functions of one tenant."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._mark = f"t{uuid.uuid4().hex[:12]}"
        self._lock = threading.Lock()
        self._known: dict[str, Function] = {}
        self._runs: deque[dict[str, Any]] = deque(maxlen=200)
        self._flows = ThreadPoolExecutor(1, thread_name_prefix="flows")
        tenant.observers.append(self._observe)

    def install(self, body: Mapping[str, Any]) -> Function:
        """Create or replace a function as in the console; ``ValueError`` if it is wrong or not compiled."""
        made = Function.from_body(body, self._tenant)
        text = body.get("text")
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"{made.api_name} has no text")
        PLATFORM.compile(self._compiled(made), text)
        with self._lock:
            self._known[made.api_name] = made
        return made

    def guards(self, kind: Object) -> bool:
        """Whether saving a row of this object runs a function."""
        return any(self._bound(kind, scene) for scene in ("create:save", "update:save"))

    def before_save(
        self,
        kind: Object,
        row: Row,
        details: Mapping[str, Sequence[Row]],
        scene: str,
        user: str,
        *,
        browser: bool,
    ) -> str:
        """What the functions before a save say; empty when it may be saved. Not to be called under the
        tenant's lock: a function may take its time."""
        shown = dict(row)
        if browser:
            shown = {name: shown.get(name, "") for name in (*kind.fields, *shown)}
        elif "name" in kind.fields:
            shown.setdefault("name", None)
        told = []
        for function in self._bound(kind, f"{scene}:save"):
            context = {
                "tenantId": "1",
                "userId": user,
                "data": {**shown, "object_describe_api_name": kind.api_name},
                "details": {name: list(rows) for name, rows in details.items()},
                "arg": {},
            }
            run = self._run(function, context, {})
            if run.failed and self._tenant.traits.failed_function_refuses:
                told.append(f"函数执行失败：{run.failed}")
            elif not run.failed:
                result = run.result if isinstance(run.result, dict) else {}
                if result.get("success") is not True:
                    told.append(str(result.get("errorMessage") or "校验未通过"))
        return "\n".join(told)

    def call(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A component calls a controller function: ``name``, ``parameters`` (type, name, value), ``user``."""
        with self._lock:
            function = self._known.get(str(body.get("name")))
        if function is None or function.namespace != "controller":
            return {"Result": {"StatusCode": 1, "FailureMessage": f"没有函数 {body.get('name')}"}}
        given = {str(one.get("name")): one.get("value") for one in body.get("parameters") or []}
        arguments = {name: given.get(name) for name in function.parameters}
        user = str(body.get("user", self._tenant.admin.id))
        run = self._run(function, {"tenantId": "1", "userId": user}, arguments)
        if run.failed:
            return {"Result": {"StatusCode": 1, "FailureMessage": run.failed}}
        return {"Result": {"StatusCode": 0}, "Value": {"functionResult": run.result}}

    def look(self) -> dict[str, Any]:
        """The functions, and the latest runs; flows that were set off are waited for."""
        self._flows.submit(lambda: None).result()
        with self._lock:
            return {"functions": [asdict(one) for one in self._known.values()], "runs": list(self._runs)}

    def _bound(self, kind: Object, event: str) -> list[Function]:
        with self._lock:
            known = list(self._known.values())
        return [one for one in known if one.object == kind.api_name and event in one.bindings]

    def _observe(self, change: Change) -> None:
        if not change.workflow:
            return
        for function in self._bound(change.kind, f"workflow:{change.action}"):
            self._flows.submit(self._flow, function, change)

    def _flow(self, function: Function, change: Change) -> None:
        with self._tenant.lock:
            row = dict(change.kind.table.get(change.row_id) or {})
        data = {**row, "object_describe_api_name": change.kind.api_name}
        self._run(function, {"tenantId": "1", "userId": "-10000", "data": data}, {})

    def _run(self, function: Function, context: Mapping[str, Any], arguments: Mapping[str, Any]) -> Run:
        seconds = SECONDS[function.namespace]
        try:
            run = PLATFORM.run(self._compiled(function), context, arguments, seconds, self._answer)
        except Broken as fault:
            run = Run(None, str(fault), ())
        with self._lock:
            self._runs.append({"function": function.api_name, **asdict(run)})
        return run

    def _compiled(self, function: Function) -> str:
        return f"{self._mark}_{function.api_name}"

    # -- what a function asks of its tenant

    def _answer(self, name: str, arguments: list[Any]) -> list[Any]:
        acts: Mapping[str, Callable[..., list[Any]]] = {
            "object.findById": self._find,
            "object.update": self._update,
            "checkins.createPlan": self._plan,
        }
        with self._tenant.lock:
            return acts[name](*arguments)

    def _find(self, object_name: str, row_id: str) -> list[Any]:
        kind = self._tenant.objects.get(object_name)
        row = kind.table.get(row_id) if kind else None
        if row is None or row["life_status"] == VOID:
            return [True, None, f"{object_name} {row_id}: 数据不存在"]
        return [False, dict(row), ""]

    def _update(self, object_name: str, row_id: str, values: dict[str, Any]) -> list[Any]:
        failed, _, why = self._find(object_name, row_id)
        kind = self._tenant.objects.get(object_name)
        if failed or kind is None or not set(values) <= set(kind.fields):
            return [True, None, why or f"字段不存在：{', '.join(values)}"]
        row = self._tenant.update(kind, row_id, values, "-10000", workflow=False)
        return [False, dict(row), ""]

    def _plan(self, plan: dict[str, Any]) -> list[Any]:
        kind = self._tenant.objects[CHECKIN]
        places = plan.get("mainObjList") or []
        extra = plan.get("extFields") or {}
        if not set(extra) <= set(kind.fields):
            return [True, None, f"字段不存在：{', '.join(extra)}"]
        values = {
            "account_id": next((one["dataId"] for one in places if one["apiName"] == "AccountObj"), None),
            "plan_time": plan["planTime"],
            "owner": [str(plan["executorId"])],
            "remark": next((one.get("remark") for one in places), None),
            "status": "0",
            **extra,
        }
        row = self._tenant.insert(kind, values, str(plan["userId"]), workflow=False)
        return [False, {"checkinId": row["_id"]}, ""]
