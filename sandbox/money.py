"""Currencies of the economy: digits, what is local, and a rough size of one in fen.

Invariant: amounts are integers. The rates only give foreign orders a plausible size; nothing is ever
booked at them.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

LOCAL_CURRENCY = {"CN": "CNY", "DE": "EUR", "US": "USD", "JP": "JPY", "GB": "GBP"}

_DIGITS = {"JPY": 0, "KRW": 0, "VND": 0, "KWD": 3, "BHD": 3}
# Hundredths of a minor unit that one fen is worth.
_PER_FEN = {"CNY": 100, "EUR": 13, "USD": 14, "GBP": 11, "JPY": 21}


def unit(currency: str) -> int:
    """Minor units in one major unit (CNY 100, JPY 1); two digits where nothing else is known."""
    return int(10 ** _DIGITS.get(currency, 2))


def from_fen(fen: int, currency: str) -> int:
    """An amount of about the same size in minor units of ``currency``."""
    return fen * _PER_FEN[currency] // 100


def to_minor(major: Decimal, currency: str) -> int:
    """Minor units, rounded half up."""
    return int((major * unit(currency)).to_integral_value(rounding=ROUND_HALF_UP))


def to_major(minor: int, currency: str) -> Decimal:
    """Major units with the currency's digits."""
    return Decimal(minor).scaleb(-_DIGITS.get(currency, 2))
