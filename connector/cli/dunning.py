"""``creditgate dunning``: letters about overdue invoices (催收)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.limit_options import DAY, day
from connector.cli.output import emit, emit_json, format_option, say

if TYPE_CHECKING:
    from connector.dunning import Draft, Preview
    from connector.dunning.planning import Planned
    from connector.rules.dunning import Item, LeftOut
    from connector.runtime import Runtime

INVOICE = ("invoice", "issued_on", "due_on", "days", "level", "open", "interest", "currency")
DRAFTS = ("customer", "name", "level", "letter", "channel", "language", "to", "pay_by", *INVOICE)
LEFT = ("customer", "name", "invoice", "days", "open", "currency", "level", "why", "until")
LETTERS = (
    "id",
    "customer",
    "name",
    "level",
    "letter",
    "channel",
    "language",
    "to",
    "invoices",
    "state",
    "written_on",
    "sent_on",
    "pay_by",
    "attempts",
    "error",
    "plan",
    "actor",
)
CONTACTS = ("customer", "name", "channel", "language", "to", "actor", "at")
STATES = ("waiting", "sending", "sent", "failed", "doubtful", "withdrawn", "all")


@click.group("dunning", short_help="Preview and send letters about overdue invoices.")
def command() -> None:
    """Letters about overdue invoices, level by level as the policy's `dunning` says."""


@command.command("preview")
@click.option("--customer", help="Only letters to this customer.")
@click.option("--left-out", is_flag=True, help="List overdue invoices that are in no letter today, and why.")
@click.option("--text", is_flag=True, help="Print the letters as they would be sent.")
@format_option
@click.pass_context
def preview(ctx: click.Context, customer: str | None, left_out: bool, text: bool, form: str) -> None:
    """List the letters that 'dunning send' would send today, invoice by invoice. Nothing is sent."""
    from connector import dunning
    from connector.dunning import sending

    with runtime(ctx) as opened:
        owner = _owner(opened, customer)
        sending.tidy(opened)
        seen = dunning.preview(opened, owner)
        if text:
            for draft in seen.drafts:
                click.echo(_printed(opened, draft))
        elif left_out:
            emit([_left(one, some) for one in seen.plans for some in one.left_out], LEFT, form)
        else:
            rows = [_item(draft, one) for draft in seen.drafts for one in draft.notice.items]
            emit(rows, DRAFTS, form)
    _tell(seen, customer)


@command.command("send")
@click.option("--plan", "code", metavar="CODE", help="The plan that 'dunning preview' named.")
@click.option("--unseen", is_flag=True, help="Send today's letters without a preview, for schedules.")
@click.option("--customer", help="Only to this customer; as in the preview.")
@actor_option
@click.pass_context
def send(ctx: click.Context, code: str | None, unseen: bool, customer: str | None, actor: str) -> None:
    """Send the letters of a preview: e-mails at once; those for the post are kept for you to print.

    Killed and run again it goes on, and no letter goes out twice. Exit code 1 if some letters were refused or
    nobody knows whether they arrived.
    """
    from connector import dunning

    if (code is None) != unseen:
        raise click.UsageError("look at 'creditgate dunning preview' and give its --plan, or say --unseen")
    with runtime(ctx) as opened:
        done = dunning.send(opened, code, actor, _owner(opened, customer))
    say(f"{done.written} letters written, {done.to_post} of them to post; {done.sent} e-mails sent")
    for count, what in (
        (len(done.changed), "customers changed since the preview and are planned anew next time"),
        (done.put_off, "e-mails were put off by the mail server: run again later"),
        (done.withdrawn, "e-mails of an earlier day had not gone out and were withdrawn"),
        (done.failed, "e-mails were refused: correct the contact, then 'creditgate dunning withdraw'"),
        (done.doubtful, "e-mails may have gone out: 'creditgate dunning confirm' or 'withdraw' them"),
    ):
        if count:
            say(f"{count} {what}")
    ctx.exit(1 if done.failed or done.doubtful else 0)


