"""The application: order checks, credit standing, events, health.

Invariant: stateless but for the policy in memory; what is decided is in the store before it is answered.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path
from fastapi.security import HTTPBearer

from connector.api import holds, hooks, metrics, problems
from connector.api.keys import Keys, Meter, Scoped, Signatures
from connector.api.problems import Catch, Limit, Problem, Refused, documented
from connector.api.rules import Rules
from connector.check import check
from connector.gate.check_model import CheckAnswer, CheckRequest, CreditAnswer
from connector.gate.standing import credit, version_of
from connector.runtime import Runtime
from connector.store import parties
from connector.store.api_keys import CHECK, READ, ApiKey
from connector.store.parties import Party
from connector.store.schema import require_current

PREFIX = "customer-"
DESCRIPTION = """
What the plugins inside the CRMs ask before an order is saved, approved, shipped or invoiced.

Amounts are decimal text in major units (`"125000.00"`); what is unknown is `null`. Every request below
`/v1/` carries the API key of a connection and is answered for that connection alone, but for the events
that a CRM sends to `/v1/hooks/`, which carry the vendor's own proof. A key is sent as
`Authorization: Bearer KEY`; one that signs is never sent: the call carries
`Authorization: CreditGate-HMAC-SHA256 key=ID, time=SECONDS, nonce=TEXT, signature=HEX` instead, an HMAC over
method, path with query, time, nonce and SHA-256 of the body, one a line. Errors are problem documents
(RFC 9457). If the service cannot be reached, the plugin does what its admin set for
that step: allow, hold or review.
"""
Checker = Annotated[ApiKey, Depends(Scoped(CHECK))]
Reader = Annotated[ApiKey, Depends(Scoped(READ))]
# For the documentation; the key itself is checked before the request gets here.
_SCHEME = Depends(HTTPBearer(auto_error=False, description="The API key of a connection."))


def create_app(runtime: Runtime) -> FastAPI:
    """The application on an opened home folder. Raises ``Halt`` if policy or rates cannot be used."""
    rules = Rules(runtime)
    app = FastAPI(
        title="CreditGate check service",
        version="1",
        description=DESCRIPTION,
        docs_url=None,  # these pages would load scripts from elsewhere
        redoc_url=None,
    )
    # From the inside out: what is asked of a request first stands last.
    app.add_middleware(Meter, runtime=runtime)
    app.add_middleware(Signatures, runtime=runtime)
    app.add_middleware(Limit)
    app.add_middleware(Keys, runtime=runtime)
    app.add_middleware(Catch)
    problems.install(app)
    app.state.metrics = metrics.Metrics(runtime)
    _health(app, runtime, rules)
    metrics.add_route(app, app.state.metrics)
    _credit(app, runtime, rules, app.state.metrics)
    holds.add_routes(app, runtime, rules)
    app.state.rules = rules
    app.state.hooks = hooks.Hooks(runtime)
    hooks.add_route(app, app.state.hooks)
    _describe(app)
    return app


def _credit(app: FastAPI, runtime: Runtime, rules: Rules, counted: metrics.Metrics) -> None:
    @app.post(
        "/v1/checks",
        tags=["credit"],
        summary="Check one step of an order",
        dependencies=[_SCHEME],
        responses=documented(401, 403, 413, 422, 429, 500, 503),
    )
    def checks(request: CheckRequest, key: Checker) -> CheckAnswer:
        """Decides pass, warn or hold, and reserves the credit that the order needs until it arrives.

        The same order and revision get the same answer. A later version of an order takes or gives
        back only the difference; less is always fine. An invoice is never held: its goods are out.
        """
        if request.connection != key.connection:
            raise Refused(403, "this API key belongs to another connection")
        hours = runtime.config.reservation_hours
        with counted.check() as ended:
            policy, rates = rules.current()
            answer = check(runtime.store, policy, rates, request, runtime.now(), reservation_hours=hours)
            ended(answer.decision)
        return answer

    @app.get(
        "/v1/customers/{ref}/credit",
        tags=["credit"],
        summary="How a customer stands",
        dependencies=[_SCHEME],
        responses=documented(401, 403, 404, 422, 429, 500, 503),
    )
    def standing(
        ref: Annotated[
            str,
            Path(
                max_length=200,
                description="The CRM's id of an account on the key's connection, or `customer-` and a "
                "customer's id.",
                examples=["5725767000000411001", "customer-12"],
            ),
        ],
        key: Reader,
    ) -> CreditAnswer:
        """Limit, exposure, reserved and available credit, status and its reasons; reserves nothing."""
        policy, rates = rules.current()
        with runtime.store.read() as tx:
            return credit(tx, policy, rates, _party(tx, ref, key), runtime.now())


def _party(tx: Any, ref: str, key: ApiKey) -> Party:
    found = parties.of_account(tx, key.connection_id, ref)
    number = ref.removeprefix(PREFIX)
    if found is None and number != ref and number.isascii() and number.isdigit() and len(number) < 19:
        found = parties.of_customer(tx, int(number))
        if found is not None and not parties.stands_on(tx, found.customer_id, key.connection_id):
            raise Refused(403, "this customer has no account on the connection of this API key")
    if found is None:
        raise Refused(404, "there is no such account or customer")
    return found


def _health(app: FastAPI, runtime: Runtime, rules: Rules) -> None:
    @app.get("/healthz", tags=["health"], summary="The process answers")
    def healthz() -> dict[str, str]:
        """Says that the process is alive, and nothing about what it stands on."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["health"], summary="Checks can be decided", responses=documented(503))
    def readyz() -> dict[str, str]:
        """The store answers, its schema fits, and there is a policy."""
        require_current(runtime.store)
        return {"status": "ready", "policy": version_of(rules.current()[0])}


def _describe(app: FastAPI) -> None:
    """OpenAPI with our problem documents in place of the framework's own errors."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        schema = made()
        parts = schema.setdefault("components", {}).setdefault("schemas", {})
        own = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        parts |= own.pop("$defs", {}) | {"Problem": own}
        for name in ("HTTPValidationError", "ValidationError"):
            parts.pop(name, None)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
