"""What is seen of a customer when one looks for warnings, and what is found.

Invariant: immutable and pure; a cause is the same for the same facts, whoever looks and however often.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from connector.policy.form_signals import Signals
from connector.policy.schema import Policy
from connector.rules.documents import Dossier
from connector.rules.outcome import Assessment
from connector.rules.settlement import Convert, InvoiceLine, settle
from connector.rules.snapshot import Snapshot

DAY = dt.timedelta(days=1)


class Cause(NamedTuple):
    """Something that is the case. ``key`` tells causes of one kind apart. ``step`` is set where a kind has
    steps: then only what stands above the steps told before is news. ``evidence`` are numbers, days and
    documents; amounts as minor units of ``currency``."""

    kind: str
    key: str
    severity: str
    evidence: dict[str, Any]
    step: Decimal | None = None


class Earlier(NamedTuple):
    """The class that a customer had at the beginning of the window, and when that beginning passes the
    next change of class."""

    risk_class: str
    until: dt.date | None


@dataclass(frozen=True)
class Scene:
    """One customer at the moment of its snapshot."""

    dossier: Dossier
    snapshot: Snapshot
    outcome: Assessment
    policy: Policy
    convert: Convert
    earlier: Earlier | None = None

    @property
    def rules(self) -> Signals:
        """What the policy says of signals."""
        return self.policy.signals

    @property
    def today(self) -> dt.date:
        """The calendar day."""
        return self.snapshot.today

    @property
    def currency(self) -> str:
        """The policy's currency."""
        return self.snapshot.currency

    def number(self, fact: str) -> int | Decimal | None:
        """A fact that is a number, if it is known."""
        value = self.snapshot.values.get(fact)
        return None if isinstance(value, bool) or not isinstance(value, int | Decimal) else value

    @cached_property
    def invoices(self) -> list[InvoiceLine]:
        """Every invoice with the money that came. Laid out only when something is to be told of it."""
        return settle(
            self.dossier,
            self.policy.terms.default_days,
            self.convert,
            self.today,
            drafts=self.policy.exposure.draft_invoices,
        ).invoices

    @property
    def open_invoices(self) -> list[InvoiceLine]:
        """What is not paid, longest due first."""
        left = [line for line in self.invoices if line.open > 0 and not line.written_off]
        return sorted(left, key=lambda line: (line.due or dt.date.max, line.doc.id))

    def worth(self, amount: int, currency: str) -> int:
        """An amount in the policy's currency; 0 without a rate: then it passes no bound."""
        return self.convert(amount, currency, self.currency) or 0
