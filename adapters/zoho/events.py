"""Notifications: channels that tell our address which records changed (vendor manual: Notifications).

Invariant: one channel a module, so that a module which Zoho refuses stops no other one; a channel's
number is ours, kept before Zoho learns it, and stays the same for a connection. What the answer says of
a channel's end is believed, never what was asked for. An event proves itself by its token alone: Zoho
signs nothing.
"""

from __future__ import annotations

import datetime as dt
import hmac
import secrets as randomness
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from adapters.zoho import faults
from adapters.zoho.client import Client, Refused, instant
from adapters.zoho.lists import USERS
from connector.adapter import BAD_EVENT, FORGED_EVENT, Event, Subscription
from connector.errors import Halt, Reject

# A channel lives for a week at most; whoever asks for more gets one hour (vendor manual: Enable
# notifications). A little less than a week, for the vendor's clock is not ours.
LIFE = dt.timedelta(days=6, hours=23)
SHORTEST_LIFE = dt.timedelta(hours=1)
AT_ONCE = 50
TOKEN_LENGTH = 50
CHANNELS = "events:channels"
NOT_SUBSCRIBED = "NOT_SUBSCRIBED"
_PATH = "actions/watch"
_SCOPE = "ZohoCRM.notifications.ALL"
_OPERATIONS = {"insert": "created", "update": "changed", "delete": "deleted"}


