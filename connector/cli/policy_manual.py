"""``creditgate policy manual``: the written system (制度) as a document."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from connector.cli.home import runtime
from connector.cli.output import say

if TYPE_CHECKING:
    from connector.manual.form import Manual


@click.command("manual")
@click.argument("policy", default="active")
@click.option("--language", type=click.Choice(["zh", "en"]), help="[default: the configuration's]")
@click.option("--format", "form", type=click.Choice(["html", "docx"]), default="html", show_default=True)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to this file.  [default: credit-manual-POLICY-VERSION-LANGUAGE.FORMAT, here]",
)
@click.pass_context
def manual(ctx: click.Context, policy: str, language: str | None, form: str, output: Path | None) -> None:
    """Write POLICY as a manual that people read: every rule in words, roles, procedures, versions with
    their approvals, and what changed since the last one.

    POLICY is 'active', a file, or the beginning of a hash ('policy history'). '--output -' prints HTML.
    """
    from connector import manual as written
    from connector.versions.activation import find

    with runtime(ctx) as home:
        found = find(home, policy)
        made = written.manual(home, found, language or home.config.language)
    content = _content(made, form)
    if output == Path("-"):
        click.echo(content, nl=False)
        return
    file = output or Path(f"credit-manual-{found.name}-{found.version}-{made.language}.{form}")
    _write(file, content)
    say(f"{file}: {made.title}")


def _write(file: Path, content: bytes) -> None:
    """The whole file or none; ``Halt`` where it cannot be written."""
    from connector.errors import Halt

    part = file.with_name(f".{file.name}.part")
    try:
        part.write_bytes(content)
        part.replace(file)
    except OSError as fault:
        why = fault.strerror or type(fault).__name__
        raise Halt(
            f"the manual cannot be written ({why})", where=str(file), todo="name another file with --output"
        ) from None
    finally:
        part.unlink(missing_ok=True)


def _content(made: Manual, form: str) -> bytes:
    from connector.manual.docx import docx
    from connector.manual.html import html

    return docx(made) if form == "docx" else html(made).encode()
