"""Moments as Zoho writes them: ISO 8601 in whole seconds with the org's offset.

Invariant: every moment that is kept has the org's offset and the same length, so that two of them
compare as texts exactly as they do as instants.
"""

from __future__ import annotations

import datetime as dt
import re

ORG_ZONE = dt.timezone(dt.timedelta(hours=8))
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def stamp(moment: dt.datetime) -> str:
    """An aware moment in the org's offset, parts of a second cut off."""
    return moment.astimezone(ORG_ZONE).replace(microsecond=0).isoformat()


def stamp_of(epoch: float) -> str:
    """Seconds since 1970 (UTC) as a stamp."""
    return stamp(dt.datetime.fromtimestamp(epoch, ORG_ZONE))


def morning(day: dt.date) -> dt.datetime:
    """Nine o'clock of ``day`` at the org."""
    return dt.datetime(day.year, day.month, day.day, 9, tzinfo=ORG_ZONE)


def parsed_stamp(text: object) -> str | None:
    """A moment with any offset as a stamp of this org; ``None`` for what the vendor does not take:
    no offset, a Z, parts of a second."""
    if not isinstance(text, str) or not _MOMENT.fullmatch(text):
        return None
    try:
        return stamp(dt.datetime.fromisoformat(text))
    except ValueError:
        return None


def is_date(text: object) -> bool:
    """Whether ``text`` is a calendar day, ``2026-05-04``."""
    if not isinstance(text, str) or not _DATE.fullmatch(text):
        return False
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True
