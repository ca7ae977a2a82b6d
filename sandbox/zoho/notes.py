"""Notes of one record: ``/{module}/{id}/Notes`` (vendor manual: Create and Get Notes).

Invariant: a note that is created here hangs on the record of the path, whatever its ``Parent_Id`` says.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.doors import PluginSlot
from sandbox.zoho import writing
from sandbox.zoho.answers import Refused, answer, empty, refuse
from sandbox.zoho.fields import SE_MODULE, Module
from sandbox.zoho.reading import Column, Projection
from sandbox.zoho.routing import Router
from sandbox.zoho.settings import invalid_module
from sandbox.zoho.tenant import Tenant

NOTES = "Notes"
PER_PAGE = 200
_PATH = "/{module}/{id}/Notes"


def routes(router: Router, tenant: Tenant, slot: PluginSlot) -> list[Route]:
    """The routes of a record's notes; all notes are records of the module Notes."""

    async def add(request: Request) -> Response:
        content = await request.body()
        try:
            module, row_id = _target(tenant, request)
            call = writing.read_call(tenant.modules[NOTES], "insert", request, content)
        except Refused:
            router.gatekeeper.charge(1)
            raise
        router.gatekeeper.charge(writing.write_credits(len(call.records)))
        parent = {"Parent_Id": {"id": row_id, "module": {"api_name": module.api_name}}}
        hung = [{**record, **parent} if isinstance(record, dict) else record for record in call.records]
        return await writing.perform(tenant, writing.with_records(call, hung), slot)

    return [
        router.route("POST", _PATH, add, "modules.notes.CREATE"),
        router.route("GET", _PATH, router.read(lambda call: _listed(tenant, call)), "modules.notes.READ"),
    ]


def _listed(tenant: Tenant, request: Request) -> Response:
    """Newest first; no notes is 204."""
    params = request.query_params
    names = [name.strip() for name in params.get("fields", "").split(",") if name.strip()]
    if not names:
        raise refuse(400, "REQUIRED_PARAM_MISSING", "required param is missing", param_name="fields")
    page = int(params["page"]) if params.get("page", "").isdigit() else 1
    with tenant.lock:
        module, row_id = _target(tenant, request)
        notes = tenant.modules[NOTES]
        of_row = (row_id, module.api_name)
        found = [row for row in notes.table if (row.get("Parent_Id"), row.get(SE_MODULE)) == of_row]
        found.reverse()
        shown = found[(page - 1) * PER_PAGE : page * PER_PAGE]
        columns = {name: Column(tenant, notes, (name,)) for name in names if name in notes.fields}
        data = [Projection(columns)(row) for row in shown]
    if not data:
        return empty()
    more = len(found) > page * PER_PAGE
    info = {"per_page": PER_PAGE, "count": len(data), "page": page, "more_records": more}
    return answer({"data": data, "info": info})


def _target(tenant: Tenant, request: Request) -> tuple[Module, str]:
    module = tenant.modules.get(request.path_params["module"])
    if module is None:
        raise invalid_module()
    row_id = request.path_params["id"]
    if module.table.get(row_id) is None:
        message = "the related id given seems to be invalid"
        raise refuse(400, "INVALID_DATA", message, resource_path_index=1)
    return module, row_id
