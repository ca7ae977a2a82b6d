"""A home folder for tests of the command line, with adapters that answer from memory.

Invariant: commands run through ``connector.cli.main``, so that exit codes and streams are the real ones.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from connector import adapter as ports
from connector import config as configuration
from connector.adapter import (
    Adapter,
    Bureau,
    Crm,
    Fetched,
    FieldSpec,
    FieldState,
    Limits,
    Match,
    Outcome,
    Page,
    Provisioned,
    Setting,
    Slice,
    Subject,
    Write,
    price_settings,
)
from connector.cli import main
from connector.errors import Reauth
from connector.model import Report
from connector.runtime import Runtime
from connector.store.record_tables import account
from connector.store.tables import credit_group, customer, identifier, journal
from tests.new_store import lay

NOW = dt.datetime.now(dt.UTC)

MAPPING = """\
mapping: fake
version: 1
read:
  accounts:
    object: Firms
    fields:
      name: Name
      currency: {field: Currency, default: CNY}
write:
  account:
    object: Firms
    fields:
      credit_status: {field: Credit_Status, type: option, label: {en: Credit Status, zh: 信用状态}, options: {ok: {en: OK, zh: 正常}, hold: {en: Hold, zh: 冻结}}}
      credit_hold: {field: Credit_Hold, type: boolean, label: {en: Credit Hold, zh: 信用冻结}}
  visit:
    object: Calls
    key: credit_key
    fields:
      subject: {field: Subject, type: text, standard: true}
      credit_key: {field: Credit_Key, type: text, label: {en: Credit Key, zh: 信用编号}}
"""  # noqa: E501

POLICY = """\
policy: small
version: 1
currency: CNY
timezone: UTC
scorecard:
  max_weight: 100%
  data_points:
    - fact: relation_months
      weight: 1
      unknown: 0
      bins:
        - {below: 12, points: 0}
        - {from: 12, points: 100}
    - fact: overdue_days_max
      weight: 1
      unknown: 0
      bins:
        - {below: 1, points: 100}
        - {from: 1, points: 0}
classes:
  - {name: A, from: 50, factor: 1, cap: 1000000, terms_days: 60, review_days: 365}
  - {name: B, below: 50, factor: 0.5, cap: 100000, terms_days: 30, review_days: 90}
limit:
  step: 1000
  terms:
    need: {}
terms:
  default_days: 30
staleness:
  report_days: 90
"""


class FakeCrm(Crm):
    """A CRM whose fields are in ``present``; ``creates`` says whether its API can make new ones."""

    name = "fake"
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("base_url", "address of the CRM"),
        Setting("token", "its token", secret=True),
        Setting("environment", "production or sandbox", default="production"),
        Setting("nickname", "what to call it", optional=True),
    )
    limits = Limits(slots=2)
    present: ClassVar[dict[str, dict[str, str]]] = {}
    creates: ClassVar[bool] = True

    def test(self) -> str:
        if self.context.settings.get("token") != "right":
            raise Reauth(
                "the CRM refuses the token", where=self.context.connection, todo="give another token"
            )
        return f"connected to {self.context.settings['base_url']} ({self.context.settings['environment']})"

    def fetch(self, object_name: str, fields: Sequence[str], part: Slice) -> Page:
        return Page((), False)

    def deleted(self, object_name: str, since: dt.datetime) -> Iterator[str]:
        return iter(())

    def provision(self, object_name: str, specs: Sequence[FieldSpec], *, dry_run: bool) -> list[Provisioned]:
        return [self._provision(object_name, spec, dry_run) for spec in specs]

    def _provision(self, object_name: str, spec: FieldSpec, dry_run: bool) -> Provisioned:
        fields = self.present.setdefault(object_name, {})
        if spec.api_name in fields:
            fits = fields[spec.api_name] == spec.type
            state = FieldState.PRESENT if fits else FieldState.MISMATCH
            return Provisioned(object_name, spec, state, f"{spec.api_name}__c", "" if fits else "wrong type")
        if not self.creates:
            by_hand = f"create {spec.label} of type {spec.type} on {object_name}"
            return Provisioned(object_name, spec, FieldState.MISSING, by_hand=by_hand)
        if dry_run:
            return Provisioned(object_name, spec, FieldState.MISSING)
        fields[spec.api_name] = spec.type
        return Provisioned(object_name, spec, FieldState.CREATED, f"{spec.api_name}__c")

    def push(self, writes: Sequence[Write]) -> list[Outcome]:
        raise AssertionError("nothing is pushed here")


class FakeBureau(Bureau):
    """An agency: ``matches`` by the name asked for, ``reports`` by ref; an exception there is raised."""

    name = "agency"
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("password", "its password", secret=True),
        *price_settings("report"),
    )
    limits = Limits(slots=3)
    matches: ClassVar[dict[str, list[Match] | Exception]] = {}
    reports: ClassVar[dict[str, Exception]] = {}
    asked: ClassVar[list[Subject]] = []
    fetched: ClassVar[list[str]] = []

    def test(self) -> str:
        return "signed in"

    def match(self, subject: Subject) -> list[Match]:
        self.asked.append(subject)
        found = self.matches.get(subject.name, [])
        if isinstance(found, Exception):
            raise found
        return found

    def fetch(self, ref: str) -> Fetched:
        self.fetched.append(ref)
        if ref in self.reports:
            raise self.reports[ref]
        report = Report(
            provider="agency",
            subject_ref=ref,
            subject_name=f"firm {ref}",
            as_of=dt.date(2026, 1, 31),
            band="B",
            pd_12m=0.0125,
            limit=4_500_000,
            limit_currency="CNY",
        )
        return Fetched(report, f'{{"raw": "{ref}"}}'.encode())


KINDS: dict[str, tuple[str, type[Adapter]]] = {"fake": ("crm", FakeCrm), "agency": ("bureau", FakeBureau)}


@dataclass
class Run:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output as JSON: nothing else may be there."""
        return json.loads(self.out)


