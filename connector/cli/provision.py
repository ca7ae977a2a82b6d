"""``creditgate provision``: the credit fields in a CRM."""

from __future__ import annotations

from pathlib import Path

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say

COLUMNS = ("object", "field", "state", "api_name")


@click.command("provision", short_help="Create the credit fields in a CRM, or list what to create by hand.")
@click.argument("connection")
@click.option("--dry-run", is_flag=True, help="Only compare: create nothing.")
@click.option(
    "--manifest",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the fields to create by hand into FILE, as JSON.",
)
@format_option
@actor_option
@click.pass_context
def command(
    ctx: click.Context, connection: str, dry_run: bool, file: Path | None, form: str, actor: str
) -> int:
    """Make the fields that the mapping writes exist in the CRM called CONNECTION.

    What no API can create is described step by step; exit code 1 says that something remains to be
    done by hand. May be run again at any time.
    """
    import orjson

    from connector.provision import manifest, provision

    with runtime(ctx) as opened:
        wanted = provision(opened, opened.connections.get(connection), dry_run=dry_run, actor=actor)
    rows = [
        {
            "object": item.field.object,
            "field": item.field.spec.name,
            "state": item.field.state.value,
            "api_name": item.field.api_name,
            "by_hand": item.field.by_hand or None,
        }
        for item in wanted
    ]
    emit(rows, COLUMNS if form == "table" else (*COLUMNS, "by_hand"), form)
    left = [item for item in wanted if item.by_hand(dry_run=dry_run)]
    if left:
        say(f"\n{len(left)} of {len(wanted)} fields need a hand in the vendor's console:")
        for text in dict.fromkeys(
            _instruction(i.field.object, i.field.spec.name, i.field.by_hand) for i in left
        ):
            say(f"- {text}")
        say(f"then run: creditgate provision {connection}")
    if file is not None:
        file.write_bytes(orjson.dumps(manifest(left), option=orjson.OPT_INDENT_2))
    return int(bool(left))


def _instruction(object_name: str, name: str, by_hand: str) -> str:
    return by_hand or f"{object_name}: {name} could not be created; see the vendor's console"
