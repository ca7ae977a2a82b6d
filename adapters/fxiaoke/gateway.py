"""The wire to the Fxiaoke gateway: POST of JSON, a trace id per attempt, a decoded answer or an error.

Invariant: nothing that is not the gateway's own JSON envelope gets past this module, numbers are
decoded without float, and secrets are blanked out of whatever the vendor echoes.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import requests

from adapters.fxiaoke.faults import RATE_SECONDS, Effect, fault
from adapters.fxiaoke.settings import CLOUDS
from connector.errors import CreditGateError, Halt, Retry
from connector.http import Http

# Longer waits are not slept through inside a call: they surface and the caller comes back.
LONGEST_SLEEP = 60.0

Judge = Callable[[Mapping[str, Any], str], CreditGateError | None]


def checked_base(url: str) -> str:
    """``url`` without a trailing slash; ``Halt`` when it cannot be a gateway.

    Vendor manual: one gateway per cloud, e.g. open.fxiaoke.com; www.fxiaoke.com is the web site and
    answers HTML.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise Halt(f"base_url {url!r} is no address", todo="use e.g. https://open.fxiaoke.com for base_url")
    if parts.hostname.startswith("www."):
        raise Halt(
            f"{parts.hostname} is a web site, not the OpenAPI gateway",
            where="base_url",
            todo="use the gateway of your cloud, e.g. https://open.fxiaoke.com",
        )
    return url.rstrip("/")


class Gateway:
    """One tenant's gateway.

    ``connection`` is its name in errors; ``hide`` holds the texts that may never show in one.
    """

    def __init__(
        self,
        connection: str,
        base_url: str,
        http: Http,
        now: Callable[[], dt.datetime],
        hide: Sequence[str],
    ) -> None:
        self._connection = connection
        self.base_url = checked_base(base_url)
        self.host = urlsplit(self.base_url).netloc
        self._http = http
        self._now = now
        self._hide = tuple(hide)

    def post(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        effect: Effect = Effect.READ,
        headers: Mapping[str, str] | None = None,
        hide: Sequence[str] = (),
        judge: Judge | None = None,
    ) -> dict[str, Any]:
        """Call ``path`` and return the envelope of a call that succeeded (errorCode 0).

        ``path`` is also the bucket of the call budget: the vendor counts per endpoint. ``judge`` may
        read an endpoint's errors in its own way first. Raises as ``faults.fault`` says; ``Halt`` when
        something other than the gateway answers.
        """
        where = f"{self._connection}, {self.host}{path}"
        hidden = (*self._hide, *hide)
        answer: dict[str, Any] = {}
        trace = ""

        def traced() -> dict[str, str]:
            nonlocal trace
            trace = str(uuid.uuid4())
            return {"thirdTraceId": trace}

        def found() -> CreditGateError | None:
            own = judge(answer, where) if judge else None
            return own or fault(answer, where=where, effect=effect, now=self._now(), hide=hidden)

        def check(response: requests.Response) -> None:
            nonlocal answer
            answer = _opened(response, where, effect, trace)
            answer.setdefault("traceId", f"ours: {trace}")
            problem = found()
            if isinstance(problem, Retry) and (problem.after or 0) <= LONGEST_SLEEP:
                raise problem

        self._http.call(
            "POST",
            f"{self.base_url}{path}",
            check=check,
            bucket=path,
            repeatable=effect is not Effect.CREATE,
            headers=headers,
            params=traced,
            json=body,
        )
        problem = found()
        if problem:
            raise problem
        return answer


def _opened(response: requests.Response, where: str, effect: Effect, trace: str) -> dict[str, Any]:
    """The JSON envelope. HTTP status carries no meaning below 500: a proxy speaks then."""
    if response.status_code == 429 or response.status_code >= 500:
        raise Retry(
            f"a server before the gateway answers HTTP {response.status_code} (our thirdTraceId {trace})",
            where=where,
            todo="run again later",
            after=RATE_SECONDS if response.status_code == 429 else None,
            unknown_outcome=effect is Effect.CREATE and response.status_code != 429,
        )
    try:
        answer = json.loads(response.content, parse_float=Decimal)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or not isinstance(answer.get("errorCode"), int):
        raise Halt(
            f"wrong host: the answer is {_looks_like(response)}, not the OpenAPI's JSON "
            f"(our thirdTraceId {trace})",
            where=where,
            todo=f"set cloud to the tenant's own ({', '.join(CLOUDS)}), or base_url to its gateway",
        )
    return answer


def _looks_like(response: requests.Response) -> str:
    """What came instead, in a few words: status, kind, and the title of a page."""
    kind = response.headers.get("content-type", "").partition(";")[0] or "text"
    text = response.content[:2000].decode("utf-8", errors="replace")
    title = re.search(r"<title>\s*(.{1,80}?)\s*</title>", text, re.IGNORECASE | re.DOTALL)
    named = f" titled {title[1]!r}" if title else ""
    return f"HTTP {response.status_code} {kind}{named}"
