"""Creditsafe Connect: sign in, find a company, fetch its report.

Invariant: one token for all processes, renewed under one lock; a refused sign-in or a refused fresh
token is never tried again, because repeated refusals lock the account. No password, user name or
token reaches an error text.

API facts: Creditsafe Connect manual (authentication, security, Company Search, Company Credit Report).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NoReturn
from urllib.parse import quote

import requests

from adapters.bureau.common import at, decode, rows, text
from adapters.bureau.creditsafe_report import POD_UNITS, parse
from adapters.bureau.grades import CREDITSAFE_PRESETS, GradeTable, own_table
from adapters.bureau.names import likeness
from connector.adapter import Bureau, Context, Fetched, Limits, Match, Setting, Subject
from connector.errors import Halt, Reauth, Reject, Retry
from connector.http import place

LIVE = "https://connect.creditsafe.com/v1"
TOKEN, TOKEN_MINUTES = "creditsafe.token", 55  # the vendor's tokens last an hour
LOCKOUT_SECONDS = 300.0
CANDIDATES = 20
_VAT_COUNTRY = {"EL": "GR", "XI": "GB"}  # VAT prefix → country where the two differ


class Creditsafe(Bureau):
    """The adapter for Creditsafe Connect (``creditgate connect add creditsafe``)."""

    name = "creditsafe"
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            "base_url",
            f"API address; trial accounts use {LIVE.replace('connect.', 'connect.sandbox.', 1)}",
            default=LIVE,
        ),
        Setting("username", "user name of the Connect API account, from Creditsafe's welcome mail"),
        Setting("password", "its password", secret=True),
        Setting(
            "pod_unit",
            "unit of the probability of default (pod) in reports: percent or fraction. Creditsafe's pages do "
            "not state it: compare one report with the company's page in the Creditsafe portal",
            default="percent",
        ),
        Setting(
            "language",
            "language of the reports' texts; the company's status is read best in en",
            default="en",
        ),
        Setting(
            "grade_table",
            "probabilities in percent where a report states none, such as: A 0.2, B 0.7, C 2, D 8 "
            "(this project's presets)",
            optional=True,
        ),
        Setting("de_reason_code", "legal ground for reports on German companies, a number", optional=True),
    )
    limits = Limits(slots=4)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._base = (self._setting("base_url") or LIVE).rstrip("/")
        self._pod_unit = self._setting("pod_unit") or "percent"
        if self._pod_unit not in POD_UNITS:
            raise Halt(
                f"pod_unit {self._pod_unit!r} is not known",
                where=context.connection,
                todo=f"set it to one of: {', '.join(POD_UNITS)}",
            )
        self._table = self._grade_table()
        self._refused = False

    def test(self) -> str:
        """Sign in anew, which costs nothing and proves user name and password."""
        with self.context.secrets.lock(TOKEN):
            self._sign_in()
        return f"signed in to Creditsafe at {self._base}"

    def match(self, subject: Subject) -> list[Match]:
        """Candidates for ``subject``, best first, none when Creditsafe knows no such company.

        Identifiers are tried first, one after the other until one finds something: ``registration_no``
        with the subject's country, ``uscc`` (in CN), ``vat`` (in the country of its prefix). A hit has
        confidence 1, and a company whose own number differs from the one asked for is no hit. Head
        offices stand before branches.

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
            hits = [company for company in found if _agrees(company, criterion, value)]
            if hits:
                hits.sort(key=lambda company: text(company, "officeType").lower() not in ("", "headoffice"))
                return [Match(text(c, "id"), text(c, "name"), 1.0, "identifier") for c in hits]
        if not subject.country:
            raise refused or Reject(
                "Creditsafe searches within a country, and none is known",
                code="missing_country",
                field="country",
                where=self.context.connection,
                todo="enter the customer's country in the CRM",
            )
        found = self._search(countries=subject.country, name=subject.name)
        named = [
            Match(text(c, "id"), text(c, "name"), likeness(subject.name, text(c, "name")), "name")
            for c in found
        ]
        return sorted(named, key=lambda match: -match.confidence)

    def fetch(self, ref: str) -> Fetched:
        """The current report on the company with the Connect id ``ref``. Creditsafe charges for it.

        Raises ``Reauth`` for refused credentials, ``Halt`` for a missing entitlement, ``Reject`` for a
        company or a report that does not exist, ``Retry`` for limits (five minutes) and faults.
        """
        params = {"language": self._setting("language") or "en"}
        reason = self._setting("de_reason_code")
        if reason and ref.upper().startswith("DE"):
            params["customData"] = f"de_reason_code::{reason}"
        answer = self._get(f"/companies/{quote(ref, safe='')}", params)
        today = self.context.now().astimezone(dt.UTC).date()
        report = parse(decode(answer.content), ref, pod_unit=self._pod_unit, table=self._table, today=today)
        return Fetched(report, answer.content)

    def _search(self, **criteria: str) -> list[Mapping[str, Any]]:
        try:
            answer = self._get("/companies", {**criteria, "page": "1", "pageSize": str(CANDIDATES)})
        except Reject as fault:
            if fault.code == "not_found":
                return []  # how some countries' registers answer an empty search
            raise
        return [company for company in rows(decode(answer.content), "companies") if text(company, "id")]

    def _get(self, path: str, params: Mapping[str, str]) -> requests.Response:
        """A call with the shared token; signs in again once, only if the token was an old one."""
        token, fresh = self._token()
        try:
            return self._call(path, params, token)
        except Reauth:
            if fresh or self._refused:
                raise
        answer = self._call_renewed(path, params, token)
        return answer

    def _call_renewed(self, path: str, params: Mapping[str, str], stale: str) -> requests.Response:
        token, _ = self._token(stale)
        try:
            return self._call(path, params, token)
        except Reauth:
            # A new token is refused too: it never was the token. Signing in again would not help.
            self._refused = True
            raise

    def _call(self, path: str, params: Mapping[str, str], token: str) -> requests.Response:
        return self.context.http.call(
            "GET",
            self._base + path,
            check=self._check,
            params=params,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
        )

    def _token(self, stale: str | None = None) -> tuple[str, bool]:
        """A token and whether it has just been made; never ``stale``, which was refused."""
        kept = self.context.secrets.get(TOKEN)
        if kept and kept != stale:
            return kept, False
        with self.context.secrets.lock(TOKEN):
            kept = self.context.secrets.get(TOKEN)
            if kept and kept != stale:
                return kept, False  # another process was quicker
            return self._sign_in(), True

    def _sign_in(self) -> str:
        """A new token, kept for all processes. The caller holds the lock."""
        if self._refused:
            self._refuse()
        credentials = {key: self._required(key) for key in ("username", "password")}
        try:
            answer = self.context.http.call(
                "POST", f"{self._base}/authenticate", check=_check_sign_in, json=credentials
            )
        except Reauth:
            self._refused = True
            raise
        token = text(decode(answer.content), "token")
        expires_at = self.context.now() + dt.timedelta(minutes=TOKEN_MINUTES)
        self.context.secrets.put(TOKEN, token, expires_at)
        return token

    def _check(self, answer: requests.Response) -> None:
        """Sorts an answer by what to do about it (vendor manual: error codes)."""
        where = _where(answer)
        _check_passing(answer, where)
        said = self._said(answer)
        if answer.status_code == 401:
            raise Reauth(f"Creditsafe refuses the token{said}", where=where, todo=_SIGN_IN_ADVICE)
        if answer.status_code == 403:
            raise Halt(
                f"the subscription does not cover this{said}",
                where=where,
                todo="ask Creditsafe to add the country or the product to the subscription",
            )
        if answer.status_code == 404:
            raise Reject(f"Creditsafe knows nothing there{said}", code="not_found", field="ref", where=where)
        if answer.status_code in (400, 422):
            raise Reject(
                f"Creditsafe does not accept the request{said}", code="bad_request", field="ref", where=where
            )
        if answer.status_code != 200:
            _unexpected(answer, where)
        body = _json(answer, where)
        if "companies" not in body and "report" not in body:
            raise Reject(f"the answer holds no result{said}", code="no_report", field="report", where=where)

    def _said(self, answer: requests.Response) -> str:
        """The vendor's own words on an error, shortened and without our secrets."""
        try:
            body = decode(answer.content)
        except ValueError:
            return ""
        words = " ".join(text(body, key) for key in ("message", "error", "details")).split()
        said = " ".join(words)
        for secret in (self._setting("password"), self._setting("username"), self.context.secrets.get(TOKEN)):
            said = said.replace(secret, "…") if secret else said
        return f": {said[:160]}" if said else ""

    def _refuse(self) -> NoReturn:
        raise Reauth(
            "Creditsafe has refused the credentials, so they are not sent again",
            where=self.context.connection,
            todo=_SIGN_IN_ADVICE,
        )

    def _grade_table(self) -> GradeTable:
        written = self._setting("grade_table")
        if not written:
            return CREDITSAFE_PRESETS
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


