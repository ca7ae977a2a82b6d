"""The purse: what agencies' calls may cost together, taken before each call.

Invariant: with a ceiling, no call is made whose price is unknown or would go beyond it, however many
processes ask at once; without one, nothing is counted.
"""

from __future__ import annotations

import sqlalchemy as sa

from connector.adapter import Bureau, Price
from connector.bureau.choice import Ceilings
from connector.errors import Halt
from connector.runtime import Runtime
from connector.store import spending
from connector.store.connections import Connection
from connector.store.spending import Bound


class OverCeiling(Halt):
    """The call would cost more than a ceiling allows, or nobody has said what it costs."""


class Purse:
    """Pays for the calls of one connection."""

    def __init__(
        self, runtime: Runtime, connection: Connection, agency: Bureau, ceilings: Ceilings | None
    ) -> None:
        self._ceilings = ceilings
        self._where = connection.name
        self._today = runtime.today
        kinds = ("match", "report")
        prices = {kind: agency.price(connection.settings, kind) for kind in kinds}
        self._costs = {kind: self._cost(runtime, prices[kind]) for kind in kinds}

    def pay(self, tx: sa.Connection, kind: str) -> None:
        """Take the price of a call (``match`` or ``report``); ``OverCeiling`` if it does not fit, which has
        to end the transaction."""
        if self._ceilings is None:
            return
        cost = self._costs[kind]
        if cost is None:
            raise OverCeiling(
                f"nobody has said what a call ({kind}) costs, and there is a ceiling",
                where=self._where,
                todo=f"set price_{kind} of the connection to what the contract says, and see 'rates.csv'",
            )
        if cost == 0:
            return
        bound = spending.take(tx, self._ceilings.currency, cost, self._bounds())
        if bound is not None:
            raise OverCeiling(
                f"the ceiling of {bound.period} is reached",
                where=self._where,
                todo="wait for the next period, or raise 'ceilings' in agencies.yaml",
            )

    def give_back(self, tx: sa.Connection, kind: str) -> None:
        """The call that was paid for delivered nothing."""
        cost = self._costs[kind]
        if self._ceilings is not None and cost:
            spending.give_back(tx, self._ceilings.currency, cost, [one.period for one in self._bounds()])

    def _bounds(self) -> list[Bound]:
        assert self._ceilings is not None  # noqa: S101 - narrows the type
        today = self._today()
        month = Bound(f"{today:%Y-%m}", self._ceilings.monthly)
        return [month, Bound(today.isoformat(), self._ceilings.daily)]

    def _cost(self, runtime: Runtime, price: Price | None) -> int | None:
        """Minor units of the ceilings' currency; ``None`` without a price or a rate."""
        if price is None or self._ceilings is None:
            return None
        return self.convert(runtime, price)

    def convert(self, runtime: Runtime, price: Price) -> int | None:
        """A price in the ceilings' currency, by today's rate."""
        assert self._ceilings is not None  # noqa: S101 - narrows the type
        if price.amount == 0:
            return 0
        return runtime.rates.convert(price.amount, price.currency, self._ceilings.currency, self._today())
