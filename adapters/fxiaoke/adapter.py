"""Fxiaoke 纷享销客 as a CRM for CreditGate, over the vendor's OpenAPI.

Invariant: rows leave with the vendor's own values; what they mean is said by the mapping. Voided rows
count as vanished, whether the vendor still lists them or not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from adapters.fxiaoke.answers import Answers
from adapters.fxiaoke.auth import Credentials, Login
from adapters.fxiaoke.choices import READ, choices
from adapters.fxiaoke.choices import SETTINGS as CHOICES
from adapters.fxiaoke.client import Client
from adapters.fxiaoke.describing import Descriptions
from adapters.fxiaoke.events import EVENT_KEY, REREAD_BATCH, Events, parse, proof
from adapters.fxiaoke.first_update import FirstUpdate
from adapters.fxiaoke.gateway import Gateway
from adapters.fxiaoke.locks import Locks
from adapters.fxiaoke.messages import Messages
from adapters.fxiaoke.metadata import metadata
from adapters.fxiaoke.plugin.packing import SETTINGS as PLUGIN_SETTINGS
from adapters.fxiaoke.plugin.packing import pack
from adapters.fxiaoke.provisioning import provision
from adapters.fxiaoke.quota import Quota
from adapters.fxiaoke.reading import Records
from adapters.fxiaoke.schema import Schemas
from adapters.fxiaoke.settings import (
    LONGEST_PAGE,
    SETTINGS,
    base_url,
    check,
    given,
    guide,
    limits_for,
    number,
    zone,
)
from adapters.fxiaoke.writing import Parts, Writer
from connector.adapter import (
    Context,
    Crm,
    Event,
    FieldInfo,
    FieldSpec,
    Lack,
    Limits,
    Missing,
    ObjectInfo,
    Outcome,
    Packed,
    Page,
    PluginSpec,
    Provisioned,
    Question,
    Row,
    Setting,
    Slice,
    Subscription,
    Write,
)


class FxiaokeCrm(Crm):
    """A tenant of Fxiaoke, read and written as one employee of it.

    Vendor manual: 100 calls in 20 s for each endpoint; change times in milliseconds; no list of
    deleted rows; one record a write.
    """

    name: ClassVar[str] = "fxiaoke"
    settings: ClassVar[tuple[Setting, ...]] = (*SETTINGS, *CHOICES)
    plugin_settings: ClassVar[tuple[Setting, ...]] = PLUGIN_SETTINGS
    limits: ClassVar[Limits] = limits_for({})
    hosts: ClassVar[tuple[str, ...] | None] = ("fxiaoke.com", "sharecrm.com")
    sweeps: ClassVar[bool] = True
    time_step: ClassVar[dt.timedelta] = dt.timedelta(milliseconds=1)
    write_batch: ClassVar[int] = 20
    write_changed: ClassVar[bool] = True
    locks: ClassVar[bool] = True
    tells_events: ClassVar[bool] = True
    event_secret: ClassVar[str] = EVENT_KEY
    reread_batch: ClassVar[int] = REREAD_BATCH
    describes: ClassVar[bool] = True

    def __init__(self, context: Context) -> None:
        """Checks the settings, makes no call; ``Halt`` names the setting that is wrong."""
        super().__init__(context)
        settings = context.settings
        check(settings)
        credentials = Credentials(
            given(settings, "app_id"), given(settings, "app_secret"), given(settings, "permanent_code")
        )
        gateway = Gateway(
            context.connection,
            base_url(settings),
            context.http,
            context.now,
            hide=(credentials.app_secret, credentials.permanent_code),
        )
        answers = Answers(context)
        login = Login(
            gateway,
            context,
            credentials,
            style=given(settings, "auth_style"),
            user=given(settings, "user"),
            answers=answers,
        )
        self._client = Client(
            gateway, login, answers, page_limit=number(settings, "page_limit", LONGEST_PAGE)
        )
        self._schemas = Schemas(self._client, context.now)
        self._records = Records(self._client, self._schemas, answers, context)
        chosen = choices(settings, context.connection)
        first = FirstUpdate(self._client, self._schemas, context.secrets)
        self._descriptions = Descriptions(
            self._client,
            self._schemas,
            self._records,
            answers,
            context,
            module=chosen.module,
            first=first,
        )
        self._locks = Locks(self._client, context.language)
        self._quota = Quota(self._client, chosen.module, rules=chosen.rules)
        parts = Parts(
            self._client,
            self._schemas,
            self._locks,
            Messages(self._client, context.language),
            self._quota,
            first,
        )
        self._writer = Writer(parts, chosen, zone=zone(settings))
        self._events = Events(context)

    @classmethod
    def limits_for(cls, settings: Mapping[str, str]) -> Limits:
        """See ``Adapter.limits_for``; by ``daily_calls`` and ``slots``."""
        return limits_for(settings)

    @classmethod
    def guide(cls, language: str) -> str:
        """See ``Adapter.guide``; the way to a self-built application."""
        return guide(language)

    @classmethod
    def plugin(cls, spec: PluginSpec) -> Packed:
        """See ``Packing.plugin``; validation rules, functions and a component."""
        return pack(spec)

    @classmethod
    def decides_limits(cls, settings: Mapping[str, str]) -> bool:
        """See ``Describing.decides_limits``; by ``credit_module``."""
        return settings.get("credit_module") == READ

    def lacking(self) -> list[Lack]:
        """See ``Adapter.lacking``; what the acting employee does not see."""
        return self._descriptions.lacking()

    def questions(self) -> Sequence[Question]:
        """See ``Describing.questions``."""
        return self._descriptions.questions()

    def objects(self) -> Sequence[ObjectInfo]:
        """See ``Describing.objects``."""
        return self._descriptions.objects()

    def fields_of(self, object_name: str) -> Sequence[FieldInfo]:
        """See ``Describing.fields_of``."""
        return self._descriptions.fields_of(object_name)

    def test(self) -> str:
        """Where we are connected, as whom, and how many objects that employee sees."""
        objects = self._client.objects()
        host, login = self._client.gateway.host, self._client.login
        corp, user = login.ticket().corp, login.user()
        if self.context.language.startswith("zh"):
            return f"已连接 {host}：企业 {corp}，员工 {user}，可见对象 {len(objects)} 个"
        return f"connected to {host}: company {corp}, employee {user}, {len(objects)} objects visible"

    def fetch(self, object_name: str, fields: Sequence[str], part: Slice) -> Page:
        """See ``Crm.fetch``; at most 100 rows, by keyset on ``_id``."""
        return self._records.fetch(object_name, fields, part)

    def missing(self, object_name: str, fields: Sequence[str]) -> Missing:
        """See ``Crm.missing``; by the tenant's list of objects and their descriptions."""
        return self._records.missing(object_name, fields)

    def deleted(self, object_name: str, since: dt.datetime) -> Iterator[str]:
        """Ids of **all** rows that exist, in order of id: the vendor lists no deletions."""
        return self._records.ids(object_name)

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
        return self._records.reread(object_name, fields, ids)

    def certainly_gone(self, object_name: str, ids: Sequence[str]) -> set[str]:
        """See ``Crm.certainly_gone``; a void row is still shown by its id."""
        return self._records.certainly_gone(object_name, ids)
