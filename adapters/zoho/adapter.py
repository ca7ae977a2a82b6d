"""The Zoho CRM adapter: what the connector sees of it.

Invariant: this module only puts the parts together; what Zoho means is said in the parts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar
from urllib.parse import urlsplit

from adapters.zoho.auth import DATA_CENTERS, Login
from adapters.zoho.client import Client
from adapters.zoho.events import Events, parse
from adapters.zoho.fields import Fields
from adapters.zoho.provisioning import Provisioning
from adapters.zoho.records import Records
from adapters.zoho.rereading import BATCH as REREAD
from adapters.zoho.rereading import Rereading
from adapters.zoho.writes import BATCH, Writes
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
from connector.errors import Halt


class ZohoCrm(Crm):
    """Zoho CRM through its REST API, version 8."""

    name: ClassVar[str] = "zoho"
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            "data_center",
            f"where the org lives: {' '.join(DATA_CENTERS)} (the ending of its web address)",
            optional=True,
        ),
        Setting(
            "accounts_url",
            "address of the accounts host, only where it is not the data centre's own",
            optional=True,
        ),
        Setting("client_id", "client id of the self client in Zoho's API console"),
        Setting("client_secret", "client secret of the self client", secret=True),
        Setting(
            "refresh_token",
            "refresh token of the self client (leave empty to give a code)",
            secret=True,
            optional=True,
        ),
        Setting(
            "code",
            "grant code from the self client, exchanged once; it lives 3 to 10 minutes",
            secret=True,
            optional=True,
        ),
        Setting("environment", "production, sandbox or developer", default="production"),
    )
    # Calls at once: the smallest edition takes 5. Credits in 24 hours: what every paid edition has;
    # the answers' header corrects it (vendor manual: API limits).
    limits: ClassVar[Limits] = Limits(slots=4, calls=50_000, per_seconds=86_400)
    write_batch: ClassVar[int] = BATCH
    tells_events: ClassVar[bool] = True
    reread_batch: ClassVar[int] = REREAD

    def __init__(self, context: Context) -> None:
        """Raises ``Halt`` when a setting is wrong or missing; calls nobody."""
        super().__init__(context)
        self._login = Login(context)
        self._client = Client(context, self._login)
        self._fields = Fields(self._client)
        self._records = Records(self._client, self._fields)
        self._events = Events(self._client)
        self._rereading = Rereading(self._client, self._fields)
        self._writes = Writes(self._client)
        self._provisioning = Provisioning(self._client, self._fields, context.language)

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

    def deleted(self, object_name: str, since: dt.datetime) -> Iterator[str]:
        """See ``Crm.deleted``; from Zoho's list of deleted records."""
        return self._records.deleted(object_name, since)

    def provision(self, object_name: str, specs: Sequence[FieldSpec], *, dry_run: bool) -> list[Provisioned]:
        """See ``Crm.provision``; API names are Zoho's and are read back."""
        return self._provisioning.provision(object_name, specs, dry_run=dry_run)

    def push(self, writes: Sequence[Write]) -> list[Outcome]:
        """See ``Crm.push``; kinds ``update`` and ``task``."""
        return self._writes.push(writes)

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
        return self._rereading.rows(object_name, fields, ids)
