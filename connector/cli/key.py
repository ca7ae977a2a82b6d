"""``creditgate key``: the encryption keys."""

from __future__ import annotations

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say

COLUMNS = ("place", "fingerprint", "values")


@click.group("key", short_help="Show and change the encryption keys.")
def command() -> None:
    """The keys that the secrets in the store are encrypted with; they are changed without a stop."""


@command.command("show")
@format_option
@click.pass_context
def show(ctx: click.Context, form: str) -> int:
    """List the keys by their fingerprints, and how many stored values are under each; the first encrypts.

    Exit code 1 when values are under a key that is not there any more.
    """
    from connector.admin import key_change

    with runtime(ctx) as opened:
        keys, unreadable = key_change.shown(opened)
    emit([{name: getattr(key, name) for name in COLUMNS} for key in keys], COLUMNS, form)
    if unreadable:
        say(f"{unreadable} values are under none of them: restore the missing key, or enter them again")
    return int(bool(unreadable))


@command.command("rotate")
@actor_option
@click.pass_context
def rotate(ctx: click.Context, actor: str) -> None:
    """Put a new key on top of the key file and all stored values under it.

    Running processes notice the file by themselves. The old key stays in it, until 'creditgate key drop'.
    """
    from connector.admin import key_change

    with runtime(ctx) as opened:
        found = key_change.rotate(opened, actor)
    say(f"{found.moved} values are under the new key; copy the key file to a safe place")
    say("in ten minutes or later, take the old key out with: creditgate key drop")


@command.command("reencrypt")
@click.pass_context
def reencrypt(ctx: click.Context) -> None:
    """Put all stored values under the first key, which was set by hand."""
    from connector.admin import key_change

    with runtime(ctx) as opened:
        found = key_change.reencrypt(opened)
    say(f"{found.moved} values were put under the first key")


@command.command("drop")
@click.option("--now", "at_once", is_flag=True, help="Do not wait: no other process runs on this store.")
@actor_option
@click.pass_context
def drop(ctx: click.Context, at_once: bool, actor: str) -> None:
    """Take the keys out of the key file that nothing uses any more.

    Backups of the store that were made before need them: keep a copy of a key with those.
    """
    from connector.admin import key_change

    with runtime(ctx) as opened:
        gone = key_change.drop(opened, actor, at_once=at_once)
    say(f"taken out: {', '.join(gone) or 'none, there was only one'}")
