"""The endpoints of the OpenAPI that CreditGate uses, as the acting employee.

Invariant: custom objects (``…__c``) take the custom path and preset ones the preset path; lists are
paged by id, never by offset; a write triggers no approval flow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.fxiaoke.answers import Answers
from adapters.fxiaoke.auth import Login, Ticket
from adapters.fxiaoke.faults import Effect
from adapters.fxiaoke.gateway import Gateway
from adapters.fxiaoke.settings import HEADER
from connector.errors import Halt

Filter = dict[str, Any]
Raw = dict[str, Any]


def where_is(field: str, operator: str, *values: str | int) -> Filter:
    """One filter of a query (vendor manual: filters are ANDed, values are always a list)."""
    return {"field_name": field, "operator": operator, "field_values": list(values)}


class Client:
    """Calls of one tenant. ``page_limit`` is the number of rows asked for at once (vendor: at most 100)."""

    def __init__(self, gateway: Gateway, login: Login, answers: Answers, *, page_limit: int) -> None:
        self.gateway = gateway
        self.login = login
        self._answers = answers
        self._page_limit = page_limit

    def page(
        self,
        object_name: str,
        filters: Sequence[Filter],
        fields: Sequence[str],
        after: str | None,
        *,
        limit: int | None = None,
    ) -> tuple[list[Raw], bool]:
        """Rows whose id sorts after ``after``, in order of id, and whether more may follow. At most
        ``limit`` of them, by default as many as a page holds.

        The vendor's own deep-paging recipe: keyset on ``_id``, offset 0, a short page is the last.
        """
        rows, used = self._query(object_name, filters, fields, after, limit or self._page_limit)
        if after is not None and any(str(row["_id"]) == after for row in rows):
            raise Halt(
                f"rows of {object_name} came twice",
                where=self.gateway.host,
                todo="report it: the vendor does not honour the filter on _id",
            )
        return rows, len(rows) >= used

    def pages(
        self, object_name: str, filters: Sequence[Filter], fields: Sequence[str]
    ) -> Iterator[list[Raw]]:
        """All rows that pass ``filters``, page by page in order of id."""
        after: str | None = None
        more = True
        while more:
            rows, more = self.page(object_name, filters, fields, after)
            if rows:
                after = str(rows[-1]["_id"])
                yield rows

    def limit_used(self, object_name: str, limit: int) -> int:
        """How many rows a page has when ``limit`` are asked for; ``Halt`` when that is refused."""
        return self._query(object_name, [], ["_id"], None, limit)[1]

    def get(self, object_name: str, row_id: str) -> Raw:
        """One row by its id, void or not; ``Reject`` for one that is not there or not to be seen."""
        asked = {"dataObjectApiName": object_name, "objectDataId": row_id}
        answer = self._call(f"{_data_path(object_name)}/get", {"data": asked}, Effect.ROW)
        found: Raw = answer.get("data") or {}
        return found

    def create(
        self, object_name: str, values: Mapping[str, Any], *, workflow: bool, rules: bool = False
    ) -> str | None:
        """Create a row; its id, or ``None`` when the answer does not name it.

        Raises ``Reject`` for a row that the vendor refuses and ``Retry(unknown_outcome=True)`` when
        the answer is lost: the vendor knows no idempotency key, so look before trying again.
        """
        row = {"dataObjectApiName": object_name, **values}
        body = _write_body(row, workflow=workflow, rules=rules)
        answer = self._call(f"{_data_path(object_name)}/create", body, Effect.CREATE)
        created = answer.get("dataId")
        return str(created) if created else None

    def update(
        self,
        object_name: str,
        row_id: str,
        values: Mapping[str, Any],
        *,
        workflow: bool,
        rules: bool = False,
    ) -> None:
        """Set ``values`` of one row; fields that are not named stay as they are.

        Raises ``Reject`` when the vendor refuses, ``Retry(unknown_outcome=True)`` for errorCode 50009,
        which stands for a time-out and for a locked row alike.
        """
        row = {"dataObjectApiName": object_name, "_id": row_id, **values}
        body = _write_body(row, workflow=workflow, rules=rules)
        self._call(f"{_data_path(object_name)}/update", body, Effect.UPDATE)

    def lock(self, object_name: str, row_id: str, *, locked: bool) -> None:
        """Lock or unlock a row with its details (vendor manual: not below ``data``); errors as in
        ``update``."""
        data = {"dataObjectApiName": object_name, "dataIds": [row_id], "detailObjStrategy": 1}
        self._call(f"/cgi/crm/v2/object/{'lock' if locked else 'unlock'}", {"data": data}, Effect.UPDATE)

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message to employees; errors as in ``create``, for it would come twice."""
        self._call("/cgi/message/send", message, Effect.CREATE)

    def objects(self) -> list[Raw]:
        """All objects of the tenant: ``describeApiName``, ``describeDisplayName``, ``isActive``."""
        answer = self._call("/cgi/crm/v2/object/list", {})
        listed: list[Raw] = (answer.get("data") or {}).get("objects") or []
        return listed

    def describe(self, object_name: str) -> dict[str, Raw]:
        """The fields of an object by API name.

        The manual nests ``apiName`` below ``data``, clients of the old style put it at top level: the
        place that goes with the style is tried first, then the other, and what worked is kept.
        """
        known = self._answers.known("describe_place")
        place = known or ("data" if self.login.style == HEADER else "top")
        other = "top" if place == "data" else "data"
        try:
            fields = self._describe(object_name, nested=place == "data")
        except Halt as first:
            if known is not None and self._answers.set_by_hand("describe_place"):
                raise
            try:
                fields = self._describe(object_name, nested=other == "data")
            except Halt:
                raise first from None
            place = other
        self._answers.keep("describe_place", place)
        return fields

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Any other call that only reads."""
        return self._call(path, body)

    def _describe(self, object_name: str, *, nested: bool) -> dict[str, Raw]:
        asked = {"apiName": object_name}
        body = {"includeDetail": True, **({"data": asked} if nested else asked)}
        answer = self._call("/cgi/crm/v2/object/describe", body)
        fields = ((answer.get("data") or {}).get("describe") or {}).get("fields")
        if not isinstance(fields, dict):
            raise Halt(
                f"the object {object_name} has no description",
                where=self.gateway.host,
                todo="check the object's name in the mapping and that the employee may see it",
            )
        return fields

    def _query(
        self,
        object_name: str,
        filters: Sequence[Filter],
        fields: Sequence[str],
        after: str | None,
        limit: int,
    ) -> tuple[list[Raw], int]:
        beyond = [where_is("_id", "GT", after)] if after is not None else []
        asked = {
            "dataObjectApiName": object_name,
            "find_explicit_total_num": False,
            "search_query_info": {
                "limit": limit,
                "offset": 0,
                "filters": [*filters, *beyond],
                "orders": [{"fieldName": "_id", "isAsc": True}],
                "fieldProjection": list(fields),
            },
        }
        answer = self._call(f"{_data_path(object_name)}/query", {"data": asked})
        data = answer.get("data") or {}
        # Whether the vendor clamps the limit is not documented: what it says it used counts.
        used = data.get("limit")
        return data.get("dataList") or [], used if isinstance(used, int) and 0 < used < limit else limit

    def _call(self, path: str, body: Mapping[str, Any], effect: Effect = Effect.READ) -> dict[str, Any]:
        def send(ticket: Ticket) -> dict[str, Any]:
            dressed, headers = self.login.dress(ticket, body)
            return self.gateway.post(path, dressed, effect=effect, headers=headers, hide=(ticket.token,))

        return self.login.carry(send)


def _data_path(object_name: str) -> str:
    return "/cgi/crm/custom/v2/data" if object_name.endswith("__c") else "/cgi/crm/v2/data"


def _write_body(row: Mapping[str, Any], *, workflow: bool, rules: bool) -> dict[str, Any]:
    # What the options mean unless they are sent is not documented: they are sent always.
    options = {"skipFuncValidate": not rules, "useValidationRule": rules, "isDuplicateSearch": False}
    return {
        "triggerApprovalFlow": False,
        "triggerWorkFlow": workflow,
        "data": {"object_data": row, "details": {}, "optionInfo": options},
    }
