"""Write docs/commands.md: the help of every command, as it is."""

from __future__ import annotations

from pathlib import Path

import click

from connector.cli import COMMANDS, cli

TARGET = Path(__file__).with_name("commands.md")


def text() -> str:
    """The whole reference."""
    parts = ["# Commands\n", "Written by `make docs` from the program's own help.\n"]
    names = ["-h", "--help"]
    root = click.Context(cli, info_name="creditgate", terminal_width=100, help_option_names=names)
    for name in COMMANDS:
        command = cli.get_command(root, name)
        assert command is not None
        parts += _help(command, name, root)
    return "\n".join(parts)


def _help(command: click.Command, name: str, parent: click.Context) -> list[str]:
    context = click.Context(command, info_name=name, parent=parent, terminal_width=100)
    heading = "##" + "#" * (context.command_path.count(" ") - 1)
    parts = [f"{heading} {context.command_path}\n", f"```text\n{command.get_help(context)}\n```\n"]
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            parts += _help(found, child, context)
    return parts


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
