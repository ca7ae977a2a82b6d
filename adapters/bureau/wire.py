"""What the answers of all agencies have in common on the wire.

Invariant: nothing of what was sent or received reaches an error text, except what a caller passes in.
"""

from __future__ import annotations

import datetime as dt
import email.utils
from collections.abc import Mapping
from typing import Any, NoReturn

import requests

from adapters.bureau.common import decode
from connector.adapter import Context
from connector.errors import Halt, Retry
from connector.http import place


def where(answer: requests.Response) -> str:
    """Method, host and path of the call."""
    return place(answer.request.method or "", answer.request.url or "")


def after(answer: requests.Response, now: dt.datetime) -> float | None:
    """Seconds that ``Retry-After`` asks for, given in seconds or as a date."""
    hint = answer.headers.get("Retry-After", "").strip()
    if hint.isascii() and hint.isdigit():
        return float(hint)
    try:
        return max(0.0, (email.utils.parsedate_to_datetime(hint) - now).total_seconds())
    except (ValueError, TypeError):
        return None


def check_passing(answer: requests.Response, agency: str, now: dt.datetime) -> None:
    """Raise ``Retry`` for what passes: too many calls, which holds up all others too, and faults."""
    if answer.status_code == 429:
        raise Retry(
            f"{agency} takes no more calls for now",
            where=where(answer),
            todo="run again later",
            after=after(answer, now),
            busy=True,
        )
    if answer.status_code >= 500 or answer.status_code == 408:
        raise Retry(
            f"{agency} answers with status {answer.status_code}",
            where=where(answer),
            todo="run again later",
            after=after(answer, now),
        )


def json_object(answer: requests.Response) -> Mapping[str, Any]:
    """The answer's JSON object; ``Retry`` for anything else, which is what a proxy in the way sends."""
    try:
        body = decode(answer.content)
    except ValueError:
        body = None
    if not isinstance(body, Mapping):
        raise Retry(
            "the answer is no JSON object", where=where(answer), todo="check base_url, then run again"
        )
    return body


def unexpected(answer: requests.Response, agency: str) -> NoReturn:
    """``Halt`` for a status that the agency does not document."""
    raise Halt(
        f"status {answer.status_code} is none that {agency} documents",
        where=where(answer),
        todo="check base_url in the connection",
    )


def setting(context: Context, key: str) -> str:
    """A setting without blanks around it; empty when it is not set."""
    return str(context.settings.get(key) or "").strip()


def required(context: Context, key: str) -> str:
    """A setting that has to be there; ``Halt`` when it is not."""
    value = setting(context, key)
    if not value:
        raise Halt(f"{key} is not set", where=context.connection, todo=f"set {key} of the connection")
    return value
