"""What a person's word on an order means for its next check.

Invariant: pure. A release covers the order up to its amount and terms until it ends, and nothing else; a
rejection stands for as much or more; an order that a person forced on hold never passes by itself.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from connector.gate.check_model import CheckRequest
from connector.gate.check_reasons import Found, by_person
from connector.store.held import HOLDING


class Standing(NamedTuple):
    """Whether a release ``covers`` the order; if there is one that does not any more, ``why``."""

    covers: bool
    why: str = ""


def standing(row: sa.Row[Any] | None, request: CheckRequest, now: dt.datetime) -> Standing:
    """How the last release of an order stands to what is asked now. A pass that no person gave is none."""
    if row is None or row.state != "released" or row.released_until is None:
        return Standing(False)
    if row.released_until <= now:
        return Standing(False, "release_expired")
    if (row.account_id, row.currency) != (request.account, request.currency):
        return Standing(False, "release_other_terms")
    if request.minor > row.released_amount:
        return Standing(False, "release_exceeded")
    longer = row.released_terms_days is not None and (request.terms_days or 0) > row.released_terms_days
    return Standing(False, "release_other_terms") if longer else Standing(True)


def told(row: sa.Row[Any] | None, request: CheckRequest, found: Standing, *, held_up: bool) -> list[Found]:
    """What is said about a person's word, beside the reasons of the check itself; ``held_up``: these hold
    the order."""
    if row is None:
        return []
    if row.state == "forced":
        return [by_person("order_forced", "hold", _said(row, "order_forced"))]
    if rejection_stands(row, request):
        return [by_person("order_rejected", "hold", {})]
    if row.state == "released" and held_up:
        if found.covers:
            until = row.released_until.date().isoformat()
            return [by_person("order_released", "warn", {"actor": row.released_by, "until": until})]
        return [by_person(found.why, "hold", {})] if found.why else []
    return []


def holding(row: sa.Row[Any] | None) -> bool:
    """Whether the order is on hold."""
    return row is not None and row.state in HOLDING


def still_past(row: sa.Row[Any] | None) -> str | None:
    """How an order on hold got past the gate, if it did: that is told until the hold ends."""
    if row is None or not holding(row):
        return None
    said = _said(row, "got_past")
    return str(said["how"]).removeprefix("past_") if said else None


def _said(row: sa.Row[Any], code: str) -> dict[str, Any]:
    """The parameters of a reason that the hold was given."""
    return next((one["params"] for one in orjson.loads(row.reasons) if one["code"] == code), {})


def rejection_stands(row: sa.Row[Any] | None, request: CheckRequest) -> bool:
    """Whether a person has refused just this, or less of it."""
    return (
        row is not None
        and row.state == "rejected"
        and (row.account_id, row.currency) == (request.account, request.currency)
        and request.minor >= row.amount
        and (request.terms_days or 0) >= (row.terms_days or 0)
    )