@command.command("list")
@click.option("--customer", help="Only letters to this customer.")
@click.option("--state", type=click.Choice(STATES), default="all", show_default=True)
@format_option
@click.pass_context
def list_(ctx: click.Context, customer: str | None, state: str, form: str) -> None:
    """List letters, the newest first. Names of natural persons and addresses are masked."""
    from connector.dunning import contacts
    from connector.privacy.consent import masked
    from connector.store import dunning

    with runtime(ctx) as opened:
        cipher, owner = opened.config.cipher(), _owner(opened, customer)
        with opened.store.read() as tx:
            found = dunning.listed(tx, states=[] if state == "all" else [state], customer_id=owner)
        rows = [
            dict(row._mapping)
            | {
                "customer": row.customer_id,
                "name": masked(row.name, row.is_person),
                "to": contacts.masked(contacts.opened(row.address, cipher)),
            }
            for row in found
        ]
    emit(rows, LETTERS, form)


@command.command("letter")
@click.argument("number", metavar="ID", type=int)
@click.option("--html", is_flag=True, help="As an HTML page to print.")
@click.option("--json", "as_json", is_flag=True, help="With the invoices it is about, as JSON.")
@click.pass_context
def letter(ctx: click.Context, number: int, html: bool, as_json: bool) -> None:
    """Print letter ID as it was, or is to be, sent."""
    from connector.dunning import contacts, writing
    from connector.errors import Halt
    from connector.money import to_major
    from connector.store import dunning

    with runtime(ctx) as opened:
        cipher = opened.config.cipher()
        with opened.store.read() as tx:
            row = dunning.letter(tx, number)
            about = dunning.steps(tx, number)
        if row is None:
            raise Halt(f"there is no letter {number}", todo="see 'creditgate dunning list --state all'")
        found = writing.Letter(contacts.opened(row.subject, cipher), contacts.opened(row.body, cipher))
    if as_json:
        steps = [
            {
                "invoice": one.number or one.invoice,
                "level": one.level,
                "days": one.days,
                "open": to_major(one.amount, one.currency),
                "interest": to_major(one.interest, one.currency),
                "currency": one.currency,
                "sent_on": one.sent_on,
                "ended": one.ended or None,
            }
            for one in about
        ]
        emit_json({"id": number, "state": row.state, **found._asdict(), "invoices": steps})
    else:
        click.echo(writing.page(row.language, found) if html else f"{found.subject}\n\n{found.text}")


@command.command("confirm")
@click.argument("numbers", metavar="ID…", type=int, nargs=-1, required=True)
@click.option("--on", "on", type=DAY, help="The day on which they went out.  [default: today]")
@actor_option
@click.pass_context
def confirm(ctx: click.Context, numbers: tuple[int, ...], on: dt.datetime | None, actor: str) -> None:
    """Say that letters went out: you posted them, or a doubtful e-mail arrived. Their levels count then."""
    from connector import dunning

    with runtime(ctx) as opened:
        done = dunning.confirm(opened, numbers, actor, day(on))
    say(f"{done} letters went out; 'creditgate assess' applies it")


@command.command("withdraw")
@click.argument("numbers", metavar="ID…", type=int, nargs=-1, required=True)
@click.option("--reason", required=True, help="Why they do not count. It is kept.")
@actor_option
@click.pass_context
def withdraw(ctx: click.Context, numbers: tuple[int, ...], reason: str, actor: str) -> None:
    """Take back letters that did not go out; their levels are planned anew."""
    from connector import dunning

    with runtime(ctx) as opened:
        done = dunning.withdraw(opened, numbers, reason, actor)
    say(f"{done} letters are withdrawn")


@command.group("contact", short_help="Say where a customer's letters go.")
def contact() -> None:
    """Where letters go. Without a contact they go by post, in the language of the customer's country."""


