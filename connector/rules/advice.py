"""Facts from consultants' reports and trade references.

Invariant: a document that has expired vouches for nothing; of one author the newest valid document
speaks, of several the most cautious; every value names its author and its day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

from connector.policy.catalogue import names
from connector.rules.documents import AdviceDoc
from connector.rules.financial import NO_RATE, STALE
from connector.rules.program import Class
from connector.rules.settlement import Convert
from connector.rules.snapshot import Origin, Unknown, Value

NO_ADVICE, NOT_STATED = Unknown("no_advice"), Unknown("not_stated")
CONSULTANT, REFERENCE = "consultant", "reference"
_FACTS = {CONSULTANT: ("advice_limit", "advice_class"), REFERENCE: ("reference_limit", "reference_class")}
_NOTHING: dict[str, Value] = {**dict.fromkeys(names("advice"), NO_ADVICE), "references": 0}
_DAY = dt.timedelta(days=1)


def last_day(document: AdviceDoc, longest: int) -> dt.date:
    """The last day on which a document counts: its own expiry, or ``longest`` days after its date."""
    ends = document.dated + dt.timedelta(days=longest)
    return ends if document.valid_to is None else min(ends, document.valid_to)


def advice_facts(
    documents: Iterable[AdviceDoc],
    longest: int,
    classes: Mapping[str, Class],
    today: dt.date,
    currency: str,
    convert: Convert,
    moments: list[dt.date],
) -> tuple[dict[str, Value], dict[str, Origin]]:
    """Values and origins of the family. ``longest`` is how many days a document counts at most; ``moments``
    learns the days on which one begins or ceases to."""
    values, origins = dict(_NOTHING), {"references": Origin(REFERENCE, None, today)}
    if not documents:
        return values, origins
    for kind, (limit, grade) in _FACTS.items():
        begun = [one for one in documents if one.kind == kind and one.dated <= today]
        moments += [one.dated for one in documents if one.kind == kind and one.dated > today]
        if not begun:
            continue
        begun.sort(key=lambda one: (one.dated, one.author, -(one.amount or 0), one.risk_class or ""))
        moments += [last_day(one, longest) + _DAY for one in begun]
        valid = [one for one in begun if last_day(one, longest) >= today]
        origins[limit] = origins[grade] = _origin(begun[-1], longest)
        values[limit], values[grade] = (NOT_STATED, NOT_STATED) if valid else (STALE, STALE)
        if kind == REFERENCE:
            values["references"] = len({one.author for one in valid})
            origins["references"] = origins[limit]
        _lowest(values, origins, limit, valid, longest, currency, convert)
        _worst(values, origins, grade, valid, longest, classes)
    return values, origins


def _lowest(
    values: dict[str, Value],
    origins: dict[str, Origin],
    name: str,
    valid: list[AdviceDoc],
    longest: int,
    currency: str,
    convert: Convert,
) -> None:
    """The lowest limit; one without a rate could be the lowest, so that none is known."""
    for one in {one.author: one for one in valid if one.amount is not None}.values():
        amount = convert(one.amount or 0, one.currency or currency, currency)
        before = values[name]
        if amount is None:
            values[name], origins[name] = NO_RATE, _origin(one, longest)
            return
        if not isinstance(before, int) or amount < before:
            values[name], origins[name] = amount, _origin(one, longest)


def _worst(
    values: dict[str, Value],
    origins: dict[str, Origin],
    name: str,
    valid: list[AdviceDoc],
    longest: int,
    classes: Mapping[str, Class],
) -> None:
    """The worst class of those that the policy has."""
    stated = {one.author: one for one in valid if one.risk_class in classes}.values()
    if stated:
        worst = max(stated, key=lambda one: classes[one.risk_class or ""].rank)
        values[name], origins[name] = worst.risk_class or "", _origin(worst, longest)


def _origin(document: AdviceDoc, longest: int) -> Origin:
    return Origin(document.kind, document.author, document.dated, last_day(document, longest))
