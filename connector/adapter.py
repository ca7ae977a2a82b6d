"""The ports: what a CRM, a ledger and an agency adapter offer, and how they are found.

Invariant: the connector knows adapters only through this module and their entry points
(``creditgate.crm``, ``creditgate.bureau``, ``creditgate.ledger``). Adapters speak the vendor's
dialect and hand over raw rows; what a row means is said by the mapping, not here. The forms of what is
read stand in ``connector.ports.pages``, those of what is to be set up in ``connector.ports.wanted``; both
belong to the ports.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from connector.agencies import FREE, price_written
from connector.agencies import Change as Change
from connector.agencies import Fetched as Fetched
from connector.agencies import FromFiles as FromFiles
from connector.agencies import Match as Match
from connector.agencies import Price as Price
from connector.agencies import Subject as Subject
from connector.agencies import Watching as Watching
from connector.errors import Halt
from connector.ports.described import Describing
from connector.ports.described import FieldInfo as FieldInfo
from connector.ports.described import Lack as Lack
from connector.ports.described import ObjectInfo as ObjectInfo
from connector.ports.described import Question as Question
from connector.ports.events import BAD_EVENT as BAD_EVENT
from connector.ports.events import FORGED_EVENT as FORGED_EVENT
from connector.ports.events import Event as Event
from connector.ports.events import Subscription as Subscription
from connector.ports.events import Telling
from connector.ports.packing import Packed as Packed
from connector.ports.packing import Packing
from connector.ports.packing import PluginSpec as PluginSpec
from connector.ports.packing import ReadFrom as ReadFrom
from connector.ports.packing import Written as Written
from connector.ports.pages import BulkFailed as BulkFailed
from connector.ports.pages import BulkPart as BulkPart
from connector.ports.pages import BulkPlace as BulkPlace
from connector.ports.pages import Missing as Missing
from connector.ports.pages import Page as Page
from connector.ports.pages import Row as Row
from connector.ports.pages import Slice as Slice
from connector.ports.setting import Setting as Setting
from connector.ports.wanted import FieldSpec as FieldSpec
from connector.ports.wanted import FieldState as FieldState
from connector.ports.wanted import Prepared as Prepared
from connector.ports.wanted import Provisioned as Provisioned

if TYPE_CHECKING:
    from connector.http import Http
from connector.ports.message import Letter, Message


@dataclass(frozen=True)
class Limits:
    """A vendor's call budget.

    ``slots`` calls at once; per ``per_seconds`` at most ``calls`` in each bucket (an endpoint or the
    whole org, as the adapter names its buckets). ``None`` means that the vendor states no such limit.
    Of the slots at most ``heavy`` are for heavy calls. The share ``reserve`` (0 to 1) of the calls is
    kept for what cannot wait: only calls made inside ``http.urgent()`` may use it. Buckets in ``rates``
    have calls and seconds of their own, and no reserve. ``total`` (calls, seconds) bounds the calls of all
    buckets together, each counted once; the reserve is then that of the total alone. With ``day_of`` the
    total is that of a calendar day in this zone, and begins anew at its midnight.
    """

    slots: int
    calls: int | None = None
    per_seconds: int = 86_400
    heavy: int | None = None
    reserve: float = 0.0
    rates: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    total: tuple[int, int] | None = None
    day_of: dt.tzinfo | None = None


@dataclass(frozen=True)
class Write:
    """One pending write. ``values`` maps the tenant's field names to canonical values: ``Decimal``
    for money and numbers, ``bool``, ``date``, aware ``datetime``, text; options as their *label*.

    For ``kind == "update"`` ``external_id`` names the row. For ``kind == "task"`` it is the account
    that the task is about, and ``key_field``/``key`` is our unique key, so that a retry finds the
    first one. For ``kind == "record"`` a row of our own is written, about nothing but itself, and found again
    by ``key_field``/``key``. For ``kind == "note"`` it is the row that gets the note, and ``key`` marks it.

    ``unmodified_since`` (aware UTC): people edit these fields too, so write only if the row has not been
    changed after that moment. ``repeated``: an earlier attempt at this write may have been carried out.
    """

    kind: str
    object: str
    external_id: str
    values: Mapping[str, Any]
    types: Mapping[str, str] = field(default_factory=dict)
    key_field: str = ""
    key: str = ""
    unmodified_since: dt.datetime | None = None
    repeated: bool = False


class Result(StrEnum):
    DONE = "done"
    RETRY = "retry"  # may pass by itself, soon
    BLOCKED = "blocked"  # something in the CRM stands in the way until a person or time removes it
    STALE = "stale"  # somebody changed the row after ``unmodified_since``: it must be read again first
    DEAD = "dead"


@dataclass(frozen=True)
class Outcome:
    """What became of one write, in the vendor's own words when it failed.

    ``external_id`` is the id of a created row; ``todo`` the way out of a failure, in the context's
    language; ``modified_at`` the row's time of change after a write, where the vendor tells it.
    """

    result: Result
    message: str = ""
    external_id: str = ""
    todo: str = ""
    modified_at: dt.datetime | None = None


class Secrets(ABC):
    """Where an adapter keeps what it must not lose and nobody may read: tokens above all."""

    @abstractmethod
    def get(self, name: str) -> str | None:
        """The secret, decrypted, or ``None`` when there is none or it has expired."""

    @abstractmethod
    def put(self, name: str, value: str, expires_at: dt.datetime | None = None) -> None:
        """Keep ``value`` encrypted; after ``expires_at`` (UTC) it is as if it were not there."""

    @abstractmethod
    def lock(self, name: str) -> Any:
        """A context manager that only one thread of one process holds at a time, across processes."""


@dataclass(frozen=True)
class Context:
    """What the connector gives an adapter: its connection's name, settings and secrets, an HTTP
    client that meters and limits calls, and the clock (aware UTC)."""

    connection: str
    settings: Mapping[str, str]
    secrets: Secrets
    http: Http
    language: str
    now: Callable[[], dt.datetime]


class Adapter(ABC):
    """Common to all adapters: a name, what ``connect add`` must ask, the call budget, and ``hosts``, the
    domains to which secrets may go (``connector.secrets.hosts``)."""

    name: ClassVar[str]
    settings: ClassVar[tuple[Setting, ...]]
    limits: ClassVar[Limits]
    hosts: ClassVar[tuple[str, ...] | None] = ()

    def __init__(self, context: Context) -> None:
        self.context = context

    @classmethod
    def limits_for(cls, settings: Mapping[str, str]) -> Limits:
        """The call budget of a connection with these settings. ``Halt`` for one that makes no sense."""
        return cls.limits

    @classmethod
    def guide(cls, language: str) -> str:
        """What an admin does at the vendor before ``connect add``, step by step; may be empty."""
        return ""

    @property
    def slots(self) -> int:
        """How many calls this connection may make at once."""
        return self.limits_for(self.context.settings).slots

    def lacking(self) -> list[Lack]:
        """What the credentials do not permit of what this adapter does; raises as ``test`` does."""
        return []

    @abstractmethod
    def test(self) -> str:
        """Prove the credentials with one harmless call; a sentence on who we are there.

        Raises ``Reauth`` for wrong credentials, ``Retry`` when the vendor cannot be reached.
        """


class Channel(Adapter):
    """A way to tell people: a webhook, e-mail, a group's robot. Its setting ``least`` is the severity from
    which on it is used for signals, ``informs`` the roles that read there and are told of credit acts."""

    @abstractmethod
    def tell(self, message: Message) -> None:
        """Send one message. Raises ``Retry`` (``unknown_outcome`` if it may have arrived), ``Reauth``,
        ``Reject`` for a message that will never be taken."""

    def test(self) -> str:
        """Robots and webhooks know no harmless call: the settings alone are looked at."""
        return f"{self.name} is set up; the first signal will show whether it answers"


class Posting(ABC):
    """What a channel offers that also writes to people outside, one letter to one address."""

    @abstractmethod
    def posting(self) -> AbstractContextManager[Callable[[Letter], None]]:
        """A line that is open for letters. Opening it raises ``Retry``, ``Reauth`` or ``Halt``, and nothing
        was sent then. Sending one raises ``Reject`` for an address or text that is refused for good,
        ``Retry`` if it may be taken later, with ``unknown_outcome`` if it may have been taken, ``Halt`` if
        nothing is taken from this sender; ``busy`` if the line takes no more letters for now."""


class Crm(Telling, Describing, Packing, Adapter):
    """A CRM: read streams, write fields and tasks back; it may tell what changed (``Telling``), what its
    objects look like (``Describing``), and have a plugin for its pages (``Packing``).

    ``time_step`` is the resolution of the vendor's change times. ``sweeps`` is true when vanished
    rows are found only by listing all ids (``ids``), false when there is a deleted list. ``locks`` is
    true when single rows can be locked (``lock``, ``unlock``). ``write_changed``: an update gets only the
    fields that differ from what was written last.
    """

    sweeps: ClassVar[bool] = False
    time_step: ClassVar[dt.timedelta] = dt.timedelta(seconds=1)
    write_batch: ClassVar[int] = 1
    write_changed: ClassVar[bool] = False
    locks: ClassVar[bool] = False

    @abstractmethod
    def fetch(self, object_name: str, fields: Sequence[str], part: Slice) -> Page:
        """One page of ``object_name`` with the mapped ``fields``, ordered by id, from ``part``."""

    def bulk(
        self, object_name: str, fields: Sequence[str], place: BulkPlace | None
    ) -> Iterator[BulkPart] | None:
        """All rows of ``object_name``, in any order, made ready by the vendor; from ``place`` on if an
        earlier run had come so far. ``None`` when there is no such way, or none worth its price.

        Each part is stored together with its place before the next one is asked for. Raises
        ``BulkFailed``, at once or between parts, when the rows have to be fetched after all.
        """
        return None

    def missing(self, object_name: str, fields: Sequence[str]) -> Missing:
        """What of ``object_name`` and the mapped ``fields`` this tenant does not show us."""
        return Missing()

    @abstractmethod
    def deleted(self, object_name: str, since: dt.datetime) -> Iterator[str]:
        """Ids of rows deleted since ``since``; when ``sweeps``, the ids of **all** rows that exist."""

    @abstractmethod
    def provision(self, object_name: str, specs: Sequence[FieldSpec], *, dry_run: bool) -> list[Provisioned]:
        """Make the wanted fields exist where an API can, else say what to create by hand. Idempotent."""

    @abstractmethod
    def push(self, writes: Sequence[Write]) -> list[Outcome]:
        """Carry out at most ``write_batch`` writes of one kind and object; one outcome for each, in
        order. Raises only when nothing at all can be said about any of them."""

    def metadata(self, object_name: str, specs: Sequence[FieldSpec]) -> Mapping[str, str]:
        """These fields as files for the vendor's own deployment tool, content by path; none where there is
        no such tool."""
        return {}

    def verify(self, write: Write) -> list[str] | None:
        """Read the row of an update back and name the fields that do not hold what was written; ``None``
        when that cannot be told. Some vendors drop fields that they do not know without a word."""
        return None

    def section(
        self, object_name: str, title: str, api_names: Sequence[str], *, dry_run: bool
    ) -> Prepared | None:
        """Gather these fields in a section of the object's pages; ``None`` when that is not offered.
        Never fatal, idempotent; a dry run makes no call that changes anything."""
        return None

    def guard(
        self, object_name: str, flag: str, open_fields: Sequence[str], *, dry_run: bool
    ) -> Prepared | None:
        """Have the CRM lock every row whose boolean field ``flag`` is true, but for ``open_fields``;
        ``None`` when that is not offered. Never fatal, idempotent; see ``section`` for ``dry_run``."""
        return None

    def lock(self, object_name: str, external_id: str, reason: str) -> Outcome:
        """Lock one row against changes by people; done when it is locked already."""
        return Outcome(Result.DEAD, "this CRM has no record locks")

    def unlock(self, object_name: str, external_id: str) -> Outcome:
        """Take back a lock that we or our rule set; done when there is none. Locks by others stay."""
        return Outcome(Result.DEAD, "this CRM has no record locks")


class Bureau(Adapter):
    """A rating agency.

    Its settings ``price_KIND`` say what a call of each kind in ``charged`` costs by the contract.
    """

    charged: ClassVar[tuple[str, ...]] = ("report",)
    free: ClassVar[bool] = False

    @classmethod
    def price(cls, settings: Mapping[str, str], kind: str) -> Price | None:
        """What one call of ``kind`` (``match``, ``report`` or ``watch``) costs; ``None`` when nobody has
        said. ``Halt`` for a setting that is no amount with currency."""
        if cls.free:
            return FREE
        written = (settings.get(f"price_{kind}") or "").strip()
        if not written:
            return None if kind in cls.charged else FREE
        return price_written(written, f"price_{kind}")

    @abstractmethod
    def match(self, subject: Subject) -> list[Match]:
        """Candidates, best first; by identifier where the agency takes one."""

    @abstractmethod
    def fetch(self, ref: str) -> Fetched:
        """The current report of ``ref``."""


def price_settings(*kinds: str) -> tuple[Setting, ...]:
    """The settings that ``Bureau.price`` reads, not asked for: a contract is often settled later."""
    told = {"match": "finding a company", "report": "a report", "watch": "watching a company"}
    return tuple(
        Setting(
            f"price_{kind}",
            f"price of {told[kind]} by your contract, like: 2.50 EUR",
            optional=True,
            asked=False,
        )
        for kind in kinds
    )


class Ledger(Adapter):
    """Receivables from files."""

    @abstractmethod
    def read(self, path: Path) -> Iterator[Mapping[str, str]]:
        """Rows of the file as text by column name; ``Halt`` when the file cannot be read."""


GROUPS = ("crm", "bureau", "ledger", "agency_file", "channel")


def find(kind: str) -> tuple[str, type[Adapter]]:
    """The adapter class called ``kind`` and its group (one of ``GROUPS``).

    Raises ``Halt`` naming the kinds that are installed.
    """
    for group in GROUPS:
        for point in _installed(group):
            if point.name == kind:
                loaded: type[Adapter] = point.load()
                return group, loaded
    raise Halt(
        f"no adapter is called {kind!r}",
        todo=f"use one of: {', '.join(kinds()) or 'none installed'}",
    )


def kinds() -> list[str]:
    """Names of all installed adapters."""
    return sorted(point.name for group in GROUPS for point in _installed(group))


@cache
def _installed(group: str) -> EntryPoints:
    return entry_points(group=f"creditgate.{group}")
