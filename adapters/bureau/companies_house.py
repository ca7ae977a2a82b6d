"""UK Companies House: the register itself, free of charge.

Invariant: it vouches only for what a register knows: whether a company stands, and its insolvency
cases. A flag that the register leaves out is unknown. It gives no score, no limit, no judgments.

API facts: the public Companies House API (company profile, insolvency, search, rate limits). It tells
many flags by leaving them out instead of sending false.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

import requests

from adapters.bureau.common import at, day, decode, rows, text
from adapters.bureau.names import likeness
from adapters.bureau.wire import check_passing, json_object, required, setting, unexpected, where
from connector.adapter import Bureau, Context, Fetched, Limits, Match, Setting, Subject
from connector.errors import Halt, Reauth, Reject
from connector.model import Negative, Report

LIVE = "https://api.company-information.service.gov.uk"
CANDIDATES = "20"
_NUMBER = re.compile(r"([A-Z]{2}|[A-Z][0-9])?([0-9]+)", re.ASCII)
_GONE = frozenset({"dissolved", "converted-closed", "closed", "removed"})
_STANDING = frozenset({"active", "open", "registered"})
_INSOLVENT = frozenset(
    {"liquidation", "receivership", "administration", "voluntary-arrangement", "insolvency-proceedings"}
)
_CASE_OVER = re.compile(r"ended|discharged|concluded|completed|case-end|dissolved|finished|withdrawn")


class CompaniesHouse(Bureau):
    """The adapter for Companies House (``creditgate connect add companies-house``)."""

    name = "companies-house"
    charged = ()
    free = True
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("base_url", "address of the API", default=LIVE),
        Setting(
            "api_key",
            "API key of an application for the live environment, from the developer hub of Companies House",
            secret=True,
        ),
    )
    # 600 calls in any five minutes for each key.
    hosts: ClassVar[tuple[str, ...] | None] = ("company-information.service.gov.uk",)
    limits = Limits(slots=4, calls=600, per_seconds=300)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.base = (setting(context, "base_url") or LIVE).rstrip("/")
        self._key = required(context, "api_key")

    def test(self) -> str:
        """One search, which proves the key."""
        self._get("/search/companies", {"q": "test", "items_per_page": "1"})
        return f"the key is good at {self.base}"

    def match(self, subject: Subject) -> list[Match]:
        """The company with the subject's ``registration_no``, with confidence 1; else companies whose
        names are alike, as ``Creditsafe.match`` measures it. None for a country other than GB.

        Raises ``Reject`` (``missing_country``) when the country is not known; otherwise as ``fetch``.
        """
        if not subject.country:
            raise Reject(
                "the register holds British companies only, and the customer's country is not known",
                code="missing_country",
                field="country",
                where=self.context.connection,
                todo="enter the customer's country in the CRM",
            )
        if subject.country != "GB":
            return []
        number = company_number(subject.identifiers.get("registration_no") or "")
        if number:
            profile = self._find(f"/company/{number}")
            if profile is not None:
                name = text(decode(profile.content), "company_name")
                return [Match(number, name, 1.0, "identifier")]
        answer = self._get("/search/companies", {"q": subject.name, "items_per_page": CANDIDATES})
        found = [
            Match(ref, name, likeness(subject.name, name), "name")
            for row in rows(decode(answer.content), "items")
            if (ref := text(row, "company_number")) and (name := text(row, "title"))
        ]
        return sorted(found, key=lambda match: -match.confidence)

    def fetch(self, ref: str) -> Fetched:
        """The register's entry on the company ``ref`` and its insolvency cases; free.

        Raises ``Reauth`` for a refused key, ``Reject`` (``not_found``) for a number that is not
        registered, ``Retry`` for limits and faults.
        """
        path = f"/company/{quote(ref, safe='')}"
        profile = self._get(path)
        body = decode(profile.content)
        insolvency = None
        # Left out, the flag says nothing: then the cases are asked for.
        if at(body, "has_insolvency_history") is not False:
            insolvency = self._find(f"{path}/insolvency")
        cases = decode(insolvency.content) if insolvency is not None else {}
        raw = b'{"profile":' + profile.content
        raw += b',"insolvency":' + (insolvency.content if insolvency is not None else b"null") + b"}"
        today = self.context.now().astimezone(dt.UTC).date()
        return Fetched(parse(body, cases, ref, today), raw)

    def _find(self, path: str) -> requests.Response | None:
        try:
            return self._get(path)
        except Reject as fault:
            if fault.code == "not_found":
                return None
            raise

    def _get(self, path: str, params: Mapping[str, str] | None = None) -> requests.Response:
        return self.context.http.call(
            "GET", self.base + path, check=self._check, params=params, auth=(self._key, "")
        )

    def _check(self, answer: requests.Response) -> None:
        left = answer.headers.get("X-Ratelimit-Remain", "")
        if left.isascii() and left.isdigit():
            self.context.http.budget.correct("calls", int(left))
        if answer.status_code == 429:
            answer.headers.setdefault("Retry-After", self._until_reset(answer))
        check_passing(answer, "Companies House", self.context.now())
        if answer.status_code == 401:
            raise Reauth(
                "Companies House refuses the key",
                where=where(answer),
                todo="check api_key: a key of the live environment, without restrictions by address",
            )
        if answer.status_code == 403:
            raise Halt("Companies House forbids the call", where=where(answer), todo="check the key's rights")
        if answer.status_code == 404:
            raise Reject("the register has nothing there", code="not_found", field="ref", where=where(answer))
        if answer.status_code in (400, 422):
            raise Reject(
                "Companies House does not accept the request",
                code="bad_request",
                field="request",
                where=where(answer),
            )
        if answer.status_code != 200:
            unexpected(answer, "Companies House")
        json_object(answer)

    def _until_reset(self, answer: requests.Response) -> str:
        """Seconds until the window ends, which the answer states as a moment in seconds since 1970."""
        reset = answer.headers.get("X-Ratelimit-Reset", "")
        if not (reset.isascii() and reset.isdigit()):
            return "300"
        return str(min(300, max(1, int(reset) - int(self.context.now().timestamp()))))


def company_number(written: str) -> str | None:
    """The eight characters of a company number (``1234567`` → ``01234567``, ``SC1234`` → ``SC001234``),
    or ``None`` for what is none."""
    found = _NUMBER.fullmatch(re.sub(r"[\s.-]", "", written).upper())
    if not found:
        return None
    prefix, digits = found[1] or "", found[2]
    number = prefix + digits.zfill(8 - len(prefix))
    return number if len(number) == 8 and int(digits) else None


def parse(profile: Any, insolvency: Any, ref: str, today: dt.date) -> Report:
    """The register's entry in the common form, as of ``today`` (UTC). Raises ``Reject`` for an entry on
    another company."""
    stated = text(profile, "company_number")
    if stated and stated != ref:
        raise Reject(
            "the answer is about another company",
            code="wrong_company",
            field="company_number",
            value=stated,
            where=f"companies-house {ref}",
        )
    warn: list[str] = []
    status = text(profile, "company_status").lower()
    dissolved, insolvent = _standing(status, warn)
    negatives = tuple(_case(case, status in _INSOLVENT) for case in rows(insolvency, "cases"))
    if not insolvent and any(negative.resolved is None for negative in negatives):
        warn.append("insolvency_unclear: the register has a case and does not say whether it is over")
        insolvent = None
    for path, words in (
        ("accounts.overdue", "accounts_overdue: the annual accounts are overdue"),
        ("confirmation_statement.overdue", "confirmation_overdue: the confirmation statement is overdue"),
        ("has_been_liquidated", "liquidated_before: the company has been liquidated"),
        ("undeliverable_registered_office_address", "office_undeliverable: post to the office comes back"),
        ("registered_office_is_in_dispute", "office_disputed: the registered office is in dispute"),
    ):
        if at(profile, path) is True:
            warn.append(words)
    if "strike-off" in text(profile, "company_status_detail"):
        warn.append("strike_off_proposed: the company is proposed to be struck off")
    return Report(
        provider="companies-house",
        subject_ref=ref,
        subject_name=text(profile, "company_name") or ref,
        as_of=today,
        negatives=negatives,
        insolvent=insolvent,
        dissolved=dissolved,
        warnings=tuple(warn),
        registered_address=", ".join(
            part
            for key in ("address_line_1", "address_line_2", "locality", "postal_code")
            if (part := text(profile, f"registered_office_address.{key}"))
        )
        or None,
    )


def _standing(status: str, warn: list[str]) -> tuple[bool | None, bool | None]:
    """``dissolved`` and ``insolvent`` from the status, which is one word for both."""
    if status in _GONE:
        return True, None
    if status in _INSOLVENT:
        return False, True
    if status in _STANDING:
        return False, False
    warn.append(f"status_unclear: {status[:60] or 'the register states no status'}")
    return None, None


def _case(case: Mapping[str, Any], still_insolvent: bool) -> Negative:
    """An insolvency case. Practitioners' names stay in the raw answer."""
    dates = [(text(row, "type"), day(at(row, "date"))) for row in rows(case, "dates")]
    ended = [date for kind, date in dates if date and _CASE_OVER.search(kind)]
    begun = [date for kind, date in dates if date and not _CASE_OVER.search(kind)]
    return Negative(
        kind="insolvency",
        filed_on=min(begun, default=None),
        resolved_on=max(ended, default=None),
        resolved=True if ended else False if still_insolvent else None,
        case_no=text(case, "number") or None,
    )
