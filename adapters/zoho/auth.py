"""Access tokens for Zoho CRM: one for all processes of a connection, kept with its API domain.

Invariant: a token is fetched under one lock, after a second look under that lock, so that a crowd of
workers costs one call. The token endpoint reports errors with status 200: only an ``access_token`` in
the body is success. A throttle answer is remembered, and nothing is asked before it has passed. No
token or secret reaches an error text.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import requests

from connector.adapter import Context
from connector.errors import Halt, Reauth, Retry


class DataCenter(NamedTuple):
    """Hosts of one data centre."""

    accounts: str
    api: str


DATA_CENTERS = {
    "us": DataCenter("https://accounts.zoho.com", "https://www.zohoapis.com"),
    "eu": DataCenter("https://accounts.zoho.eu", "https://www.zohoapis.eu"),
    "in": DataCenter("https://accounts.zoho.in", "https://www.zohoapis.in"),
    "cn": DataCenter("https://accounts.zoho.com.cn", "https://www.zohoapis.com.cn"),
    "jp": DataCenter("https://accounts.zoho.jp", "https://www.zohoapis.jp"),
    "au": DataCenter("https://accounts.zoho.com.au", "https://www.zohoapis.com.au"),
    "ca": DataCenter("https://accounts.zohocloud.ca", "https://www.zohoapis.ca"),
    "sa": DataCenter("https://accounts.zoho.sa", "https://www.zohoapis.sa"),
}
# Both hosts of every data centre, and what lies below their domains, such as sandbox.zohoapis.com.
DOMAINS = tuple(
    host.removeprefix(prefix)
    for center in DATA_CENTERS.values()
    for prefix, host in (("https://", center.accounts), ("https://www.", center.api))
)
ENVIRONMENTS = ("production", "sandbox", "developer")

# A token is dropped a minute before its hour ends, so that it does not die on the way.
MARGIN = dt.timedelta(seconds=60)
# Ten tokens in ten minutes (vendor manual: Token Validity); asking earlier prolongs the lock-out.
THROTTLE = dt.timedelta(minutes=10)


@dataclass(frozen=True)
class Access:
    """An access token, the base address that takes it, and its scopes, separated by commas or blanks
    (empty: Zoho did not say)."""

    token: str = field(repr=False)
    api_domain: str
    scope: str = ""


class Login:
    """Gives access, from the shared store of secrets while it lasts, else from the accounts host."""

    def __init__(self, context: Context) -> None:
        """Checks the settings; raises ``Halt`` naming the one that is wrong or missing."""
        self._context = context
        settings = context.settings
        self._data_center = settings.get("data_center", "").strip().lower()
        self._environment = settings.get("environment", "").strip().lower() or "production"
        self._accounts = settings.get("accounts_url", "").strip().rstrip("/")
        self._check_settings()
        self._accounts = self._accounts or DATA_CENTERS[self._data_center].accounts
        # Names in the store change with the credentials: what was kept for others is never taken.
        given = [settings.get(key, "") for key in ("client_id", "client_secret")]
        grant = settings.get("refresh_token") or settings.get("code", "")
        identity = "\n".join((self._accounts, self._environment, *given, grant))
        self._mark = hashlib.sha256(identity.encode()).hexdigest()[:16]

    @property
    def where(self) -> str:
        """Connection, accounts host and data centre, for errors."""
        host = urlsplit(self._accounts).netloc
        center = f", data_center {self._data_center}" if self._data_center else ""
        return f"{self._context.connection} (accounts host {host}{center})"

    def access(self) -> Access:
        """A token that should still be valid.

        Raises ``Reauth`` when the accounts host refuses the credentials, ``Retry`` when it throttles
        or cannot be reached, ``Halt`` when it is no accounts host.
        """
        return self._kept() or self._fetch_once(None)

    def renew(self, stale: Access) -> Access:
        """A token other than ``stale``, which was refused; raises as ``access`` does."""
        return self._fetch_once(stale)

    def _check_settings(self) -> None:
        where, settings = self._context.connection, self._context.settings
        if self._data_center and self._data_center not in DATA_CENTERS:
            raise Halt(
                f"there is no data centre {self._data_center!r}",
                where=f"{where}, data_center",
                todo=f"use one of: {' '.join(DATA_CENTERS)}",
            )
        if not self._data_center and not self._accounts:
            raise Halt(
                "the data centre is not set",
                where=f"{where}, data_center",
                todo=f"set data_center to one of: {' '.join(DATA_CENTERS)}; or set accounts_url",
            )
        if self._environment not in ENVIRONMENTS:
            raise Halt(
                f"there is no environment {self._environment!r}",
                where=f"{where}, environment",
                todo=f"use one of: {' '.join(ENVIRONMENTS)}",
            )
        for key in ("client_id", "client_secret"):
            if not settings.get(key):
                raise Halt(
                    f"{key} is not set",
                    where=f"{where}, {key}",
                    todo="take it from the self client in Zoho's API console",
                )
        if not settings.get("refresh_token") and not settings.get("code"):
            raise Halt(
                "neither refresh_token nor code is set",
                where=f"{where}, refresh_token",
                todo="generate a code in the self client and set code, or set refresh_token",
            )

    def _name(self, kind: str) -> str:
        return f"zoho-{kind}-{self._mark}"

    def _kept(self) -> Access | None:
        text = self._context.secrets.get(self._name("access"))
        if not text:
            return None
        kept = json.loads(text)
        return Access(kept["token"], kept["api_domain"], kept.get("scope", ""))

    def _fetch_once(self, stale: Access | None) -> Access:
        with self._context.secrets.lock(self._name("access")):
            kept = self._kept()
            if kept is not None and kept != stale:
                return kept
            return self._fetch()

    def _fetch(self) -> Access:
        secrets, settings = self._context.secrets, self._context.settings
        self._heed_throttle()
        refresh_token = settings.get("refresh_token") or secrets.get(self._name("refresh"))
        if refresh_token:
            body = self._ask({"grant_type": "refresh_token", "refresh_token": refresh_token})
        else:
            # A code is good for one exchange only: a lost answer must not send it again.
            body = self._ask({"grant_type": "authorization_code", "code": settings["code"]}, repeatable=False)
            if not body.get("refresh_token"):
                raise Halt(
                    "Zoho gave no refresh token for the code",
                    where=self.where,
                    todo="generate a new code in a self client (a server client needs "
                    "access_type=offline) and set code again",
                )
            secrets.put(self._name("refresh"), str(body["refresh_token"]))
        access = Access(str(body["access_token"]), self._api_domain(body), _scope(body))
        secrets.put(
            self._name("access"),
            json.dumps({"token": access.token, "api_domain": access.api_domain, "scope": access.scope}),
            self._context.now() + _lifetime(body) - MARGIN,
        )
        return access

    def _ask(self, grant: Mapping[str, str], *, repeatable: bool = True) -> dict[str, Any]:
        """The body of a successful answer of the token endpoint."""
        settings = self._context.settings
        answer = self._context.http.call(
            "POST",
            f"{self._accounts}/oauth/v2/token",
            check=self._check,
            bucket="token",
            repeatable=repeatable,
            form={
                "client_id": settings["client_id"],
                "client_secret": settings["client_secret"],
                **grant,
            },
        )
        body = _object(answer)
        if body.get("access_token"):
            return body
        # Refusals are judged out here, past the retries of ``call``: they must not be repeated.
        raise self._refusal(answer.status_code, body)

    def _check(self, answer: requests.Response) -> None:
        if answer.status_code >= 500:
            raise Retry(
                f"Zoho's accounts host answered {answer.status_code}",
                where=self.where,
                todo="run again later",
            )

    def _refusal(self, status: int, body: Mapping[str, Any]) -> Exception:
        error = _word(body.get("error"))
        told = f"{error} {body.get('error_description', '')}".lower()
        if status == 429 or "access denied" in told or "too many requests" in told:
            until = self._context.now() + THROTTLE
            self._context.secrets.put(self._name("throttle"), until.isoformat(), until)
            return self._throttled(THROTTLE)
        if not error:
            return Halt(
                f"this is no Zoho accounts host (status {status}, no access token)",
                where=self.where,
                todo="check data_center or accounts_url",
            )
        return Reauth(
            f"Zoho refuses the credentials: {error}", where=self.where, todo=_REFUSALS.get(error, _OTHER)
        )

    def _heed_throttle(self) -> None:
        text = self._context.secrets.get(self._name("throttle"))
        if text:
            left = dt.datetime.fromisoformat(text) - self._context.now()
            if left > dt.timedelta(0):
                raise self._throttled(left)

    def _throttled(self, left: dt.timedelta) -> Retry:
        return Retry(
            "Zoho gives no new access tokens for now: too many were asked for",
            where=self.where,
            todo="wait ten minutes; if it comes back, look for another program that uses the same "
            "refresh token",
            after=left.total_seconds(),
        )

    def _api_domain(self, body: Mapping[str, Any]) -> str:
        domain = str(body.get("api_domain") or "").rstrip("/")
        if not domain:
            if not self._data_center:
                raise Halt(
                    "the accounts host names no API domain",
                    where=self.where,
                    todo="set data_center as well",
                )
            domain = DATA_CENTERS[self._data_center].api
        if self._environment != "production":
            domain = domain.replace("://www.", f"://{self._environment}.", 1)
        return domain


_OTHER = "check client_id, client_secret, refresh_token and data_center, then 'connect test'"
_REFUSALS = {
    "invalid_code": "the refresh token is revoked or of another data centre, or the code is spent "
    "(it lives 3 minutes): generate a new one in the self client",
    "invalid_client": "check client_id and that data_center is the one where the client was made",
    "invalid_client_secret": "check client_secret; it differs between data centres",
}


def _lifetime(body: Mapping[str, Any]) -> dt.timedelta:
    """How long the token lives. Where ``expires_in_sec`` is given, ``expires_in`` is milliseconds."""
    return dt.timedelta(seconds=int(body.get("expires_in_sec") or body.get("expires_in") or 3600))


def _scope(body: Mapping[str, Any]) -> str:
    scope = body.get("scope") or ""
    return " ".join(scope) if isinstance(scope, list) else str(scope)


def _object(answer: requests.Response) -> dict[str, Any]:
    try:
        body = json.loads(answer.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _word(value: Any) -> str:
    """The vendor's error word; anything else is dropped, since it might repeat what was sent."""
    text = str(value or "")
    return text if re.fullmatch(r"[A-Za-z_ ]{1,40}", text) else ("unknown error" if text else "")
