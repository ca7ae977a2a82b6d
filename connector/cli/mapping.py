"""``creditgate mapping``: which vendor field feeds which of ours, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from connector.cli.home import configuration, runtime
from connector.cli.output import emit, format_option

FIELDS = ("direction", "part", "object", "field", "vendor_field", "notes")


@click.group("mapping", short_help="Check and show mappings.")
def command() -> None:
    """Mappings: YAML files that tie the fields of a CRM or file to CreditGate's."""


@command.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(dir_okay=False, path_type=Path))
@format_option
@click.pass_context
def check(ctx: click.Context, files: tuple[Path, ...], form: str) -> int:
    """Check mapping files, by default all of the home folder; exit code 2 when one is wrong."""
    from connector.errors import Halt
    from connector.mapping import load

    rows = []
    for file in files or _all(ctx):
        row: dict[str, Any] = {"file": str(file), "state": "ok", "problem": None}
        try:
            load(file)
        except Halt as fault:
            row |= {"state": "wrong", "problem": str(fault)}
        rows.append(row)
    emit(rows, ("file", "state", "problem"), form)
    return 2 if any(row["problem"] for row in rows) else 0


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
    from connector.mapping import load
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
