"""A home folder: what ``init`` puts into a new one.

Invariant: what is there already stays as it is, above all the encryption key, without which no stored
secret can be read again; running it once more only adds what is missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from connector import config as configuration
from connector import privacy_settings
from connector.bureau import choice
from connector.config import FILE, Config
from connector.errors import Halt
from connector.store import schema
from connector.store.engine import Store

# Every setting but the calendar, commented out with its default: a line "#name = value" becomes one without
# the "#".
CONFIGURATION = """\
# The configuration of CreditGate. Every setting stands here, with its default behind a '#': take the
# '#' off to change it. The environment goes over this file: CREDITGATE_LANGUAGE=en and so on.
# No secret belongs here: the encryption key is in secret.key or in CREDITGATE_KEY.

# The store: empty is the SQLite file creditgate.db in this folder; PostgreSQL is written
# postgresql+psycopg://user@host/database, its password in CREDITGATE_DATABASE_URL or in ~/.pgpass.
# One database can serve several companies, a schema each: small letters, digits and _.
#database_url = ""
#database_schema = ""

# Language of the texts that are written to the CRMs: zh or en.
#language = "zh"

# The credit policy, the folder of the mappings and the exchange rates; relative to this folder.
#policy = "policies/standard.yaml"
#mappings = "mappings"
#rates = "rates.csv"

# What is said about personal data: how long it is kept, and who may read agencies' reports word by word.
#privacy = "privacy.yaml"
#agencies = "agencies.yaml"

# How many hours an order that passed the check keeps its credit reserved.
#reservation_hours = 72

# What the CRM plugins do with an order when the check service cannot be reached: allow, hold or review.
#gate_unreachable = "hold"

# The HTTPS address under which the CRMs reach the service with their events (https://credit.example.com),
# and how often, in seconds, it reads again what they told of (0: run 'creditgate hooks process' instead).
#public_url = ""
#hooks_every_seconds = 5

# How far apart what ledgers and CRMs say of a customer may be: a share of the larger sum, and an amount in
# major units; only what is beyond both is told.
#reconcile_share = 0.01
#reconcile_amount = 100

# The file with the encryption key; a new key goes on top, old keys stay below it.
#key_file = "secret.key"

# Hosts that secrets may be sent to beside the vendors' own and this machine: a gateway of one's own, or
# "http://NAME" for one that is spoken to in the clear. A PEM file of certificates to trust in place of the
# usual ones.
#hosts = []
#ca_bundle = ""

# Where logs, one JSON object a line, are written: stderr, stdout or a file; empty: serve, daemon and worker
# to stdout, others nowhere. From which level on: debug, info, warning or error.
#log = ""
#log_level = "info"

# The networks that may read /metrics of the service; others, and whatever comes through a proxy, send
# CREDITGATE_METRICS_KEY as 'Authorization: Bearer KEY'.
#metrics_from = ["127.0.0.0/8", "::1/128"]
#metrics_key = ""

# Pins the day of all decisions. Only for trials on historical data: leave it out otherwise.
#as_of = 2026-01-31

# Templates of letters about overdue invoices that stand in for those that ship, and the connection that sends
# letters by e-mail, needed only if several could ('creditgate connect add mail').
#letters = "letters"
#letters_by = ""

# How many calls a minute each API key may make, over all processes of the service.
#calls_per_minute = 1200

# What 'creditgate daemon' runs, and when: `every` (90s, 15m, 2h, 1d) or `cron` (minute hour day month
# weekday, in the policy's time zone). `connection` names one; without it, pull, push and hooks run on every
# CRM. `jitter` puts a start off, up to so long; in `quiet` hours (["01:00-02:30"]) nothing starts; a run
# is ended after `at_most` (2h); on PostgreSQL a run of assess or push is cut into `parts` (2), which workers
# share.
schedules = [
  { verb = "pull", every = "15m", jitter = "60s" },
  { verb = "assess", every = "15m", jitter = "60s" },
  { verb = "signal act", every = "15m" },
  { verb = "push", every = "5m", jitter = "30s" },
  { verb = "signal tell", every = "10m" },
  { verb = "notice tell", every = "10m" },
  { verb = "hold review", every = "1h" },
  { verb = "review plan", cron = "30 5 * * *" },
  { verb = "visit plan", cron = "0 6 * * 1-5" },
  { verb = "audit verify", cron = "0 3 * * *" },
  { verb = "bureau purge", cron = "15 3 * * 0" },
  { verb = "consent purge", cron = "30 3 * * 0" },
  # These cost money, write to customers, need a file or a mapping: take the '#' off once that is wanted.
  # { verb = "bureau refresh", cron = "0 4 * * 1-5" },
  # { verb = "bureau changes", connection = "creditsafe", cron = "30 4 * * 1-5" },
  # { verb = "bureau watch", connection = "creditsafe", cron = "0 5 * * 1" },
  # { verb = "dunning send", cron = "0 9 * * 1-5" },
  # { verb = "kpi export", cron = "0 4 2 * *" },
  # { verb = "ledger import", arguments = ["/exports/open.csv", "--snapshot"], cron = "0 2 * * *" },
  # { verb = "rate import", arguments = ["/exports/rates.csv"], cron = "0 1 * * 1-5" },
  # Only without 'creditgate serve', which does both by itself:
  # { verb = "hooks process", every = "1m" },
  # { verb = "hooks renew", every = "1d" },
]

