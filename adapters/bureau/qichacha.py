"""企查查 (Qichacha): the Chinese register and public records about a company.

Invariant: it gives no score and no recommended limit, so none is made up: the report holds standing and
negative records. *Nothing found* (201) is good news for a record and no answer for a company. A kind of
record that was not bought, or was cut off, never vouches for its absence.

API facts: the vendor's public list of interfaces as clients use them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from adapters.bureau import china
from adapters.bureau.common import at, mark, text
from adapters.bureau.names import likeness
from adapters.bureau.qichacha_open import NotBought, Open
from adapters.bureau.wire import required, setting
from connector.adapter import Bureau, Context, Fetched, Limits, Match, Setting, Subject, price_settings
from connector.errors import Halt, Reject
from connector.model import Negative, Report

LIVE = "https://api.qichacha.com"
SEARCH, REGISTER = "FuzzySearch/GetList", "ECIV4/GetBasicDetailsByName"


@dataclass(frozen=True)
class Check:
    """One kind of record: its interface, and the kind that its records have in ``Report.negatives``."""

    path: str
    kind: str


CHECKS = {
    "dishonest": Check("ShixinCheck/GetList", "dishonest"),
    "enforcement": Check("ZhixingCheck/GetList", "enforcement"),
    "consumption_limit": Check("SumptuaryCheck/GetList", "consumption_limit"),
    "serious_illegal": Check("SeriousIllegalCheck/GetList", "serious_illegal"),
    "equity_freeze": Check("EquityFreezeCheck/GetList", "equity_freeze"),
    "bankruptcy": Check("BankruptcyCheck/GetList", "bankruptcy"),
    "abnormal_operation": Check("ExceptionCheck/GetList", "abnormal_operation"),
    "admin_penalty": Check("AdminPenaltyCheck/GetList", "admin_penalty"),
    "tax_violation": Check("TaxIllegalCheck/GetList", "tax_violation"),
    "tax_arrears": Check("TaxOweNoticeCheck/GetList", "tax_arrears"),
    "bond_default": Check("CreditorBreachCheck/GetList", "bond_default"),
}
COURTS = frozenset({"dishonest", "enforcement", "consumption_limit"})
_USUAL = "dishonest, enforcement, consumption_limit, serious_illegal, bankruptcy, abnormal_operation"


class Qichacha(Bureau):
    """The adapter for 企查查 (``creditgate connect add qichacha``)."""

    name = "qichacha"
    charged = ("match", "report")
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("base_url", "address of the API", default=LIVE),
        Setting("app_key", "AppKey from Qichacha's console"),
        Setting("secret_key", "SecretKey from Qichacha's console", secret=True),
        Setting(
            "checks",
            f"kinds of records to ask for, each a charged call: {', '.join(CHECKS)}",
            default=_USUAL,
        ),
        *price_settings("match", "report"),
    )
    hosts: ClassVar[tuple[str, ...] | None] = ("api.qichacha.com",)
    limits = Limits(slots=2, calls=5, per_seconds=1)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._checks = self._chosen()
        self._open = Open(
            context,
            (setting(context, "base_url") or LIVE).rstrip("/"),
            required(context, "app_key"),
            required(context, "secret_key"),
        )

    def test(self) -> str:
        """One search, which Qichacha may charge for: it has no free call."""
        self._open.get(SEARCH, {"searchKey": "企查查科技股份有限公司", "pageIndex": "1", "pageSize": "1"})
        return f"Qichacha answers at {self._open.base}"

    def match(self, subject: Subject) -> list[Match]:
        """Candidates, best first: by ``uscc`` where it is known and Qichacha knows it, else by name as
        ``Creditsafe.match`` measures it. Nobody outside China is asked about."""
        if subject.country not in (None, "CN"):
            return []
        uscc = china.code(subject.identifiers.get("uscc"))
        if uscc:
            hits = [one for one in self._search(uscc) if china.code(text(one, "CreditCode")) == uscc]
            if hits:
                return [Match(uscc, text(hits[0], "Name"), 1.0, "identifier")]
        named = [
            # Another code than the customer's is another company, whatever its name.
            Match(_ref(one), text(one, "Name"), likeness(subject.name, text(one, "Name")), "name")
            for one in self._search(subject.name)
            if not (uscc and china.code(text(one, "CreditCode")) not in ("", uscc))
        ]
        return sorted(named, key=lambda match: -match.confidence)

    def fetch(self, ref: str) -> Fetched:
        """The register's entry and the public records of ``ref``, a 统一社会信用代码 or a full name; each
        kind of record is a charged call. Raises ``Reject`` (``not_found``) for a company that is not
        registered; else as ``Open.get``."""
        body, raw = self._open.get(REGISTER, {"keyword": ref})
        entry = at(body, "Result")
        uscc = china.code(text(entry, "CreditCode"))
        if not isinstance(entry, Mapping) or not text(entry, "Name") or (china.code(ref) not in ("", uscc)):
            raise Reject(
                "Qichacha knows no such company",
                code="not_found",
                field="ref",
                where=self.context.connection,
            )
        answers = [(REGISTER, raw)]
        negatives: list[Negative] = []
        complete: set[str] = set()
        warnings: list[str] = []
        for name in self._checks:
            try:
                found = self._open.listed(CHECKS[name].path, {"searchKey": uscc or text(entry, "Name")})
            except NotBought:
                warnings.append(f"{name}: not bought, so nothing is known")
                continue
            answers += found.answers
            negatives += (_negative(CHECKS[name].kind, item, uscc) for item in found.items)
            if found.complete:
                complete.add(name)
            else:
                warnings.append(f"{name}: there are more records than were read")
        flags = china.standing(text(entry, "Status"))
        broken = any(n.kind == "bankruptcy" and n.exact and n.resolved is not True for n in negatives)
        report = Report(
            provider="qichacha",
            subject_ref=ref,
            subject_name=text(entry, "Name"),
            as_of=self.context.now().astimezone(dt.UTC).date(),
            negatives=tuple(negatives),
            judgments_covered=complete >= COURTS,
            insolvent=True if broken else flags.insolvent,
            dissolved=flags.dissolved,
            warnings=(*flags.warnings, *warnings),
            registered_address=text(entry, "Address") or None,
            representative_mark=mark(text(entry, "OperName")),
        )
        return Fetched(report, china.bundle(answers))

    def _search(self, key: str) -> list[Mapping[str, Any]]:
        body, _ = self._open.get(SEARCH, {"searchKey": key, "pageIndex": "1", "pageSize": "20"})
        found = at(body, "Result")
        return [one for one in found if isinstance(one, Mapping) and _ref(one)] if found else []

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


def _ref(one: Mapping[str, Any]) -> str:
    return china.code(text(one, "CreditCode")) or text(one, "Name")


def _negative(kind: str, item: Mapping[str, Any], uscc: str) -> Negative:
    """A record in the common form; fields that the vendor does not document are read where they are."""
    removed = china.moment(china.first(item, "RemoveDate", "Removedate"))
    amount = china.yuan(china.first(item, "Biaodi", "Amount", "TotalAmount", "PunishAmt"))
    stated = str(china.first(item, "Orgno", "OrgNo", "PartyCardNum", "CreditCode") or "")
    return Negative(
        kind=kind,
        amount=amount,
        currency="CNY" if amount is not None else None,
        filed_on=china.moment(next(_filed(item), None)),
        resolved_on=removed,
        resolved=True if removed else _performed(text(item, "Executestatus")),
        # Asked by code, the vendor answers about that code unless a record says otherwise.
        exact=china.fits(stated, uscc) if stated else bool(uscc),
        case_no=str(china.first(item, "Anno", "DocNo", "CaseNo") or "") or None,
    )


def _filed(item: Mapping[str, Any]) -> Iterator[Any]:
    keys = ("Liandate", "LianDate", "AddDate", "PunishDate", "PublishDate", "Publicdate", "FirstBreakDate")
    return (item[key] for key in keys if item.get(key))


def _performed(words: str) -> bool | None:
    """Whether a debtor has paid: 全部已履行 says so, 全部未履行 and 部分… the contrary."""
    if "未履行" in words or "部分" in words:
        return False
    return True if "已履行" in words else None
