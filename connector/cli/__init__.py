"""The command line. One file per command group; a group's file is imported only when it is called.

Invariant: ``--help`` imports nothing heavy; every error ends as one clear line on stderr and the exit
code of its kind (0 done, 1 done with rejects or holds, 2 usage or configuration, 3 may pass); JSON goes
to stdout alone.
"""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from typing import Any

import click

# name → (module below connector.cli, what it does)
COMMANDS = {
    "init": ("init", "Write configuration, mappings and policy to start from."),
    "demo": ("demo", "Show the whole job on sandboxes; no credentials, nothing left behind."),
    "sandbox": ("sandbox", "Servers that behave like the CRMs and an agency."),
    "connect": ("connect", "Add, list, test and remove connections."),
    "doctor": ("doctor", "Check the installation and say what to do."),
    "provision": ("provision", "Create the credit fields in a CRM, or list what to create by hand."),
    "mapping": ("mapping", "Check, show, suggest and change mappings."),
    "policy": ("policy", "Check, compare and change the credit policy."),
    "pull": ("pull", "Read what changed in the CRMs."),
    "hooks": ("hooks", "Have the CRMs tell what changes, and read just that again."),
    "rate": ("rate", "Import and list exchange rates."),
    "ledger": ("ledger", "Import receivables from files."),
    "bureau": ("bureau", "Fetch and list rating agencies' reports."),
    "consent": ("consent", "Record, revoke and list consents to ask an agency."),
    "advice": ("advice", "Record, list and withdraw consultants' reports and trade references."),
    "assess": ("assess", "Assess the customers that changed or are due."),
    "push": ("push", "Write results back to the CRMs."),
    "outbox": ("outbox", "List, retry and drop pending writes."),
    "rejects": ("rejects", "List and retry records that did not fit."),
    "customer": ("customer", "List, show, link and unlink customers."),
    "group": ("group", "List groups and arrange them in a tree."),
    "explain": ("explain", "Show the steps from raw value to limit and status."),
    "replay": ("replay", "Re-evaluate an assessment from the facts it kept."),
    "check": ("check", "Check an order as the CRM's plugin would."),
    "hold": ("hold", "List and show held orders; place and lift holds on customers."),
    "limit": ("limit", "Show and set limits, ask for and approve them."),
    "key": ("key", "Show and change the encryption keys."),
    "role": ("role", "Show who has which role, and who may do what."),
    "promise": ("promise", "Record and list promises to pay."),
    "dispute": ("dispute", "Record and list contested invoices."),
    "dunning": ("dunning", "Preview and send letters about overdue invoices."),
    "blacklist": ("blacklist", "Rule customers out, and list them."),
    "visit": ("visit", "Plan and list account visits."),
    "review": ("review", "Open, prepare and decide credit reviews."),
    "kpi": ("kpi", "Show figures on people and teams by month."),
    "signal": ("signal", "List early warnings, acknowledge and snooze them."),
    "notice": ("notice", "List and tell the credit acts that roles are informed of."),
    "audit": ("audit", "Show the journal and prove that it is whole."),
    "serve": ("serve", "Run the check service that the CRM plugins call."),
    "plugin": ("plugin", "Pack what an admin installs inside a CRM."),
    "daemon": ("daemon", "Run what the calendar says."),
    "worker": ("worker", "Do what the daemon queues on PostgreSQL."),
    "status": ("status", "Show jobs, streams and what waits, on one screen."),
    "db": ("db", "Upgrade, move and back up the store."),
}


# Apart from 1, with which Python itself would end: 1 is "done, with something set aside".
UNFORESEEN = 70


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order in which the job uses them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one command that is asked for."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"connector.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", "config_file", type=click.Path(), help="Configuration file (TOML).")
@click.option(
    "--log", "log_target", metavar="WHERE", help="Write logs, JSON lines, to stderr, stdout or a file."
)
@click.version_option(package_name="creditgate")
@click.pass_context
def cli(ctx: click.Context, config_file: str | None, log_target: str | None) -> None:
    """CreditGate: trade-credit management that lives inside the CRM.

    CREDITGATE_HOME names the folder with the configuration, CREDITGATE_DATABASE_URL the store.
    """
    ctx.obj = config_file


def main() -> Any:
    """Entry point: runs a command and turns errors into one line and an exit code."""
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        fail("stopped")
        code = 130
    except click.ClickException as fault:
        fault.show()
        code = 2
    except BrokenPipeError:
        code = 0
    except Exception as fault:
        code = _known(fault)
    sys.exit(code if isinstance(code, int) else 0)


def _known(fault: Exception) -> int:
    from connector.errors import CreditGateError

    if isinstance(fault, CreditGateError):
        fail(str(fault))
        return fault.exit_code
    if isinstance(fault, OSError) and fault.errno in (errno.ENOSPC, errno.EDQUOT):
        fail(f"the disk is full: {fault.filename or 'no file named'} – make room, then run again")
        return 3
    if isinstance(fault, PermissionError):
        fail(f"no right to use {fault.filename} – check its owner and mode")
        return 2
    return _unforeseen(fault)


def _unforeseen(fault: Exception) -> int:
    """A fault of the program itself: where it is, but not its text, which may carry values of records."""
    from connector import reasons

    fail(f"a fault inside: {type(fault).__name__} at {reasons.made(fault)} – report this line, please")
    if os.environ.get("CREDITGATE_TRACEBACK"):
        raise fault
    return UNFORESEEN


def fail(text: str) -> None:
    """One line on stderr."""
    click.echo(f"creditgate: {text}", err=True)
