"""Fxiaoke 纷享销客 as a CRM for CreditGate, over the vendor's OpenAPI.

Invariant: rows leave with the vendor's own values; what they mean is said by the mapping. Voided rows
count as vanished, whether the vendor still lists them or not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.fxiaoke.auth import BODY, Credentials, Login
from adapters.fxiaoke.choices import SETTINGS as CHOICES
from adapters.fxiaoke.choices import choices
from adapters.fxiaoke.client import Client, Filter, Raw, where_is
from adapters.fxiaoke.events import EVENT_KEY, REREAD_BATCH, Events, parse, proof
from adapters.fxiaoke.first_update import FirstUpdate
from adapters.fxiaoke.gateway import Gateway
from adapters.fxiaoke.locks import Locks
from adapters.fxiaoke.messages import Messages
from adapters.fxiaoke.metadata import metadata
from adapters.fxiaoke.provisioning import provision
from adapters.fxiaoke.quota import Quota
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
from adapters.fxiaoke.writing import Parts, Writer
from connector.adapter import (
    Context,
    Crm,
    Event,
    FieldSpec,
    Limits,
    Outcome,
    Page,
    Provisioned,
    Row,
    Setting,
    Slice,
    Subscription,
    Write,
)
from connector.errors import Halt, Reject

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
        *CHOICES,
    )
    limits: ClassVar[Limits] = Limits(slots=6, calls=100, per_seconds=20, reserve=0.1)
    sweeps: ClassVar[bool] = True
    time_step: ClassVar[dt.timedelta] = dt.timedelta(milliseconds=1)
    write_batch: ClassVar[int] = 20
    write_changed: ClassVar[bool] = True
    locks: ClassVar[bool] = True
    tells_events: ClassVar[bool] = True
    event_secret: ClassVar[str] = EVENT_KEY
    reread_batch: ClassVar[int] = REREAD_BATCH

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
        chosen = choices(context.settings, context.connection)
        self._locks = Locks(self._client, context.language)
        self._quota = Quota(self._client, chosen.module, rules=chosen.rules)
        parts = Parts(
            self._client,
            self._schemas,
            self._locks,
            Messages(self._client, context.language),
            self._quota,
            FirstUpdate(self._client, self._schemas, context.secrets),
        )
        self._writer = Writer(parts, chosen, zone=self._zone())
        self._events = Events(context)

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
        rows, more = self._rows(object_name, fields, [self._changed_in(part)], part.after)
        return Page(rows, more)

    def _rows(
        self, object_name: str, fields: Sequence[str], filters: Sequence[Filter], after: str | None
    ) -> tuple[list[Row], bool]:
        asked, schema = vendor_fields(fields), self._schemas.of(object_name)
        projection = list(dict.fromkeys((*SYSTEM_FIELDS, *(f for f in asked if f in schema))))
        kept, more = list[Raw](), True
        while more and not kept:
            raws, more = self._client.page(object_name, filters, projection, after)
            after = str(raws[-1]["_id"]) if raws else after
            kept = [raw for raw in raws if not vanished(raw)]
        labelled = [f for f in asked if _is_option(schema.get(f)) or f"{f}{LABEL}" in fields]
        return [self._row(object_name, raw, labelled) for raw in kept], more

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

    def verify(self, write: Write) -> list[str] | None:
        """See ``Crm.verify``."""
        return self._writer.verify(write)

    def metadata(self, object_name: str, specs: Sequence[FieldSpec]) -> Mapping[str, str]:
        """See ``Crm.metadata``; for the vendor's sharedev."""
        return metadata(object_name, specs)

    def lock(self, object_name: str, external_id: str, reason: str) -> Outcome:
        """See ``Crm.lock``; the vendor takes no reason, the row's own fields tell it."""
        return self._locks.lock(object_name, external_id)

    def unlock(self, object_name: str, external_id: str) -> Outcome:
        """See ``Crm.unlock``."""
        return self._locks.unlock(object_name, external_id)

    @classmethod
    def event_proof(cls, headers: Mapping[str, str]) -> str:
        """See ``Crm.event_proof``; the vendor's callback, or a function of the tenant's own."""
        return proof(headers)

    @classmethod
    def parse_event(cls, headers: Mapping[str, str], body: bytes, secret: str) -> Event | None:
        """See ``Crm.parse_event``."""
        return parse(headers, body, secret)

    def subscribe(
        self, objects: Sequence[str], url: str, secret: str, known: Subscription | None
    ) -> Subscription:
        """See ``Crm.subscribe``; the admin does it in the console."""
        return self._events.subscribe(objects, url)

    def unsubscribe(self, known: Subscription) -> None:
        """See ``Crm.unsubscribe``; what the console still sends is refused from now on."""

    def reread(self, object_name: str, fields: Sequence[str], ids: Sequence[str]) -> list[Row]:
        """See ``Crm.reread``; one query."""
        return self._rows(object_name, fields, [where_is("_id", "IN", *ids)], None)[0]

    def certainly_gone(self, object_name: str, ids: Sequence[str]) -> set[str]:
        """See ``Crm.certainly_gone``; a void row is still shown by its id."""
        return {one for one in ids if self._void(object_name, one)}

    def _void(self, object_name: str, row_id: str) -> bool:
        try:
            return vanished(self._client.get(object_name, row_id))
        except Reject:
            return False  # deleted for good, or hidden: no error code tells which

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
