"""Who calls: the access token, the corporation and the acting employee, in both of the vendor's styles.

Invariant: one token per application, asked for under a lock that holds across processes; a call
carries its credentials in the body or in headers, never in both; a refused token is renewed once.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.fxiaoke.answers import Answers
from adapters.fxiaoke.faults import refused_credentials
from adapters.fxiaoke.gateway import Gateway
from adapters.fxiaoke.people import by_address_book, by_mobile, by_query
from adapters.fxiaoke.settings import BODY, HEADER, TOKEN_PATHS, given
from connector.adapter import Context
from connector.errors import CreditGateError, Halt, Reauth

# Vendor manual: a token lives 7,200 s; in the last 600 s a new one is given and both work.
RENEWABLE_SECONDS = 600
# A short-lived answer must not turn every call into a call for a token.
SHORTEST_USE_SECONDS = 60
_MOBILE = re.compile(r"\+?\d{8,15}")
_IDS = {BODY: re.compile(r"FSUID_\w+"), HEADER: re.compile(r"\d{1,7}")}

Answer = dict[str, Any]


@dataclass(frozen=True)
class Ticket:
    """An access token with the corporation it is for; asked for anew from ``renew_at`` (UTC) on.

    ``corp`` is sent as it came: a text or a number.
    """

    token: str = field(repr=False)
    corp: str | int
    renew_at: dt.datetime


@dataclass(frozen=True)
class Credentials:
    """What the admin copies from the self-built application."""

    app_id: str
    app_secret: str = field(repr=False)
    permanent_code: str = field(repr=False)


class Login:
    """Credentials turned into what every call must carry.

    ``style`` ``body`` or ``header``; ``user`` is the setting: an employee id of that style, or a mobile
    number. ``Halt`` when the two do not fit.
    """

    def __init__(
        self,
        gateway: Gateway,
        context: Context,
        credentials: Credentials,
        *,
        style: str,
        user: str,
        answers: Answers,
    ) -> None:
        self._gateway = gateway
        self._context = context
        self._answers = answers
        self._credentials = credentials
        self._style = style
        self._setting = _checked_user(style, user)
        # Names in the store change with the credentials: a token of other ones is never taken for ours.
        identity = (gateway.base_url, style, *vars(credentials).values())
        self._token_name = f"fxiaoke-token-{_mark(*identity)}"
        self._user_name = f"fxiaoke-user-{_mark(*identity, user)}"
        self._ticket: Ticket | None = None
        self._user = "" if _MOBILE.fullmatch(user) else user

    @property
    def style(self) -> str:
        """``body`` or ``header``."""
        return self._style

    @property
    def looks_up(self) -> bool:
        """Whether the setting ``user`` is a mobile number, for which an employee has to be found."""
        return _MOBILE.fullmatch(self._setting) is not None

    def carry(self, send: Callable[[Ticket], Answer]) -> Answer:
        """``send`` with a token; when that is refused, once more with a renewed one.

        Raises ``Reauth`` when the second is refused too, or the credentials are.
        """
        ticket = self.ticket()
        try:
            return send(ticket)
        except Reauth:
            return send(self.renew(ticket))

    def dress(self, ticket: Ticket, body: Mapping[str, Any]) -> tuple[Answer, dict[str, str]]:
        """Body and headers of a call by the acting employee."""
        return self._dressed(ticket, body, self.user())

    def _dressed(self, ticket: Ticket, body: Mapping[str, Any], user: str) -> tuple[Answer, dict[str, str]]:
        """All credentials in the one place or all in the other; no ``user`` where none is known yet."""
        if self._style == HEADER:
            headers = {"authorization": f"Bearer {ticket.token}", "x-fs-ea": str(ticket.corp)}
            return dict(body), {**headers, **({"x-fs-userid": user} if user else {})}
        who = {"corpAccessToken": ticket.token, "corpId": ticket.corp}
        return {**body, **who, **({"currentOpenUserId": user} if user else {})}, {}

    def ticket(self) -> Ticket:
        """The current token, shared by all processes; asked for when there is none to use."""
        if self._ticket and self._context.now() < self._ticket.renew_at:
            return self._ticket
        return self._shared(lambda known: self._context.now() < known.renew_at)

    def renew(self, refused: Ticket) -> Ticket:
        """A token other than ``refused``: another process may have it already."""
        return self._shared(lambda known: known.token != refused.token)

    def user(self) -> str:
        """The acting employee's id; a mobile number is looked up once and kept.

        Raises ``Halt`` when not exactly one employee has that number.
        """
        if self._user:
            return self._user
        secrets = self._context.secrets
        with secrets.lock(self._user_name):
            known = secrets.get(self._user_name)
            if known is None:
                known = self._by_mobile()
                secrets.put(self._user_name, known)
        self._user = known
        return known

    def _by_mobile(self) -> str:
        """The one employee with the mobile number, by the ways that may lead there; the first that does
        is remembered. Which of them serve the header style is not documented."""
        ways = {"mobile": by_mobile, "query": by_query, "list": by_address_book}
        if self._style == BODY:
            del ways["query"]  # a query needs an employee id to begin with, and there is none to guess
        chosen = self._answers.known("user_lookup")
        tried: list[Halt] = []
        for name, way in ways.items():
            if chosen in ways and name != chosen:
                continue
            try:
                found = way(self._ask_as, self._setting, given(self._context.settings, "query_user"))
            except Halt as fault:
                tried.append(fault)
                continue
            fitting = [one for one in found if _IDS[self._style].fullmatch(one)]
            if len(fitting) == 1:
                self._answers.keep("user_lookup", name)
                return fitting[0]
            tried.append(Halt(f"{len(fitting)} employees have the mobile number in the setting user"))
        wanted = "FSUID_…" if self._style == BODY else "a number such as 1000"
        raise Halt(
            tried[0].what,
            where=tried[0].where or self._context.connection,
            todo=f"set user to the employee id ({wanted}) of a CRM administrator",
        )

    def _ask_as(self, path: str, body: Mapping[str, Any], user: str) -> Answer:
        """A call before the acting employee is known, as ``user`` or as nobody."""

        def send(ticket: Ticket) -> Answer:
            dressed, headers = self._dressed(ticket, body, user)
            return self._gateway.post(path, dressed, headers=headers, hide=(ticket.token, self._setting))

        return self.carry(send)

    def _shared(self, usable: Callable[[Ticket], bool]) -> Ticket:
        with self._context.secrets.lock(self._token_name):
            known = self._stored()
            if known is None or not usable(known):
                known = self._ask()
            self._ticket = known
            return known

    def _stored(self) -> Ticket | None:
        text = self._context.secrets.get(self._token_name)
        if text is None:
            return None
        kept = json.loads(text)
        return Ticket(kept["token"], kept["corp"], dt.datetime.fromisoformat(kept["renew_at"]))

    def _ask(self) -> Ticket:
        credentials = self._credentials
        body = {
            "appId": credentials.app_id,
            "appSecret": credentials.app_secret,
            "permanentCode": credentials.permanent_code,
        }
        path, names = TOKEN_PATHS[self._style], ("corpAccessToken", "corpId")
        if self._style == HEADER:
            body, names = {**body, "grantType": "app_secret"}, ("accessToken", "ea")
        hide = (credentials.app_secret, credentials.permanent_code)

        def judge(answer: Mapping[str, Any], where: str) -> CreditGateError | None:
            return refused_credentials(answer, where=where, app_id=credentials.app_id, hide=hide)

        answer = self._gateway.post(path, body, judge=judge, hide=hide)
        wanted = (*names, "expiresIn")
        if any(answer.get(name) in (None, "") for name in wanted):
            raise Halt(
                f"the token endpoint's answer lacks one of {', '.join(wanted)}",
                where=f"{self._context.connection}, {path}",
                todo="try the other auth_style",
            )
        corp = answer[names[1]]
        kept = corp if isinstance(corp, int) else str(corp)
        return self._keep(str(answer[names[0]]), kept, int(answer["expiresIn"]))

    def _keep(self, token: str, corp: str | int, seconds: int) -> Ticket:
        now = self._context.now()
        use = max(seconds - RENEWABLE_SECONDS, SHORTEST_USE_SECONDS)
        ticket = Ticket(token, corp, now + dt.timedelta(seconds=use))
        kept = {"token": token, "corp": corp, "renew_at": ticket.renew_at.isoformat()}
        self._context.secrets.put(
            self._token_name, json.dumps(kept), expires_at=now + dt.timedelta(seconds=seconds)
        )
        return ticket


def _mark(*identity: str) -> str:
    return hashlib.sha256("\n".join(identity).encode()).hexdigest()[:16]


def _checked_user(style: str, user: str) -> str:
    if style not in (BODY, HEADER):
        raise Halt(f"auth_style is {style!r}", todo=f"set auth_style to {BODY} or {HEADER}")
    if not _MOBILE.fullmatch(user) and not _IDS[style].fullmatch(user):
        wanted = "FSUID_…" if style == BODY else "the plain one, e.g. 1000"
        raise Halt(
            f"the setting user does not fit auth_style {style}",
            todo=f"set user to the employee id ({wanted}) or mobile number of a CRM administrator",
        )
    return user
