"""Zoho's error objects in words: ``{"code", "message", "status", "details"}``, flat or one an item.

Invariant: the vendor's own code, message and the place it names (field, path in the request) always
reach the reader; details that may name people (owner, duplicate record) never do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# The details that say where and why. Others (owner, duplicate_record) carry names and addresses.
_TELLING = (
    "api_name",
    "json_path",
    "column_name",
    "param_name",
    "expected_data_type",
    "maximum_length",
    "supported_values",
    "limit",
    "limit_due_to",
    "reason",
    "operator",
    "clause",
    "near",
    "action",
    "layout_rule",
    "permissions",
    "id",
)
# Codes that may pass by themselves (vendor manual: status codes).
_BLOCKING = frozenset({"RECORD_LOCKED", "RECORD_IN_BLUEPRINT", "NOT_APPROVED", "NOT_REVIEWED"})
_PASSING = frozenset({"INTERNAL_ERROR", "ALREADY_MODIFIED", "DEPENDENT_SERVICE_ERROR", "RATE_LIMIT_EXCEEDED"})


def code(fault: Any) -> str:
    """The vendor's code, or an empty text when ``fault`` is no error object."""
    return str(fault.get("code") or "") if isinstance(fault, Mapping) else ""


def failed(item: Any) -> bool:
    """Whether one item of an answer reports a failure. Its status decides, not the HTTP status."""
    return not isinstance(item, Mapping) or item.get("status") != "success"


def passes(fault: Any) -> bool:
    """Whether trying again soon may help."""
    word = code(fault)
    return word in _PASSING or word.startswith("TOO_MANY")


def blocked(fault: Any) -> bool:
    """Whether something in Zoho stands in the way until a person or time removes it. An image that is
    being checked locks a record too (``action`` zia_vision_processing), for a while."""
    return code(fault) in _BLOCKING


def image_check(fault: Any) -> bool:
    """Whether a record is locked only while its image is checked."""
    return bool(_details(fault).get("action") == "zia_vision_processing")


def words(fault: Any) -> str:
    """Code, message and telling details: ``INVALID_DATA: invalid data (api_name Phone, …)``."""
    if not isinstance(fault, Mapping):
        return "no error object"
    details = _details(fault)
    told = [f"{key} {_text(details[key])}" for key in _TELLING if details.get(key) not in (None, "")]
    head = ": ".join(t for t in (code(fault), str(fault.get("message") or "")[:200]) if t)
    line = f"{head} ({', '.join(told)})" if told else head
    inner = details.get("errors")
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        line = "; ".join([line, *(words(one) for one in inner)])
    return line or "no reason given"


def field(fault: Any) -> str:
    """The field that the vendor blames, or an empty text."""
    return str(_details(fault).get("api_name") or "")


def column(fault: Any) -> str:
    """The column of a query that the vendor blames, or an empty text."""
    return str(_details(fault).get("column_name") or "")


def _details(fault: Any) -> Mapping[str, Any]:
    details = fault.get("details") if isinstance(fault, Mapping) else None
    return details if isinstance(details, Mapping) else {}


def _text(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "/".join(str(one) for one in value[:12])
    return str(value)[:120]