# Blocks in brackets, such as those below, come last: what follows one belongs to it.

# Whom those letters come from: without it none is written.
#
#   [letterhead]
#   name = "Example Trading Co."
#   address = "1 Harbour Road, Shanghai"
#   account = "Bank of Example, IBAN XX00 0000"
#   contact = "Credit department, 021-5555"

# Who may do which credit act. While nobody has a role, everybody may do everything. A role is sales, analyst,
# approver, controller, auditor or admin; `title` is the word by which the policy's `approvals` name whoever
# signs for a band; `from` and `to` (both included) may be left out. One block per person and role:
#
#   [[roles]]
#   who = "li.na"
#   role = "approver"
#   title = "finance director"
#   team = "headquarters"
#   from = 2026-01-01
#
# A deputy may do what the person replaced may do, between two days:
#
#   [[deputies]]
#   who = "chen.yu"
#   stands_in_for = "li.na"
#   from = 2026-02-01
#   to = 2026-02-14
#
# Who a user of a CRM is, by the CRM's id or e-mail address: what that user decides inside the CRM counts as
# the decision of `who`, with the roles above, and so does a call of the plugin in that user's name:
#
#   [[crm_users]]
#   connection = "zoho"
#   user = "li.na@example.com"
#   who = "li.na"
"""

RATES = """\
# Exchange rates: one unit of a currency, in units of the policy's currency, from that day on.
# Write lines like EUR,2026-01-31,7.85 below the next one; the rate of a day is the latest before it.
currency,day,per_unit
"""


@dataclass(frozen=True)
class Step:
    """What became of one thing in the folder: ``done`` is ``wrote`` or ``kept``."""

    done: str
    what: str


def found(folder: Path, name: str = FILE) -> Iterator[Step]:
    """Make ``folder`` a home folder with the configuration file ``name``; each step as it is done.

    Raises ``Halt`` when the folder cannot be made or the configuration that is there is wrong, and
    what the store raises when its schema cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise Halt("this is not a folder", where=str(folder), todo="name another folder") from None
    yield _write(folder / name, CONFIGURATION)
    config = configuration.load(folder / name)
    yield _key(config)
    yield _write(config.path(config.rates), RATES)
    yield _write(config.path(config.privacy), privacy_settings.TEXT)
    yield _write(config.path(config.agencies), choice.TEXT)
    for kind, target in (("mappings", config.path(config.mappings)), ("policies", folder / "policies")):
        for source in _shipped(kind):
            yield _write(target / source.name, source.read_text(encoding="utf-8"))
    yield _schema(config)


def _write(path: Path, text: str) -> Step:
    """Write ``path`` whole or not at all, unless it is there."""
    if path.exists():
        return Step("kept", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return Step("wrote", str(path))


def _key(config: Config) -> Step:
    """A new key that only its owner can read, unless there is one in the file or the environment."""
    path = config.path(config.key_file)
    if config.key:
        return Step("kept", "the key in CREDITGATE_KEY")
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return Step("kept", str(path))
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, 0o600)  # whatever the umask says
        file.write(Fernet.generate_key() + b"\n")
    return Step("wrote", f"{path} (keep a copy in a safe place: without it no stored secret can be read)")


def _shipped(kind: str) -> list[Path]:
    folder = configuration.shipped(kind)
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise Halt(
            f"the {kind} that come with CreditGate are not there",
            where=str(folder),
            todo="install creditgate again",
        )
    return files


def _schema(config: Config) -> Step:
    store = Store(config.url, config.database_schema)
    try:
        before = schema.current(store)
        revision = schema.upgrade(store)
    finally:
        store.close()
    done = "kept" if before == revision else "wrote"
    return Step(done, f"the store {store.name} (schema {revision})")
