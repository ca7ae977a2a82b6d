"""The one way out: a pooled requests session with time-outs, retries, a call budget and a call meter.

Invariant: every call to a vendor goes through ``Http.call``; no call leaves without a place in the
budget, none waits for ever, and no secret reaches an error text (only method, host and path do).
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from connector.adapter import Limits
from connector.errors import Halt, Retry

CONNECT_SECONDS, READ_SECONDS = 5.0, 60.0
ATTEMPTS = 5
FIRST_WAIT, LONGEST_WAIT = 0.5, 900.0


class Budget(Protocol):
    """Calls that may still be made, shared by all processes that use the connection."""

    def take(self, bucket: str, weight: int) -> None:
        """Take ``weight`` from ``bucket``, waiting for room; ``Retry`` when none comes soon."""

    def correct(self, bucket: str, remaining: int) -> None:
        """The vendor says that only ``remaining`` are left in this window."""


class NoBudget:
    """A budget without limits, for tests and files."""

    def take(self, bucket: str, weight: int) -> None:
        """Always room."""

    def correct(self, bucket: str, remaining: int) -> None:
        """Nothing to correct."""


def place(method: str, url: str) -> str:
    """Where a call went, safe for logs: query strings may carry keys and names, so they are cut."""
    parts = urlsplit(url)
    return f"{method} {parts.scheme}://{parts.netloc}{parts.path}"


class Http:
    """A client for one connection.

    ``slots`` calls run at once; ``meter`` counts calls by (method, path) for status and tests.
    Retries: a ``Retry`` raised by ``check`` or by the network is tried again up to five times,
    waiting as long as its ``after`` says, else exponentially with jitter. A write is tried again
    only when ``repeatable``; otherwise a lost answer surfaces as ``Retry(unknown_outcome=True)``.
    """

    def __init__(
        self,
        limits: Limits,
        budget: Budget | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        attempts: int = ATTEMPTS,
        longest_wait: float = LONGEST_WAIT,
    ) -> None:
        self.budget = budget or NoBudget()
        self.meter: Counter[tuple[str, str]] = Counter()
        self._slots = threading.BoundedSemaphore(limits.slots)
        self._sleep = sleep
        self._attempts = attempts
        self._longest_wait = longest_wait
        self._session = requests.Session()
        self._session.trust_env = False
        pool = HTTPAdapter(pool_connections=4, pool_maxsize=limits.slots)
        self._session.mount("https://", pool)
        self._session.mount("http://", pool)

    def call(
        self,
        method: str,
        url: str,
        *,
        check: Callable[[requests.Response], None],
        bucket: str = "calls",
        weight: int = 1,
        repeatable: bool = True,
        headers: Mapping[str, str] | Callable[[], Mapping[str, str]] | None = None,
        params: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None = None,
        json: Any = None,
        body: bytes | None = None,
        form: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> requests.Response:
        """One call. ``check`` looks at the answer and raises ``Retry``, ``Reauth`` or ``Halt``.

        ``headers`` and ``params`` may be functions, asked again at every attempt (a new token, a new
        trace id). Raises what ``check`` raises; ``Retry`` for network faults; ``Halt`` for a bad URL
        or a certificate that does not verify.
        """

        def once() -> requests.Response:
            self.budget.take(bucket, weight)
            with self._slots:
                answer = self._send(
                    method,
                    url,
                    repeatable=repeatable,
                    headers=headers() if callable(headers) else headers,
                    params=params() if callable(params) else params,
                    json=json,
                    data=form if form is not None else body,
                    auth=auth,
                )
            check(answer)
            return answer

        def again(fault: BaseException) -> bool:
            # What takes longer than our longest wait is told, not slept through.
            soon = isinstance(fault, Retry) and (fault.after or 0) <= self._longest_wait
            return soon and isinstance(fault, Retry) and not fault.unknown_outcome

        retrying = Retrying(
            retry=retry_if_exception(again),
            stop=stop_after_attempt(self._attempts),
            wait=self._wait,
            sleep=self._sleep,
            reraise=True,
        )
        result: requests.Response = retrying(once)
        return result

    def _send(self, method: str, url: str, *, repeatable: bool, **request: Any) -> requests.Response:
        where = place(method, url)
        self.meter[method, urlsplit(url).path] += 1
        try:
            return self._session.request(
                method,
                url,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                **request,
            )
        except requests.exceptions.SSLError:
            raise Halt(
                "the server's certificate does not verify", where=where, todo="check the host name"
            ) from None
        except requests.exceptions.ConnectionError as fault:
            # A refused connection never reached the vendor; a broken one may have.
            reached = not _refused(fault)
            raise Retry(
                "the server cannot be reached" if not reached else "the connection broke",
                where=where,
                todo="check that the address is right and the server is up, then run again",
                unknown_outcome=reached and not repeatable,
            ) from None
        except requests.exceptions.Timeout:
            raise Retry(
                f"no answer within {READ_SECONDS:.0f} s",
                where=where,
                todo="run again later",
                unknown_outcome=not repeatable,
            ) from None
        except requests.exceptions.RequestException as fault:
            raise Halt(
                f"the call cannot be made ({type(fault).__name__})",
                where=where,
                todo="check the address in the connection's settings",
            ) from None

    def _wait(self, state: RetryCallState) -> float:
        fault = state.outcome.exception() if state.outcome else None
        if isinstance(fault, Retry) and fault.after is not None:
            return min(fault.after, self._longest_wait)
        full = FIRST_WAIT * 2 ** (state.attempt_number - 1)
        return min(float(full * random.uniform(0.5, 1.0)), self._longest_wait)  # noqa: S311 - jitter


def _refused(fault: requests.exceptions.ConnectionError) -> bool:
    if isinstance(fault, requests.exceptions.ConnectTimeout):
        return True
    text = repr(fault)
    return "NewConnectionError" in text or "NameResolution" in text