class Home:
    """A home folder made by ``init``."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch

    def run(self, *args: str, input: str | None = None) -> Run:
        """Run ``creditgate ARGS``."""
        self._monkeypatch.setattr(sys, "argv", ["creditgate", *args])
        with CliRunner().isolation(input=input) as (out, err, _):
            try:
                main()
                code: Any = 0
            except SystemExit as end:
                code = end.code
            sys.stdout.flush()
            return Run(int(code or 0), out.getvalue().decode(), err.getvalue().decode())

    def rows(self, *args: str) -> Any:
        """The listing that ``creditgate ARGS --format json`` prints."""
        done = self.run(*args, "--format", "json")
        assert done.code in (0, 1), done.err
        return done.json

    @contextmanager
    def opened(self) -> Iterator[Runtime]:
        """The runtime of the folder."""
        runtime = Runtime(configuration.load(self.folder / "creditgate.toml"))
        try:
            yield runtime
        finally:
            runtime.close()

    def connect(self, kind: str = "fake", name: str = "crm", *settings: str) -> None:
        """Add a connection with valid settings."""
        given = (
            settings
            or {
                "fake": ("base_url=http://crm.test", "token=right"),
                "agency": ("password=hush",),
            }[kind]
        )
        pairs = [part for one in given for part in ("--set", one)]
        done = self.run("connect", "add", kind, "--name", name, *pairs)
        assert done.code == 0, done.err

    def customer(
        self,
        name: str,
        *,
        is_person: bool = False,
        country: str | None = "CN",
        keys: dict[str, str] | None = None,
        group: str | None = None,
        assessed: bool = True,
    ) -> int:
        """A customer with one account in the connection ``crm``; its number."""
        with self.opened() as runtime, runtime.store.write() as tx:
            connection_id = runtime.connections.get("crm").id
            group_id = None
            if group is not None:
                query = sa.select(credit_group.c.id).where(credit_group.c.key == group)
                group_id = tx.execute(query).scalar()
                if group_id is None:
                    made = credit_group.insert().values(key=group, name=group, created_at=NOW)
                    group_id = tx.execute(made.returning(credit_group.c.id)).scalar_one()
            values = {
                "name": name,
                "country": country,
                "is_person": is_person,
                "group_id": group_id,
                "changes": 1,
                "assessed": 1 if assessed else 0,
                "created_at": NOW,
            }
            number = tx.execute(customer.insert().values(**values).returning(customer.c.id)).scalar_one()
            row = {
                "connection_id": connection_id,
                "external_id": f"A{number}",
                "digest": "",
                "first_seen": NOW,
                "last_seen": NOW,
                "name": name,
                "is_person": is_person,
                "customer_id": number,
            }
            tx.execute(account.insert().values(**row))
            for kind, value in (keys or {}).items():
                tx.execute(identifier.insert().values(kind=kind, value=value, customer_id=number))
        return int(number)

    def changes(self, number: int) -> int:
        """How often a fact of a customer changed."""
        with self.opened() as runtime, runtime.store.read() as tx:
            found = tx.execute(sa.select(customer.c.changes).where(customer.c.id == number)).scalar_one()
        return int(found)

    def journal(self, act: str) -> list[dict[str, Any]]:
        """Journal entries of one act, with their detail."""
        with self.opened() as runtime, runtime.store.read() as tx:
            rows = tx.execute(sa.select(journal).where(journal.c.act == act).order_by(journal.c.id)).all()
        return [{"actor": row.actor, "subject": row.subject, **json.loads(row.detail)} for row in rows]


def shipped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``init`` find these mappings and policies as the ones that come with CreditGate."""
    for kind, name, text in (("mappings", "fake", MAPPING), ("policies", "standard", POLICY)):
        (folder / kind).mkdir(parents=True)
        (folder / kind / f"{name}.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(configuration, "shipped", lambda kind: folder / kind)


def make_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A fresh home folder; ``CREDITGATE_HOME`` points to it, the fake adapters are the installed ones."""
    for name in ("DATABASE_URL", "KEY", "LANGUAGE"):
        monkeypatch.delenv(f"CREDITGATE_{name}", raising=False)
    monkeypatch.setattr(ports, "find", lambda kind: KINDS[kind] if kind in KINDS else _none(kind))
    monkeypatch.setattr(ports, "kinds", lambda: sorted(KINDS))
    for kind, fields in ((FakeCrm, {"present": {}, "creates": True}),):
        for name, value in fields.items():
            monkeypatch.setattr(kind, name, value)
    for name, value in {"matches": {}, "reports": {}, "asked": [], "fetched": []}.items():
        monkeypatch.setattr(FakeBureau, name, value)
    shipped(tmp_path / "shipped", monkeypatch)
    folder = tmp_path / "home"
    monkeypatch.setenv("CREDITGATE_HOME", str(folder))
    monkeypatch.setenv("CREDITGATE_HOSTS", '["http://crm.test", "http://other.test", "http://new.test"]')
    home = Home(folder, monkeypatch)
    folder.mkdir()
    lay(folder / "creditgate.db")
    done = home.run("init")
    assert done.code == 0, done.err
    return home


def _none(kind: str) -> tuple[str, type[Adapter]]:
    from connector.errors import Halt

    raise Halt(f"no adapter is called {kind!r}", todo=f"use one of: {', '.join(KINDS)}")
