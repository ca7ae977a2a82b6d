"""What all sandboxes share: the gate before the vendor's paths, and the CRM's side doors."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.doors import OrderForm, canonical, crm_doors
from sandbox.faults import CallKind, parse_fault
from sandbox.server import Options, gate
from tests.sandbox_server import running

AS_OF = dt.datetime(2026, 6, 30, tzinfo=dt.UTC)


class Shop:
    """A tenant with one account and one vendor path; remembers what was carried out."""

    def __init__(self) -> None:
        self.orders: list[tuple[str, OrderForm]] = []
        self.written = 0

    def allot_number(self, form: OrderForm) -> str:
        if form.account_id != "A1":
            raise ValueError(f"there is no account {form.account_id}")
        return form.number or f"SO-{len(self.orders) + 1}"

    def save_order(self, form: OrderForm, number: str) -> str:
        self.orders.append((number, form))
        return f"id-{number}"

    def content(self) -> dict[str, list[dict[str, Any]]]:
        return canonical({"Orders": [{"number": number} for number, _ in self.orders]}, {})

    def console_fields(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"created": [field["name"] for field in body["fields"]]}

    async def _write(self, request: Request) -> JSONResponse:
        self.written += 1
        return JSONResponse({"written": self.written})


def classify(method: str, path: str) -> CallKind:
    if path == "/token":
        return "token"
    return "write" if method == "POST" else "read"


Serve = Callable[..., tuple[str, Shop]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a shop with the given options; everything stops with the test."""
    with ExitStack() as stack:

        def start(**options: Any) -> tuple[str, Shop]:
            shop = Shop()
            path = Route("/{rest:path}", shop._write, methods=["GET", "POST"])
            inner = Starlette(routes=[*crm_doors(shop), path])
            given = Options(as_of=AS_OF, **options)
            dialect = {"busy": lambda: JSONResponse({"code": 30004})}
            outer = gate(inner, given, sandbox="zoho", classify=classify, dialect=dialect)
            return stack.enter_context(running(outer)), shop

        yield start


def call(method: str, url: str, **kwargs: Any) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, timeout=kwargs.pop("timeout", 10), **kwargs)


def test_vendor_calls_are_counted_by_kind_and_side_doors_are_not(serve: Serve) -> None:
    base, _ = serve()
    for method, path in (("POST", "/token"), ("GET", "/a"), ("GET", "/b"), ("POST", "/c")):
        call(method, base + path)
    call("GET", f"{base}/_sandbox/content")
    assert call("GET", f"{base}/_sandbox/calls").json() == {"read": 2, "write": 1, "token": 1}


