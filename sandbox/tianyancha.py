"""The open interface of 天眼查 (Tianyancha), strict: a bare token, GET only, codes in the body.

Invariant: every answer has status 200. Court records carry masked numbers, some of them a namesake's.

Source: the vendor's list of error codes and its interfaces as public clients use them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.chinese_files import NAMESAKE, Case, Register, Registered
from sandbox.faults import CallKind
from sandbox.server import Options, Sandbox, gate

TOKEN = "sandbox-token"
LARGEST_PAGE = 20
_CODES = {
    "300001": "请求失败",
    "300002": "账号失效",
    "300003": "账号过期",
    "300004": "访问频率过快",
    "300005": "无权限访问此api",
    "300006": "余额不足",
    "300007": "剩余次数不足",
    "300008": "缺少必要参数",
    "300009": "账号信息有误",
    "300010": "URL不存在",
}
_CASES = {
    "jr/dishonest/2.0": "dishonest",
    "jr/zhixinginfo/2.0": "enforcement",
    "jr/consumptionRestriction/2.0": "consumption_limit",
    "jr/bankruptcy/2.0": "bankruptcy",
    "mr/punishmentInfo/3.0": "admin_penalty",
    "mr/illegalinfo/2.0": "serious_illegal",
}


def envelope(code: int, reason: str, result: Any = None) -> dict[str, Any]:
    """An answer as the vendor words it."""
    return {"result": result, "reason": reason, "error_code": code}


_NOTHING = envelope(300000, "无数据")


class _Agency:
    def __init__(self, options: Options) -> None:
        self._register = Register.of(options.world())

    def routes(self) -> list[Route]:
        cases = [Route(f"/services/open/{path}", self._cases, methods=["GET"]) for path in _CASES]
        return [
            Route("/services/open/search/2.0", self._search, methods=["GET"]),
            Route("/services/open/ic/baseinfo/normal", self._entry, methods=["GET"]),
            *cases,
            Route("/_sandbox/content", self._content, methods=["GET"]),
            Route("/services/open/{rest:path}", self._unknown, methods=["GET"]),
        ]

    def _stopped(self, request: Request, key: str) -> dict[str, Any] | None:
        if request.headers.get("authorization") != TOKEN:
            return envelope(300009, _CODES["300009"])
        size = request.query_params.get("pageSize", "20")
        number = request.query_params.get("pageNum", "1")
        if not request.query_params.get(key):
            return envelope(300008, _CODES["300008"])
        if not (size.isdigit() and 1 <= int(size) <= LARGEST_PAGE and number.isdigit() and int(number) >= 1):
            return envelope(300001, _CODES["300001"])
        return None

    async def _search(self, request: Request) -> JSONResponse:
        if stopped := self._stopped(request, "word"):
            return JSONResponse(stopped)
        word = request.query_params["word"]
        return JSONResponse(_list([_entry(one, word) for one in self._register.find(word)], request))

    async def _entry(self, request: Request) -> JSONResponse:
        if stopped := self._stopped(request, "keyword"):
            return JSONResponse(stopped)
        one = self._register.exactly(request.query_params["keyword"])
        return JSONResponse(envelope(0, "ok", _entry(one, "")) if one else _NOTHING)

    async def _cases(self, request: Request) -> JSONResponse:
        if stopped := self._stopped(request, "keyword"):
            return JSONResponse(stopped)
        one = self._register.exactly(request.query_params["keyword"])
        kind = _CASES[request.url.path.removeprefix("/services/open/")]
        return JSONResponse(_list([_case(one, case) for case in one.of(kind)] if one else [], request))

    async def _content(self, _: Request) -> JSONResponse:
        return JSONResponse({"companies": sorted(self._register.by_code)})

    async def _unknown(self, _: Request) -> JSONResponse:
        return JSONResponse(envelope(300010, _CODES["300010"]))


def _list(items: list[dict[str, Any]], request: Request) -> dict[str, Any]:
    if not items:
        return _NOTHING
    size, number = (int(request.query_params.get(key, usual)) for key, usual in _PAGING)
    return envelope(0, "ok", {"total": len(items), "items": items[(number - 1) * size : number * size]})


_PAGING = (("pageSize", "20"), ("pageNum", "1"))


def _entry(one: Registered, word: str) -> dict[str, Any]:
    name = one.company.name
    marked = name.replace(word, f"<em>{word}</em>") if word else name
    return {"id": int(one.uscc[2:8]), "name": marked, "creditCode": one.uscc, "regStatus": one.status}


def _case(one: Registered, case: Case) -> dict[str, Any]:
    organisation = (one.uscc if case.own else NAMESAKE)[8:17]
    masked = f"{organisation[:4]}****{organisation[-1]}"
    filed = int(dt.datetime.combine(case.filed, dt.time(4), dt.UTC).timestamp() * 1000)
    if case.kind == "dishonest":
        return {"casecode": case.number, "iname": one.company.name, "cardnum": masked, "regdate": filed}
    return {
        "caseCode": case.number,
        "pname": one.company.name,
        "partyCardNum": masked,
        "caseCreateTime": filed,
        "execMoney": f"{case.fen / 100:.2f}",
    }


def _classify(method: str, path: str) -> CallKind:
    return "read"


def _answering(code: str) -> Callable[[], JSONResponse]:
    return lambda: JSONResponse(envelope(int(code), _CODES[code]))


def app(options: Options) -> ASGIApp:
    """The agency over the economy of ``options``."""
    inner = Starlette(routes=_Agency(options).routes())
    dialect = {f"code{code}": _answering(code) for code in _CODES}
    return gate(inner, options, sandbox="tianyancha", classify=_classify, dialect=dialect)


SANDBOX = Sandbox(
    name="tianyancha",
    kind="tianyancha",
    settings={"base_url": "{base}", "token": TOKEN},
    app=app,
    default_port=8710,
    faults={f"code{code}": f"answer with error_code {code}: {text}" for code, text in _CODES.items()},
)
