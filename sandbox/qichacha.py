"""The open interface of 企查查 (Qichacha), strict: signature, page size, codes in the body.

Invariant: every answer has status 200; a signature serves only while its second is near the clock. A
fault of this sandbox answers with the vendor's own code.

Source: the vendor's list of status codes; public clients for signature and paths.
"""

from __future__ import annotations

import hashlib
import time
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

APP_KEY, SECRET_KEY = "sandbox-app-key", "sandbox-secret-key"
SKEW_SECONDS = 300
LARGEST_PAGE = 20
CODES = {
    "101": "当前的KEY无效",
    "102": "当前KEY已欠费",
    "103": "当前KEY被暂停使用",
    "104": "接口正在维护",
    "105": "接口已停用",
    "107": "被禁止的IP或者签名错误",
    "109": "请求超过系统限制",
    "110": "当前相同查询连续出错,请等2小时后重试",
    "111": "接口权限未开通",
    "112": "您的账号剩余使用量已不足或已过期",
    "115": "请求身份无效",
    "116": "请求超过每日调用总量",
    "119": "账户异常",
    "120": "请求流量异常,请稍后再试",
    "199": "系统未知错误",
    "202": "查询参数错误",
    "203": "系统查询有异常",
    "205": "等待处理中",
    "207": "请求数据的条目数超过上限(5000)",
    "208": "此接口不支持此公司类型查询",
    "213": "参数长度不能小于2位",
    "214": "您还未购买过该接口",
    "215": "不支持的查询关键字",
}
_CHECKS = {"ShixinCheck": "dishonest", "ZhixingCheck": "enforcement", "SumptuaryCheck": "consumption_limit"}
_EMPTY = (
    "SeriousIllegalCheck EquityFreezeCheck BankruptcyCheck ExceptionCheck AdminPenaltyCheck TaxIllegalCheck "
    "TaxOweNoticeCheck CreditorBreachCheck"
).split()

Clock = Callable[[], float]


def envelope(status: str, message: str, result: Any = None, total: int | None = None) -> dict[str, Any]:
    """An answer as the vendor words it."""
    body: dict[str, Any] = {"Status": status, "Message": message, "OrderNumber": f"QCC{time.time_ns()}"}
    if total is not None:
        body["Paging"] = {"PageSize": LARGEST_PAGE, "PageIndex": 1, "TotalRecords": total}
    return body | {"Result": result}


class _Agency:
    def __init__(self, register: Register, clock: Clock) -> None:
        self._register = register
        self._clock = clock

    def routes(self) -> list[Route]:
        return [
            Route("/FuzzySearch/GetList", self._search),
            Route("/ECIV4/GetBasicDetailsByName", self._entry),
            *(Route(f"/{name}/GetList", self._check) for name in (*_CHECKS, *_EMPTY)),
            Route("/_sandbox/content", self._content),
        ]

    def _stopped(self, request: Request) -> dict[str, Any] | None:
        if request.query_params.get("key") != APP_KEY:
            return envelope("101", CODES["101"])
        stamp, token = request.headers.get("timespan", ""), request.headers.get("token", "")
        right = hashlib.md5(f"{APP_KEY}{stamp}{SECRET_KEY}".encode(), usedforsecurity=False).hexdigest()
        if token != right.upper() or not stamp.isdigit() or abs(int(stamp) - self._clock()) > SKEW_SECONDS:
            return envelope("107", CODES["107"])
        return None

    def _page(self, request: Request) -> tuple[int, int] | None:
        index, size = (request.query_params.get(key, usual) for key, usual in _PAGING)
        if not (index.isdigit() and size.isdigit() and int(index) >= 1 and 1 <= int(size) <= LARGEST_PAGE):
            return None
        return int(index), int(size)

    async def _search(self, request: Request) -> JSONResponse:
        key, page = request.query_params.get("searchKey", ""), self._page(request)
        stopped = self._stopped(request) or _bad(key, page)
        if stopped or page is None:
            return JSONResponse(stopped)
        return JSONResponse(_list([_entry(one) for one in self._register.find(key)], page, check=False))

    async def _entry(self, request: Request) -> JSONResponse:
        key = request.query_params.get("keyword", "")
        if stopped := self._stopped(request) or _bad(key, (1, 1)):
            return JSONResponse(stopped)
        one = self._register.exactly(key)
        return JSONResponse(
            envelope("200", "查询成功", _entry(one)) if one else envelope("201", "查询无结果")
        )

    async def _check(self, request: Request) -> JSONResponse:
        key, page = request.query_params.get("searchKey", ""), self._page(request)
        stopped = self._stopped(request) or _bad(key, page)
        if stopped or page is None:
            return JSONResponse(stopped)
        one = self._register.exactly(key)
        kind = _CHECKS.get(request.url.path.split("/")[1])
        cases = one.of(kind) if one and kind else []
        return JSONResponse(_list([_case(case) for case in cases], page, check=True))

    async def _content(self, _: Request) -> JSONResponse:
        return JSONResponse({"companies": sorted(self._register.by_code)})


_PAGING = (("pageIndex", "1"), ("pageSize", "10"))


def _bad(key: str, page: tuple[int, int] | None) -> dict[str, Any] | None:
    if page is None or not key:
        return envelope("202", CODES["202"])
    return envelope("213", CODES["213"]) if len(key) < 2 else None


def _list(items: list[dict[str, Any]], page: tuple[int, int], *, check: bool) -> dict[str, Any]:
    index, size = page
    shown = items[(index - 1) * size : index * size]
    if not items:
        return envelope("201", "查询无结果") if not check else envelope("200", "查询成功", _verified([]), 0)
    return envelope("200", "查询成功", _verified(shown) if check else shown, len(items))


def _verified(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"VerifyResult": int(bool(items)), "Data": items}


def _entry(one: Registered) -> dict[str, Any]:
    entry = {
        "KeyNo": one.uscc[::-1].lower(),
        "Name": one.company.name,
        "CreditCode": one.uscc,
        "StartDate": one.company.customer_since.isoformat(),
        "Status": one.status,
        "Address": one.address or one.company.city,
    }
    return entry | ({"OperName": one.representative} if one.representative else {})


def _case(case: Case) -> dict[str, Any]:
    body = {
        "Id": case.number,
        "Liandate": case.filed.isoformat(),
        "Anno": case.number,
        "Amount" if case.kind == "dishonest" else "Biaodi": f"{case.fen / 100:.2f}",
        "Executestatus": "全部未履行" if case.kind == "dishonest" else "",
    }
    return body if case.own else body | {"Orgno": NAMESAKE}


def _classify(method: str, path: str) -> CallKind:
    return "read"


def _answering(code: str) -> Callable[[], JSONResponse]:
    return lambda: JSONResponse(envelope(code, CODES[code]))


def app(options: Options, clock: Clock = time.time) -> ASGIApp:
    """The agency over the economy of ``options``; ``clock`` gives seconds since 1970."""
    return build(Register.of(options.world()), options, clock)


def build(register: Register, options: Options, clock: Clock) -> ASGIApp:
    """The agency over ``register``, which may change while it serves."""
    inner = Starlette(routes=_Agency(register, clock).routes())
    dialect = {f"code{code}": _answering(code) for code in CODES}
    return gate(inner, options, sandbox="qichacha", classify=_classify, dialect=dialect)


SANDBOX = Sandbox(
    name="qichacha",
    kind="qichacha",
    settings={"base_url": "{base}", "app_key": APP_KEY, "secret_key": SECRET_KEY},
    app=app,
    default_port=8709,
    faults={f"code{code}": f"answer with status {code}: {text}" for code, text in CODES.items()},
)
