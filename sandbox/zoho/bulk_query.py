"""What a bulk read job is asked for (vendor manual: Create Bulk Read Job).

Invariant: a query that is accepted can be run: its module, fields and criteria exist; a page token goes
on only with the query that it was given out for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sandbox.table import Row
from sandbox.zoho.answers import Refused, parsed, refuse
from sandbox.zoho.conditions import Conditions
from sandbox.zoho.criteria import conditions
from sandbox.zoho.fields import LOOKUPS, Field, Module
from sandbox.zoho.reading import Column
from sandbox.zoho.tenant import Tenant

NOT_SUPPORTED = ("Notes", "Attachments", "Emails")
"""Modules that bulk read never gives."""
NOT_EXPORTED = ("subform", "tag")
"""Types of field that have no column in the file."""

Cell = Callable[[Row], Any]


@dataclass(frozen=True)
class Query:
    """``cells`` are the columns of the file under their API names; ``shown`` is how the vendor repeats
    the query; ``place`` is the page token that was sent, if any."""

    module: Module
    cells: Mapping[str, Cell | None]
    conditions: Conditions | None
    page: int
    place: str | None
    shown: Mapping[str, Any]
    mark: str
    """The same for all pages of one query."""


@dataclass(frozen=True)
class Order:
    """A job as it was ordered; ``callback`` is the address to tell when it has ended."""

    query: Query
    callback: str | None


def ordered(tenant: Tenant, content: bytes, pages: int) -> Order:
    """The job that a request body orders. ``Refused`` in upper-case words."""
    try:
        body = parsed(content)
    except Refused:
        raise refuse(400, "REQUEST_BODY_NOT_READABLE", "request body is not readable") from None
    asked = body.get("query")
    if not isinstance(asked, dict):
        raise refuse(400, "MANDATORY_NOT_FOUND", "mandatory key not found", api_name="query")
    if body.get("file_type", "csv") != "csv" or asked.get("file_type", "csv") != "csv":
        raise refuse(400, "REQUEST_BODY_NOT_SUPPORTED", "only Events can be exported as ics")
    return Order(_query(tenant, asked, pages), _callback(body.get("callback")))


def _query(tenant: Tenant, asked: Mapping[str, Any], pages: int) -> Query:
    module = _module(tenant, asked.get("module"))
    names = asked.get("fields")
    if names is None:
        names = [f.api_name for f in module.fields.values() if f.data_type not in NOT_EXPORTED]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise refuse(400, "REQUEST_BODY_NOT_SUPPORTED", "fields must be a list of names", api_name="fields")
    if asked.get("cvid") is not None:
        raise refuse(400, "CVID_NOT_SUPPORTED", "the org has no custom views")
    cells = {name: _cell(tenant, module, name) for name in names}
    criteria = asked.get("criteria")
    found = conditions(tenant, module, criteria) if criteria else None
    page, place = asked.get("page"), asked.get("page_token")
    if page is not None and place is not None:
        raise refuse(400, "INVALID_REQUEST", "page and page_token do not go together")
    if page is not None and (not isinstance(page, int) or isinstance(page, bool) or page < 1):
        raise refuse(400, "PAGE_NOT_SUPPORTED", "page must be a whole number from 1", api_name="page")
    if page is not None and page > pages:
        raise refuse(400, "PAGE_RANGE_EXCEEDED", "page range exceeded", max_limit=pages)
    shown: dict[str, Any] = {"module": {"id": module.id, "api_name": module.api_name}, "fields": names}
    shown |= {"criteria": criteria} if criteria else {}
    mark = hashlib.sha256(json.dumps(shown, sort_keys=True, default=str).encode()).hexdigest()
    shown |= {"page_token": place} if place else {"page": page or 1}
    return Query(module, cells, found, page or 1, place, shown, mark)


def _module(tenant: Tenant, asked: Any) -> Module:
    name = asked.get("api_name") if isinstance(asked, dict) else None
    if not isinstance(name, str) or not name:
        raise refuse(400, "MANDATORY_NOT_FOUND", "mandatory key not found", api_name="module")
    if name in NOT_SUPPORTED:
        raise refuse(400, "MODULE_NOT_SUPPORTED", "the module is not supported", api_name=name)
    if name not in tenant.modules:
        raise refuse(400, "MODULE_NOT_AVAILABLE", "the module is not available", api_name=name)
    return tenant.modules[name]


def _cell(tenant: Tenant, module: Module, name: str) -> Cell | None:
    """How a column is read; ``None`` for one that the row keeps under the same name as it is written."""
    path = tuple(name.split("."))
    try:
        column = Column(tenant, module, path)
    except KeyError:
        raise refuse(400, "FIELD_NOT_AVAILABLE", "the field is not available", api_name=name) from None
    field: Field = column.field
    if field.data_type in NOT_EXPORTED:
        raise refuse(400, "FIELD_NOT_SUPPORTED", "the field is not supported", api_name=name)
    if field.data_type in LOOKUPS:
        shown = column.shown
        if len(path) == 1:
            return Column(tenant, module, (*path, "id")).shown
        return lambda row: None if (value := shown(row)) is None else value["id"]
    if field.data_type == "boolean":
        read = column.shown
        return lambda row: None if (value := read(row)) is None else "true" if value else "false"
    return None if column.stored else column.shown


def _callback(asked: Any) -> str | None:
    if asked is None:
        return None
    if not isinstance(asked, dict) or str(asked.get("method", "")).lower() != "post":
        raise refuse(
            400, "INVALID_CALLBACK_METHOD", "invalid callback method", supported_callback_methods=["post"]
        )
    url = asked.get("url")
    address = urlsplit(url) if isinstance(url, str) else None
    if address is None or address.scheme not in ("http", "https") or not address.netloc:
        raise refuse(400, "INVALID_CALLBACK_URL", "invalid callback url")
    return str(url)
