"""What a policy says of dunning (催收): who is written to about overdue invoices, when, and how firmly.

Invariant: the levels stand in their order; the first is level 1. Without levels nobody is written to.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from connector.policy.form import Amount, Days, Part, Positive, Switch

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)


class DunningLevel(Part):
    """A level: reached when an invoice is ``days`` past due and the level below was sent ``wait_days`` ago.

    ``letter`` names the template; ``interest`` claims what has accrued by ``overdue.interest``; money is
    asked for within ``pay_within_days`` of the letter.
    """

    days: Positive
    letter: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    wait_days: Days = 7
    interest: Switch = False
    pay_within_days: Days = 7


class Span(Part):
    """Days from ``from`` to ``to``, both among them."""

    from_: dt.date = Field(alias="from")
    to: dt.date


class Quiet(Part):
    """Days on which nothing is sent, in the policy's time zone."""

    weekdays: tuple[Weekday, ...] = ()
    days: tuple[Span, ...] = ()


class Dunning(Part):
    """A customer whose overdue invoices together come to ``min_amount`` or less is left alone, and so is an
    invoice of which ``min_invoice`` or less is open (major units of the policy's currency). No customer
    gets two letters within ``cycle_days``. ``promises`` says whether an open promise to pay is waited for.
    """

    min_amount: Amount = Decimal(0)
    min_invoice: Amount = Decimal(0)
    cycle_days: Positive = 7
    promises: Literal["wait", "ignore"] = "wait"
    quiet: Quiet = Quiet()
    levels: tuple[DunningLevel, ...] = ()
