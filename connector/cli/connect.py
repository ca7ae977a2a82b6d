"""``creditgate connect``: connections to CRMs, ledgers and agencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say

if TYPE_CHECKING:
    from connector.admin.connect import Kind


KEYS = ("id", "connection", "label", "scopes", "acts_as", "signed", "valid", "created_at", "expires_at")


@click.group("connect", short_help="Add, list, test and remove connections.")
def command() -> None:
    """Connections: CRM orgs, ledgers and agency accounts."""


@command.command("add")
@click.argument("kind")
@click.option("--name", required=True, help="What to call the connection.")
@click.option("--set", "written", multiple=True, metavar="KEY=VALUE", help="A setting; may be repeated.")
@click.option(
    "--test/--no-test", "tested", default=None, help="Try it at once; so it is done when asked for."
)
@click.option(
    "--change", multiple=True, metavar="KEY", help="Choose a setting anew that is chosen once; repeatable."
)
@actor_option
@click.pass_context
def add(
    ctx: click.Context,
    kind: str,
    name: str,
    written: tuple[str, ...],
    tested: bool | None,
    change: tuple[str, ...],
    actor: str,
) -> None:
    """Add a connection of KIND (zoho, fxiaoke, creditsafe, ledger, …), or change its settings.

    Without --set it says where to find the settings, asks for each of them, and tries the connection;
    secrets are not shown while they are typed. A secret given with --set may stay behind in the shell's
    history.
    """
    from connector.admin import connect

    found = connect.kind_of(kind)
    values = connect.pairs(written)
    if written:
        connect.check(found, values)
    with runtime(ctx) as opened:
        if not written:
            guide = found.guide(opened.config.language)
            if guide:
                say(guide)
            values = _ask(found)
        before = {one.name: one.settings for one in opened.connections.all()}.get(name, {})
        stored = connect.add(opened, found, name, values, actor, change)
        for key in change:
            was, now = before.get(key) or "not chosen", stored.settings.get(key) or "not chosen"
            say(f"{key} of {name!r} is {now} now, it was {was}; run 'creditgate assess' and 'push'")
        if tested if tested is not None else not written:
            say(f"connection {name!r} is stored")
            say(opened.adapter(stored).test())
            return
    say(f"connection {name!r} is stored; try it with: creditgate connect test {name}")


def _ask(kind: Kind) -> dict[str, str]:
    from connector.admin.connect import required

    values = {}
    for setting in kind.settings:
        if not setting.asked:
            continue
        default = setting.default if setting.default is not None else None if required(setting) else ""
        say(f"{setting.key}: {setting.help}{'' if required(setting) else ' (may be left empty)'}")
        while True:
            value = click.prompt(
                setting.key,
                default=default,
                hide_input=setting.secret,
                show_default=bool(default) and not setting.secret,
                err=True,
            )
            if not value or not setting.choices or value.strip().lower() in setting.choices:
                break
            say(f"use one of: {' '.join(setting.choices)}")
        values[setting.key] = value
    return values


@command.command("list")
@format_option
@click.pass_context
def listed(ctx: click.Context, form: str) -> None:
    """List the connections; secrets are not shown."""
    with runtime(ctx) as opened:
        rows = [
            {
                "name": found.name,
                "role": found.role,
                "kind": found.kind,
                "settings": dict(found.settings)
                if form == "json"
                else ", ".join(f"{key}={value}" for key, value in found.settings.items()),
            }
            for found in opened.connections.all()
        ]
    emit(rows, ("name", "role", "kind", "settings"), form)


@command.command()
@click.argument("name")
@click.pass_context
def test(ctx: click.Context, name: str) -> None:
    """Prove the credentials of connection NAME with one harmless call."""
    with runtime(ctx) as opened:
        click.echo(opened.adapter(opened.connections.get(name)).test())


@command.command()
@click.argument("name")
@click.option("--with-records", is_flag=True, help="Remove what was read through it as well.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@actor_option
@click.pass_context
def remove(ctx: click.Context, name: str, with_records: bool, yes: bool, actor: str) -> None:
    """Remove connection NAME with its secrets and its plugin's keys."""
    from connector.admin import connect

    with runtime(ctx) as opened:
        opened.connections.get(name)
        if not yes:
            click.confirm(f"remove connection {name}?", abort=True, err=True)
        connect.remove(opened, name, with_records=with_records, actor=actor)
    say(f"connection {name!r} is removed")


@command.command()
@click.argument("name")
@click.option("--label", default="plugin", show_default=True, help="What it is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(["check", "read", "decide"]),
    help="What it may do; may be repeated.  [default: check and read]",
)
@click.option(
    "--days", type=click.IntRange(1, 3650), help="For how many days it is valid.  [default: no end]"
)
@click.option("--acts-as", metavar="WHO", help="As whom it decides where the call names no user of the CRM.")
@click.option("--signed", is_flag=True, help="A key that signs its calls and is never sent.")
@click.option("--grace", type=click.IntRange(0, 720), metavar="HOURS", help="Earlier ones end after so long.")
@click.option("--revoke", is_flag=True, help="End the validity of the earlier keys at once.")
@actor_option
@click.pass_context
def key(
    ctx: click.Context,
    name: str,
    label: str,
    scopes: tuple[str, ...],
    days: int | None,
    acts_as: str | None,
    signed: bool,
    grace: int | None,
    revoke: bool,
    actor: str,
) -> None:
    """Issue an API key for the plugin inside the CRM NAME and print it, this once only.

    Two of a label are valid at once, so that the plugin can be changed over without a gap; then --revoke the
    earlier ones, or give them a --grace when the new one is issued. Of a signed key the id and the secret
    are printed, as ID:SECRET.
    """
    from connector.admin import connect

    wanted = connect.WantedKey(label, scopes or ("check", "read"), days, acts_as, signed, grace)
    with runtime(ctx) as opened:
        issued = connect.issue_key(opened, name, wanted, revoke=revoke, actor=actor)
    click.echo(issued)
    say(
        "enter it in the plugin's settings now; it is kept only as a digest"
        if not signed
        else "enter it in the plugin's settings now; it is not shown again"
    )


@command.command()
@format_option
@click.pass_context
def keys(ctx: click.Context, form: str) -> None:
    """List the API keys of all connections; never the keys themselves."""
    from connector.store.api_keys import ApiKeys

    with runtime(ctx) as opened:
        now = opened.clock()
        rows = [
            {
                "id": one.id,
                "connection": one.connection,
                "label": one.label,
                "scopes": ",".join(one.scopes),
                "acts_as": one.actor,
                "signed": one.signs,
                "valid": one.valid(now),
                "created_at": one.created_at,
                "expires_at": one.expires_at,
            }
            for one in ApiKeys(opened.store, opened.config.cipher()).all()
        ]
    emit(rows, KEYS, form)


@command.command("revoke-key")
@click.argument("number", metavar="ID", type=int)
@actor_option
@click.pass_context
def revoke_key(ctx: click.Context, number: int, actor: str) -> None:
    """End the validity of the API key ID at once."""
    from connector.admin import connect

    with runtime(ctx) as opened:
        ended = connect.revoke_key(opened, number, actor=actor)
    say(f"key {number} of {ended.connection} opens nothing any more")
