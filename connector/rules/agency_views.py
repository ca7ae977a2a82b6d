"""What several agencies say of one customer's probability of default, and which of them speaks.

Invariant: pure. Log-odds are averaged, never scores or grades; a contradiction is measured in credit quality
steps, so that agencies with different scales can be compared.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from connector.model import Report
from connector.policy.form_agency import Agencies

# Upper bounds of the credit quality steps 1 to 5 as one-year probabilities, from the three-year default rates
# of Regulation (EU) 2016/1799, annex I (0.16, 0.54, 2.39, 10.99 and 26.49 %): 1 - (1 - d)^(1/3).
_THREE_YEARS = ("0.0016", "0.0054", "0.0239", "0.1099", "0.2649")
STEPS = tuple(1 - (1 - Decimal(rate)) ** (Decimal(1) / 3) for rate in _THREE_YEARS)
_LEAST, _MOST = Decimal("0.000001"), Decimal("0.999999")
_SIX = Decimal("0.000001")


@dataclass(frozen=True)
class View:
    """One agency's word: its probability of default within twelve months, and the step that it amounts to."""

    report: Report
    pd: Decimal

    @property
    def step(self) -> int:
        """1 (best) to 6."""
        return 1 + sum(self.pd > bound for bound in STEPS)


@dataclass(frozen=True)
class Said:
    """What comes of all views. ``speaks`` are the reports in the order in which they are asked for a value;
    ``pd`` is the combined probability, ``None`` if the first one that states it gives it; ``apart`` is by how
    many steps the views differ, ``None`` with fewer than two of them; ``basis`` says how it came about."""

    speaks: tuple[Report, ...]
    pd: Decimal | None
    apart: int | None
    best: Decimal | None
    worst: Decimal | None
    basis: str | None


def views(reports: Sequence[Report]) -> list[View]:
    """The reports that state a probability of default."""
    return [View(one, Decimal(str(one.pd_12m)).quantize(_SIX)) for one in reports if one.pd_12m is not None]


def apart(found: Sequence[View]) -> int | None:
    """By how many steps the agencies differ."""
    steps = [one.step for one in found]
    return max(steps) - min(steps) if len(steps) > 1 else None


def said(
    fresh: Sequence[Report], rules: Agencies, report_days: int, chosen: str | None, today: dt.date
) -> Said:
    """Who speaks: the agency that a person has ``chosen``; else, in a contradiction, the one the policy says;
    else as the policy combines them. ``fresh`` are the newest reports of each agency, the newest first."""
    found = views(fresh)
    distance = apart(found)
    pds = [one.pd for one in found]
    best, worst = min(pds, default=None), max(pds, default=None)
    ordered, pd, basis = tuple(fresh), None, None
    if len(found) > 1:
        contradiction = distance is not None and distance >= rules.disagreement
        if chosen is not None and any(one.report.provider == chosen for one in found):
            ordered, basis = _first(fresh, chosen), "chosen"
        elif contradiction or rules.combine != "weighted":
            how = rules.undecided if contradiction else rules.combine
            if how == "worst":
                ordered = _first(fresh, max(found, key=lambda one: one.pd).report.provider)
                basis = "undecided" if contradiction else "worst"
            elif contradiction:
                basis = "undecided"
        else:
            pd, basis = weighted(found, rules, report_days, today), "weighted"
    return Said(ordered, pd, distance, best, worst, basis)


def weighted(found: Sequence[View], rules: Agencies, report_days: int, today: dt.date) -> Decimal:
    """The mean of the log-odds. A report loses weight evenly, to half of it on the last day on which it is
    fresh."""
    weights = [
        rules.weights.get(one.report.provider, Decimal(1))
        * (1 - Decimal(max(0, (today - one.report.as_of).days)) / (2 * max(1, report_days)))
        for one in found
    ]
    shares = _capped(weights, rules.most_weight)
    odds = [_logit(one.pd) for one in found]
    mean = sum((share * odd for share, odd in zip(shares, odds, strict=True)), Decimal(0))
    return (1 / (1 + (-mean).exp())).quantize(_SIX)


def _capped(weights: Sequence[Decimal], most: Decimal) -> list[Decimal]:
    """Shares of the whole, none above ``most``; what is cut off goes to the others by their weight. Agencies
    without any weight count alike."""
    if not any(weights):
        weights = [Decimal(1)] * len(weights)
    whole = sum(weights, Decimal(0))
    shares = [one / whole for one in weights]
    # Too few agencies for the bound: then they count alike at best.
    most = max(most, Decimal(1) / len(shares))
    for _ in shares:
        over = [at for at, share in enumerate(shares) if share > most]
        if not over:
            return shares
        cut = sum((shares[at] - most for at in over), Decimal(0))
        under = [at for at, share in enumerate(shares) if share < most]
        room = sum((shares[at] for at in under), Decimal(0))
        for at in over:
            shares[at] = most
        for at in under:
            shares[at] += cut * (shares[at] / room if room else Decimal(1) / len(under))
    return shares


def _logit(pd: Decimal) -> Decimal:
    held = min(max(pd, _LEAST), _MOST)
    return (held / (1 - held)).ln()


def _first(reports: Sequence[Report], provider: str) -> tuple[Report, ...]:
    return tuple(sorted(reports, key=lambda one: one.provider != provider))
