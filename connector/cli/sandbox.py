"""``creditgate sandbox``: servers that behave like the outside world.

The servers are found by the entry points ``creditgate.sandbox`` (one for each vendor) and
``creditgate.sandboxes`` (what runs them), so that the connector names none of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click

from connector.cli.output import say


@click.group("sandbox")
def command() -> None:
    """Servers that behave like the CRMs and an agency, over one consistent economy."""


def _ports(serve: Callable[..., Any]) -> Callable[..., Any]:
    for name, port in reversed(_default_ports().items()):
        option = click.option(
            f"--{name}",
            _parameter(name),
            type=click.IntRange(0, 65535),
            default=port,
            show_default=True,
            metavar="PORT",
            help=f"Port of the {name} server; 0 takes a free one.",
        )
        serve = option(serve)
    return serve


def names() -> list[str]:
    """The sandboxes that are installed, agencies last."""
    return list(_default_ports())


def _default_ports() -> dict[str, int]:
    """Each sandbox with the port that it takes by itself, in that order."""
    points = entry_points(group="creditgate.sandbox")
    ports = {point.name: int(point.load().default_port) for point in points}
    return dict(sorted(ports.items(), key=lambda item: item[1]))


def _parameter(name: str) -> str:
    return f"port_{name.replace('-', '_')}"


class _WithFaults(click.Command):
    """A command whose help ends with the faults that the installed sandboxes know of themselves."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        told: dict[str, str] = {}
        for name in names():
            (point,) = entry_points(group="creditgate.sandbox", name=name)
            told |= point.load().told_faults()
        with formatter.section("Faults"):
            formatter.write_text(
                "Narrow one to a sandbox, a kind of call or both: zoho.429, write.drop, zoho.read.hang."
            )
            formatter.write_paragraph()
            formatter.write_dl(list(told.items()))


@command.command("serve", cls=_WithFaults)
@_ports
@click.option("--accounts", type=click.IntRange(1), default=200, show_default=True, help="Companies.")
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed, the same economy.")
@click.option("--latency", type=click.IntRange(0), default=0, metavar="MS", help="Added to every call.")
@click.option("--fault", "faults", multiple=True, metavar="NAME[=RATE]", help="See below.  [default rate: 1]")
@click.option(
    "--receivables",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Fill the CRM from this receivables file instead.",
)
@click.option(
    "--receivables-mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Which columns of that file mean what.",
)
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day at which time stands.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def serve(
    accounts: int,
    seed: int,
    latency: int,
    faults: tuple[str, ...],
    receivables: Path | None,
    receivables_mapping: Path | None,
    as_of: dt.datetime | None,
    form: str,
    **ports: int,
) -> None:
    """Serve until Ctrl-C. The servers accept only the sandbox credentials, which are printed."""
    from connector.errors import Halt

    points = {point.name: point for point in entry_points(group="creditgate.sandboxes")}
    try:
        options = points["options"].load()(
            faults,
            accounts=accounts,
            seed=seed,
            latency_ms=latency,
            as_of=as_of.replace(tzinfo=dt.UTC) if as_of else None,
            receivables=receivables,
            receivables_mapping=receivables_mapping,
        )
        chosen = {name: ports[_parameter(name)] for name in names()}
        points["serve"].load()(chosen, options, _announce_json if form == "json" else _announce)
    except ValueError as fault:
        raise Halt(str(fault), where="sandbox", todo="correct the option or the file") from None
    except OSError as fault:
        raise Halt(
            f"a server cannot be started ({fault.strerror})", where="sandbox", todo="choose other ports"
        ) from None


@command.command("console")
@click.argument("address")
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def console(address: str, manifest: Path) -> None:
    """Create in the sandbox at ADDRESS what MANIFEST lists, as an admin does by hand.

    MANIFEST is a file that 'creditgate provision --manifest' has written.
    """
    import orjson
    import requests

    from connector.errors import Halt

    count = 0
    for part in orjson.loads(manifest.read_bytes()):
        try:
            answer = requests.post(f"{address.rstrip('/')}/_sandbox/console/fields", json=part, timeout=30)
        except requests.exceptions.RequestException:
            raise Halt("no sandbox answers", where=address, todo="start 'creditgate sandbox serve'") from None
        if not answer.ok:
            raise Halt(f"the sandbox refuses it: {answer.text}", where=address, todo="correct the manifest")
        count += len(part["fields"])
    say(f"{count} fields created by hand")


@command.command("install")
@click.argument("address")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--key", required=True, help="The connection's API key, which the admin puts in.")
@click.option("--hook-secret", default="", help="The connection's hook_secret, where a function needs it.")
def install(address: str, folder: Path, key: str, hook_secret: str) -> None:
    """Install in the sandbox at ADDRESS the plugin in FOLDER, as an admin does by hand.

    FOLDER is one that 'creditgate plugin pack' has written. Saving orders there runs it from then on.
    """
    import base64

    import requests

    from connector.errors import Halt

    files = {
        one.relative_to(folder).as_posix(): base64.b64encode(one.read_bytes()).decode()
        for one in sorted(folder.rglob("*"))
        if one.is_file()
    }
    body = {"files": files, "key": key, "hook_secret": hook_secret}
    try:
        answer = requests.post(f"{address.rstrip('/')}/_sandbox/plugin/install", json=body, timeout=60)
    except requests.exceptions.RequestException:
        raise Halt("no sandbox answers", where=address, todo="start 'creditgate sandbox serve'") from None
    if not answer.ok:
        raise Halt(f"the sandbox refuses it: {answer.text}", where=address, todo="pack the plugin anew")
    say(f"{len(files)} files installed by hand")


def _announce(name: str, kind: str, base: str, settings: Mapping[str, str]) -> None:
    sets = " ".join(f"--set {key}={value}" for key, value in settings.items())
    click.echo(f"{name} at {base}\n  creditgate connect add {kind} --name {name} {sets}")


def _announce_json(name: str, kind: str, base: str, settings: Mapping[str, str]) -> None:
    import orjson

    line = {"name": name, "kind": kind, "base": base, "settings": dict(settings)}
    click.echo(orjson.dumps(line).decode())
    say(f"{name} at {base}")
