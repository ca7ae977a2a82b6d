"""Reading: pages of rows that changed, all ids, and what of an object this tenant shows.

Invariant: lists are walked by ``_id``, never by offset; voided rows count as vanished, whether the vendor
lists them or not; a field that the tenant lacks or has switched off is not asked for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.fxiaoke.answers import Answers
from adapters.fxiaoke.client import Client, Filter, Raw, where_is
from adapters.fxiaoke.people import PEOPLE, address_book
from adapters.fxiaoke.records import (
    LABEL,
    OPTION_TYPES,
    SYSTEM_FIELDS,
    row_from,
    to_ms,
    to_ms_up,
    vanished,
    vendor_fields,
)
from adapters.fxiaoke.schema import Field, Schemas
from adapters.fxiaoke.settings import HEADER, PAGE_ROWS
from connector.adapter import Context, Missing, Page, Row, Slice
from connector.errors import Halt, Reject

CHANGED = "last_modified_time"
# Before this everything is asked for, not what changed since.
_LONG_AGO = 2001
# Objects in which a tenant is likely to have rows, for questions that rows answer.
COMMON = ("AccountObj", "SalesOrderObj")


class Records:
    """Reads rows of one tenant."""

    def __init__(self, client: Client, schemas: Schemas, answers: Answers, context: Context) -> None:
        self._client = client
        self._schemas = schemas
        self._answers = answers
        self._context = context
        self._times: str | None = None

    def fetch(self, object_name: str, fields: Sequence[str], part: Slice) -> Page:
        """One page of rows that changed in ``part``, in order of id; the ids of voided ones beside them.

        Amounts are text, int or ``Decimal`` as the vendor sends them, times milliseconds, owners a
        list (``owner.0``). For an option field ``x`` the row also has ``x__label``.
        """
        if object_name == PEOPLE:
            return self._people(part)
        page = self._rows(object_name, fields, self._changed_in(object_name, part), part.after)
        if page.gone:
            self._answers.keep("voided_rows", "listed")
        return page

    def reread(self, object_name: str, fields: Sequence[str], ids: Sequence[str]) -> list[Row]:
        """The rows with these ids that exist and may be seen."""
        return list(self._rows(object_name, fields, [where_is("_id", "IN", *ids)], None).rows)

    def certainly_gone(self, object_name: str, ids: Sequence[str]) -> set[str]:
        """Those that are void: such a row is still shown by its id. One that is not may be hidden."""
        return {one for one in ids if self._is_void(object_name, one)}

    def _is_void(self, object_name: str, row_id: str) -> bool:
        try:
            return vanished(self._client.get(object_name, row_id))
        except Reject:
            return False  # deleted for good, or hidden: no error code tells which

    def _rows(
        self, object_name: str, fields: Sequence[str], filters: Sequence[Filter], after: str | None
    ) -> Page:
        asked, schema = vendor_fields(fields), self._schemas.of(object_name)
        shown = (name for name in asked if name in schema and schema[name].active)
        projection = list(dict.fromkeys((*SYSTEM_FIELDS, *shown)))
        kept, gone, more = list[Raw](), list[str](), True
        while more and not kept:
            raws, more = self._client.page(object_name, filters, projection, after)
            after = str(raws[-1]["_id"]) if raws else after
            gone += [str(raw["_id"]) for raw in raws if vanished(raw)]
            kept = [raw for raw in raws if not vanished(raw)]
        labelled = [f for f in asked if _is_option(schema.get(f)) or f"{f}{LABEL}" in fields]
        return Page([self._row(object_name, raw, labelled) for raw in kept], more, gone=gone)

    def ids(self, object_name: str) -> Iterator[str]:
        """Ids of **all** rows that exist: the vendor lists no deletions."""
        if object_name == PEOPLE:
            ever = Slice(dt.datetime(2000, 1, 1, tzinfo=dt.UTC), self._context.now())
            yield from (row.external_id for row in self._people(ever).rows)
            return
        for raws in self._client.pages(object_name, [], ["_id", "life_status", "is_deleted"]):
            yield from (str(raw["_id"]) for raw in raws if not vanished(raw))

    def missing(self, object_name: str, fields: Sequence[str]) -> Missing:
        """An object that is not there or switched off, or fields that are."""
        if object_name == PEOPLE:
            return Missing()  # the address book has what the object may not show
        found = self._schemas.objects().get(object_name)
        if found is None:
            en, zh = f"the tenant has no object {object_name}", f"租户没有对象 {object_name}"
            return Missing(object=self._say(en, zh))
        if found.get("isActive") is False:
            return Missing(
                object=self._say(f"the object {object_name} is switched off", f"对象 {object_name} 已停用")
            )
        schema = self._schemas.of(object_name)
        return Missing(fields=tuple(path for path in fields if not _shows(schema, path)))

    def time_form(self, object_name: str = COMMON[0]) -> str:
        """Whether times in filters are ``text`` or ``number``; a wrong form is refused or finds nothing."""
        if self._times is None:
            self._times = self._answers.ask("time_filters", lambda: self._tried_times(object_name), "text")
        return self._times

    def sees_voided(self) -> str | None:
        """``listed`` when a query that asks for voided rows gets some; ``None`` when it gets none, for
        there may be none."""
        for name in COMMON:
            wanted = [where_is("life_status", "EQ", "invalid")]
            try:
                rows, _ = self._client.page(name, wanted, ["_id", "life_status"], None, limit=1)
            except Halt:
                continue
            if any(vanished(row) for row in rows):
                return "listed"
        return None

    def larger_pages(self) -> str | None:
        """Whether a page of more than 100 rows is ``refused``, ``cut`` or ``allowed``; ``None`` when nothing
        can be read that would tell."""
        for name in COMMON:
            try:
                self._client.limit_used(name, 1)
            except Halt:
                continue
            try:
                used = self._client.limit_used(name, PAGE_ROWS + 1)
            except Halt:
                return "refused"
            return "cut" if used <= PAGE_ROWS else "allowed"
        return None

    def _tried_times(self, object_name: str) -> str | None:
        since, until = 0, to_ms_up(self._context.now())
        forms: Mapping[str, tuple[str | int, str | int]] = {
            "text": (str(since), str(until)),
            "number": (since, until),
        }
        for form, (low, high) in forms.items():
            filters = [where_is(CHANGED, "GTE", low), where_is(CHANGED, "LTE", high)]
            try:
                rows, _ = self._client.page(object_name, filters, ["_id"], None, limit=1)
            except Halt:
                continue
            if rows:
                return form
        return None

    def _changed_in(self, object_name: str, part: Slice) -> list[Filter]:
        """Both ends belong to a slice; GTE and LTE say so, which is not documented of BETWEEN."""
        low, high = to_ms(part.since), to_ms_up(part.until)
        if self.time_form(object_name) == "number":
            return [where_is(CHANGED, "GTE", low), where_is(CHANGED, "LTE", high)]
        return [where_is(CHANGED, "GTE", str(low)), where_is(CHANGED, "LTE", str(high))]

    def _row(self, object_name: str, raw: Raw, labelled: Sequence[str]) -> Row:
        labels = {name: self._label(object_name, name, raw[name]) for name in labelled if name in raw}
        return row_from(raw, labels)

    def _label(self, object_name: str, field: str, value: Any) -> Any:
        """The label of an option, a list for several; any other field is its own label."""
        if not _is_option(self._schemas.of(object_name).get(field)):
            return value
        if isinstance(value, list):
            return [self._schemas.label(object_name, field, one) for one in value]
        return self._schemas.label(object_name, field, value)

    def _people(self, part: Slice) -> Page:
        """Employees by the id that owners have. The object's own ids are plain, so the body style takes the
        address book; so does whoever may not see the object, which has a switch of its own."""
        rows = self._personnel(part) if self._client.login.style == HEADER else []
        first = part.since.year < _LONG_AGO
        if not rows and (first or self._client.login.style != HEADER):
            rows = [
                Row(str(one["openUserId"]), None, dict(one))
                for one in address_book(lambda path, body, _: self._client.post(path, body))
            ]
        return Page(sorted(rows, key=lambda row: row.external_id), more=False, divisible=False)

    def _personnel(self, part: Slice) -> list[Row]:
        try:
            schema = self._schemas.of(PEOPLE)
            since = [] if part.since.year < _LONG_AGO else self._changed_in(PEOPLE, part)
            wanted = [name for name in ("name", "user_id", "email", "status") if name in schema]
            rows = []
            for raws in self._client.pages(PEOPLE, since, [*SYSTEM_FIELDS, *wanted]):
                for raw in raws:
                    row = self._row(PEOPLE, raw, ["status"])
                    rows.append(Row(str(raw.get("user_id") or raw["_id"]), row.modified_at, row.data))
        except Halt:
            return []
        return rows

    def _say(self, en: str, zh: str) -> str:
        return zh if self._context.language.lower().startswith("zh") else en


def _is_option(field: Field | None) -> bool:
    return field is not None and field.type in OPTION_TYPES


def _shows(schema: Mapping[str, Field], path: str) -> bool:
    name = path.split(".", maxsplit=1)[0].removesuffix(LABEL)
    return name in SYSTEM_FIELDS or (name in schema and schema[name].active)
