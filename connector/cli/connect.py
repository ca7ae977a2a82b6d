"""``creditgate connect``: connections to CRMs, ledgers and agencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say

if TYPE_CHECKING:
    from connector.connect import Kind


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
    from connector import connect

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
    from connector.connect import required

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
    from connector import connect

    with runtime(ctx) as opened:
        opened.connections.get(name)
        if not yes:
            click.confirm(f"remove connection {name}?", abort=True, err=True)
        connect.remove(opened, name, with_records=with_records, actor=actor)
    say(f"connection {name!r} is removed")


@command.command()
@click.argument("name")
@click.option("--revoke", is_flag=True, help="End the validity of the earlier keys at once.")
@actor_option
@click.pass_context
def key(ctx: click.Context, name: str, revoke: bool, actor: str) -> None:
    """Issue an API key for the plugin inside the CRM NAME and print it, this once only.

    Earlier keys stay valid, so that the plugin can be changed over without a gap; then --revoke them.
    """
    from connector import connect

    with runtime(ctx) as opened:
        issued = connect.issue_key(opened, name, revoke=revoke, actor=actor)
    click.echo(issued)
    say("enter it in the plugin's settings now; it is kept only as a digest")
