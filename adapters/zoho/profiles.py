"""Profiles of the tenant's users: whose locks and field permissions are set.

Invariant: read once, when first asked for; a name that the tenant does not have is told, never skipped.
"""

from __future__ import annotations

from collections.abc import Sequence

from adapters.zoho.client import Client
from connector.errors import Halt


class Profiles:
    """Ids of profiles by name, and the profile of the connection's own user."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, str] | None = None

    def own(self) -> str:
        """Id of the profile of the user who gave the token (vendor manual: Get Users)."""
        body = self._client.call(
            "GET", "users", scope="ZohoCRM.users.READ", about="users", params={"type": "CurrentUser"}
        )
        users = (body or {}).get("users") or [{}]
        found = str((users[0].get("profile") or {}).get("id") or "")
        if not found:
            raise Halt(
                "Zoho does not say which profile the connection's user has",
                where=self._client.context.connection,
                todo="grant ZohoCRM.users.READ",
            )
        return found

    def ids(self, names: Sequence[str]) -> list[str]:
        """Ids of the profiles with these names, in order; ``Halt`` for a name that there is not."""
        if not names:
            return []
        known = self._all()
        for name in names:
            if name.casefold() not in known:
                raise Halt(
                    f"there is no profile {name!r} in Zoho",
                    where=self._client.context.connection,
                    todo="correct credit_profiles or read_only_profiles; see Setup > Profiles",
                )
        return [known[name.casefold()] for name in names]

    def _all(self) -> dict[str, str]:
        if self._known is None:
            body = self._client.call(
                "GET", "settings/profiles", scope="ZohoCRM.settings.profiles.READ", about="profiles"
            )
            rows = (body or {}).get("profiles") or []
            self._known = {str(row.get("name") or "").casefold(): str(row["id"]) for row in rows}
        return self._known
