"""``/settings/layouts``: how the fields of a module stand on its page (vendor manual: Get and Update
Layouts).

Invariant: a field stands in one section or in none; a field that nobody has placed stands at the end of
the first section, where the vendor puts new custom fields. One update takes at most five sections and
five fields. A module has one layout here, and fields are not created through it (NOT_SUPPORTED).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.zoho.answers import Item, Refused, answer, empty, error, invalid, items, parsed, refuse
from sandbox.zoho.fields import Field, Module
from sandbox.zoho.routing import Router
from sandbox.zoho.settings import module_of
from sandbox.zoho.tenant import Tenant

MAX_SECTIONS, MAX_FIELDS, MAX_LABEL = 5, 5, 255
TRAVERSALS = ("left_to_right", "top_to_bottom")
_PATH = "/settings/layouts"
_HERE = "$.layouts[0]"


class _Fault(Exception):
    def __init__(self, item: Item) -> None:
        super().__init__(item["code"])
        self.item = item


@dataclass
class Section:
    id: str
    name: str
    label: str
    custom: bool = True
    columns: int = 2
    traversal: str = "left_to_right"
    fields: list[str] = field(default_factory=list)


@dataclass
class Layout:
    """``sections`` in their order, with fields by api name; ``unused`` are on the page no more."""

    id: str
    module: Module
    name: str = "Standard"
    show_business_card: bool = True
    sections: list[Section] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    def settle(self) -> None:
        """Put every field that stands nowhere at the end of the first section."""
        placed = {name for section in self.sections for name in section.fields} | {*self.unused, "id"}
        self.sections[0].fields += [name for name in self.module.fields if name not in placed]

    def take(self, name: str) -> None:
        """Take the field from wherever it stands."""
        for section in self.sections:
            if name in section.fields:
                section.fields.remove(name)
        if name in self.unused:
            self.unused.remove(name)

    def described(self, profiles: list[dict[str, Any]]) -> dict[str, Any]:
        self.settle()
        return {
            "id": self.id,
            "name": self.name,
            "display_label": self.name,
            "api_name": self.name,
            "status": "active",
            "visible": True,
            "generated_type": "default",
            "show_business_card": self.show_business_card,
            "has_more_profiles": False,
            "profiles": profiles,
            "convert_mapping": None,
            "created_for": None,
            "source": "crm",
            "sections": [self._section(section, i) for i, section in enumerate(self.sections, start=1)],
        }

    def _section(self, section: Section, number: int) -> dict[str, Any]:
        allowed = ("add_field", "rename", "change_tab_traversal", "reorder", "remove_field")
        return {
            "id": section.id,
            "api_name": section.name.replace(" ", "_"),
            "name": section.name,
            "display_label": section.label,
            "sequence_number": number,
            "column_count": section.columns,
            "tab_traversal": section.traversal,
            "generated_type": "custom" if section.custom else "default",
            "isSubformSection": False,
            "type": "used",
            "actions_allowed": {**dict.fromkeys(allowed, True), "delete": section.custom},
            "fields": [
                {**self.module.fields[name].described(), "sequence_number": i}
                for i, name in enumerate(section.fields, start=1)
            ],
        }


class _Layouts:
    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._by_module: dict[str, Layout] = {}

    def listed(self, request: Request) -> Response:
        with self._tenant.lock:
            layout = self._of(module_of(self._tenant, request))
            return answer({"layouts": [layout.described(self._profiles(layout))]})

    def one(self, request: Request) -> Response:
        with self._tenant.lock:
            layout = self._of(module_of(self._tenant, request))
            if layout.id != request.path_params["id"]:
                return empty()
            return answer({"layouts": [layout.described(self._profiles(layout))]})

    def update(self, request: Request, content: bytes) -> Response:
        with self._tenant.lock:
            layout = self._of(module_of(self._tenant, request))
            if layout.id != request.path_params["id"]:
                message = "the id given seems to be invalid"
                raise refuse(400, "INVALID_DATA", message, resource_path_index=2)
            given = _given(content)
            layout.settle()
            try:
                _check(layout, given)
            except _Fault as fault:
                return items("layouts", [fault.item], 200)
            self._apply(layout, given)
        message = "layout updated"
        details = {"id": layout.id}
        done = {"code": "SUCCESS", "details": details, "message": message, "status": "success"}
        return items("layouts", [done], 200)

    def _of(self, module: Module) -> Layout:
        layout = self._by_module.get(module.api_name)
        if layout is None:
            new_id = self._tenant.new_setting_id
            label = f"{module.singular} Information"
            first = Section(new_id(), label, label, custom=False)
            layout = Layout(new_id(), module, sections=[first])
            for label, names in _usual_sections(module):
                layout.sections.append(Section(new_id(), label, label, custom=False, fields=names))
            self._by_module[module.api_name] = layout
        return layout

    def _profiles(self, layout: Layout) -> list[dict[str, Any]]:
        view = {"name": layout.name, "id": layout.id, "type": "layout"}
        return [
            {"name": p.name, "id": p.id, "default": True, "_default_view": view}
            for p in self._tenant.profiles.values()
        ]

    def _apply(self, layout: Layout, given: Mapping[str, Any]) -> None:
        """Carry out what has been checked."""
        layout.name = given.get("name", layout.name)
        layout.show_business_card = given.get("show_business_card", layout.show_business_card)
        for one in given.get("sections", []):
            section = _section_of(layout, one)
            if section is None:
                label = one["display_label"]
                section = Section(self._tenant.new_setting_id(), one.get("name", label), label)
                layout.sections.append(section)
            if "_delete" in one:
                layout.sections.remove(section)
                layout.unused += section.fields
                continue
            section.label = one.get("display_label", section.label)
            section.columns = one.get("column_count", section.columns)
            section.traversal = one.get("tab_traversal", section.traversal)
            for part in one.get("fields", []):
                self._place(layout, section, part)
            if "sequence_number" in one:
                layout.sections.remove(section)
                layout.sections.insert(one["sequence_number"] - 1, section)

    @staticmethod
    def _place(layout: Layout, section: Section, part: Mapping[str, Any]) -> None:
        name = _field_of(layout.module, part).api_name  # type: ignore[union-attr]  # checked before
        place = section.fields.index(name) if name in section.fields else len(section.fields)
        layout.take(name)
        if "_delete" in part:
            layout.unused.append(name)
            return
        section.fields.insert(part.get("sequence_number", place + 1) - 1, name)


def routes(router: Router, tenant: Tenant) -> list[Route]:
    """The routes of layouts."""
    layouts = _Layouts(tenant)
    route, read = router.route, router.read
    return [
        route("GET", _PATH, read(layouts.listed), "settings.layouts.READ"),
        route("GET", f"{_PATH}/{{id}}", read(layouts.one), "settings.layouts.READ"),
        route("PATCH", f"{_PATH}/{{id}}", router.sent(layouts.update), "settings.layouts.UPDATE"),
    ]


def _usual_sections(module: Module) -> list[tuple[str, list[str]]]:
    """The sections after the first that the vendor's own pages have."""
    address = [name for name in module.fields if name.startswith(("Billing_", "Mailing_"))]
    about = [name for name in module.fields if name == "Description"]
    usual = (("Address Information", address), ("Description Information", about))
    return [(label, names) for label, names in usual if names]


