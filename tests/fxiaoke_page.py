"""A stand-in of the vendor's page around the packed component: ``FxUI``, and as much of Vue as it uses.

Invariant: strict. What ``FxUI`` has beyond the documented calls fails, and what is changed outside the
component's element is counted. Records come from the sandbox, and calls of controller functions go to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from tests.sandbox_clients import Fxiaoke
from tests.sandbox_server import running

FOLDER = "component/creditPanel"
_PAGE = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>CRM</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body { margin: 0; font: 13px sans-serif; } @@style@@</style></head>
<body><nav aria-label="CRM"><a href="#x">CRM</a></nav><div id="place"></div>
<script type="module">
const strict = (name, known) => new Proxy(known, { get: (target, key) => {
  if (typeof key === 'symbol' || key === 'then') { return undefined }
  if (!(key in target)) { window.faults.push(name + '.' + key); throw new Error(name + ' has no ' + key) }
  return target[key]
} })
const post = (path, body) => fetch(path, { method: 'POST', body: JSON.stringify(body) }).then(r => r.json())
window.faults = []
window.FxUI = strict('FxUI', {
  objectApi: strict('objectApi', { fetch_data: (object, id) => post('/fetch', { object, id }) }),
  userDefine: strict('userDefine', {
    call_controller: (name, parameters) => post('/call', { name, parameters })
  }),
  getCurrentUser: () => ({ id: '1000', language: '@@language@@' })
})
const place = document.getElementById('place')
new MutationObserver(seen => seen.forEach(one => window.faults.push('outside: ' + one.target.nodeName)))
  .observe(document.documentElement, { attributes: true })
new MutationObserver(seen => seen.forEach(one => window.faults.push('outside: ' + one.target.nodeName)))
  .observe(document.body, { attributes: true, childList: true })
const { default: made } = await import('/component.js')
place.innerHTML = `@@template@@`
const root = place.firstElementChild
const refs = {}
place.querySelectorAll('[ref]').forEach(one => {
  refs[one.getAttribute('ref')] = one
  one.removeAttribute('ref')
})
const component = { $el: root, $refs: refs, data: { objectAPIName: '@@object@@', objectId: '@@id@@' } }
made.mounted.call(component)
window.destroy = () => made.beforeDestroy.call(component)
</script></body></html>
"""


def _part(vue: str, tag: str) -> str:
    found = re.search(rf"<{tag}>\n?(.*?)</{tag}>", vue, re.DOTALL)
    assert found is not None, tag
    return found.group(1).strip()


@contextmanager
def page(files: Mapping[str, str], crm: Fxiaoke) -> Iterator[str]:
    """The address of a page server for the packed ``files``: ``/?object=…&id=…&language=…``."""
    vue = files[f"{FOLDER}/CreditPanel.vue"]

    async def shown(request: Request) -> HTMLResponse:
        values = dict(request.query_params) | {
            "style": _part(vue, "style"),
            "template": _part(vue, "template"),
        }
        return HTMLResponse(re.sub(r"@@(\w+)@@", lambda place: values[place.group(1)], _PAGE))

    async def component(_: Request) -> Response:
        return Response(_part(vue, "script"), media_type="text/javascript")

    async def script(_: Request) -> Response:
        return Response(files[f"{FOLDER}/panel.js"], media_type="text/javascript")

    async def fetched(request: Request) -> JSONResponse:
        body = json.loads(await request.body())
        found = await run_in_threadpool(crm.data, "get", body["object"], objectDataId=body["id"])
        return JSONResponse(found.get("data"))

    async def called(request: Request) -> JSONResponse:
        body: dict[str, Any] = json.loads(await request.body())
        return JSONResponse(await run_in_threadpool(lambda: crm.door("controller", **body)))

    routes = [Route("/", shown), Route("/component.js", component), Route("/panel.js", script)]
    routes += [Route(path, act, methods=["POST"]) for path, act in (("/fetch", fetched), ("/call", called))]
    with running(Starlette(routes=routes)) as base:
        yield base
