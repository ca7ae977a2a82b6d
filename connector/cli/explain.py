"""``creditgate explain``: the steps from raw value to limit and status, and what would change them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from connector.cli.home import runtime
from connector.cli.output import emit, emit_json, format_option

if TYPE_CHECKING:
    from connector.explain import Order
    from connector.runtime import Runtime

ROW = ("chapter", "rule", "fact", "value", "source", "dated", "age_days", "freshness", "effect", "text")


@click.command("explain", short_help="Show the steps from raw value to limit and status.")
@click.argument("customer")
@click.option(
    "--for", "reader", type=click.Choice(["sales", "audit"]), help="A few sentences, or every detail."
)
@click.option("--order", "amount", metavar="AMOUNT", help="Would an order of this much (major units) pass?")
@click.option("--currency", help="Of the order.  [default: the policy's]")
@click.option("--language", type=click.Choice(["zh", "en"]), help="Else the configured one.")
@format_option
@click.pass_context
def command(
    ctx: click.Context,
    customer: str,
    reader: str | None,
    amount: str | None,
    currency: str | None,
    language: str | None,
    form: str,
) -> int:
    """Show how CUSTOMER (number, connection:account, legal identifier or name) came to its limit and
    status: every value with its source, every rule, every step; and the smallest changes that would lift
    the class or, with --order, let the order pass. Ends with 1 if the order would be held.
    """
    from connector import explain
    from connector.locale import label
    from connector.store import listing

    with runtime(ctx) as opened:
        tongue = language or opened.config.language
        with opened.store.read() as tx:
            number = listing.find(tx, customer)
            name = str(listing.customers(tx, customer_id=number)[0].name)
        kept = explain.latest(opened.store, number)
        asked = _order(opened, number, amount, currency)
        if asked is None:
            ways = explain.lifts(opened.store, kept)
        else:
            ways = [()] if asked.decision != "hold" else explain.opens(opened, kept, asked)
        duties = explain.duties(opened.policy, kept, asked)
    if reader == "sales":
        sentences = explain.for_sales(name, kept, ways, asked, tongue)
        if form == "json":
            emit_json({"customer": number, "sentences": sentences})
        else:
            click.echo("\n".join(sentences))
    elif reader == "audit" or form != "table":
        account = explain.for_audit(kept, ways if asked is None else (), tongue)
        account |= {"responsibility": {step: one.model_dump() for step, one in duties.items()}}
        _audit(account | _asked(asked, ways, tongue), form)
    else:
        click.echo(f"{name} ({number}), assessment {kept.id}")
        told = explain.lines_of(kept, tongue)
        told += _changes(asked, ways, kept.assessment.currency, tongue)
        told += [label("chapter_duties", tongue), *explain.told_duties(duties, tongue)]
        click.echo("\n".join(told))
    return 1 if asked is not None and asked.decision == "hold" else 0


def _order(opened: Runtime, number: int, amount: str | None, currency: str | None) -> Order | None:
    from connector import explain
    from connector.limits.acts import size

    if amount is None:
        return None
    wanted = size("amount", amount, currency or opened.policy.currency)
    return explain.order(opened, number, wanted.amount or 0, wanted.currency)


def _changes(asked: Order | None, ways: Any, currency: str, language: str) -> list[str]:
    """The last chapter: what would have to change."""
    from connector.explain import told_changes
    from connector.locale import label, say
    from connector.money import show

    if asked is not None:
        head = {"amount": show(asked.amount, asked.currency), "decision": asked.decision}
        lines = [say("explain.order", head, language)]
        texts = [one.reason.text for one in asked.found]
        lines += [f"  {text.zh if language == 'zh' else text.en}" for text in texts]
        if asked.decision != "hold":
            return lines
    else:
        lines = []
        if ways == [()]:
            return lines
    lines.append(label("chapter_changes", language))
    told = told_changes(ways, currency, language)
    return lines + [f"  {one}" for one in told or [say("sales.no_help", {}, language)]]


def _asked(asked: Order | None, ways: Any, language: str) -> dict[str, Any]:
    from connector.explain import told_changes
    from connector.money import show

    if asked is None:
        return {}
    currency = asked.needs[0].line.currency if asked.needs else asked.currency
    return {
        "order": {
            "amount": show(asked.amount, asked.currency),
            "decision": asked.decision,
            "reasons": [
                one.reason.model_dump() | {"told": getattr(one.reason.text, language)} for one in asked.found
            ],
            "would_let_it_pass": told_changes(ways, currency, language),
        }
    }


def _audit(account: dict[str, Any], form: str) -> None:
    if form == "json":
        emit_json(account)
        return
    steps = account.pop("steps")
    if form == "csv":
        emit(steps, ROW, form)
        return
    head = [{"field": name, "value": _plain(value)} for name, value in _short(account).items()]
    emit(head, ("field", "value"), form)
    emit(steps, ROW[:-1], form)


def _short(account: dict[str, Any]) -> dict[str, Any]:
    """The account as it fits into cells: of a reason the sentence alone; JSON has all of it."""
    shown = {name: value for name, value in account.items() if name != "facts"}
    shown["reasons"] = [one["text"] for one in account["reasons"]]
    if "order" in account:
        shown["order"] = account["order"] | {
            "reasons": [one["told"] for one in account["order"]["reasons"]],
        }
        del shown["would_lift_the_class"]  # asked is what would let the order pass
    return shown


def _plain(value: Any) -> str | None:
    """A part of the account in one cell."""
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_plain(one)}" for name, one in value.items()) or None
    if isinstance(value, (list, tuple)):
        return "; ".join(str(_plain(one)) for one in value) or None
    return None if value is None else str(value)
