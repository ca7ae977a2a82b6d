"""The one way out: a pooled requests session with time-outs, retries, a call budget and a call meter.

Invariant: every call to a vendor goes through ``Http.call``; no call leaves without a place in the
budget, none waits for ever, none goes to a host that is not the vendor's, no redirect is followed, and no
secret reaches an error text (only method, host and path do).
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from connector import logs
from connector.adapter import Limits
from connector.errors import Halt, Retry
from connector.secrets.hosts import Hosts

CONNECT_SECONDS, READ_SECONDS = 5.0, 60.0
ATTEMPTS = 5
FIRST_WAIT, LONGEST_WAIT = 0.5, 900.0
# How long all calls of a connection pause when the vendor takes no more: doubled from the first.
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 900.0
CHUNK = 65_536
# A place in the budget is good for so many seconds: a call that leaves later meets other calls' places.
PLACE_SECONDS = 0.25

REDIRECTS = frozenset({301, 302, 303, 307, 308})
log = logs.logger("http")

_URGENT: ContextVar[bool] = ContextVar("urgent", default=False)


@contextmanager
def urgent() -> Iterator[None]:
    """Calls made in here may use the reserve of the budget: for what a person waits for (checks,
    holds, locks). It holds for this thread only."""
    token = _URGENT.set(True)
    try:
        yield
    finally:
        _URGENT.reset(token)


def is_urgent() -> bool:
    """Whether the caller is inside ``urgent``."""
    return _URGENT.get()


class Budget(Protocol):
    """Calls that may still be made, shared by all processes that use the connection."""

    def take(self, bucket: str, weight: int) -> None:
        """Take ``weight`` from ``bucket``, waiting for room; ``Retry`` when none comes soon."""

    def correct(self, bucket: str, remaining: int) -> None:
        """The vendor says that only ``remaining`` are left in this window."""


class Places(Protocol):
    """How many calls of a connection are under way at once, over all processes."""

    def hold(self, *, heavy: bool) -> AbstractContextManager[None]:
        """Have a place for a call as long as the block lasts; waits for one."""


class NoBudget:
    """A budget without limits, for tests and files."""

    def take(self, bucket: str, weight: int) -> None:
        """Always room."""

    def correct(self, bucket: str, remaining: int) -> None:
        """Nothing to correct."""


def place(method: str, url: str, *, path: bool = True) -> str:
    """Where a call went, safe for errors: query strings may carry keys and names, so they are cut; so is the
    ``path`` where it is a secret, as in the address of a webhook."""
    parts = urlsplit(url)
    return f"{method} {parts.scheme}://{parts.netloc}{parts.path if path else ''}"


class _Pause:
    """The pause that all calls of a connection keep together once the vendor takes no more.

    Invariant: of calls that were under way at the same time only the first to be refused lengthens the
    pause; each refusal after it doubles the next one, and an answer that is none ends the doubling.
    """

    def __init__(self, sleep: Callable[[float], None], longest: float) -> None:
        self._sleep = sleep
        self._longest = longest
        self._lock = threading.Lock()
        self._number = 0
        self._streak = 0
        self._until = 0.0

    def keep(self) -> int:
        """Wait out the pause that is on; the number of pauses so far."""
        while True:
            with self._lock:
                number, left = self._number, self._until - time.monotonic()
            if left <= 0:
                return number
            self._sleep(left)
            with self._lock:
                if self._number == number:
                    self._until = 0.0
                    return number

    def refused(self, seen: int, after: float | None) -> float:
        """A call that left after ``seen`` pauses was refused: how long all of them wait, seconds."""
        with self._lock:
            if seen != self._number:
                return max(0.0, self._until - time.monotonic())
            wait = after
            if wait is None:
                jitter = random.uniform(1.0, 1.25)  # noqa: S311 - spreads the processes
                wait = min(FIRST_PAUSE * 2**self._streak * jitter, LONGEST_PAUSE)
            self._streak = min(self._streak + 1, 6)
            if wait <= self._longest:
                self._number += 1
                self._until = time.monotonic() + wait
            return wait

    def answered(self) -> None:
        """The vendor takes calls again."""
        if self._streak:
            with self._lock:
                self._streak = 0


class Http:
    """A client for one connection.

    ``slots`` calls run at once, of them at most so many ``heavy`` ones as the limits say, and with ``places``
    so many over all processes; ``meter``
    counts calls by (method, path) for status and tests. A ``Retry`` that is ``busy`` makes all calls
    of the connection pause together: as long as its ``after`` says, else 30 s, doubling up to 15 min.
    Retries: a ``Retry`` raised by ``check`` or by the network is tried again up to five times,
    waiting as long as its ``after`` says, else exponentially with jitter. A write is tried again
    only when ``repeatable``; otherwise a lost answer surfaces as ``Retry(unknown_outcome=True)``.
    ``hosts`` says where calls may go, ``None`` anywhere; ``ca_bundle`` is a PEM file of certificates to trust
    in place of the usual ones. Nothing turns their verification off. ``secret_paths``: no error names one.
    """

    def __init__(
        self,
        limits: Limits,
        budget: Budget | None = None,
        *,
        places: Places | None = None,
        sleep: Callable[[float], None] = time.sleep,
        attempts: int = ATTEMPTS,
        longest_wait: float = LONGEST_WAIT,
        hosts: Hosts | None = None,
        ca_bundle: str | None = None,
        connection: str = "",
        secret_paths: bool = False,
    ) -> None:
        self._secret_paths = secret_paths
        self.ca_bundle = ca_bundle
        self._hosts = hosts
        self._connection = connection
        self.budget = budget or NoBudget()
        self._places = places
        self.meter: Counter[tuple[str, str]] = Counter()
        self._slots = threading.BoundedSemaphore(limits.slots)
        self._heavy = threading.BoundedSemaphore(min(limits.heavy or limits.slots, limits.slots))
        self._sleep = sleep
        self._pause = _Pause(sleep, longest_wait)
        self._attempts = attempts
        self._longest_wait = longest_wait
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = ca_bundle or True
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
        heavy: bool = False,
        sink: IO[bytes] | None = None,
    ) -> requests.Response:
        """One call. ``check`` looks at the answer and raises ``Retry``, ``Reauth`` or ``Halt``.

        What ``check`` lets pass is written to ``sink``, if there is one, piece by piece.

        ``headers`` and ``params`` may be functions, asked again at every attempt (a new token, a new
        trace id). Raises what ``check`` raises; ``Retry`` for network faults; ``Halt`` for a bad URL, a
        host that is not the vendor's, a redirect, or a certificate that does not verify.
        """
        if self._hosts is not None:
            self._hosts.require(url)

        def once() -> requests.Response:
            self.budget.take(bucket, weight)
            taken = time.monotonic()
            with self._heavy if heavy else nullcontext(), self._slots:
                pauses = self._pause.keep()
                with self._hold(heavy=heavy):
                    if time.monotonic() - taken > PLACE_SECONDS:
                        self.budget.take(bucket, weight)
                    answer = self._send(
                        method,
                        url,
                        repeatable=repeatable,
                        headers=headers() if callable(headers) else headers,
                        params=params() if callable(params) else params,
                        json=json,
                        data=form if form is not None else body,
                        auth=auth,
                        stream=sink is not None,
                    )
                    self._judge(answer, check, pauses)
                    if sink is not None:
                        _pour(answer, sink, self._place(method, url))
            return answer

        def again(fault: BaseException) -> bool:
            # What takes longer than our longest wait is told, not slept through.
            soon = isinstance(fault, Retry) and (fault.after or 0) <= self._longest_wait
            return soon and isinstance(fault, Retry) and not fault.unknown_outcome

        retrying = Retrying(
            retry=retry_if_exception(again),
            stop=stop_after_attempt(self._attempts),
            wait=self._wait,
            sleep=lambda seconds: self._sleep(seconds) if seconds else None,
            reraise=True,
        )
        result: requests.Response = retrying(once)
        return result

    def _hold(self, *, heavy: bool) -> AbstractContextManager[None]:
        return self._places.hold(heavy=heavy) if self._places is not None else nullcontext()

    def rest(self, seconds: float) -> None:
        """Wait on the clock, between two looks at what the vendor is still working on."""
        self._sleep(seconds)

    def _judge(
        self, answer: requests.Response, check: Callable[[requests.Response], None], pauses: int
    ) -> None:
        try:
            if answer.status_code in REDIRECTS:
                raise Halt(
                    "the answer sends the call on to another address, which is not followed",
                    where=self._place(answer.request.method or "", answer.url),
                    todo="set the address itself in the connection",
                )
            check(answer)
        except Retry as fault:
            if fault.busy:
                fault.after = self._pause.refused(pauses, fault.after)
            raise
        self._pause.answered()

    def _place(self, method: str, url: str) -> str:
        return place(method, url, path=not self._secret_paths)

    def _send(self, method: str, url: str, *, repeatable: bool, **request: Any) -> requests.Response:
        where = self._place(method, url)
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
        except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError) as fault:
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
        wait = self._seconds(fault, state)
        if fault is not None:
            told = logs.told(fault)
            log.info(
                "call_tried_again",
                connection=self._connection,
                attempt=state.attempt_number,
                wait=wait,
                **told,
            )
        return wait

    def _seconds(self, fault: BaseException | None, state: RetryCallState) -> float:
        if isinstance(fault, Retry) and fault.busy:
            return 0.0  # the pause is kept before the next attempt, together with all other calls
        if isinstance(fault, Retry) and fault.after is not None:
            return min(fault.after, self._longest_wait)
        full = FIRST_WAIT * 2 ** (state.attempt_number - 1)
        return min(float(full * random.uniform(0.5, 1.0)), self._longest_wait)  # noqa: S311 - jitter


def _pour(answer: requests.Response, sink: IO[bytes], where: str) -> None:
    """Write an answer to ``sink`` from its beginning; ``Retry`` when it breaks off."""
    sink.seek(0)
    sink.truncate()
    try:
        for piece in answer.iter_content(CHUNK):
            sink.write(piece)
    except requests.exceptions.RequestException:
        raise Retry("the download broke off", where=where, todo="run again later") from None
    finally:
        answer.close()


def _refused(fault: requests.exceptions.RequestException) -> bool:
    if isinstance(fault, requests.exceptions.ConnectTimeout):
        return True
    text = repr(fault)
    return "NewConnectionError" in text or "NameResolution" in text
