"""Employees: finding the one we act as, and reading them all, so that owners have names.

Invariant: an employee is named by the id of the credential style, FSUID_… or a plain number; a mobile
number is compared, never stored or told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from connector.errors import Halt

PEOPLE = "PersonnelObj"
ADDRESS_BOOK = "/cgi/user/list"
# Vendor manual: the department that is the whole company.
WHOLE_COMPANY = 999999

# Path, body and employee id ("" for nobody) → answer.
Asking = Callable[[str, Mapping[str, Any], str], dict[str, Any]]


def by_mobile(ask: Asking, mobile: str, _: str) -> list[str]:
    """Vendor manual: getByMobile; documented for the body style only."""
    answer = ask("/cgi/user/getByMobile", {"mobile": mobile}, "")
    return [str(one["openUserId"]) for one in answer.get("empList") or [] if one.get("openUserId")]


def by_query(ask: Asking, mobile: str, user: str) -> list[str]:
    """A query of PersonnelObj as ``user``; the object has a switch of its own and may show nothing."""
    asked = {
        "dataObjectApiName": PEOPLE,
        "find_explicit_total_num": False,
        "search_query_info": {
            "limit": 2,
            "offset": 0,
            "filters": [{"field_name": "phone", "operator": "EQ", "field_values": [mobile]}],
            "orders": [{"fieldName": "_id", "isAsc": True}],
            "fieldProjection": ["_id", "user_id", "phone"],
        },
    }
    answer = ask("/cgi/crm/v2/data/query", {"data": asked}, user)
    return [str(row.get("user_id") or row["_id"]) for row in (answer.get("data") or {}).get("dataList") or []]


def by_address_book(ask: Asking, mobile: str, _: str) -> list[str]:
    """All employees of the company, compared by the digits of their numbers."""
    wanted = _digits(mobile)
    return [
        str(one["openUserId"])
        for one in address_book(ask)
        if wanted in (_digits(one.get("mobile")), _digits(one.get("phone")))
    ]


def address_book(ask: Asking) -> list[dict[str, Any]]:
    """Everybody (vendor manual: user list); ``Halt`` when an answer is none."""
    asked = {"departmentId": WHOLE_COMPANY, "fetchChild": True, "showDepartmentIdsDetail": False}
    listed = ask(ADDRESS_BOOK, asked, "").get("userList")
    if not isinstance(listed, list):
        raise Halt(
            "the address book names no employees", where=ADDRESS_BOOK, todo="set user to an employee id"
        )
    return [one for one in listed if isinstance(one, dict) and one.get("openUserId")]


def _digits(text: Any) -> str:
    """The digits of a number without the country code of China."""
    found = re.sub(r"\D", "", str(text or ""))
    return found[2:] if len(found) == 13 and found.startswith("86") else found
