"""The Zoho CRM adapter: what the connector sees of it.

Invariant: this module only puts the parts together; what Zoho means is said in the parts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar
from urllib.parse import urlsplit

from adapters.zoho.auth import DOMAINS, Login
from adapters.zoho.bulk import BulkReads
from adapters.zoho.client import Client
from adapters.zoho.describing import Descriptions
from adapters.zoho.events import Events, parse
from adapters.zoho.fields import Fields
from adapters.zoho.layouts import Layouts
from adapters.zoho.locks import Locks
from adapters.zoho.plugin import packing
from adapters.zoho.plugin.settings import SETTINGS as PLUGIN_SETTINGS
from adapters.zoho.profiles import Profiles
from adapters.zoho.provisioning import Provisioning
from adapters.zoho.records import Records
from adapters.zoho.rereading import REREAD_BATCH
from adapters.zoho.scopes import lacking
from adapters.zoho.settings import SETTINGS, TRIGGERS, UNKNOWN, guide, limits_for, names
from adapters.zoho.writes import BATCH, Writes
from connector.adapter import (
    BulkPart,
    BulkPlace,
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
    Prepared,
    Provisioned,
    Row,
    Setting,
    Slice,
    Subscription,
    Write,
)
from connector.errors import Halt


class ZohoCrm(Crm):
    """Zoho CRM through its REST API, version 8."""

    name: ClassVar[str] = "zoho"
    settings: ClassVar[tuple[Setting, ...]] = SETTINGS
    plugin_settings: ClassVar[tuple[Setting, ...]] = PLUGIN_SETTINGS
    limits: ClassVar[Limits] = UNKNOWN
    hosts: ClassVar[tuple[str, ...] | None] = DOMAINS
    write_batch: ClassVar[int] = BATCH
    tells_events: ClassVar[bool] = True
    describes: ClassVar[bool] = True
    reread_batch: ClassVar[int] = REREAD_BATCH
    locks: ClassVar[bool] = True

    def __init__(self, context: Context) -> None:
        """Raises ``Halt`` when a setting is wrong or missing; calls nobody."""
        super().__init__(context)
        self._login = Login(context)
        self._client = Client(context, self._login)
        self._fields = Fields(self._client)
        self._records = Records(self._client, self._fields)
        self._bulk = BulkReads(self._client, self._fields)
        self._events = Events(self._client)
        given, language = context.settings, context.language
        profiles = Profiles(self._client)
        self._writes = Writes(
            self._client, self._fields, names({"trigger_workflows": TRIGGERS, **given}, "trigger_workflows")
        )
        self._provisioning = Provisioning(
            self._client, self._fields, profiles, names(given, "read_only_profiles"), language
        )
        self._descriptions = Descriptions(self._client, self._fields)
        self._layouts = Layouts(self._client, self._fields, language)
        self._locks = Locks(self._client, self._fields, profiles, names(given, "credit_profiles"), language)

    @classmethod
    def limits_for(cls, settings: Mapping[str, str]) -> Limits:
        """See ``Adapter.limits_for``; by edition, ``slots`` and ``credits``."""
        return limits_for(settings)

    @classmethod
    def plugin(cls, spec: PluginSpec) -> Packed:
        """See ``Packing.plugin``; widget, client script and functions."""
        return packing.pack(spec)

    @classmethod
    def guide(cls, language: str) -> str:
        """See ``Adapter.guide``; the way to a self client."""
        return guide(language)

    def lacking(self) -> list[Lack]:
        """See ``Adapter.lacking``; by the scopes that came with the token."""
        return lacking(self._login.access().scope, self.context.language)

    def objects(self) -> Sequence[ObjectInfo]:
        """See ``Describing.objects``."""
        return self._descriptions.objects()

    def fields_of(self, object_name: str) -> Sequence[FieldInfo]:
        """See ``Describing.fields_of``."""
        return self._descriptions.fields_of(object_name)

    def test(self) -> str:
        """Ask who the org is."""
        body = self._client.call("GET", "org", scope="ZohoCRM.org.READ", about="org")
        orgs = (body or {}).get("org") or []
        if not orgs:
            raise Halt(
                "Zoho names no organisation for this token",
                where=self._login.where,
                todo="pick the CRM organisation when the code is generated",
            )
        host = urlsplit(self._login.access().api_domain).netloc
        name, number = orgs[0].get("company_name", ""), orgs[0].get("zgid", "")
        if self.context.language.lower().startswith("zh"):
            return f"已连接 {host} 上的 Zoho CRM 组织“{name}”（{number}）"
        return f"connected to the Zoho CRM organisation {name!r} ({number}) on {host}"

    def fetch(self, object_name: str, fields: Sequence[str], part: Slice) -> Page:
        """See ``Crm.fetch``; at most 2,000 rows."""
        return self._records.fetch(object_name, fields, part)

    def bulk(
        self, object_name: str, fields: Sequence[str], place: BulkPlace | None
    ) -> Iterator[BulkPart] | None:
        """See ``Crm.bulk``; for objects of many records, by setting ``bulk_from``."""
        return self._bulk.read(object_name, fields, place)

    def missing(self, object_name: str, fields: Sequence[str]) -> Missing:
        """See ``Crm.missing``; by Zoho's field metadata and what its queries refused."""
        return self._records.missing(object_name, fields)

    def deleted(self, object_name: str, since: dt.datetime) -> Iterator[str]:
        """See ``Crm.deleted``; from Zoho's list of deleted records."""
        return self._records.deleted(object_name, since)

    def provision(self, object_name: str, specs: Sequence[FieldSpec], *, dry_run: bool) -> list[Provisioned]:
        """See ``Crm.provision``; API names are Zoho's and are read back."""
        return self._provisioning.provision(object_name, specs, dry_run=dry_run)

    def push(self, writes: Sequence[Write]) -> list[Outcome]:
        """See ``Crm.push``; kinds ``update``, ``task`` and ``note``."""
        return self._writes.push(writes)

    def verify(self, write: Write) -> list[str] | None:
        """See ``Crm.verify``."""
        return self._writes.verify(write)

    def section(self, object_name: str, title: str, api_names: Sequence[str], *, dry_run: bool) -> Prepared:
        """See ``Crm.section``; in every layout of the object."""
        return self._layouts.section(object_name, title, api_names, dry_run=dry_run)

    def guard(self, object_name: str, flag: str, open_fields: Sequence[str], *, dry_run: bool) -> Prepared:
        """See ``Crm.guard``; by Zoho's record locking."""
        return self._locks.guard(object_name, flag, open_fields, dry_run=dry_run)

    def lock(self, object_name: str, external_id: str, reason: str) -> Outcome:
        """See ``Crm.lock``."""
        return self._locks.lock(object_name, external_id, reason)

    def unlock(self, object_name: str, external_id: str) -> Outcome:
        """See ``Crm.unlock``."""
        return self._locks.unlock(object_name, external_id)

    @classmethod
    def parse_event(cls, headers: Mapping[str, str], body: bytes, secret: str) -> Event | None:
        """See ``Crm.parse_event``; Zoho proves an event by the token in its body."""
        return parse(body, secret)

    def subscribe(
        self, objects: Sequence[str], url: str, secret: str, known: Subscription | None
    ) -> Subscription:
        """See ``Crm.subscribe``; channels live for a week at most."""
        return self._events.subscribe(objects, url, secret, known)

    def unsubscribe(self, known: Subscription) -> None:
        """See ``Crm.unsubscribe``."""
        self._events.unsubscribe(known)

    def reread(self, object_name: str, fields: Sequence[str], ids: Sequence[str]) -> list[Row]:
        """See ``Crm.reread``; one query for 50 ids."""
        return self._records.reread(object_name, fields, ids)
