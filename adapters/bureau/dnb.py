"""Dun & Bradstreet Direct+: find a company, fetch its data blocks, watch it.

Invariant: a D-U-N-S number that the customer's record carries is taken as it is; a candidate found
otherwise counts as a hit only with the customer's own register number or D&B's confidence 8 and up.

API facts: public clients of Direct+; a public OpenAPI sketch (monitoring).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from adapters.bureau.common import at, decode, rows, text, whole
from adapters.bureau.dnb_direct import Direct
from adapters.bureau.dnb_report import parse
from adapters.bureau.pd_tables import load
from adapters.bureau.wire import setting
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

LIVE = "https://plus.dnb.com"
BLOCKS = "companyinfo_L2_v1,financialstrengthinsight_L4_v1,paymentinsight_L3_v1"
CANDIDATES = "10"
# D&B's confidence code → ours: 8 and up is a hit, 6 and 7 go to a person, below is none.
CONFIDENCE = {10: 0.95, 9: 0.93, 8: 0.9, 7: 0.7, 6: 0.6}
PULLED = 1000  # notifications at once, the most that is allowed
WATCHED_AT_ONCE = 100
ALREADY_WATCHED, JUST_WATCHED = "21012", "21113"


class DunBradstreet(Watching, Bureau):
    """The adapter for Direct+ (``creditgate connect add dnb``)."""

    name = "dnb"
    charged = ("match", "report", "watch")
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("base_url", "address of the API", default=LIVE),
        Setting("key", "consumer key of the Direct+ subscription, from D&B's welcome mail"),
        Setting("secret", "consumer secret of that key", secret=True),
        Setting(
            "block_ids",
            "data blocks to fetch, as your contract has them; name, level and version each",
            default=BLOCKS,
        ),
        Setting(
            "order_reason_de",
            "number of the legal ground for reports on German companies; without it none is asked for",
            optional=True,
        ),
        Setting("customer_reference", "your reference, shown on D&B's invoices", optional=True, asked=False),
        Setting(
            "registration",
            "reference of the monitoring registration; made at the first use",
            default="creditgate",
            asked=False,
        ),
        Setting(
            "calls_per_second",
            "calls a second that your contract allows; D&B publishes no number",
            default="5",
            asked=False,
        ),
        Setting("pd_tables", "path of your own copy of pd-tables.yaml", optional=True, asked=False),
        *price_settings("match", "report", "watch"),
    )
    hosts: ClassVar[tuple[str, ...] | None] = ("plus.dnb.com",)
    limits = Limits(slots=4, calls=5, per_seconds=1)

    @classmethod
    def limits_for(cls, settings: Mapping[str, str]) -> Limits:
        written = str(settings.get("calls_per_second") or "5").strip()
        if not re.fullmatch(r"[1-9][0-9]{0,2}", written, re.ASCII):
            raise Halt(f"calls_per_second {written!r} is no whole number from 1 to 999", todo="correct it")
        return Limits(slots=4, calls=int(written), per_seconds=1)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._direct = Direct(context, (setting(context, "base_url") or LIVE).rstrip("/"))
        self._tables = load(setting(context, "pd_tables"))

    def test(self) -> str:
        """Sign in anew, which is free and proves key and secret."""
        self._direct.sign_in()
        return f"signed in to D&B Direct+ at {self._direct.base}"

    def match(self, subject: Subject) -> list[Match]:
        """Candidates for ``subject``, best first.

        A ``duns`` of the right form is the answer without a call; it has no check digit, so a slip in it
        cannot be seen here. Otherwise name and number are asked about in the subject's country: a
        candidate that carries the same register number has confidence 1; D&B's confidence code
        (1 to 10) gives 0.9 and more from 8 on, 0.6 and 0.7 for 6 and 7, and no match below.
        Raises ``Reject`` (``missing_country``) without a country; otherwise as ``fetch``.
        """
        country = (subject.country or "").upper()
        duns = re.sub(r"[\s-]", "", subject.identifiers.get("duns") or "")
        if re.fullmatch(r"[0-9]{9}", duns, re.ASCII) and int(duns):
            return [Match(_ref(country, duns), subject.name, 1.0, "identifier")]
        if not country:
            raise Reject(
                "D&B searches within a country, and none is known",
                code="missing_country",
                field="country",
                where=self.context.connection,
                todo="enter the customer's country in the CRM",
            )
        given = subject.identifiers
        registered = given.get("uscc") or given.get("registration_no") or given.get("vat") or ""
        asked = {
            "name": subject.name,
            "countryISOAlpha2Code": country,
            "candidateMaximumQuantity": CANDIDATES,
        } | ({"registrationNumber": registered} if registered else {})
        try:
            answer = self._direct.call("GET", "/v1/match/cleanseMatch", asked)
        except Reject as fault:
            if fault.code == "not_found":
                return []
            raise
        found = [
            _candidate(row, country, registered) for row in rows(decode(answer.content), "matchCandidates")
        ]
        return sorted((match for match in found if match), key=lambda match: -match.confidence)

    def fetch(self, ref: str) -> Fetched:
        """The data blocks on ``ref``, which D&B charges for.

        Raises ``Reject`` (``no_order_reason``) for a German company when no legal ground is set,
        ``Reauth`` for refused credentials, ``Halt`` for a block that is not bought, ``Retry`` for limits
        and faults.
        """
        country, _, duns = ref.rpartition("-")
        params = {"blockIDs": setting(self.context, "block_ids") or BLOCKS}
        reference = setting(self.context, "customer_reference")
        if reference:
            params["customerReference"] = reference
        if country == "DE":
            reason = setting(self.context, "order_reason_de")
            if not reason:
                raise Reject(
                    "a report on a German company needs a legal ground, and none is set",
                    code="no_order_reason",
                    field="order_reason_de",
                    where=self.context.connection,
                    todo="set order_reason_de of the connection",
                )
            params |= {"tradeUp": "hq", "orderReason": reason}
        answer = self._direct.call("GET", f"/v1/data/duns/{duns}", params)
        today = self.context.now().astimezone(dt.UTC).date()
        return Fetched(parse(decode(answer.content), duns, tables=self._tables, today=today), answer.content)

    def watched(self) -> frozenset[str] | None:
        """D&B lists the numbers of a registration only as a file: unknown."""
        return None

    def watch(self, refs: Sequence[str]) -> None:
        """Add the D-U-N-S numbers to the registration, which is made when it is not there."""
        for at_once in _parts(refs):
            try:
                self._portfolio("POST", at_once)
            except Reject as fault:
                if fault.code != "not_found":
                    raise
                self._register()
                self._portfolio("POST", at_once)

    def unwatch(self, refs: Sequence[str]) -> None:
        """Take the D-U-N-S numbers out of the registration."""
        for at_once in _parts(refs):
            try:
                self._portfolio("DELETE", at_once)
            except Reject as fault:
                if fault.code != "not_found":
                    raise

    def changes(self, since: dt.datetime) -> list[Change]:
        """All notifications that wait at D&B, those from before ``since`` too: what is pulled may not
        be told again. There is nothing to receive them by itself."""
        found: dict[str, Change] = {}
        while True:
            answer = self._direct.call(
                "GET", f"{self._registration}/notifications", {"maximumQuantity": str(PULLED)}
            )
            pulled = [_change(row) for row in rows(decode(answer.content), "notifications")]
            new = {change.key: change for change in pulled if change and change.key not in found}
            found |= new
            # Whether a pull takes notifications away is not stated: one that brings nothing new ends it.
            if len(pulled) < PULLED or not new:
                return sorted(found.values(), key=lambda change: change.at)

    @property
    def _registration(self) -> str:
        return f"/v1/monitoring/registrations/{setting(self.context, 'registration') or 'creditgate'}"

    def _portfolio(self, method: str, refs: list[str]) -> None:
        try:
            self._direct.call(method, f"{self._registration}/duns", json={"dunsList": refs})
        except Reject as fault:
            if fault.value not in (ALREADY_WATCHED, JUST_WATCHED):
                raise

    def _register(self) -> None:
        body = {
            "registrationReference": self._registration.rpartition("/")[2],
            "description": "CreditGate",
            "blockIDs": (setting(self.context, "block_ids") or BLOCKS).split(","),
            "deliveryMethod": "API_PULL",
        }
        self._direct.call("POST", "/v1/monitoring/registrations", json=body)


def _ref(country: str, duns: str) -> str:
    """The country goes with the number, since Germany asks for a legal ground."""
    return f"{country}-{duns}" if country else duns


def _parts(refs: Sequence[str]) -> list[list[str]]:
    unique = sorted({ref.rpartition("-")[2] for ref in refs})
    return [unique[at_ : at_ + WATCHED_AT_ONCE] for at_ in range(0, len(unique), WATCHED_AT_ONCE)]


def _candidate(row: Mapping[str, Any], country: str, registered: str) -> Match | None:
    duns, name = text(row, "organization.duns"), text(row, "organization.primaryName")
    if not duns:
        return None
    home = text(row, "organization.primaryAddress.addressCountry.isoAlpha2Code").upper() or country
    numbers = {
        _bare(text(own, "registrationNumber")) for own in rows(row, "organization.registrationNumbers")
    }
    if registered and home == country and _bare(registered) in numbers - {""}:
        return Match(_ref(home, duns), name, 1.0, "identifier")
    # nameMatchScore is left alone: whether it runs to 1 or to 100 is not stated.
    confidence = CONFIDENCE.get(whole(at(row, "matchQualityInformation.confidenceCode")) or 0)
    return Match(_ref(home, duns), name, confidence, "name") if confidence else None


def _bare(number: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", number).upper().lstrip("0")


def _change(row: Mapping[str, Any]) -> Change | None:
    duns, element = text(row, "duns"), text(row, "elementId")
    try:
        moment = dt.datetime.fromisoformat(text(row, "changeTimestamp"))
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    key = "|".join((duns, text(row, "blockID"), element, moment.isoformat(), str(at(row, "currentValue"))))
    return Change(duns, moment, element, key) if duns else None
