"""The vendor's own credit module: either we write its quota, or it decides and we write no limit.

Invariant: never two masters. Which one it is stands in the connection; without a choice the module's
objects are left alone, and where the module is in use the lack of one is told (``describing``). What
is written here is never read back as a limit; what is read as one is never written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.fxiaoke.choices import READ, WRITE, CreditModule
from adapters.fxiaoke.client import Client, where_is
from adapters.fxiaoke.records import stands, vanished
from connector.errors import Retry

ACCOUNT = "AccountObj"


class Quota:
    """What becomes of limits in one tenant. ``rules`` as in ``Choices``."""

    def __init__(self, client: Client, module: CreditModule, *, rules: bool) -> None:
        self._client = client
        self._module = module
        self._rules = rules

    def ours(self, object_name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """``values`` without what the module alone decides on: our limit fields are emptied along with what
        else is written, so that none of an earlier choice is left to contradict it."""
        if self._module.choice != READ or object_name != ACCOUNT:
            return dict(values)
        limits = self._module.limits
        if not values.keys() - set(limits):
            return {}
        return {name: None if name in limits else value for name, value in values.items()}

    def follow(self, object_name: str, account: str, sent: Mapping[str, Any]) -> None:
        """Give the account's row in the module the limit that was just written (``sent`` in the vendor's
        form), if we are the master. Raises as the calls do; once more changes nothing."""
        limit = self._module.limits[0] if self._module.limits else ""
        if self._module.choice != WRITE or object_name != ACCOUNT or limit not in sent:
            return
        wanted = {self._module.quota_field: sent[limit]}
        found = self._row(account)
        if found is None:
            if sent[limit] is None:
                return
            try:
                self._client.create(
                    self._module.object,
                    {self._module.account_field: account, **wanted},
                    workflow=False,
                    rules=self._rules,
                )
            except Retry as fault:
                if not fault.unknown_outcome or self._row(account) is None:
                    raise
        elif not stands(wanted, found):
            self._client.update(
                self._module.object, str(found["_id"]), wanted, workflow=False, rules=self._rules
            )

    def _row(self, account: str) -> Mapping[str, Any] | None:
        fields = ["_id", "life_status", self._module.account_field, self._module.quota_field]
        filters = [where_is(self._module.account_field, "EQ", account)]
        rows, _ = self._client.page(self._module.object, filters, fields, None)
        return next((row for row in rows if not vanished(row)), None)
