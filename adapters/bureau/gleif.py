"""GLEIF: who stands behind a Legal Entity Identifier, free of charge.

Invariant: it vouches for identity and for whether an entity is active, for nothing else. A lapsed
identifier was not renewed, which says nothing of the entity.

API facts: the public GLEIF API (JSON:API, ``lei-records``). ``registeredAs`` is the number in the local
register, normally the 统一社会信用代码 for Chinese firms.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, ClassVar

import requests

from adapters.bureau.common import at, decode, rows, text
from adapters.bureau.names import likeness
from adapters.bureau.wire import check_passing, json_object, setting, unexpected, where
from connector.adapter import Bureau, Context, Fetched, Limits, Match, Setting, Subject
from connector.errors import Halt, Reject
from connector.model import Report

LIVE = "https://api.gleif.org/api/v1"
JSON_API = "application/vnd.api+json"
CANDIDATES = "20"
_LEI = re.compile(r"[0-9A-Z]{18}[0-9]{2}", re.ASCII)
_INVALID = frozenset({"ANNULLED", "DUPLICATE", "CANCELLED"})


class Gleif(Bureau):
    """The adapter for GLEIF (``creditgate connect add gleif``)."""

    name = "gleif"
    charged = ()
    free = True
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("base_url", "address of the API", default=LIVE),
        Setting("calls_per_minute", "calls a minute; GLEIF publishes no number", default="60", asked=False),
    )
    hosts: ClassVar[tuple[str, ...] | None] = ("api.gleif.org",)
    limits = Limits(slots=2, calls=60, per_seconds=60)

    @classmethod
    def limits_for(cls, settings: Mapping[str, str]) -> Limits:
        written = str(settings.get("calls_per_minute") or "60").strip()
        if not re.fullmatch(r"[1-9][0-9]{0,3}", written, re.ASCII):
            raise Halt(f"calls_per_minute {written!r} is no whole number from 1 to 9999", todo="correct it")
        return Limits(slots=2, calls=int(written), per_seconds=60)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.base = (setting(context, "base_url") or LIVE).rstrip("/")

    def test(self) -> str:
        """One record is asked for; GLEIF knows no accounts."""
        self._get("/lei-records", {"page[size]": "1"})
        return f"GLEIF answers at {self.base}"

    def match(self, subject: Subject) -> list[Match]:
        """Candidates, best first: by ``lei``; by the number in the local register (``uscc`` in CN,
        ``registration_no``) in the subject's country; else by legal name, as ``Creditsafe.match``
        measures it, in that country where it is known."""
        lei = re.sub(r"[\s-]", "", subject.identifiers.get("lei") or "").upper()
        if _LEI.fullmatch(lei):
            found = self._search({"filter[lei]": lei})
            if found:
                return [Match(lei, _name(found[0]), 1.0, "identifier")]
        country = subject.country or ("CN" if subject.identifiers.get("uscc") else None)
        number = subject.identifiers.get("uscc") or subject.identifiers.get("registration_no") or ""
        if country and number:
            registered = [
                record
                for record in self._search({"filter[entity.registeredAs]": number})
                if _country(record) == country and _bare(_entity(record, "registeredAs")) == _bare(number)
            ]
            if registered:
                return [Match(text(record, "id"), _name(record), 1.0, "identifier") for record in registered]
        named = [
            Match(text(record, "id"), _name(record), likeness(subject.name, _name(record)), "name")
            for record in self._search({"filter[entity.legalName]": subject.name})
            if country in (None, _country(record))
        ]
        return sorted(named, key=lambda match: -match.confidence)

    def fetch(self, ref: str) -> Fetched:
        """The record of the identifier ``ref``. Raises ``Reject`` (``not_found``) for one that GLEIF does
        not know, ``Retry`` for limits and faults."""
        if not _LEI.fullmatch(ref):
            raise Reject("this is no LEI", code="not_found", field="lei", where=self.context.connection)
        answer = self._get(f"/lei-records/{ref}")
        today = self.context.now().astimezone(dt.UTC).date()
        return Fetched(parse(decode(answer.content), ref, today), answer.content)

    def _search(self, filters: Mapping[str, str]) -> list[Mapping[str, Any]]:
        answer = self._get("/lei-records", {**filters, "page[number]": "1", "page[size]": CANDIDATES})
        return [record for record in rows(decode(answer.content), "data") if text(record, "id")]

    def _get(self, path: str, params: Mapping[str, str] | None = None) -> requests.Response:
        return self.context.http.call(
            "GET", self.base + path, check=self._check, params=params, headers={"Accept": JSON_API}
        )

    def _check(self, answer: requests.Response) -> None:
        check_passing(answer, "GLEIF", self.context.now())
        if answer.status_code == 404:
            raise Reject("GLEIF knows no such LEI", code="not_found", field="lei", where=where(answer))
        if answer.status_code in (400, 406, 422):
            raise Reject(
                "GLEIF does not accept the request", code="bad_request", field="request", where=where(answer)
            )
        if answer.status_code != 200:
            unexpected(answer, "GLEIF")
        json_object(answer)


def parse(answer: Any, ref: str, today: dt.date) -> Report:
    """The record in the common form, as of ``today`` (UTC). Raises ``Reject`` for another one's."""
    record = at(answer, "data")
    if not isinstance(record, Mapping) or text(record, "attributes.lei") not in ("", ref):
        raise Reject(
            "the answer is about another LEI", code="wrong_company", field="lei", where=f"gleif {ref}"
        )
    warn: list[str] = []
    state = text(record, "attributes.registration.status").upper()
    active = {"ACTIVE": False, "INACTIVE": True}.get(_entity(record, "status").upper())
    if state == "LAPSED":
        warn.append("lei_lapsed: the LEI was not renewed; what GLEIF states may be out of date")
    elif state in _INVALID:
        warn.append(f"lei_not_valid: GLEIF calls the LEI {state.lower()}")
        active = None
    elif state != "ISSUED":
        warn.append(f"lei_{re.sub('[^a-z]', '_', state.lower()) or 'unclear'}: the LEI is not in force")
    if text(record, "attributes.registration.corroborationLevel").upper() not in ("FULLY_CORROBORATED", ""):
        warn.append("lei_not_corroborated: GLEIF has not fully checked the record against a register")
    return Report(
        provider="gleif",
        subject_ref=ref,
        subject_name=_name(record) or ref,
        as_of=today,
        dissolved=active,
        warnings=tuple(warn),
        registered_address=", ".join(
            part for key in ("addressLines", "city", "postalCode", "country") if (part := _line(record, key))
        )
        or None,
    )


def _entity(record: Any, path: str) -> str:
    return text(record, f"attributes.entity.{path}")


def _line(record: Any, key: str) -> str:
    """One part of the legal address; its lines as one."""
    found = at(record, f"attributes.entity.legalAddress.{key}")
    return ", ".join(map(str, found)) if isinstance(found, list) else str(found or "")


def _name(record: Any) -> str:
    return _entity(record, "legalName.name")


def _country(record: Any) -> str:
    """The jurisdiction's country (``US-DE`` is in the US), else that of the legal address."""
    return (_entity(record, "jurisdiction")[:2] or _entity(record, "legalAddress.country")).upper()


def _bare(number: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", number).upper().lstrip("0")
