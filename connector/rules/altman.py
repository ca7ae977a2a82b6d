"""Altman's scores of the danger of insolvency, and the zone they put a firm in.

Invariant: one rounding, to six places; an input that is not disclosed or a denominator of zero makes
the score unknown. Z is never used for a firm without a market value, and none of them for banks and
insurers. Sources: Altman 1968 (Z), 1983 (Z′), 1995 (Z″); where prints disagree, the policy decides.
"""

from __future__ import annotations

from decimal import Decimal

from connector.model import Statement
from connector.policy.schema import Altman, Zones
from connector.rules.ratios import NOT_DISCLOSED, SIX, ZERO, net_worth
from connector.rules.snapshot import Unknown

NOT_RATED = Unknown("not_rated")
_Z = (Decimal("1.2"), Decimal("1.4"), Decimal("3.3"), Decimal("0.6"), Decimal(1))
_Z1 = (Decimal("0.717"), Decimal("0.847"), Decimal("3.107"), Decimal("0.420"), Decimal("0.998"))
_Z2 = (Decimal("3.26"), Decimal("6.72"), Decimal("1.05"))


def altman_z(s: Statement) -> Decimal | Unknown:
    """Z for listed manufacturers: equity at its market value."""
    return _score(s, _Z, s.market_equity, s.revenue)


def altman_z1(s: Statement) -> Decimal | Unknown:
    """Z′ for unlisted manufacturers: equity at its book value."""
    return _score(s, _Z1, net_worth(s), s.revenue)


def altman_z2(s: Statement, rules: Altman) -> Decimal | Unknown:
    """Z″ for non-manufacturers and emerging markets: without sales."""
    found = _score(s, (rules.z2_working_capital, *_Z2, Decimal(0)), net_worth(s), 0)
    return found + rules.z2_constant if isinstance(found, Decimal) else found


def zone(
    industry: str | None, s: Statement, scores: tuple[Decimal | Unknown, ...], rules: Altman
) -> str | Unknown:
    """``safe``, ``grey`` or ``distress`` by the model for the kind of firm; ``scores`` are Z, Z′, Z″."""
    kind = (industry or "").casefold()
    if any(kind == name.casefold() for name in rules.not_rated):
        return NOT_RATED
    if not any(kind == name.casefold() for name in rules.manufacturing):
        return _zone(scores[2], rules.z2)
    if s.market_equity is not None:
        return _zone(scores[0], rules.z)
    return _zone(scores[1], rules.z1)


def _zone(score: Decimal | Unknown, zones: Zones) -> str | Unknown:
    if isinstance(score, Unknown):
        return score
    return "distress" if score < zones.distress else "safe" if score > zones.safe else "grey"


def _score(
    s: Statement, weights: tuple[Decimal, ...], equity: int | None, sales: int | None
) -> Decimal | Unknown:
    """Σ weight × X1…X5: working capital, retained earnings, EBIT and sales to total assets, and equity
    to total liabilities."""
    assets, liabilities = s.total_assets, s.total_liabilities
    if (
        s.current_assets is None
        or s.current_liabilities is None
        or s.retained_earnings is None
        or s.operating_profit is None
        or assets is None
        or liabilities is None
        or equity is None
        or sales is None
    ):
        return NOT_DISCLOSED
    if not assets or not liabilities:
        return ZERO
    x1, x2, x3, x4, x5 = weights
    on_assets = (
        x1 * (s.current_assets - s.current_liabilities)
        + x2 * s.retained_earnings
        + x3 * s.operating_profit
        + x5 * sales
    ) / assets
    return (on_assets + x4 * equity / liabilities).quantize(SIX)
