"""OAuth scopes of the Zoho API: what a token was granted and what a call demands.

Invariant: a demand is written without the service's name (``modules.accounts.READ``) and is met by the
same scope, by ``ALL`` in place of the operation, or by a scope that stands further up the same path
(``modules.READ``, ``modules.ALL``). Upper and lower case are the same (vendor manual: Scopes).
"""

from __future__ import annotations

from collections.abc import Iterable

SERVICE = "ZohoCRM"
FULL = ",".join(
    f"{SERVICE}.{scope}"
    for scope in (
        "modules.ALL",
        "settings.ALL",
        "coql.READ",
        "bulk.ALL",
        "notifications.ALL",
        "users.READ",
        "org.READ",
    )
)
FEW = ",".join(
    f"{SERVICE}.{scope}"
    for scope in (
        "modules.accounts.ALL",
        "modules.contacts.ALL",
        "modules.salesorders.ALL",
        "modules.invoices.ALL",
        "modules.tasks.ALL",
        "modules.notes.ALL",
        "settings.modules.READ",
        "settings.fields.ALL",
        "coql.READ",
        "users.READ",
        "org.READ",
    )
)
"""What the fault ``few_scopes`` leaves: records and fields, but no bulk read, no notifications, no
layouts and no locking."""


def met(demand: str, granted: Iterable[str]) -> bool:
    """Whether one of the ``granted`` scopes (with the service's name) meets the demand."""
    *path, operation = demand.lower().split(".")
    for scope in granted:
        service, *parts = scope.strip().lower().split(".")
        if service != SERVICE.lower() or not parts:
            continue
        *there, allowed = parts
        if path[: len(there)] == there and allowed in ("all", operation):
            return True
    return False


def of_module(api_name: str, operation: str) -> str:
    """The demand for records of a module: ``modules.salesorders.READ``."""
    return f"modules.{api_name.replace('_', '').lower()}.{operation}"
