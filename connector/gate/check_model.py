"""Question and answer of the order check, as plugins and people see them.

Invariant: amounts are decimal text in major units of the currency beside them, never JSON numbers; what
is unknown is null; a field that is not known is refused.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from connector.money import digits, is_currency, to_major, to_minor

Decision = Literal["pass", "warn", "hold"]
Checkpoint = Literal["order_save", "order_change", "approval", "shipment", "invoice"]
CHECKPOINTS: tuple[Checkpoint, ...] = ("order_save", "order_change", "approval", "shipment", "invoice")


def checkpoint(name: str) -> Checkpoint:
    """A stored step; the first one for a name that is none."""
    return next((one for one in CHECKPOINTS if one == name), CHECKPOINTS[0])


# Printable text: a control character is refused here, not by the database.
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


def _currency(code: str) -> str:
    if not is_currency(code):
        raise ValueError("write an ISO 4217 currency, such as CNY")
    return code


Currency = Annotated[
    str, Field(examples=["CNY"], json_schema_extra={"pattern": "^[A-Z]{3}$"}), AfterValidator(_currency)
]
Money = Annotated[str, Field(pattern=r"^-?[0-9]{1,14}(\.[0-9]{1,3})?$", examples=["125000.00"])]


class Part(BaseModel):
    """Base of both: strict types, nothing that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def exemplified(example: dict[str, Any]) -> ConfigDict:
    """The settings of ``Part``, with an example for the description."""
    return ConfigDict(frozen=True, extra="forbid", strict=True, json_schema_extra={"examples": [example]})


class CheckRequest(Part):
    """May this order be saved, approved, shipped or invoiced?"""

    model_config = exemplified(
        {
            "connection": "zoho",
            "account": "5725767000000411001",
            "order": "SO-2026-0117",
            "amount": "125000.00",
            "currency": "CNY",
            "checkpoint": "order_save",
        }
    )

    connection: Name = Field(description="Name of the CRM connection that the order stands in.")
    account: Name = Field(description="The CRM's id of the account that is to pay.")
    order: Name = Field(description="The order's number or id in the CRM; its reservation is kept under it.")
    amount: Money = Field(description="Total of the order incl. tax, decimal text in major units.")
    currency: Currency = Field(description="ISO 4217 currency of the amount.")
    checkpoint: Checkpoint = Field("order_save", description="The step that the order is about to take.")
    revision: Name | None = Field(
        None,
        description="Version of the order in the CRM. The same order and revision get the same answer; "
        "without it the amount tells versions apart.",
    )
    terms_days: int | None = Field(
        None, ge=0, le=3650, description="Payment terms of the order in days, for the policy's rules on them."
    )
    prepaid: bool = Field(False, description="The order is paid before delivery and occupies no credit.")
    draft: bool = Field(
        False, description="The order is a draft: it occupies credit only if the policy says so."
    )

    @model_validator(mode="after")
    def _digits(self) -> CheckRequest:
        places = digits(self.currency)
        if -int(Decimal(self.amount).normalize().as_tuple().exponent) > places:
            raise ValueError(f"an amount in {self.currency} has at most {places} digits after the point")
        return self

    @classmethod
    def again(
        cls,
        connection: str,
        account: str,
        order: str,
        minor: int,
        currency: str,
        step: str,
        terms_days: int | None = None,
    ) -> CheckRequest:
        """A question put again from what is stored; ``minor`` in minor units of ``currency``."""
        return cls.model_validate(
            {
                "connection": connection,
                "account": account,
                "order": order,
                "amount": major(minor, currency),
                "currency": currency,
                "checkpoint": checkpoint(step),
                "terms_days": terms_days,
            }
        )

    @property
    def minor(self) -> int:
        """The amount in minor units of its currency."""
        return to_minor(Decimal(self.amount), self.currency)


class Text(Part):
    """One sentence for people, in both languages."""

    zh: str
    en: str


class Reason(Part):
    """Why the answer is what it is: a stable code, its numbers, and a sentence."""

    code: str = Field(examples=["over_limit"])
    params: dict[str, str | int | bool | None] = Field(
        description="The numbers of the sentence; amounts are decimal text in the answer's currency."
    )
    text: Text


class Figures(Part):
    """A credit line in figures, decimal text in major units of ``currency``; null is unknown or none."""

    limit: str | None = Field(description="The limit; null when there is none or it is unlimited.")
    limit_state: Literal["none", "amount", "unlimited"] | None = Field(
        description="Whether there is no limit, an amount, or no bound; null before the first assessment."
    )
    exposure: str | None = Field(description="What the customer owes or will owe, by the policy's stages.")
    reserved: str | None = Field(description="What is promised to orders that are not in the exposure yet.")
    available: str | None = Field(description="Limit less exposure and reserved; may be negative.")
    currency: str | None = Field(description="ISO 4217 currency of these amounts.")