def test_latency_holds_up_vendor_calls_only(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("sandbox.server.pause", wait)
    base, shop = serve(latency_ms=400)
    call("GET", f"{base}/_sandbox/content")
    call("GET", f"{base}/_sandbox/calls")
    assert waits == []
    call("GET", f"{base}/a")
    assert waits == [0.4]
    assert shop.written == 1


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_status_fault_answers_in_place_of_the_vendor(serve: Serve, status: int) -> None:
    base, shop = serve(faults={str(status): 1.0})
    assert call("POST", f"{base}/a").status_code == status
    assert shop.written == 0
    assert call("GET", f"{base}/_sandbox/content").status_code == 200


def test_html_comes_with_status_200_as_from_a_proxy(serve: Serve) -> None:
    base, _ = serve(faults={"html": 1.0})
    answer = call("GET", f"{base}/a")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


def test_a_dialect_fault_speaks_the_vendors_words(serve: Serve) -> None:
    base, _ = serve(faults={"busy": 1.0})
    assert call("GET", f"{base}/a").json() == {"code": 30004}


def test_a_dropped_call_is_not_carried_out_and_a_lost_one_is(serve: Serve) -> None:
    base, shop = serve(faults={"drop": 1.0})
    with pytest.raises(requests.ConnectionError):
        call("POST", f"{base}/a")
    assert shop.written == 0
    base, shop = serve(faults={"lost": 1.0})
    with pytest.raises(requests.ConnectionError):
        call("POST", f"{base}/a")
    assert shop.written == 1


def test_a_hanging_call_gives_no_answer(serve: Serve) -> None:
    base, shop = serve(faults={"hang": 1.0})
    with pytest.raises(requests.Timeout):
        call("GET", f"{base}/a", timeout=0.3)
    assert shop.written == 0


def test_a_fault_may_be_narrowed_to_a_sandbox_and_a_kind_of_call(serve: Serve) -> None:
    base, _ = serve(faults={"write.500": 1.0, "fxiaoke.429": 1.0, "zoho.token.503": 1.0})
    statuses = [call(*c).status_code for c in (("GET", base), ("POST", base), ("POST", f"{base}/token"))]
    assert statuses == [200, 500, 503]


def test_which_calls_a_fault_hits_depends_on_the_seed_alone(serve: Serve) -> None:
    def hits(seed: int) -> list[int]:
        base, _ = serve(seed=seed, faults={"500": 0.4})
        return [call("GET", f"{base}/a").status_code for _ in range(40)]

    first = hits(1)
    assert set(first) == {200, 500}
    assert first == hits(1)
    assert first != hits(2)


@pytest.mark.parametrize("name", ["5oo", "writes.500", "zoho.nothing"])
def test_an_unknown_fault_is_refused_when_the_sandbox_is_made(name: str) -> None:
    with pytest.raises(ValueError, match="fault"):
        gate(Starlette(), Options(faults={name: 1.0}), sandbox="zoho", classify=classify)


def test_a_fault_is_typed_as_name_and_rate() -> None:
    assert parse_fault("429") == ("429", 1.0)
    assert parse_fault("write.drop=0.25") == ("write.drop", 0.25)
    for text in ("", "500=2", "500=often", "=0.5"):
        with pytest.raises(ValueError, match="rate from 0 to 1"):
            parse_fault(text)


def test_options_settle_one_day_for_all_sandboxes() -> None:
    options = Options(accounts=10)
    assert options.as_of is not None
    assert options.as_of.tzinfo is not None
    assert options.world() is options.world()


class Check:
    """A credit check service that answers as it is told and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Any = {"decision": "pass", "reasons": []}
        self.status = 200
        self.asked: list[tuple[str, Any]] = []

    async def endpoint(self, request: Request) -> JSONResponse:
        self.asked.append((request.headers["authorization"], await request.json()))
        return JSONResponse(self.answer, status_code=self.status)


@pytest.fixture
def check() -> Iterator[tuple[str, Check]]:
    service = Check()
    with running(Starlette(routes=[Route("/v1/checks", service.endpoint, methods=["POST"])])) as base:
        yield base, service


def place(base: str, **form: Any) -> requests.Response:
    body = {"account_id": "A1", "amount": "1200.50", "currency": "CNY", **form}
    return call("POST", f"{base}/_sandbox/orders", json=body)


def install(base: str, url: str, on_failure: str = "refuse") -> None:
    body = {"url": url, "key": "key-1", "connection": "crm", "on_failure": on_failure}
    assert call("POST", f"{base}/_sandbox/plugin", json=body).status_code == 200


def test_without_a_plugin_an_order_is_saved(serve: Serve) -> None:
    base, shop = serve()
    answer = place(base).json()
    assert answer == {"saved": True, "id": "id-SO-1", "number": "SO-1", "message": "", "check": None}
    assert shop.orders == [("SO-1", OrderForm("A1", Decimal("1200.50"), "CNY", None))]
    assert call("GET", f"{base}/_sandbox/content").json() == {"Orders": [{"number": "SO-1"}]}


def test_the_plugin_is_asked_with_the_number_before_the_order_is_saved(
    serve: Serve, check: tuple[str, Check]
) -> None:
    base, shop = serve()
    url, service = check
    install(base, f"{url}/")
    assert place(base, number="N-7").json()["saved"] is True
    assert shop.orders[0][0] == "N-7"
    assert service.asked == [
        (
            "Bearer key-1",
            {
                "connection": "crm",
                "account": "A1",
                "order": "N-7",
                "amount": "1200.50",
                "currency": "CNY",
                "checkpoint": "order_save",
            },
        )
    ]


def test_a_held_order_is_not_saved_and_the_rep_reads_every_reason(
    serve: Serve, check: tuple[str, Check]
) -> None:
    base, shop = serve()
    url, service = check
    install(base, url)
    reasons = [
        {"code": "over_limit", "text": {"zh": "超出额度", "en": "over the limit"}},
        {"code": "overdue", "text": {"zh": "有逾期", "en": "overdue invoices"}},
    ]
    service.answer = {"decision": "hold", "reasons": reasons}
    answer = place(base).json()
    assert (answer["saved"], answer["id"], answer["check"]) == (False, None, service.answer)
    assert answer["message"] == "超出额度 over the limit\n有逾期 overdue invoices"
    assert shop.orders == []
    service.answer = {"decision": "warn", "reasons": reasons[:1]}
    warned = place(base).json()
    assert warned["saved"] is True
    assert warned["message"] == "超出额度 over the limit"


@pytest.mark.parametrize(("on_failure", "saved"), [("allow", True), ("refuse", False)])
@pytest.mark.parametrize("failure", ["no server", "bad key", "no decision"])
def test_when_the_check_cannot_be_had_the_setting_decides(
    serve: Serve, check: tuple[str, Check], failure: str, on_failure: str, saved: bool
) -> None:
    base, shop = serve()
    url, service = check
    service.status = 401 if failure == "bad key" else 200
    service.answer = {"decision": "hold"} if failure == "bad key" else ["?"]
    install(base, "http://127.0.0.1:9" if failure == "no server" else url, on_failure)
    answer = place(base).json()
    assert answer["saved"] is saved
    assert answer["check"] is None
    assert answer["message"]
    assert len(shop.orders) == int(saved)


@pytest.mark.parametrize(
    ("door", "body"),
    [
        ("orders", {"account_id": "A2", "amount": "1", "currency": "CNY"}),
        ("orders", {"account_id": "A1", "amount": "much", "currency": "CNY"}),
        ("orders", {"account_id": "A1", "amount": 1.5, "currency": "CNY"}),
        ("orders", ["A1"]),
        ("plugin", {"url": "http://x", "key": "k", "connection": "c", "on_failure": "shrug"}),
    ],
)
def test_a_wrong_form_is_refused_in_words(serve: Serve, door: str, body: Any) -> None:
    base, shop = serve()
    answer = call("POST", f"{base}/_sandbox/{door}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert shop.orders == []


def test_content_is_the_same_whatever_the_order_of_rows_and_fields() -> None:
    one = [{"id": "9", "n": Decimal("1.50"), "on": dt.date(2026, 1, 2), "own": {"b": 1, "a": 2}}]
    one.append({"id": "8", "n": Decimal(0), "on": None, "own": {}})
    two = [dict(reversed(row.items())) for row in reversed(one)]
    two[0] |= {"id": "7"}
    drop = {"Orders": ("id",), "*": ("changed",)}
    first = canonical({"Orders": [row | {"changed": 1} for row in one]}, drop)
    assert first == canonical({"Orders": two}, drop)
    assert {"n": "1.50", "on": "2026-01-02", "own": {"a": 2, "b": 1}} in first["Orders"]