def _given(content: bytes) -> Mapping[str, Any]:
    listed = parsed(content).get("layouts")
    where = {"api_name": "layouts", "json_path": "$.layouts"}
    if listed is None:
        raise refuse(400, "MANDATORY_NOT_FOUND", "required field not found", **where)
    if not isinstance(listed, list) or len(listed) != 1 or not isinstance(listed[0], dict):
        raise Refused(400, {"layouts": [invalid({"expected_data_type": "jsonarray", **where})]})
    return listed[0]


def _check(layout: Layout, given: Mapping[str, Any]) -> None:
    sections = given.get("sections", [])
    if not isinstance(sections, list) or not all(isinstance(one, dict) for one in sections):
        raise _Fault(invalid({"expected_data_type": "jsonarray", **_where("sections")}))
    if len(sections) > MAX_SECTIONS:
        raise _Fault(error("LIMIT_EXCEEDED", "limit exceeded", {"limit": MAX_SECTIONS, **_where("sections")}))
    if sum(len(one.get("fields", [])) for one in sections) > MAX_FIELDS:
        where = _where("sections[0].fields", "fields")
        raise _Fault(error("LIMIT_EXCEEDED", "limit exceeded", {"limit": MAX_FIELDS, **where}))
    for i, one in enumerate(sections):
        _check_section(layout, one, f"sections[{i}]")