def parse(body: bytes, secret: str) -> Event | None:
    """The records that an event is about; raises ``Reject``. Values in it are not looked at."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _bad("it is no JSON") from None
    if not isinstance(told, dict):
        raise _bad("it is no JSON object")
    token = told.get("token")
    proven = hmac.compare_digest(_bytes(token if isinstance(token, str) else ""), _bytes(secret))
    if not proven or not secret:
        raise Reject("the event carries a wrong token", code=FORGED_EVENT, field="token")
    module = told.get("module") or str(told.get("resource_uri") or "").rstrip("/").rpartition("/")[2]
    ids = told.get("ids")
    if not isinstance(module, str) or not isinstance(ids, list | None):
        raise _bad("module or ids are missing")
    known = tuple(dict.fromkeys(str(one) for one in ids or () if str(one).isdecimal() and len(str(one)) < 33))
    if not module or not known:
        return None
    operation = _OPERATIONS.get(str(told.get("operation")), "")
    return Event(module, known, operation, str(told.get("channel_id") or ""))


class Events:
    """The channels of one connection."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def subscribe(
        self, objects: Sequence[str], url: str, secret: str, known: Subscription | None
    ) -> Subscription:
        """See ``Crm.subscribe``. Modules that Zoho refuses are named in the result; raises ``Halt`` when
        it refuses all of them."""
        if len(secret) > TOKEN_LENGTH:
            raise Halt(f"a token has at most {TOKEN_LENGTH} characters", todo="subscribe anew")
        now = self._client.context.now()
        if known is not None and _fits(known, objects, url, now):
            return known
        # The users of the org are no module: they are read by pull alone.
        channels = self._numbers([name for name in objects if name != USERS])
        if known is not None:
            self._end([number for name, number in known.channels.items() if name not in objects])
        until = now + LIFE
        bodies = {name: _watch(number, name, url, secret, until) for name, number in channels.items()}
        there = known.channels if known is not None else {}
        results = self._send("PUT", {name: one for name, one in bodies.items() if name in there})
        # A channel that ended meanwhile has to be made anew, with the same number.
        lost = {name for name, told in results.items() if faults.code(told) == NOT_SUBSCRIBED}
        results |= self._send("POST", {n: one for n, one in bodies.items() if n not in there or n in lost})
        return self._made(objects, url, channels, results, now)

    def unsubscribe(self, known: Subscription) -> None:
        """See ``Crm.unsubscribe``."""
        self._end(list(known.channels.values()))

    def _made(
        self,
        objects: Sequence[str],
        url: str,
        channels: Mapping[str, str],
        results: Mapping[str, Any],
        now: dt.datetime,
    ) -> Subscription:
        good = [name for name in channels if not faults.failed(results[name])]
        refused = {name: faults.words(results[name]) for name in channels if name not in good}
        if not good:
            why = next(iter(refused.values()), "nothing was asked for")
            raise Halt(
                f"Zoho tells of none of {', '.join(objects)}: {why}",
                where=f"{self._client.context.connection}: {_PATH}",
                todo="check 'object' in the mapping and the permissions of the connection's user",
            )
        ends = min(_end_of(results[name]) or now + SHORTEST_LIFE for name in good)
        return Subscription(
            objects=tuple(objects),
            url=url,
            channels={name: channels[name] for name in good},
            expires_at=ends,
            renew_at=ends - max(ends - now, dt.timedelta()) / 4,
            refused=refused,
        )

    def _send(self, method: str, bodies: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """The result for each module. A call that is refused as a whole is made again, one by one."""
        results: dict[str, Any] = {}
        names = list(bodies)
        for start in range(0, len(names), AT_ONCE):
            part = names[start : start + AT_ONCE]
            try:
                told = self._call(method, [bodies[name] for name in part])
            except Refused as refused:
                if refused.code == "OAUTH_SCOPE_MISMATCH":
                    raise
                if len(part) == 1:
                    told = [{"status": "error", "code": refused.code, "message": refused.what}]
                else:
                    told = [self._send(method, {name: bodies[name]})[name] for name in part]
            results |= dict(zip(part, told, strict=True))
        return results

    def _call(self, method: str, watch: Sequence[Mapping[str, Any]]) -> list[Any]:
        """The results in order of what was sent, which is all that tells whose they are."""
        body = self._client.call(
            method, _PATH, scope=_SCOPE, about="notifications", body={"watch": list(watch)}, items="watch"
        )
        results = (body or {}).get("watch")
        if not isinstance(results, list) or len(results) != len(watch):
            raise Halt(
                "the answer does not say what became of each channel",
                where=f"{self._client.context.connection}: {method} {_PATH}",
                todo="run it again; channels that exist already are taken over",
            )
        return results

    def _end(self, numbers: Sequence[str]) -> None:
        for start in range(0, len(numbers), AT_ONCE):
            try:
                body = self._client.call(
                    "DELETE",
                    _PATH,
                    scope=_SCOPE,
                    about="notifications",
                    params={"channel_ids": ",".join(numbers[start : start + AT_ONCE])},
                    items="watch",
                )
            except Refused as refused:
                if refused.code != NOT_SUBSCRIBED:
                    raise
                results: Any = []
            else:
                results = (body or {}).get("watch") or []
            # One that has ended already is as it is to be.
            left = [one for one in results if faults.failed(one) and faults.code(one) != NOT_SUBSCRIBED]
            if left:
                raise Halt(
                    f"Zoho does not end a channel: {faults.words(left[0])}",
                    where=f"{self._client.context.connection}: DELETE {_PATH}",
                    todo="run it again; a channel that is not renewed ends within a week",
                )

    def _numbers(self, objects: Sequence[str]) -> dict[str, str]:
        """The channel of each module: the one it always had, or a new one, kept before it is used."""
        secrets = self._client.context.secrets
        known: dict[str, str] = orjson.loads(secrets.get(CHANNELS) or "{}")
        fresh = [name for name in objects if name not in known]
        for name in fresh:
            known[name] = str(randomness.randbelow(9 * 10**14) + 10**14)
        if fresh:
            secrets.put(CHANNELS, orjson.dumps(known).decode())
        return {name: known[name] for name in objects}


def _fits(known: Subscription, objects: Sequence[str], url: str, now: dt.datetime) -> bool:
    fresh = known.renew_at is not None and now < known.renew_at
    return fresh and known.url == url and set(known.objects) == set(objects)


def _watch(number: str, module: str, url: str, secret: str, until: dt.datetime) -> dict[str, Any]:
    return {
        "channel_id": number,
        "events": [f"{module}.all"],
        "notify_url": url,
        "token": secret,
        "channel_expiry": instant(until),
        # Only the ids are of use; and the edit of a contact is no edit of its account.
        "return_affected_field_values": False,
        "notify_on_related_action": False,
    }


def _end_of(result: Any) -> dt.datetime | None:
    """When the channel ends, by the answer; the earliest of its events."""
    details = result.get("details")
    events = details.get("events") if isinstance(details, Mapping) else None
    ends = []
    for event in events if isinstance(events, list) else []:
        try:
            moment = dt.datetime.fromisoformat(str(event["channel_expiry"]))
        except (KeyError, TypeError, ValueError):
            continue
        ends.append(moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC))
    return min(ends, default=None)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _bad(why: str) -> Reject:
    return Reject(f"the event cannot be read: {why}", code=BAD_EVENT, field="event")
