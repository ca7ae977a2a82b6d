"""天眼查 (Tianyancha): the Chinese register and public records about a company.

Invariant: no score and no limit is made up. Court records are found by name and carry other parties'
numbers, even persons': one counts only when its masked number fits the company's code, else it is kept as
inexact and goes to a person.

API facts: the vendor's interfaces as public clients use them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, ClassVar

from adapters.bureau import china
from adapters.bureau.common import at, mark, rows, text
from adapters.bureau.names import likeness
from adapters.bureau.tianyancha_open import NotBought, Open
from adapters.bureau.wire import required, setting
from connector.adapter import Bureau, Context, Fetched, Limits, Match, Setting, Subject, price_settings
from connector.errors import Halt, Reject
from connector.model import Negative, Report

LIVE = "https://open.api.tianyancha.com"
SEARCH = "/services/open/search/2.0"
REGISTER = "/services/open/ic/baseinfo/normal"
CHECKS = {
    "dishonest": "/services/open/jr/dishonest/2.0",
    "enforcement": "/services/open/jr/zhixinginfo/2.0",
    "consumption_limit": "/services/open/jr/consumptionRestriction/2.0",
    "bankruptcy": "/services/open/jr/bankruptcy/2.0",
    "admin_penalty": "/services/open/mr/punishmentInfo/3.0",
    "serious_illegal": "/services/open/mr/illegalinfo/2.0",
}
COURTS = frozenset({"dishonest", "enforcement", "consumption_limit"})
_USUAL = "dishonest, enforcement, consumption_limit, bankruptcy"


class Tianyancha(Bureau):
    """The adapter for 天眼查 (``creditgate connect add tianyancha``)."""

    name = "tianyancha"
    charged = ("match", "report")
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("base_url", "address of the API", default=LIVE),
        Setting("token", "token from Tianyancha's console", secret=True),
        Setting(
            "checks", f"kinds of records to ask for, each a charged call: {', '.join(CHECKS)}", default=_USUAL
        ),
        *price_settings("match", "report"),
    )
    hosts: ClassVar[tuple[str, ...] | None] = ("open.api.tianyancha.com",)
    limits = Limits(slots=2, calls=5, per_seconds=1)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._checks = self._chosen()
        self._open = Open(
            context, (setting(context, "base_url") or LIVE).rstrip("/"), required(context, "token")
        )

    def test(self) -> str:
        """One search, which Tianyancha may charge for: it has no free call."""
        self._open.get(SEARCH, {"word": "北京天眼查科技有限公司", "pageNum": "1", "pageSize": "1"})
        return f"Tianyancha answers at {self._open.base}"

    def match(self, subject: Subject) -> list[Match]:
        """Candidates, best first: by ``uscc``, else by name as ``Creditsafe.match`` measures it. Nobody
        outside China is asked about."""
        if subject.country not in (None, "CN"):
            return []
        uscc = china.code(subject.identifiers.get("uscc"))
        if uscc:
            hits = [one for one in self._search(uscc) if _code(one) == uscc]
            if hits:
                return [Match(uscc, _plain_name(hits[0]), 1.0, "identifier")]
        named = [
            Match(_ref(one), _plain_name(one), likeness(subject.name, _plain_name(one)), "name")
            for one in self._search(subject.name)
            # Another code than the customer's is another company, whatever its name.
            if not (uscc and _code(one) not in ("", uscc))
        ]
        return sorted(named, key=lambda match: -match.confidence)

    def fetch(self, ref: str) -> Fetched:
        """The register's entry and the public records of ``ref``, a 统一社会信用代码 or a full name; each
        kind is a charged call. Raises ``Reject`` (``not_found``) for a company that is not registered."""
        body, raw = self._open.get(REGISTER, {"keyword": ref})
        entry = at(body, "result")
        if not isinstance(entry, Mapping) or not text(entry, "name") or _other(ref, _code(entry)):
            raise Reject(
                "Tianyancha knows no such company",
                code="not_found",
                field="ref",
                where=self.context.connection,
            )
        uscc = _code(entry)
        answers, warnings = [(REGISTER, raw)], []
        negatives: list[Negative] = []
        complete: set[str] = set()
        for name in self._checks:
            try:
                items, pages, whole = self._open.listed(CHECKS[name], uscc or text(entry, "name"))
            except NotBought:
                warnings.append(f"{name}: not bought, so nothing is known")
                continue
            answers += pages
            negatives += (_negative(name, item, uscc) for item in items)
            if whole:
                complete.add(name)
            else:
                warnings.append(f"{name}: there are more records than were read")
        flags = china.standing(text(entry, "regStatus"))
        broken = any(n.kind == "bankruptcy" and n.exact and n.resolved is not True for n in negatives)
        report = Report(
            provider="tianyancha",
            subject_ref=ref,
            subject_name=text(entry, "name"),
            as_of=self.context.now().astimezone(dt.UTC).date(),
            negatives=tuple(negatives),
            judgments_covered=complete >= COURTS,
            insolvent=True if broken else flags.insolvent,
            dissolved=flags.dissolved,
            warnings=(*flags.warnings, *warnings),
            registered_address=text(entry, "regLocation") or None,
            representative_mark=mark(text(entry, "legalPersonName")),
        )
        return Fetched(report, china.bundle(answers))

    def _search(self, word: str) -> list[Mapping[str, Any]]:
        body, _ = self._open.get(SEARCH, {"word": word, "pageNum": "1", "pageSize": "20"})
        return [one for one in rows(body, "result.items") if _ref(one)]

    def _chosen(self) -> tuple[str, ...]:
        written = setting(self.context, "checks") or _USUAL
        chosen = tuple(dict.fromkeys(word.strip() for word in written.split(",") if word.strip()))
        for word in chosen:
            if word not in CHECKS:
                raise Halt(
                    f"checks: {word!r} is not known",
                    where=self.context.connection,
                    todo=f"use some of: {', '.join(CHECKS)}",
                )
        return chosen


def _code(one: Mapping[str, Any]) -> str:
    return china.code(text(one, "creditCode"))


def _plain_name(one: Mapping[str, Any]) -> str:
    """Search results mark what was found: ``<em>…</em>``."""
    return text(one, "name").replace("<em>", "").replace("</em>", "")


def _ref(one: Mapping[str, Any]) -> str:
    return _code(one) or _plain_name(one)


def _other(ref: str, found: str) -> bool:
    return china.code(ref) not in ("", found)


def _negative(kind: str, item: Mapping[str, Any], uscc: str) -> Negative:
    """A record in the common form; fields that the vendor does not document are read where they are."""
    removed = china.moment(china.first(item, "removeDate"))
    amount = china.yuan(china.first(item, "execMoney", "amount"))
    stated = str(china.first(item, "partyCardNum", "cardnum", "creditCode") or "")
    filed = china.first(item, "caseCreateTime", "regdate", "publishdate", "publishDate", "putDate")
    return Negative(
        kind=kind,
        amount=amount,
        currency="CNY" if amount is not None else None,
        filed_on=china.moment(filed),
        resolved_on=removed,
        resolved=True if removed else None,
        exact=china.fits(stated, uscc),
        case_no=str(china.first(item, "caseCode", "casecode", "caseNo") or "") or None,
    )
