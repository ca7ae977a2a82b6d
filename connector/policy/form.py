"""The words of which a policy file is made: shares, amounts, days, and the base of every section.

Invariant: a section is frozen and refuses keys that it does not know; no number is ever a float.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from connector.money import is_currency
from connector.policy.values import share

Path = tuple[str | int, ...]
Status = Literal["ok", "watch", "hold", "stop"]
# Statuses from good to bad: the worst one that applies is the customer's.
STATUSES: tuple[Status, ...] = ("ok", "watch", "hold", "stop")


def _number(raw: object) -> object:
    if isinstance(raw, bool) or not isinstance(raw, int | Decimal):
        raise ValueError("write a number in figures, such as 20000 or 0.5")
    return raw


def _currency(raw: object) -> object:
    if not isinstance(raw, str) or not is_currency(raw):
        raise ValueError("write an ISO 4217 currency, such as CNY")
    return raw


def _timezone(raw: object) -> object:
    try:
        ZoneInfo(str(raw))
    except (KeyError, ValueError, OSError):
        raise ValueError("write a time zone of the tz database, such as Asia/Shanghai") from None
    return raw


Share = Annotated[Decimal, BeforeValidator(share), Field(ge=0)]
Amount = Annotated[Decimal, BeforeValidator(_number), Field(ge=0)]
Factor = Annotated[Decimal, BeforeValidator(_number), Field(ge=0)]
Number = Annotated[Decimal, BeforeValidator(_number)]
Days = Annotated[int, Field(ge=0, strict=True)]
Positive = Annotated[int, Field(gt=0, strict=True)]
Points = Annotated[int, Field(ge=0, le=100, strict=True)]
Switch = Annotated[bool, Field(strict=True)]
Name = Annotated[str, Field(min_length=1, max_length=60)]
Currency = Annotated[str, BeforeValidator(_currency)]
Zone = Annotated[str, BeforeValidator(_timezone)]
Texts = dict[Literal["zh", "en"], str]


class Part(BaseModel):
    """Base of every section: frozen, and a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)
