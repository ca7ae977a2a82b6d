"""``creditgate check``: ask what a CRM's plugin would ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from connector.cli.home import runtime
from connector.cli.output import emit, emit_json, format_option

if TYPE_CHECKING:
    from connector.gate.check_model import CheckAnswer, CheckRequest

CHECKPOINTS = ("order_save", "order_change", "approval", "shipment", "invoice")
FIELDS = (
    "decision",
    "order",
    "checkpoint",
    "limit",
    "limit_state",
    "exposure",
    "reserved",
    "available",
    "currency",
    "reservation",
    "as_of",
    "stale",
    "policy_version",
)


@click.command("check", short_help="Check an order as the CRM's plugin would.")
@click.option("--connection", required=True, help="Name of the CRM connection.")
@click.option("--account", required=True, help="The CRM's id of the account that is to pay.")
@click.option("--order", required=True, help="The order's number or id in the CRM.")
@click.option("--amount", required=True, help="Total incl. tax in major units, such as 1250.00.")
@click.option("--currency", required=True, help="ISO 4217 code, such as CNY.")
@click.option("--checkpoint", type=click.Choice(CHECKPOINTS), default="order_save", show_default=True)
@click.option("--revision", help="Version of the order; the same one gets the same answer.")
@click.option("--terms-days", type=click.IntRange(0, 3650), help="Payment terms of the order in days.")
@click.option("--prepaid", is_flag=True, help="The order is paid before delivery.")
@click.option(
    "--language", type=click.Choice(["zh", "en"]), help="Language of the reasons.  [default: as configured]"
)
@format_option
@click.pass_context
def command(ctx: click.Context, /, language: str | None, form: str, **asked: Any) -> int:
    """Check one step of an order, and reserve the credit that it needs. Ends with 1 on a hold."""
    from connector.check import check

    request = _request(asked)
    with runtime(ctx) as home:
        hours = home.config.reservation_hours
        answer = check(home.store, home.policy, home.rates, request, home.now(), reservation_hours=hours)
        _print(answer, language or home.config.language, form)
    return 1 if answer.decision == "hold" else 0


def _request(asked: dict[str, Any]) -> CheckRequest:
    from pydantic import ValidationError

    from connector.gate.check_model import CheckRequest

    try:
        return CheckRequest(**asked)
    except ValidationError as fault:
        first = fault.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "amount"
        raise click.UsageError(f"--{name}: {first['msg'].removeprefix('Value error, ')}") from None


def _print(answer: CheckAnswer, language: str, form: str) -> None:
    if form == "json":
        emit_json(answer.model_dump(mode="json"))
        return
    texts = [str(getattr(reason.text, language)) for reason in answer.reasons]
    row = {name: getattr(answer, name) for name in FIELDS}
    if form == "csv":
        emit([row | {"reasons": "; ".join(texts)}], (*FIELDS, "reasons"), form)
        return
    shown = row | {f"reason {n}": text for n, text in enumerate(texts, start=1)}
    emit([{"field": name, "value": value} for name, value in shown.items()], ("field", "value"), form)
