"""A packed plugin, installed as an admin installs it by hand: connection, functions, validation rule, client
script, widget.

Invariant: what was installed is what runs, byte for byte; nothing is installed unless all of it can be. A
client script runs only when a person saves in a page; the rule's function also for whoever asks for
``function_validation_rule``; neither for other writes by API.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import requests
from starlette.routing import Route

from sandbox.doors import posted
from sandbox.zoho import client_script, deluge
from sandbox.zoho.client_script import NoNode, Ran, as_number
from sandbox.zoho.deluge import Failed, Surroundings
from sandbox.zoho.deluge_text import Function, NotDeluge, parse
from sandbox.zoho.fields import Module
from sandbox.zoho.listing import shown
from sandbox.zoho.people import User
from sandbox.zoho.tenant import Tenant

# Manual of the extension toolkit: constants of its packing rules.
MOST_FILES, MOST_BYTES, LONGEST_NAME = 250, 5_000_000, 250
ENDINGS = frozenset("html css js json txt md xml woff woff2 ttf eot otf svg png jpg jpeg gif ico".split())
CALL_SECONDS = 40.0
"""How long invokeurl waits (manual: Deluge, invokeUrl task)."""
MESSAGE = 100


@dataclass(frozen=True)
class Installed:
    """What stands in the org: scripts by (module, page, event), functions by name, the rule of each module,
    the connection's link name, address and key."""

    scripts: Mapping[tuple[str, str, str], str]
    functions: Mapping[str, Function]
    rules: Mapping[str, str]
    connection: str
    url: str
    key: str
    widget: Mapping[str, bytes] = field(default_factory=dict)


class Plugins:
    """The plugin of one org. ``script_seconds`` and ``call_seconds`` are the vendor's limits."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._installed: Installed | None = None
        self.script_seconds = client_script.SECONDS
        self.call_seconds = CALL_SECONDS
        tenant.function_rules.append(self.refusal)

    def install(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The side door: ``files`` (base64 by path, as packed) and the ``key`` that goes into the connection;
        without files the plugin is taken away. ``ValueError`` for whatever the vendor would not take."""
        self.script_seconds = float(body.get("script_seconds") or client_script.SECONDS)
        self.call_seconds = float(body.get("call_seconds") or CALL_SECONDS)
        if not body.get("files"):
            self._installed = None
            return {"installed": False}
        try:
            files = {str(name): base64.b64decode(text, validate=True) for name, text in body["files"].items()}
            manifest = json.loads(files["plugin.json"])
            self._installed = _read(self._tenant, manifest, files, str(body.get("key") or ""))
        except (KeyError, TypeError, AttributeError, binascii.Error, NotDeluge, NoNode) as fault:
            raise ValueError(f"the plugin cannot be installed: {fault}") from None
        return {"installed": True, "functions": sorted(self._installed.functions)}

    @property
    def widget(self) -> Mapping[str, bytes]:
        """The files of the widget as uploaded; none without one."""
        return self._installed.widget if self._installed else {}

    def ran(
        self, event: str, page: str, module: Module, row_id: str | None, form: Mapping[str, Any], by: User
    ) -> Ran | None:
        """Run the page's client script for ``event`` (onLoad, onSave) on what the ``form`` shows; ``None``
        when there is none."""
        here = self._installed
        script = here.scripts.get((module.api_name, page, event)) if here else None
        if here is None or script is None:
            return None
        values = {name: form.get(name) for name in module.fields}

        def answer(asked: Mapping[str, Any]) -> Any:
            if asked["call"] == "function":
                return self._function(here, str(asked["name"]), asked["args"], "standalone", by)
            return self.connection(asked)

        about = {"module": module.api_name, "id": row_id, "values": values}
        return client_script.run(script, about, answer, self.script_seconds)

    def refusal(self, module: Module, record: Mapping[str, Any], by: User) -> str | None:
        """The message if the module's validation rule has something against the record as it was sent; the
        tenant's lock is not held. What becomes of a record when the function itself fails is not documented:
        it is saved here."""
        here = self._installed
        rule = here.rules.get(module.api_name) if here else None
        if here is None or rule is None:
            return None
        request = json.dumps({"record": record}, default=as_number)
        try:
            said = self._function(here, rule, {"crmAPIRequest": request}, "validation_rule", by)
        except Failed:
            return None
        return str(said.get("message") or "")[:MESSAGE] if said.get("status") == "error" else None

    # -- what pages and functions reach

    def function(self, name: str, given: Any, by: User) -> Any:
        """Run a standalone function as ``by``. ``Failed`` if there is none or it fails."""
        return self._function(self._here(), name, given, "standalone", by)

    def connection(self, asked: Mapping[str, Any]) -> str:
        """Call ``url`` of ``asked`` through the connection ``name``; the body of the answer."""
        here = self._here()
        given = asked["parameters"]
        if asked["kind"] != (1 if given is None else 2):
            raise Failed("only a body in JSON, or none, is modelled")
        body = None if given is None else json.dumps(given)
        return self._invoke(here, asked["url"], asked["method"], body, asked["headers"], asked["name"])[1]

    def record(self, module_name: str, row_id: str) -> Mapping[str, Any]:
        """A record with all its fields, or the vendor's error."""
        with self._tenant.lock:
            module = self._tenant.modules.get(module_name)
            row = module.table.get(row_id) if module else None
            if module is None or row is None:
                said = "the id given seems to be invalid"
                return {"code": "INVALID_DATA", "status": "error", "message": said}
            found: Mapping[str, Any] = shown(self._tenant, module, row)
            return found

    def _here(self) -> Installed:
        if self._installed is None:
            raise Failed("no plugin is installed")
        return self._installed

    def _function(self, here: Installed, name: str, given: Any, category: str, by: User) -> Any:
        function = here.functions.get(name)
        if function is None or function.category != category:
            raise Failed(f"there is no {category} function {name}")
        around = Surroundings(self.record, lambda *asked: self._invoke(here, *asked), by.email)
        return deluge.run(function, given, around)

    def _invoke(
        self, here: Installed, url: str, method: str, body: str | None, headers: Mapping[str, str], link: str
    ) -> tuple[int, str]:
        if link != here.connection:
            raise Failed(f"there is no connection {link}")
        if not url.startswith(f"{here.url}/"):
            raise Failed(f"the connection {link} is for another host")
        with requests.Session() as session:
            session.trust_env = False
            try:
                answer = session.request(
                    method,
                    url,
                    data=None if body is None else body.encode(),
                    headers={**headers, "Authorization": f"Bearer {here.key}"},
                    timeout=self.call_seconds,
                )
            except requests.RequestException:
                raise Failed("socket timeout error") from None
        return answer.status_code, answer.text