@contact.command("set")
@click.argument("customer")
@click.option("--email", help="The address.  [default: by post]")
@click.option("--language", type=click.Choice(["zh", "en"]), help="[default: that of the country]")
@actor_option
@click.pass_context
def set_(ctx: click.Context, customer: str, email: str | None, language: str | None, actor: str) -> None:
    """Say where the letters to CUSTOMER go. The address is kept encrypted."""
    from connector.dunning import contacts

    with runtime(ctx) as opened:
        owner = _owner(opened, customer) or 0
        contacts.record(opened, owner, email=email, language=language, actor=actor)
    say(f"letters to customer {owner} go by {'e-mail' if email else 'post'}")


@contact.command("remove")
@click.argument("customer")
@actor_option
@click.pass_context
def remove(ctx: click.Context, customer: str, actor: str) -> None:
    """Forget where the letters to CUSTOMER go: they go by post from now on."""
    from connector.dunning import contacts

    with runtime(ctx) as opened:
        contacts.remove(opened, _owner(opened, customer) or 0, actor)
    say("removed")


@contact.command("list")
@format_option
@click.pass_context
def contact_list(ctx: click.Context, form: str) -> None:
    """List contacts; addresses are masked."""
    from connector.dunning import contacts
    from connector.privacy.consent import masked
    from connector.store import dunning

    with runtime(ctx) as opened:
        cipher = opened.config.cipher()
        with opened.store.read() as tx:
            found = dunning.contacts(tx)
        rows = [
            dict(row._mapping)
            | {
                "customer": number,
                "name": masked(row.name, row.is_person),
                "to": contacts.masked(contacts.opened(row.address, cipher)),
            }
            for number, row in found.items()
        ]
    emit(rows, CONTACTS, form)


def _owner(opened: Runtime, customer: str | None) -> int | None:
    from connector.store import listing

    if customer is None:
        return None
    with opened.store.read() as tx:
        return listing.find(tx, customer)


def _tell(seen: Preview, customer: str | None) -> None:
    if not seen.code:
        say(f"no letters on {seen.day}; 'creditgate dunning preview --left-out' says why")
        return
    only = f" --customer {customer}" if customer else ""
    say(f"{len(seen.drafts)} letters; send them with: creditgate dunning send --plan {seen.code}{only}")


def _item(draft: Draft, one: Item) -> dict[str, Any]:
    from connector.dunning import contacts
    from connector.money import to_major
    from connector.privacy.consent import masked

    return {
        "customer": draft.customer_id,
        "name": masked(draft.name, draft.is_person),
        "letter": draft.notice.letter,
        "channel": draft.contact.channel,
        "language": draft.contact.language,
        "to": contacts.masked(draft.contact.address),
        "pay_by": draft.notice.pay_by,
        "invoice": one.number or one.invoice_id,
        "issued_on": one.issued_on,
        "due_on": one.due_on,
        "days": one.days,
        "level": one.level,
        "open": to_major(one.open, one.currency),
        "interest": to_major(one.interest, one.currency),
        "currency": one.currency,
    }


def _left(owner: Planned, one: LeftOut) -> dict[str, Any]:
    from connector.money import to_major
    from connector.privacy.consent import masked

    return {
        "customer": owner.customer_id,
        "name": masked(owner.name, owner.is_person),
        "invoice": one.number or one.invoice_id,
        "days": one.days,
        "open": to_major(one.open, one.currency),
        "currency": one.currency,
        "level": one.level,
        "why": one.why,
        "until": one.until,
    }


def _printed(opened: Runtime, draft: Draft) -> str:
    from connector.dunning import sending
    from connector.errors import Halt

    head = opened.config.letterhead
    if head is None:
        raise Halt(
            "nobody is named whom the letters come from",
            where="configuration",
            todo="write [letterhead] with name, account and contact",
        )
    made = sending.text(opened, draft, head)
    return f"{'─' * 20} customer {draft.customer_id}\n{made.subject}\n\n{made.text}"
