"""Money: minor units, currencies, conversion by dated rates, rounding.

Invariant: no float ever. An amount is an integer in the minor unit of its currency (fen for CNY,
whole yen for JPY, fils for KWD); conversions happen in ``Decimal`` and round once, half up.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

# Minor-unit digits of ISO 4217 currencies that differ from two.
_DIGITS = dict.fromkeys(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0
) | dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3)
_TWO_DIGITS = frozenset(
    """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
    CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD
    HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT
    MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR
    SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU
    UZS VES WST XCD YER ZAR ZMW""".split()
)


def is_currency(code: str) -> bool:
    """Whether ``code`` is an ISO 4217 currency that CreditGate can count in."""
    return code in _TWO_DIGITS or code in _DIGITS


def digits(currency: str) -> int:
    """Digits after the point of ``currency`` (CNY 2, JPY 0, KWD 3); ``ValueError`` if unknown."""
    if currency in _TWO_DIGITS:
        return 2
    try:
        return _DIGITS[currency]
    except KeyError:
        raise ValueError(f"unknown currency {currency!r}") from None


def unusual_digits() -> dict[str, int]:
    """Digits after the point of the currencies that have other than two."""
    return dict(_DIGITS)


def to_minor(value: Decimal | int | str, currency: str) -> int:
    """Major units to minor units, rounded half up; ``ValueError`` for text that is no number."""
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError(f"{value!r} is not an amount") from None
    if not number.is_finite():
        raise ValueError(f"{value!r} is not an amount")
    return int(number.scaleb(digits(currency)).to_integral_value(rounding=ROUND_HALF_UP))


def to_major(minor: int, currency: str) -> Decimal:
    """Minor units to a ``Decimal`` in major units with exactly the currency's digits."""
    return Decimal(minor).scaleb(-digits(currency))


def show(minor: int | None, currency: str) -> str:
    """An amount for people: ``1,234.50 CNY``; an unknown amount is a dash."""
    if minor is None:
        return "–"
    return f"{to_major(minor, currency):,.{digits(currency)}f} {currency}"


def scale(minor: int, factor: Decimal) -> int:
    """``minor`` × ``factor``, rounded half up to the minor unit."""
    return part_of(minor, *_ratio(factor))


def part_of(minor: int, numerator: int, denominator: int) -> int:
    """``minor`` × ``numerator`` / ``denominator`` (positive), rounded half up (away from zero)."""
    product = 2 * minor * numerator
    if product < 0:
        return -((denominator - product) // (2 * denominator))
    return (product + denominator) // (2 * denominator)


@lru_cache(maxsize=4096)
def _ratio(factor: Decimal) -> tuple[int, int]:
    # Whole numbers are exact and several times quicker; the factors are those of a policy.
    return factor.as_integer_ratio()


@dataclass(frozen=True)
class Rate:
    """One unit of ``currency`` is ``per_unit`` units of the table's base currency from ``day`` on."""

    currency: str
    day: dt.date
    per_unit: Decimal


class Rates:
    """Exchange rates by date against one base currency.

    The rate of a day is the latest one on or before it. A missing rate is unknown (``None``), never 1.
    """

    def __init__(self, base: str, rates: Iterable[Rate] = ()) -> None:
        self.base = base
        self._by_currency: dict[str, tuple[list[dt.date], list[Decimal]]] = {}
        for rate in sorted(rates, key=lambda r: (r.currency, r.day)):
            days, values = self._by_currency.setdefault(rate.currency, ([], []))
            days.append(rate.day)
            values.append(rate.per_unit)

    def rate(self, currency: str, day: dt.date) -> Rate | None:
        """The rate that serves on ``day``, with its own date; ``None`` when none is known."""
        days, values = self._by_currency.get(currency, ([], []))
        at = bisect_right(days, day)
        return Rate(currency, days[at - 1], values[at - 1]) if at else None

    def served(self, currencies: Iterable[str], day: dt.date) -> list[tuple[str, str, str]]:
        """The rates by which amounts in ``currencies`` are converted on ``day``, to be kept with what came of
        it: currency, units of the base for one (decimal text), and the day of the rate; none if they are
        all the same."""
        if len(wanted := set(currencies)) < 2:
            return []
        found = [rate for one in sorted(wanted) if (rate := self.rate(one, day)) is not None]
        return [(rate.currency, str(rate.per_unit), rate.day.isoformat()) for rate in found]

    def per_unit(self, currency: str, day: dt.date) -> Decimal | None:
        """Base units for one unit of ``currency`` on ``day``, or ``None`` when no rate is known."""
        if currency == self.base:
            return Decimal(1)
        days, values = self._by_currency.get(currency, ([], []))
        at = bisect_right(days, day)
        return values[at - 1] if at else None

    def next_day(self, currency: str, day: dt.date) -> dt.date | None:
        """The first day after ``day`` from which another rate serves, if one is known already."""
        days, _ = self._by_currency.get(currency, ([], []))
        at = bisect_right(days, day)
        return days[at] if at < len(days) else None

    def every(self) -> list[Rate]:
        """All rates, by currency and day."""
        return [
            Rate(currency, day, value)
            for currency, (days, values) in sorted(self._by_currency.items())
            for day, value in zip(days, values, strict=True)
        ]

    def against(self, base: str) -> Rates:
        """The same rates against another base currency; without a rate for it, none at all."""
        if base == self.base:
            return self
        found: list[Rate] = []
        for currency in {*self._by_currency, self.base} - {base}:
            days = {*self._by_currency.get(currency, ([], []))[0], *self._by_currency.get(base, ([], []))[0]}
            for day in sorted(days):
                one, other = self.per_unit(currency, day), self.per_unit(base, day)
                if one is not None and other:
                    found.append(Rate(currency, day, one / other))
        return Rates(base, found)

    def convert(self, minor: int, currency: str, to: str, day: dt.date) -> int | None:
        """``minor`` of ``currency`` in minor units of ``to`` at the rates of ``day``; unknown stays so."""
        if currency == to:
            return minor
        source, target = self.per_unit(currency, day), self.per_unit(to, day)
        if source is None or not target:
            return None
        major = to_major(minor, currency) * source / target
        return to_minor(major, to)