_ANSWER = {
    "decision": "hold",
    "reasons": [
        {
            "code": "no_limit",
            "params": {},
            "text": {"zh": "该客户没有信用额度", "en": "The customer has no credit limit"},
        }
    ],
    "order": "SO-2026-0117",
    "checkpoint": "order_save",
    "limit": None,
    "limit_state": "none",
    "exposure": "0.00",
    "reserved": "0.00",
    "available": None,
    "currency": "CNY",
    "reservation": None,
    "as_of": "2026-03-02T09:30:00Z",
    "policy_version": "standard 1 0f3a51c07b2d",
    "stale": False,
    "checked_at": "2026-03-02T09:31:07Z",
}


class CheckAnswer(Figures):
    """The decision. Figures are the customer's own line as it stands after this check."""

    model_config = exemplified(_ANSWER)

    decision: Decision = Field(description="pass; warn: saved, with a message; hold: not now.")
    reasons: list[Reason] = Field(description="Every reason, not only the first; empty for a plain pass.")
    order: str
    checkpoint: Checkpoint
    reservation: int | None = Field(description="Id of the order's reservation; null when none is needed.")
    as_of: dt.datetime | None = Field(description="The moment (UTC) for which the line was assessed.")
    policy_version: str | None = Field(description="Name, version and hash of the policy in force.")
    stale: bool = Field(description="The line is older than what is known, or than the policy allows.")
    checked_at: dt.datetime = Field(description="The moment of this check (UTC).")


class AgeingBucket(Part):
    """What is open and so many days past due, decimal text in major units of the policy's currency."""

    days: str = Field(examples=["31-60"], description="current, 1-30, 31-60, 61-90 or 90+.")
    amount: str = Field(examples=["12500.00"])


class WarningSign(Part):
    """An early warning that is still live."""

    kind: str = Field(examples=["overdue_started"], description="As the policy names it.")
    severity: Literal["info", "warning", "alarm"]
    state: Literal["open", "acknowledged", "snoozed"]
    raised_at: dt.datetime


_CREDIT = {
    "customer": "customer-12",
    "status": "watch",
    "held": False,
    "risk_class": "B",
    "limit": "200000.00",
    "limit_state": "amount",
    "exposure": "150000.00",
    "reserved": "10000.00",
    "available": "40000.00",
    "utilisation": "80.0",
    "currency": "CNY",
    "ageing": [{"days": "current", "amount": "137500.00"}, {"days": "1-30", "amount": "12500.00"}],
    "ageing_currency": "CNY",
    "reasons": [
        {
            "code": "limit_nearly_used",
            "params": {"utilisation": "0.8"},
            "text": {"zh": "额度已使用 80%", "en": "80% of the limit is used"},
        }
    ],
    "steps": [{"zh": "评分 71（满分 100）", "en": "Score 71 of 100"}],
    "group": None,
    "signals": [],
    "next_visit": "2026-03-13",
    "next_review": "2026-06-01",
    "as_of": "2026-03-02T09:30:00Z",
    "policy_version": "standard 1 0f3a51c07b2d",
    "stale": False,
}


class CreditAnswer(Figures):
    """How a customer stands; figures are its own line."""

    model_config = exemplified(_CREDIT)

    customer: str = Field(description="Id of the customer, the same in every CRM.", examples=["customer-12"])
    status: Literal["ok", "watch", "hold", "stop"] | None = Field(description="Null: not assessed yet.")
    held: bool = Field(description="No new credit at present, whatever the figures.")
    reasons: list[Reason] = Field(description="Why the status is not ok.")
    steps: list[Text] = Field(
        description="How the last assessment came to limit and status, step by step; empty without one."
    )
    group: Figures | None = Field(description="The line of the customer's group, where it has a limit.")
    risk_class: str | None = Field(description="Of the last assessment.")
    utilisation: str | None = Field(
        description="Percent of the limit that exposure and reservations use; null without an amount."
    )
    ageing: list[AgeingBucket] | None = Field(
        description="What is open by days past due; null: an exchange rate is missing."
    )
    ageing_currency: str
    signals: list[WarningSign] = Field(description="The latest early warnings that are live, newest first.")
    next_visit: dt.date | None = Field(description="The day by which the next planned visit is due.")
    next_review: dt.date | None = Field(description="When the customer is reviewed next.")
    as_of: dt.datetime | None = Field(description="The moment (UTC) for which the line was assessed.")
    policy_version: str = Field(description="Name, version and hash of the policy in force.")
    stale: bool = Field(description="The line is older than what is known, or than the policy allows.")


def major(minor: int | None, currency: str) -> str | None:
    """Minor units as decimal text in major units; unknown stays unknown."""
    return None if minor is None else str(to_major(minor, currency))
