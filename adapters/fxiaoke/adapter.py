"""Fxiaoke 纷享销客 as a CRM for CreditGate, over the vendor's OpenAPI.

Invariant: rows leave with the vendor's own values; what they mean is said by the mapping. Voided rows
count as vanished, whether the vendor still lists them or not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.fxiaoke.auth import BODY, Credentials, Login
from adapters.fxiaoke.client import Client, Filter, Raw, where_is
from adapters.fxiaoke.gateway import Gateway
from adapters.fxiaoke.provisioning import provision
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
from adapters.fxiaoke.writing import Writer
from connector.adapter import (
    Context,
    Crm,
    FieldSpec,
    Limits,
    Outcome,
    Page,
    Provisioned,
    Row,
    Setting,
    Slice,
    Write,
)
from connector.errors import Halt

LONGEST_PAGE = 1000


class FxiaokeCrm(Crm):
    """A tenant of Fxiaoke, read and written as one employee of it.

    Vendor manual: 100 calls in 20 s for each endpoint; change times in milliseconds; no list of
    deleted rows; one record a write.
    """

    name: ClassVar[str] = "fxiaoke"
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("base_url", "gateway of your cloud", default="https://open.fxiaoke.com"),
        Setting("app_id", "appId (FSAID_…) of the self-built application 企业自建应用 in developer mode"),
        Setting("app_secret", "appSecret of that application", secret=True),
        Setting("permanent_code", "permanentCode of that application", secret=True),
        Setting("user", "employee id (FSUID_…) or mobile number of a CRM administrator to act as"),
        Setting(
            "auth_style",
            "body, or header for the newer style, whose user is the plain employee id such as 1000",
            default=BODY,
            optional=True,
        ),
        Setting("page_limit", "rows asked for at once", default="100", optional=True),
        Setting("timezone", "the tenant's zone, for calendar days", default="Asia/Shanghai", optional=True),
        Setting("time_filters", "times in filters as text or number", default="text", optional=True),
        Setting(
            "task_workflow",
            "on or off: whether a new visit starts the tenant's workflows",
            default="on",
            optional=True,
        ),
    )
    limits: ClassVar[Limits] = Limits(slots=6, calls=100, per_seconds=20)
    sweeps: ClassVar[bool] = True
    time_step: ClassVar[dt.timedelta] = dt.timedelta(milliseconds=1)
    write_batch: ClassVar[int] = 20

    def __init__(self, context: Context) -> None:
        """Checks the settings, makes no call; ``Halt`` names the setting that is wrong."""
        super().__init__(context)
        credentials = Credentials(
            self._setting("app_id"), self._setting("app_secret"), self._setting("permanent_code")
        )
        gateway = Gateway(
            context.connection,
            self._setting("base_url"),
            context.http,
            context.now,
            hide=(credentials.app_secret, credentials.permanent_code),
        )
        login = Login(
            gateway,
            context,
            credentials,
            style=self._setting("auth_style"),
            user=self._setting("user"),
        )
        self._client = Client(gateway, login, page_limit=self._page_limit())
        self._schemas = Schemas(self._client, context.now)
        self._times_as_text = self._one_of("time_filters", "text", "number") == "text"
        self._writer = Writer(
            self._client,
            self._schemas,
            zone=self._zone(),
            workflow=self._one_of("task_workflow", "on", "off") == "on",
        )

    def test(self) -> str:
        """Where we are connected, as whom, and how many objects that employee sees."""
        objects = self._client.objects()
        host, login = self._client.gateway.host, self._client.login
        corp, user = login.ticket().corp, login.user()
        if self.context.language.startswith("zh"):
            return f"已连接 {host}：企业 {corp}，员工 {user}，可见对象 {len(objects)} 个"
        return f"connected to {host}: company {corp}, employee {user}, {len(objects)} objects visible"

    def fetch(self, object_name: str, fields: Sequence[str], part: Slice) -> Page:
        """One page of rows that changed in ``part``, in order of id, without voided rows.

        Amounts are text, int or ``Decimal`` as the vendor sends them, times milliseconds, owners a
        list (``owner.0``). For an option field ``x`` the row also has ``x__label``.
        """
        asked, schema = vendor_fields(fields), self._schemas.of(object_name)
        projection = list(dict.fromkeys((*SYSTEM_FIELDS, *(f for f in asked if f in schema))))
        filters = [self._changed_in(part)]
        after, kept, more = part.after, list[Raw](), True
        while more and not kept:
            raws, more = self._client.page(object_name, filters, projection, after)
            after = str(raws[-1]["_id"]) if raws else after
            kept = [raw for raw in raws if not vanished(raw)]
        labelled = [f for f in asked if _is_option(schema.get(f)) or f"{f}{LABEL}" in fields]
        return Page([self._row(object_name, raw, labelled) for raw in kept], more)

    def deleted(self, object_name: str, since: dt.datetime) -> Iterator[str]:
        """Ids of **all** rows that exist, in order of id: the vendor lists no deletions."""
        for raws in self._client.pages(object_name, [], ["_id", "life_status", "is_deleted"]):
            yield from (str(raw["_id"]) for raw in raws if not vanished(raw))

    def provision(self, object_name: str, specs: Sequence[FieldSpec], *, dry_run: bool) -> list[Provisioned]:
        """Says what is there and what to create in the console; creates nothing, ``dry_run`` or not."""
        return provision(self._client, self._schemas, object_name, specs, self.context.language)

    def push(self, writes: Sequence[Write]) -> list[Outcome]:
        """Writes fields and tasks, one record a call, up to four at once; see ``Writer.push``."""
        return self._writer.push(writes)

    def _changed_in(self, part: Slice) -> Filter:
        ends = (to_ms(part.since), to_ms_up(part.until))
        values = tuple(str(end) for end in ends) if self._times_as_text else ends
        return where_is("last_modified_time", "BETWEEN", *values)

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

    def _setting(self, key: str) -> str:
        spec = next(s for s in self.settings if s.key == key)
        value = self.context.settings.get(key) or spec.default
        if not value:
            raise Halt(f"{key} is not set", where=self.context.connection, todo=f"set it: {spec.help}")
        return value.strip()

    def _one_of(self, key: str, *allowed: str) -> str:
        value = self._setting(key)
        if value not in allowed:
            raise Halt(
                f"{key} is {value!r}", where=self.context.connection, todo=f"use {' or '.join(allowed)}"
            )
        return value

    def _page_limit(self) -> int:
        value = self._setting("page_limit")
        if not value.isdecimal() or not 1 <= int(value) <= LONGEST_PAGE:
            raise Halt(
                f"page_limit is {value!r}",
                where=self.context.connection,
                todo="use 100, the documented limit",
            )
        return int(value)

    def _zone(self) -> ZoneInfo:
        name = self._setting("timezone")
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise Halt(
                f"there is no time zone {name!r}",
                where=self.context.connection,
                todo="use a name such as Asia/Shanghai",
            ) from None


def _is_option(field: Field | None) -> bool:
    return field is not None and field.type in OPTION_TYPES
