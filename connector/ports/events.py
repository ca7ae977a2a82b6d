"""What a CRM tells of by itself: events, what is subscribed, and what an adapter offers for that.

Invariant: an event is a hint to read records again and carries no value of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from connector.errors import Halt, Reject
from connector.ports.pages import Row

FORGED_EVENT, BAD_EVENT = "forged_event", "bad_event"
"""Codes of the ``Reject`` of ``Crm.parse_event``: not proven to be the vendor's; proven, but no event."""


@dataclass(frozen=True)
class Event:
    """The vendor's word that rows of ``object`` were ``created``, ``changed`` or ``deleted`` (empty when
    it does not say): a hint to read them again, never a value.

    ``channel`` names the subscription; ``reply`` is what the vendor wants to read in answer, if anything.
    ``message`` is the vendor's id of the event: one that was taken in already is answered and no more. An
    event with ``sent_at`` (aware UTC) is believed for a few minutes only.
    """

    object: str
    ids: tuple[str, ...]
    operation: str = ""
    channel: str = ""
    reply: Mapping[str, Any] | None = None
    message: str = ""
    sent_at: dt.datetime | None = None


@dataclass(frozen=True)
class Subscription:
    """Whose events the vendor sends to ``url``: those of ``objects``. ``channels`` are its ids by object,
    ``refused`` the vendor's words by object that it does not tell of.

    It ends at ``expires_at`` and is to be renewed from ``renew_at`` on; ``None`` never. ``by_hand`` tells
    the admin what to set up in the vendor's console where no API can.
    """

    objects: tuple[str, ...]
    url: str
    channels: Mapping[str, str]
    expires_at: dt.datetime | None = None
    renew_at: dt.datetime | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    by_hand: str = field(default="", compare=False)


class Telling:
    """The part of a CRM adapter that is about notifications; by default there are none.

    ``tells_events``: the vendor can be subscribed to; ``event_secret`` names the secret setting that
    proves its events, when the vendor gives it and not we. ``reread_batch`` is for ``reread``.
    """

    name: ClassVar[str]
    tells_events: ClassVar[bool] = False
    event_secret: ClassVar[str] = ""
    reread_batch: ClassVar[int] = 50

    @classmethod
    def event_proof(cls, headers: Mapping[str, str]) -> str:
        """The secret setting that proves a call with these headers (lower-case names), where the vendor
        tells in more than one way; empty for the secret that we made."""
        return cls.event_secret

    @classmethod
    def parse_event(cls, headers: Mapping[str, str], body: bytes, secret: str) -> Event | None:
        """What the vendor says in a call to our address; ``None`` for a call that is about no rows.

        ``headers`` have lower-case names. Raises ``Reject`` with the code ``FORGED_EVENT`` when ``secret``
        does not prove it (compared in constant time), ``BAD_EVENT`` when it cannot be understood.
        """
        raise Reject(f"{cls.name} sends no events", code=FORGED_EVENT, field="event")

    def subscribe(
        self, objects: Sequence[str], url: str, secret: str, known: Subscription | None
    ) -> Subscription:
        """Have the vendor tell ``url`` of every change of ``objects``; ``known`` is what is subscribed.

        Idempotent: what is as wanted and not due for renewal costs no call. ``secret`` has at most 50
        characters. Raises ``Halt`` when the vendor tells of none of them.
        """
        raise self._no_events()

    def unsubscribe(self, known: Subscription) -> None:
        """End a subscription; one that has ended already is fine."""
        raise self._no_events()

    def reread(self, object_name: str, fields: Sequence[str], ids: Sequence[str]) -> list[Row]:
        """The rows with these ids (at most ``reread_batch``) as they are now, in any order. An id that is
        not found may have been deleted, or cannot be seen."""
        raise self._no_events()

    def certainly_gone(self, object_name: str, ids: Sequence[str]) -> set[str]:
        """Which of these rows, none of which ``reread`` found, certainly exist no more; for vendors that
        list no deletions. What cannot be told is left out."""
        return set()

    def _no_events(self) -> Halt:
        todo = "let 'creditgate pull' run often instead"
        return Halt(f"{self.name} offers no notifications", todo=todo)
