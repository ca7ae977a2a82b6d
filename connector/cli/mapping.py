"""``creditgate mapping``: which vendor field feeds which of ours, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from connector.cli.actor import actor_option
from connector.cli.home import configuration, runtime
from connector.cli.output import emit, format_option, say

FIELDS = ("direction", "part", "object", "field", "vendor_field", "notes")


@click.group("mapping", short_help="Check, show, suggest and change mappings.")
def command() -> None:
    """Mappings: YAML files that tie the fields of a CRM or file to CreditGate's."""


@command.command()
@click.argument("files", metavar="[FILE|CONNECTION]...", nargs=-1)
@format_option
@click.pass_context
def check(ctx: click.Context, files: tuple[str, ...], form: str) -> int:
    """Check mapping files, by default all of the home folder; exit code 2 when one is wrong.

    The mapping of a CONNECTION is compared with its tenant as well: with its objects, fields and options.
    """
    from connector.errors import Halt
    from connector.mapping.form import load

    rows = []
    for given in files or _all(ctx):
        path = Path(given)
        if isinstance(given, str) and path.suffix not in (".yaml", ".yml") and not path.is_file():
            rows += _against_tenant(ctx, given)
            continue
        row: dict[str, Any] = {"file": str(path), "state": "ok", "problem": None}
        try:
            load(path)
        except Halt as fault:
            row |= {"state": "wrong", "problem": str(fault)}
        rows.append(row)
    emit(rows, ("file", "state", "problem"), form)
    return 2 if any(row["state"] == "wrong" for row in rows) else 0


def _against_tenant(ctx: click.Context, name: str) -> list[dict[str, Any]]:
    from connector.admin.mapfile import file_of
    from connector.admin.suggest import suggest
    from connector.mapping.form import load
    from connector.yamlfile import read

    with runtime(ctx) as opened:
        connection = opened.connections.get(name)
        _, file = file_of(opened, connection)
        load(file)
        found = suggest(opened.crm(connection), read(file))
    rows: list[dict[str, Any]] = []
    for one in found:
        if one.confidence == 1:
            continue
        state = "wrong" if one.needed else "differs"
        hint = f": try {one.proposed}" if one.changes else ""
        rows.append({"file": str(file), "state": state, "problem": f"{one.place}: {one.why}{hint}"})
    return rows or [{"file": str(file), "state": "ok", "problem": None}]


@command.command("suggest")
@click.argument("connection")
@click.option("--write", "written", is_flag=True, help="Take over what is sure enough.")
@click.option(
    "--from",
    "least",
    type=click.FloatRange(0.0, 1.0),
    default=0.8,
    show_default=True,
    help="How sure a proposal must be to be written.",
)
@click.option("--all", "everything", is_flag=True, help="Show what fits already, too.")
@actor_option
@format_option
@click.pass_context
def suggest_(
    ctx: click.Context, connection: str, written: bool, least: float, everything: bool, actor: str, form: str
) -> int:
    """Propose a mapping for CONNECTION from what its tenant calls objects, fields and options.

    Writes nothing without --write; then the connection gets a mapping file of its own, made from that of its
    kind. Exit code 1 when something is left that a person has to say, with 'creditgate mapping set'.
    """
    from connector.admin import mapfile
    from connector.admin.suggest import suggest
    from connector.yamlfile import read

    with runtime(ctx) as opened:
        one = opened.connections.get(connection)
        _, file = mapfile.file_of(opened, one)
        crm = opened.crm(one)
        found = suggest(crm, read(file))
        taken = [each for each in found if each.changes and each.confidence >= least]
        if written and taken:
            changes = [mapfile.parse(f"{each.place}={each.proposed}") for each in taken]
            say(f"{len(changes)} changes written to {mapfile.change(opened, one, changes, crm, actor)}")
    rows = [
        {
            "place": each.place,
            "now": each.now or None,
            "proposed": each.proposed or None,
            "confidence": f"{each.confidence:.2f}",
            "why": each.why,
        }
        for each in found
        if everything or each.confidence < 1
    ]
    emit(rows, ("place", "now", "proposed", "confidence", "why"), form)
    left = [each for each in found if each.needed and (each.open or each.confidence < least)]
    for each in left:
        say(f"say what {each.place} is: creditgate mapping set {connection} '{each.place}=…'")
    return 1 if left else 0


@command.command("set")
@click.argument("connection")
@click.argument("changes", metavar="CHANGE...", nargs=-1, required=True)
@click.option("--offline", is_flag=True, help="Do not ask the tenant whether the fields are there.")
@actor_option
@click.pass_context
def set_(ctx: click.Context, connection: str, changes: tuple[str, ...], offline: bool, actor: str) -> None:
    """Change the mapping of CONNECTION, in a file of its own that keeps the comments of its kind's.

    A CHANGE is STREAM.FIELD=VENDOR_FIELD (empty: the field is left out), STREAM.FIELD:LABEL=VALUE for the
    meaning of an option, or STREAM.object=OBJECT.
    """
    from connector.admin import mapfile

    parsed = [mapfile.parse(text) for text in changes]
    with runtime(ctx) as opened:
        one = opened.connections.get(connection)
        crm = None if offline or one.role != "crm" else opened.crm(one)
        file = mapfile.change(opened, one, parsed, crm, actor)
    say(f"{len(parsed)} changes written to {file}; 'creditgate rejects retry' reads what was set aside")


def _all(ctx: click.Context) -> list[Path]:
    from connector.errors import Halt

    config = configuration(ctx)
    folder = config.path(config.mappings)
    found = sorted(folder.glob("*.yaml"))
    if not found:
        raise Halt("there are no mappings", where=str(folder), todo="run 'creditgate init'")
    return found


@command.command()
@click.argument("name")
@format_option
@click.pass_context
def show(ctx: click.Context, name: str, form: str) -> None:
    """Show the mapping NAME (a file of the mappings folder, or a connection) field by field.

    For a connection the fields that are written carry the names that they really have in the CRM.
    """
    from connector.mapping.form import load
    from connector.yamlfile import read

    with runtime(ctx) as opened:
        folder = opened.config.path(opened.config.mappings)
        file, real = folder / f"{name}.yaml", {}
        connection = next((one for one in opened.connections.all() if one.name == name), None)
        if connection is not None:
            file = file if file.is_file() else folder / f"{connection.kind}.yaml"
            real = {target: opened.connections.names(connection, target) for target in ("account", "visit")}
        load(file)
    emit(list(_fields(read(file), real)), FIELDS, form)


def _fields(content: Any, real: Mapping[str, Mapping[str, str]]) -> Iterator[dict[str, Any]]:
    for direction in ("read", "write"):
        for part, node in (content.get(direction) or {}).items():
            for name, written in node["fields"].items():
                options = dict(written) if isinstance(written, Mapping) else {"field": written}
                vendor = str(options.pop("field"))
                if direction == "write":
                    vendor = real.get(part, {}).get(name, vendor)
                yield {
                    "direction": direction,
                    "part": part,
                    "object": node["object"],
                    "field": name,
                    "vendor_field": vendor,
                    "notes": "; ".join(_note(key, value) for key, value in options.items()) or None,
                }


def _note(key: str, value: Any) -> str:
    if key in ("values", "options"):
        return f"{key}: {', '.join(str(one) for one in value)}"
    if key == "label":
        return f"label: {value.get('en') or next(iter(value.values()), '')}"
    return key if value is True else f"{key}: {value}"