_SIGN_IN_ADVICE = (
    "check user name and password in the connection; wait five minutes after several failures, then run "
    "'creditgate connect test'"
)


def _identifiers(subject: Subject) -> Iterator[tuple[str, str, str]]:
    """(country, search criterion, value) for each identifier that Creditsafe takes, surest first."""
    known = {key: value.strip() for key, value in subject.identifiers.items() if value and value.strip()}
    if subject.country and "registration_no" in known:
        yield subject.country, "regNo", known["registration_no"]
    if "uscc" in known and known["uscc"] != known.get("registration_no"):
        yield "CN", "regNo", known["uscc"]
    if "vat" in known:
        prefix, national = known["vat"][:2].upper(), known["vat"][2:]
        if prefix.isalpha():
            # Whether the prefix belongs into vatNo is not stated: both spellings are asked.
            country = _VAT_COUNTRY.get(prefix, prefix)
            yield country, "vatNo", known["vat"]
            yield country, "vatNo", national


def _agrees(company: Mapping[str, Any], criterion: str, value: str) -> bool:
    """Whether the company's own number is the one asked for; a search result without one passes."""
    stated = at(company, criterion)
    own = [key for key in map(_key, stated if isinstance(stated, list) else [stated]) if key]
    asked = _key(value)
    if criterion == "vatNo":
        return not own or any(key.endswith(asked) or asked.endswith(key) for key in own)
    return not own or asked in own