def _check_section(layout: Layout, one: Mapping[str, Any], path: str) -> None:
    found = _section_of(layout, one)
    if "id" in one and found is None:
        raise _Fault(invalid(_where(f"{path}.id", "id"), "the id given seems to be invalid"))
    if "_delete" in one:
        if found is None:
            details = {
                "dependee": _where(f"{path}._delete", "_delete"),
                **_where(f"{path}.api_name", "api_name"),
            }
            message = "section id or api_name is missing"
            raise _Fault(error("DEPENDENT_FIELD_MISSING", message, details))
        if not found.custom:
            raise _Fault(error("NOT_ALLOWED", "section cannot be deleted", _where(path, "sections")))
        return
    label = one.get("display_label")
    if found is None and not label:
        raise _Fault(_expected(path, "display_label"))
    if label is not None and (not isinstance(label, str) or not 0 < len(label) <= MAX_LABEL):
        raise _Fault(
            invalid({"maximum_length": MAX_LABEL, **_where(f"{path}.display_label", "display_label")})
        )
    if label is not None and any(s.label == label and s is not found for s in layout.sections):
        raise _Fault(
            error("DUPLICATE_DATA", "duplicate data", _where(f"{path}.display_label", "display_label"))
        )
    if one.get("tab_traversal", TRAVERSALS[0]) not in TRAVERSALS:
        where = _where(f"{path}.tab_traversal", "tab_traversal")
        raise _Fault(invalid({"expected_data_type": "text", **where}))
    for name, least, most in (("column_count", 1, 2), ("sequence_number", 1, 100)):
        _check_number(one, name, least, most, path)
    for j, part in enumerate(one.get("fields", [])):
        _check_field(layout.module, part, f"{path}.fields[{j}]")


def _check_field(module: Module, part: Any, path: str) -> None:
    if not isinstance(part, dict) or ("id" not in part and "field_label" not in part):
        raise _Fault(_expected(path, "field_label"))
    if "id" not in part:
        where = _where(f"{path}.field_label", "field_label")
        raise _Fault(error("NOT_SUPPORTED", "fields are not created through a layout here", where))
    if _field_of(module, part) is None:
        raise _Fault(invalid(_where(f"{path}.id", "id"), "the id given seems to be invalid"))
    deleting = part.get("_delete")
    if isinstance(deleting, dict) and deleting.get("permanent"):
        where = _where(f"{path}._delete", "_delete")
        raise _Fault(error("NOT_SUPPORTED", "fields are not deleted through a layout here", where))
    _check_number(part, "sequence_number", 1, 10_000, path)


def _check_number(one: Mapping[str, Any], name: str, least: int, most: int, path: str) -> None:
    number = one.get(name, least)
    if not isinstance(number, int) or not least <= number <= most:
        raise _Fault(invalid({"expected_data_type": "integer", **_where(f"{path}.{name}", name)}))


def _section_of(layout: Layout, one: Mapping[str, Any]) -> Section | None:
    """The section that is there already, by its id."""
    return next((s for s in layout.sections if s.id == str(one.get("id"))), None)


def _field_of(module: Module, part: Mapping[str, Any]) -> Field | None:
    wanted = str(part.get("id"))
    return next((f for f in module.fields.values() if f.id == wanted and f.api_name != "id"), None)


def _expected(path: str, other: str) -> Item:
    expected = [_where(f"{path}.{name}", name) for name in ("id", other)]
    message = f"should contain either id or {other}"
    return error("EXPECTED_FIELD_MISSING", message, {"expected_fields": expected})


def _where(path: str, name: str | None = None) -> dict[str, Any]:
    return {"api_name": name or path, "json_path": f"{_HERE}.{path}"}
