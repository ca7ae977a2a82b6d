"""What an answer of the Fxiaoke gateway means, and which way of recovery follows from it.

Invariant: only ``errorCode`` decides (the vendor answers HTTP 200 to everything and may reword its
messages); texts carry the code, the vendor's words and the trace id, and no secret.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from connector.errors import CreditGateError, Halt, Reauth, Reject, Retry

# Vendor manual, rate limits: 100 calls in 20 s per endpoint, without a Retry-After.
RATE_SECONDS = 20.0
# The day's quota starts anew at 00:00 of the vendor's clock, which has no summer time.
VENDOR_CLOCK = dt.timezone(dt.timedelta(hours=8))

BUSY = frozenset({-1, -2})
OVER_RATE = frozenset({14001, 30004})
OVER_DAY = 30002
TOKEN_GONE = frozenset({20005, 20016})
UNKNOWN = 50009  # "service exception or time-out", and also "the row is locked"

# Nothing in the request is at fault: a person has to change something at the vendor.
_STOPPED = {
    10006: "check base_url; the application may also lack the scope for this interface",
    15003: "authorise the application for this employee or interface in the admin console",
    20014: "authorise the application in the admin console",
    20017: "remove the connection and add it again",
    20020: "authorise the application in the admin console",
    20021: "authorise the application in the admin console",
    20022: "authorise the application in the admin console",
    20023: "start the application in the admin console",
    30003: "buy an OpenAPI quota pack for the tenant",
}


class Effect(StrEnum):
    """What a call does, and so what a lost answer to it means."""

    READ = "read"  # may be repeated at will
    ROW = "row"  # reads one row: a refusal is about that row
    UPDATE = "update"  # sets values: may be repeated, but one may not assume that it failed
    CREATE = "create"  # repeated only after a look


def said(answer: Mapping[str, Any], hide: Iterable[str] = ()) -> str:
    """The vendor's own words with code and trace id; every text in ``hide`` is blanked."""
    told = (answer.get(name) for name in ("errorMessage", "errorDescription", "error_description", "error"))
    words = "; ".join(dict.fromkeys(str(one) for one in told if one))
    trace = answer.get("traceId")
    text = f"errorCode {answer.get('errorCode')}: {words or 'no message'}"
    if trace:
        text = f"{text} (traceId {trace})"
    for secret in hide:
        text = text.replace(secret, "***") if secret else text
    return text


def fault(
    answer: Mapping[str, Any],
    *,
    where: str,
    effect: Effect,
    now: dt.datetime,
    hide: Iterable[str] = (),
) -> CreditGateError | None:
    """The error that ``answer`` stands for, or ``None`` when its errorCode is 0.

    ``Retry`` for what may pass (``unknown_outcome`` when a write may have been carried out),
    ``Reauth`` for a token that is gone, ``Halt`` for what only a person can mend. Anything else is
    about the request itself: ``Halt`` for a read of many rows, else ``Reject``.
    """
    code = answer.get("errorCode")
    if code == 0:
        return None
    words = said(answer, hide)
    if code in BUSY:
        return Retry(
            words,
            where=where,
            todo="run again later",
            unknown_outcome=effect is Effect.CREATE,
        )
    if code == UNKNOWN:
        return Retry(
            words,
            where=where,
            todo="look at the row before writing again",
            unknown_outcome=effect in (Effect.UPDATE, Effect.CREATE),
        )
    if code in OVER_RATE:
        return Retry(words, where=where, todo="run again later", after=RATE_SECONDS)
    if code == OVER_DAY:
        return Retry(
            words,
            where=where,
            todo="the day's quota is used up: wait for midnight (GMT+8) or buy another pack",
            after=seconds_to_midnight(now),
        )
    if code in TOKEN_GONE:
        return Reauth(
            words,
            where=where,
            todo="check app_secret and permanent_code, and that the application is started",
        )
    if code in _STOPPED:
        return Halt(words, where=where, todo=_STOPPED[code])
    if effect is Effect.READ:
        return Halt(words, where=where, todo="check the mapping and the employee's permissions")
    return Reject(
        words,
        code=f"fxiaoke_{code}",
        field="",
        where=where,
        todo="correct the row or the mapping, then retry it",
    )


def refused_credentials(
    answer: Mapping[str, Any], *, where: str, app_id: str, hide: Iterable[str] = ()
) -> Reauth | None:
    """``Reauth`` when a token endpoint says that the credentials are wrong.

    The vendor answers 10006 to a wrong secret; other codes 100xx and 110xx there name a missing or
    illegal credential too.
    """
    code = answer.get("errorCode")
    if not isinstance(code, int) or not (10000 <= code < 10100 or 11000 <= code < 11100):
        return None
    return Reauth(
        f"the credentials of application {app_id} are refused, {said(answer, hide)}",
        where=where,
        todo="copy app_id, app_secret and permanent_code again from the admin console",
    )


def seconds_to_midnight(now: dt.datetime) -> float:
    """Seconds from ``now`` (aware) to the next midnight of the vendor's clock (GMT+8)."""
    there = now.astimezone(VENDOR_CLOCK)
    midnight = dt.datetime.combine(there.date() + dt.timedelta(days=1), dt.time(), VENDOR_CLOCK)
    return (midnight - there).total_seconds()
