"""``creditgate plugin``: what is installed inside the CRMs."""

from __future__ import annotations

from pathlib import Path

import click

from connector.cli.home import runtime
from connector.cli.output import emit, format_option, say


@click.group("plugin", short_help="Pack what an admin installs inside a CRM.")
def command() -> None:
    """Plugins inside the CRMs: the credit panel, and the check when an order is saved."""


@command.command()
@click.argument("crm")
@click.option(
    "--out",
    "folder",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the plugin's files into this folder.",
)
@click.option(
    "--gate", "gate_url", help="Address under which the CRM reaches the service.  [default: public_url]"
)
@click.option(
    "--on-failure",
    multiple=True,
    metavar="[STEP=]allow|hold|review",
    help="What becomes of an order when the service gives no answer in time, at one step or at all; may be "
    "repeated.  [default: gate_unreachable]",
)
@click.option("--seconds", type=float, default=4.0, show_default=True, help="How long to wait for an answer.")
@click.option("--set", "written", multiple=True, metavar="KEY=VALUE", help="A setting of this CRM's plugin.")
@format_option
@click.pass_context
def pack(
    ctx: click.Context,
    crm: str,
    folder: Path,
    gate_url: str | None,
    on_failure: tuple[str, ...],
    seconds: float,
    written: tuple[str, ...],
    form: str,
) -> None:
    """Pack the plugin of CRM, the name of a connection or a kind (zoho, fxiaoke), and say how to install it.

    STEP is order_save, order_change, approval, shipment or invoice. No key is packed: the admin enters it
    inside the CRM. The same settings give the same files, byte for byte.
    """
    from connector.admin import plugin

    with runtime(ctx) as opened:
        packed = plugin.pack(
            opened, crm, gate_url=gate_url, on_failure=on_failure, seconds=seconds, written=written
        )
    paths = plugin.write(packed, folder)
    emit([{"file": str(one), "bytes": one.stat().st_size} for one in paths], ("file", "bytes"), form)
    for number, text in enumerate(packed.steps, start=1):
        say(f"{number}. {text}")