def _read(tenant: Tenant, manifest: Mapping[str, Any], files: Mapping[str, bytes], key: str) -> Installed:
    """What the manifest places where; ``ValueError``, ``KeyError`` or ``NotDeluge`` for what does not fit."""
    functions: dict[str, Function] = {}
    for one in manifest["functions"]:
        function = parse(files[one["file"]].decode())
        if (function.category, function.name) != (one["category"], one["name"]):
            raise ValueError(f"{one['file']} is {function.category}.{function.name}")
        functions[function.name] = function
    rules = {}
    for one in manifest["validation_rules"]:
        if functions[one["function"]].arguments != ("crmAPIRequest",):
            raise ValueError(f"a validation rule's function takes crmAPIRequest: {one['function']}")
        if one["field"] not in tenant.modules[one["module"]].fields:
            raise ValueError(f"{one['module']} has no field {one['field']}")
        rules[one["module"]] = one["function"]
    scripts: dict[tuple[str, str, str], str] = {}
    for one in manifest["client_scripts"]:
        if one["event"] not in ("onLoad", "onSave") or one["module"] not in tenant.modules:
            raise ValueError(f"a script on {one['event']} of {one['module']} is not modelled")
        text = files[one["file"]].decode()
        fault = client_script.check(text)
        if fault:
            raise ValueError(f"{one['file']}: {fault}")
        for page in one["pages"]:
            place = (one["module"], page, one["event"])
            if page not in ("create", "edit", "clone") or place in scripts:
                raise ValueError(f"{one['module']} has no page {page!r}, or such a script on it already")
            scripts[place] = text
    link = manifest["zoho_connection"]
    if not key:
        raise ValueError(f"the connection {link['name']} needs its key")
    widget = _widget(files[manifest["widget"]["zip"]], manifest["widget"]["index"])
    return Installed(scripts, functions, rules, link["name"], link["url"], key, widget)


def _widget(content: bytes, index: str) -> dict[str, bytes]:
    """The files of an uploaded zip, below ``app/``, within the toolkit's limits."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            files = {name: packed.read(name) for name in packed.namelist()}
    except zipfile.BadZipFile:
        raise ValueError("the widget is no zip") from None
    if len(files) > MOST_FILES:
        raise ValueError(f"a widget has at most {MOST_FILES} files")
    for name, text in files.items():
        path = PurePosixPath(name)
        fits = len(text) <= MOST_BYTES and len(path.name) <= LONGEST_NAME
        if not fits or ".." in path.parts or path.suffix.lstrip(".") not in ENDINGS or path.parts[0] != "app":
            raise ValueError(f"a widget cannot hold {name}")
    if f"app{index}" not in files:
        raise ValueError(f"the widget has no index page {index}")
    return files


def doors(plugins: Plugins) -> list[Route]:
    """``POST /_sandbox/plugin/install``, see ``Plugins.install``."""
    return [Route("/_sandbox/plugin/install", posted(plugins.install), methods=["POST"])]
