"""The page of an uploaded widget, and what the vendor's page SDK answers there.

Invariant: the files are those that were uploaded; a page reaches the outside only through the functions and
the connection of the org, as the user who looks at it.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.zoho.client_script import as_number
from sandbox.zoho.deluge import Failed
from sandbox.zoho.deluge_text import NotDeluge
from sandbox.zoho.plugins import Plugins
from sandbox.zoho.tenant import Tenant


def doors(tenant: Tenant, plugins: Plugins) -> list[Route]:
    """``GET /_sandbox/widget/app/…`` is the widget (``widget.html?module=Accounts&id=…&locale=zh_CN``);
    ``GET /_sandbox/widget/sdk.js`` the page SDK, to pack with ``--set sdk_url=…``; ``POST
    /_sandbox/widget/call`` is what it asks."""

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        content = plugins.widget.get(f"app/{name}")
        if content is None:
            return JSONResponse({"error": f"the widget has no file {name}"}, status_code=404)
        return Response(content, media_type=mimetypes.guess_type(name)[0] or "application/octet-stream")

    async def sdk(_: Request) -> Response:
        text = files("sandbox.zoho").joinpath("page_sdk.js").read_text(encoding="utf-8")
        return Response(text, media_type="text/javascript")

    async def call(request: Request) -> Response:
        body = json.loads(await request.body())
        try:
            found = await run_in_threadpool(_answer, tenant, plugins, body)
            return Response(json.dumps(found, default=as_number), media_type="application/json")
        except (Failed, NotDeluge, KeyError, ValueError) as fault:
            return JSONResponse({"code": "ERROR", "status": "error", "message": str(fault)}, status_code=400)

    return [
        Route("/_sandbox/widget/app/{name:path}", file, methods=["GET"]),
        Route("/_sandbox/widget/sdk.js", sdk, methods=["GET"]),
        Route("/_sandbox/widget/call", call, methods=["POST"]),
    ]


def _answer(tenant: Tenant, plugins: Plugins, body: Mapping[str, Any]) -> dict[str, Any]:
    """What the SDK's promise is fulfilled with."""
    known = {one.email: one for one in tenant.users.values()}
    user = known[body["user"]] if body.get("user") else tenant.admin
    if body["call"] == "user":
        return {"users": [user.described()]}
    if body["call"] == "record":
        return {"data": [plugins.record(str(body["module"]), str(body["id"]))]}
    if body["call"] == "function":
        output = plugins.function(str(body["name"]), json.loads(body["arguments"]), user)
        details = {"output": output, "output_type": "string"}
        return {"code": "success", "details": details, "message": "function executed successfully"}
    if body["call"] == "connection":
        config = body["config"]
        asked = {
            "name": body["name"],
            "url": config["url"],
            "method": config["method"],
            "kind": config["param_type"],
            "parameters": config.get("parameters"),
            "headers": config.get("headers") or {},
        }
        text = plugins.connection(asked)
        return {"code": "SUCCESS", "details": {"statusMessage": text}, "status": "success"}
    raise ValueError(f"the SDK has no {body['call']}")