def _key(number: Any) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", str(number or "")).upper().lstrip("0")


def _check_sign_in(answer: requests.Response) -> None:
    """As ``Creditsafe._check`` for the sign-in; nothing of its body is quoted, it may hold what was sent."""
    where = _where(answer)
    _check_passing(answer, where)
    if answer.status_code in (400, 401, 403):
        raise Reauth("Creditsafe refuses user name and password", where=where, todo=_SIGN_IN_ADVICE)
    if answer.status_code != 200:
        _unexpected(answer, where)
    if not text(_json(answer, where), "token"):
        raise Retry("the sign-in answered without a token", where=where, todo="run again later")


def _check_passing(answer: requests.Response, where: str) -> None:
    if answer.status_code == 429:
        raise Retry(
            "Creditsafe takes no more calls for now",
            where=where,
            todo="run again in five minutes",
            after=_after(answer) or LOCKOUT_SECONDS,
        )
    if answer.status_code >= 500 or answer.status_code == 408:
        raise Retry(
            f"Creditsafe answers with status {answer.status_code}",
            where=where,
            todo="run again later",
            after=_after(answer),
        )


def _after(answer: requests.Response) -> float | None:
    hint = answer.headers.get("Retry-After", "").strip()
    return float(hint) if hint.isascii() and hint.isdigit() else None


def _json(answer: requests.Response, where: str) -> Mapping[str, Any]:
    try:
        body = decode(answer.content)
    except ValueError:
        body = None
    if not isinstance(body, Mapping):
        raise Retry("the answer is no JSON object", where=where, todo="check base_url, then run again")
    return body


def _unexpected(answer: requests.Response, where: str) -> NoReturn:
    raise Halt(
        f"status {answer.status_code} is none that Creditsafe documents",
        where=where,
        todo="check base_url in the connection",
    )


def _where(answer: requests.Response) -> str:
    request = answer.request
    return place(request.method or "", request.url or "")
