"""Users and profiles of a Zoho org (vendor manual: Get Users, Get Profiles).

Invariant: every user has one profile, and what locks excuse is the profile, never the single user.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Profile:
    id: str
    name: str
    description: str
    custom: bool = False

    def described(self) -> dict[str, Any]:
        """The profile as ``GET /settings/profiles`` shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "display_label": self.name,
            "api_name": self.name.replace(" ", "_"),
            "description": self.description,
            "custom": self.custom,
            "type": "normal_profile",
            "created_time": None,
            "modified_time": None,
            "created_by": None,
            "modified_by": None,
        }


@dataclass(frozen=True)
class User:
    id: str
    first_name: str
    last_name: str
    email: str
    profile: Profile

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def admin(self) -> bool:
        return self.profile.name == ADMINISTRATOR

    def described(self) -> dict[str, Any]:
        """The user as ``GET /users`` shows it."""
        return {
            "id": self.id,
            "full_name": self.full_name,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "email": self.email,
            "status": "active",
            "confirm": True,
            "profile": {"name": self.profile.name, "id": self.profile.id},
            "role": {"name": "CEO" if self.admin else "Sales"},
            "time_zone": "Asia/Shanghai",
            "type__s": "Regular User",
        }


ADMINISTRATOR, STANDARD, CREDIT_MANAGER = "Administrator", "Standard", "Credit Manager"

PROFILES = (
    (ADMINISTRATOR, "This profile will have all the permissions.", False),
    (STANDARD, "This profile will have all the permissions except administrative privileges.", False),
    (CREDIT_MANAGER, "Releases orders that are on credit hold.", True),
)
"""Name, description, and whether this org made the profile itself."""
