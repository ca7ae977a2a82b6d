"""Creditsafe: find a company and fetch its report.

Invariant: a company found by its own legal number is a hit, one found by name only a likeness below 1.

API facts: Creditsafe Connect manual, Company Search and Company Credit Report.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import quote

from adapters.bureau.common import at, decode, rows, text
from adapters.bureau.creditsafe_connect import Connect
from adapters.bureau.creditsafe_monitoring import Portfolio
from adapters.bureau.creditsafe_report import POD_UNITS, parse
from adapters.bureau.grades import GradeTable, own_table, shipped
from adapters.bureau.names import likeness
from adapters.bureau.pd_tables import load
from connector.adapter import (
    Bureau,
    Change,
    Context,
    Fetched,
    Limits,
    Match,
    Setting,
    Subject,
    Watching,
    price_settings,
)
from connector.errors import Halt, Reject

LIVE = "https://connect.creditsafe.com/v1"
CANDIDATES = 20
_VAT_COUNTRY = {"EL": "GR", "XI": "GB"}  # VAT prefix → country, where the two differ


class Creditsafe(Watching, Bureau):
    """The adapter for Creditsafe Connect (``creditgate connect add creditsafe``)."""

    name = "creditsafe"
    charged = ("report", "watch")
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            "base_url",
            "address of the API; new accounts start on https://connect.sandbox.creditsafe.com/v1",
            default=LIVE,
        ),
        Setting("username", "user name of the Connect API account, from Creditsafe's welcome mail"),
        Setting("password", "the password of that account", secret=True),
        Setting(
            "pod_unit",
            "unit of the probability of default (pod) in reports, percent or fraction; Creditsafe's pages do "
            "not state it: compare one report with the same company in Creditsafe's portal",
            default="percent",
        ),
        Setting(
            "language",
            "language of the texts in reports; a company's status is read best in English",
            default="en",
        ),
        Setting(
            "grade_table",
            "probabilities in percent for reports that state none, like: A 0.2, B 0.7, C 2, D 8 (these are "
            "CreditGate's presets, not Creditsafe's)",
            optional=True,
        ),
        Setting(
            "de_reason_code", "number of the legal ground for reports on German companies", optional=True
        ),
        Setting(
            "portfolio",
            "number of the monitoring portfolio, from Creditsafe's portal; needed to watch companies only",
            optional=True,
            asked=False,
        ),
        Setting("pd_tables", "path of your own copy of pd-tables.yaml", optional=True, asked=False),
        *price_settings("report", "watch"),
    )
    hosts: ClassVar[tuple[str, ...] | None] = ("connect.creditsafe.com", "connect.sandbox.creditsafe.com")
    limits = Limits(slots=4)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._pod_unit = self._setting("pod_unit") or "percent"
        if self._pod_unit not in POD_UNITS:
            raise Halt(
                f"pod_unit {self._pod_unit!r} is not known",
                where=context.connection,
                todo=f"set it to one of: {', '.join(POD_UNITS)}",
            )
        self._table = self._grade_table()
        self._connect = Connect(
            context,
            (self._setting("base_url") or LIVE).rstrip("/"),
            self._required("username"),
            self._required("password"),
        )

    def test(self) -> str:
        """Sign in anew, which costs nothing and proves user name and password."""
        self._connect.sign_in()
        return f"signed in to Creditsafe at {self._connect.base}"

    def match(self, subject: Subject) -> list[Match]:
        """Candidates for ``subject``, best first, none when Creditsafe knows no such company.

        Identifiers are tried first, one after the other until one finds something: ``registration_no``
        with the subject's country, ``uscc`` (in CN), ``vat`` (in the country of its prefix). A hit has
        confidence 1; a company whose own number differs from the one asked for is no hit. Head offices
        stand before branches.

        Otherwise the name is searched in the subject's country. The confidence is then the likeness of
        the two names by ``difflib``'s ratio after case, accents, punctuation and legal-form words
        (Ltd, GmbH, 有限公司 …) are taken off; at most 0.95, so that a name never counts like a number.

        Raises ``Reject`` (``missing_country``) when neither an identifier nor a country says where to
        search; otherwise as ``fetch``.
        """
        refused: Reject | None = None
        for country, criterion, value in _identifiers(subject):
            try:
                found = self._search(countries=country, **{criterion: value})
            except Reject as fault:
                # Which criteria a country admits differs: the next one may be admitted.
                refused = fault
                continue
            hits = [company for company in found if _agrees(company, country, criterion, value)]
            if hits:
                hits.sort(key=lambda hit: text(hit, "officeType").lower() not in ("", "headoffice"))
                return [Match(text(hit, "id"), text(hit, "name"), 1.0, "identifier") for hit in hits]
        if not subject.country:
            raise refused or Reject(
                "Creditsafe searches within a country, and none is known",
                code="missing_country",
                field="country",
                where=self.context.connection,
                todo="enter the customer's country in the CRM",
            )
        found = self._search(countries=subject.country, name=subject.name)
        named = [(text(company, "id"), text(company, "name")) for company in found]
        matches = [Match(ref, name, likeness(subject.name, name), "name") for ref, name in named]
        return sorted(matches, key=lambda match: -match.confidence)

    def fetch(self, ref: str) -> Fetched:
        """The current report on the company with the Connect id ``ref``. Creditsafe charges for it.

        Raises ``Reauth`` for refused credentials, ``Halt`` for a missing entitlement, ``Reject`` for a
        company or a report that does not exist, ``Retry`` for limits (five minutes) and faults.
        """
        params = {"language": self._setting("language") or "en"}
        reason = self._setting("de_reason_code")
        if reason and ref.upper().startswith("DE"):
            params["customData"] = f"de_reason_code::{reason}"
        answer = self._connect.get(f"/companies/{quote(ref, safe='')}", params)
        today = self.context.now().astimezone(dt.UTC).date()
        report = parse(decode(answer.content), ref, pod_unit=self._pod_unit, table=self._table, today=today)
        return Fetched(report, answer.content)

    def watched(self) -> frozenset[str] | None:
        """The companies of the portfolio."""
        return self._portfolio().watched()

    def watch(self, refs: Sequence[str]) -> None:
        """Add companies to the portfolio; those that are in it already stay."""
        self._portfolio().add(refs)

    def unwatch(self, refs: Sequence[str]) -> None:
        """Take companies out of the portfolio."""
        self._portfolio().remove(refs)

    def changes(self, since: dt.datetime) -> list[Change]:
        """What Creditsafe has noticed about the companies of the portfolio from the day of ``since`` on,
        by the event rules that are set in its portal."""
        return self._portfolio().changes(since)

    def _portfolio(self) -> Portfolio:
        return Portfolio(self._connect, self._required("portfolio"))

    def _search(self, **criteria: str) -> list[Mapping[str, Any]]:
        try:
            answer = self._connect.get("/companies", {**criteria, "page": "1", "pageSize": str(CANDIDATES)})
        except Reject as fault:
            if fault.code == "not_found":
                return []  # another way in which an empty search is answered
            raise
        return [company for company in rows(decode(answer.content), "companies") if text(company, "id")]

    def _grade_table(self) -> GradeTable:
        written = self._setting("grade_table")
        if not written:
            return shipped(load(self._setting("pd_tables")), "creditsafe-presets")
        try:
            return own_table("creditsafe", written)
        except ValueError as fault:
            raise Halt(
                f"grade_table cannot be used: {fault}",
                where=self.context.connection,
                todo="write it like: A 0.2, B 0.7, C 2, D 8",
            ) from None

    def _setting(self, key: str) -> str:
        return str(self.context.settings.get(key) or "").strip()

    def _required(self, key: str) -> str:
        value = self._setting(key)
        if not value:
            raise Halt(
                f"{key} is not set", where=self.context.connection, todo=f"set {key} of the connection"
            )
        return value


def _identifiers(subject: Subject) -> Iterator[tuple[str, str, str]]:
    """(country, search criterion, value) for each identifier that Creditsafe takes, surest first."""
    known = {key: value.strip() for key, value in subject.identifiers.items() if value and value.strip()}
    if subject.country and "registration_no" in known:
        yield subject.country, "regNo", known["registration_no"]
    if "uscc" in known and known["uscc"] != known.get("registration_no"):
        yield "CN", "regNo", known["uscc"]
    if "vat" in known and known["vat"][:2].isalpha():
        # Whether vatNo takes the prefix is not stated: both spellings are asked.
        prefix = known["vat"][:2].upper()
        country = _VAT_COUNTRY.get(prefix, prefix)
        yield country, "vatNo", known["vat"]
        yield country, "vatNo", known["vat"][2:]


def _agrees(company: Mapping[str, Any], country: str, criterion: str, value: str) -> bool:
    """Whether the company's own number is the one asked for; a search result without one passes."""
    stated = at(company, criterion)
    own: set[str] = set()
    for number in stated if isinstance(stated, list) else [stated]:
        own |= _spellings(number, country, criterion)
    return not own or bool(own & _spellings(value, country, criterion))


def _spellings(number: Any, country: str, criterion: str) -> set[str]:
    key = re.sub(r"[^0-9A-Za-z]", "", str(number or "")).upper()
    found = {key.lstrip("0")}
    if criterion == "vatNo" and key[:2].isalpha():
        found.add(key[2:].lstrip("0"))
    if country == "FR" and criterion == "regNo":
        found.add(key[:9])  # a SIRET is the company's SIREN and five digits for the place
    return found - {""}
