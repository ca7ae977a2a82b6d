"""``creditgate provision``: the credit fields in a CRM."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector.cli.actor import actor_option
from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say

if TYPE_CHECKING:
    from connector.adapter import Prepared
    from connector.admin.provision import Wanted

COLUMNS = ("object", "field", "state", "api_name")
MORE = (*COLUMNS, "call", "by_hand")
SERVES = ("present", "created")


@click.command("provision", short_help="Create the credit fields in a CRM, or list what to create by hand.")
@click.argument("connection")
@click.option("--dry-run", is_flag=True, help="Only compare: create nothing.")
@click.option(
    "--manifest",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the fields to create by hand into FILE, as JSON.",
)
@click.option(
    "--metadata",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write them into FOLDER as files for the vendor's deployment tool, where there is one.",
)
@format_option
@actor_option
@click.pass_context
def command(
    ctx: click.Context,
    connection: str,
    dry_run: bool,
    file: Path | None,
    folder: Path | None,
    form: str,
    actor: str,
) -> int:
    """Make the fields that the mapping writes exist in the CRM called CONNECTION.

    They are gathered in a section of the page, and orders on hold are locked, where the vendor's API
    allows it. What no API can create is described step by step; exit code 1 says that a field remains to
    be created by hand. With --dry-run the whole plan is shown. May be run again at any time.
    """
    import orjson

    from connector.admin.provision import manifest, provision

    with runtime(ctx) as opened:
        plan = provision(opened, opened.connections.get(connection), dry_run=dry_run, actor=actor)
    wanted = plan.fields
    emit([*_field_rows(wanted), *_prepared_rows(plan.prepared)], COLUMNS if form == "table" else MORE, form)
    if dry_run:
        for text in _calls(wanted):
            say(text)
    for piece in plan.prepared:
        if piece.detail:
            say(f"{piece.object} {piece.what}: {piece.detail}")
    for advice in _advice(wanted):
        say(advice)
    left = [item for item in wanted if item.by_hand(dry_run=dry_run)]
    if left:
        say(f"\n{len(left)} of {len(wanted)} fields need a hand in the vendor's console:")
        for text in dict.fromkeys(
            _instruction(i.field.object, i.field.spec.name, i.field.by_hand) for i in left
        ):
            say(f"- {text}")
        say(f"then run: creditgate provision {connection}")
    undone = [piece for piece in plan.prepared if piece.by_hand]
    if undone:
        say("\nWorth doing in the vendor's console:")
        for piece in undone:
            say(f"- {piece.by_hand}")
    if file is not None:
        file.write_bytes(orjson.dumps(manifest(left), option=orjson.OPT_INDENT_2))
    if folder is not None:
        for path, content in plan.files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(content, encoding="utf-8")
        say(f"{len(plan.files)} files for the vendor's deployment tool in {folder}")
    return int(bool(left))


def _field_rows(wanted: list[Wanted]) -> list[dict[str, Any]]:
    return [
        {
            "object": item.field.object,
            "field": item.field.spec.name,
            "state": item.field.state.value,
            "api_name": item.field.api_name,
            "call": item.field.call,
            "by_hand": item.field.by_hand or None,
        }
        for item in wanted
    ]


def _prepared_rows(prepared: list[Prepared]) -> list[dict[str, Any]]:
    return [
        {
            "object": piece.object,
            "field": f"({piece.what})",
            "state": piece.state.value,
            "api_name": None,
            "call": None,
            "by_hand": piece.by_hand or None,
        }
        for piece in prepared
    ]


def _calls(wanted: list[Wanted]) -> list[str]:
    """Which call would create which fields."""
    calls: dict[tuple[str, int], list[str]] = {}
    for item in wanted:
        if item.field.call is not None:
            calls.setdefault((item.field.object, item.field.call), []).append(item.field.spec.label)
    return [
        f"{name}, call {number} would create: {', '.join(labels)}" for (name, number), labels in calls.items()
    ]


def _advice(wanted: list[Wanted]) -> list[str]:
    """What would make a field that serves serve better."""
    return [item.field.by_hand for item in wanted if item.field.by_hand and item.field.state.value in SERVES]


def _instruction(object_name: str, name: str, by_hand: str) -> str:
    return by_hand or f"{object_name}: {name} could not be created; see the vendor's console"
