"""A section of the page for the credit fields, through Zoho's layouts.

Invariant: a layout is changed only where the section is missing or lacks one of the fields; a refusal is
no failure: the fields stand on the page anyhow, and the admin is told what to drag where.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.zoho import faults
from adapters.zoho.client import Client, Refused, said
from adapters.zoho.fields import Fields
from connector.adapter import FieldState, Prepared
from connector.errors import Reauth

# Vendor manual: Update Layout: at most five fields over all sections of a call.
MOVED = 5


class Layouts:
    """Gathers fields in one section of every layout of an object, in ``language``."""

    def __init__(self, client: Client, fields: Fields, language: str) -> None:
        self._client = client
        self._fields = fields
        self._zh = language.lower().startswith("zh")

    def section(self, object_name: str, title: str, api_names: Sequence[str], *, dry_run: bool) -> Prepared:
        """See ``Crm.section``."""
        try:
            return self._gather(object_name, title, api_names, dry_run=dry_run)
        except (Refused, Reauth) as fault:
            by_hand = self._by_hand(object_name, title, said(fault))
            return Prepared(object_name, "section", FieldState.MISSING, by_hand=by_hand)

    def _gather(self, object_name: str, title: str, api_names: Sequence[str], *, dry_run: bool) -> Prepared:
        layouts = self._read(object_name)
        if not layouts:
            by_hand = self._by_hand(object_name, title, "no layouts")
            return Prepared(object_name, "section", FieldState.MISSING, by_hand=by_hand)
        changed = [one for one in layouts if self._lacking(one, title, api_names)]
        detail = self._detail(title, api_names, layouts)
        if not changed:
            return Prepared(object_name, "section", FieldState.PRESENT, detail)
        if dry_run:
            return Prepared(object_name, "section", FieldState.MISSING, detail)
        for one in changed:
            self._arrange(object_name, one, title, api_names)
        return Prepared(object_name, "section", FieldState.CREATED, detail)

    def _arrange(self, object_name: str, layout: Any, title: str, api_names: Sequence[str]) -> None:
        number = str(layout["id"])
        if _section(layout, title) is None:
            last = max(
                (int(one.get("sequence_number") or 0) for one in layout.get("sections") or ()), default=0
            )
            new = {
                "name": title,
                "display_label": title,
                "sequence_number": min(last + 1, 100),
                "column_count": 2,
                "tab_traversal": "left_to_right",
            }
            self._change(object_name, number, new)
            layout = next((one for one in self._read(object_name) if str(one["id"]) == number), layout)
        section = _section(layout, title)
        if section is None:
            raise Refused(
                f"Zoho does not list the section {title!r} that it made", code="", where=object_name
            )
        present = self._fields.of(object_name)
        ids = [present[name].id for name in self._lacking(layout, title, api_names) if name in present]
        for at in range(0, len(ids), MOVED):
            moved = [{"id": one} for one in ids[at : at + MOVED]]
            self._change(object_name, number, {"id": str(section["id"]), "fields": moved})

    def _lacking(self, layout: Any, title: str, api_names: Sequence[str]) -> list[str]:
        section = _section(layout, title)
        there = {str(one.get("api_name")) for one in (section or {}).get("fields") or ()}
        return [name for name in api_names if name not in there]

    def _read(self, object_name: str) -> list[Any]:
        body = self._client.call(
            "GET",
            "settings/layouts",
            scope="ZohoCRM.settings.layouts.READ",
            about=object_name,
            params={"module": object_name},
        )
        rows = (body or {}).get("layouts") or []
        return [row for row in rows if row.get("id") and row.get("status") not in (-1, "inactive")]

    def _change(self, object_name: str, layout: str, section: Mapping[str, Any]) -> None:
        body = self._client.call(
            "PATCH",
            f"settings/layouts/{layout}",
            scope="ZohoCRM.settings.layouts.UPDATE",
            about=object_name,
            params={"module": object_name},
            body={"layouts": [{"sections": [section]}]},
            items="layouts",
        )
        answer = next(iter((body or {}).get("layouts") or []), None)
        if faults.failed(answer):
            raise Refused(faults.words(answer), code=faults.code(answer), where=object_name)

    def _detail(self, title: str, api_names: Sequence[str], layouts: Sequence[Any]) -> str:
        if self._zh:
            return f"{len(layouts)} 个布局中的区块“{title}”，含 {len(api_names)} 个字段"
        pages = "1 layout" if len(layouts) == 1 else f"{len(layouts)} layouts"
        return f"section {title!r} with {len(api_names)} fields in {pages}"

    def _by_hand(self, object_name: str, title: str, why: str) -> str:
        if self._zh:
            return (
                f"在“设置 > 模块和字段 > {object_name} > 布局”中新建区块“{title}”，把信用字段拖入其中"
                f"（不影响使用）。Zoho 的回答：{why}"
            )
        return (
            f"in Setup > Modules and Fields > {object_name} > Layouts add a section {title!r} and drag the "
            f"credit fields into it (everything works without). Zoho answered: {why}"
        )


def _section(layout: Any, title: str) -> Any:
    return next(
        (
            one
            for one in layout.get("sections") or ()
            if str(one.get("display_label") or one.get("name") or "").casefold() == title.casefold()
        ),
        None,
    )
