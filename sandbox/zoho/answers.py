"""The forms in which Zoho answers: JSON with exact numbers, flat errors, errors of one item.

Invariant: an error always has code, details, message and status; amounts leave as JSON numbers with
the digits they have, never through a float.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
from starlette.responses import Response

Item = dict[str, Any]


class Refused(Exception):
    """A request that is refused as a whole, with the answer that says so."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(body)
        self.status = status
        self.body = body


def error(code: str, message: str, details: Mapping[str, Any] | None = None) -> Item:
    """The error object, flat for a request or as one item of ``data``."""
    return {"code": code, "details": dict(details or {}), "message": message, "status": "error"}


def refuse(status: int, code: str, message: str, /, **details: Any) -> Refused:
    """A flat error."""
    return Refused(status, error(code, message, details))


def invalid(details: Mapping[str, Any], message: str = "invalid data") -> Item:
    return error("INVALID_DATA", message, details)


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    content = orjson.dumps(body, default=_number)
    return Response(content, status, dict(headers or {}), media_type="application/json")


def empty(status: int = 204) -> Response:
    """204 for no rows, 304 for nothing changed: never a body."""
    return Response(status_code=status)


def items(key: str, results: list[Item], success: int) -> Response:
    """Results by position: ``success`` when all are good, 207 when some are, 400 when none is."""
    good = sum(1 for result in results if result["status"] == "success")
    status = success if good == len(results) else 207 if good else 400
    if not good and all(result["code"] == "ALREADY_MODIFIED" for result in results):
        status = 412
    return answer({key: results}, status)


def parsed(content: bytes) -> dict[str, Any]:
    """A JSON object with exact numbers; ``Refused`` for anything else."""
    try:
        body = json.loads(content, parse_float=Decimal)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise refuse(
            400,
            "INVALID_DATA",
            "either the request body or parameters is in wrong format",
            expected_data_type="jsonobject",
        )
    return body


def _number(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value.normalize(), "f"))
    raise TypeError(f"{type(value).__name__} has no JSON form")
