"""The composition root: from a configuration to a store, adapters, mapping, policy and rates.

Invariant: everything is opened here and closed here; verbs get what they need and look nothing up.
"""

from __future__ import annotations

import csv
import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from connector import adapter as ports
from connector import config as configuration
from connector.arrivals import Counting
from connector.config import Config
from connector.errors import CreditGateError, Halt
from connector.http import ATTEMPTS, Http
from connector.mapping import form as mappings
from connector.money import Rate, Rates, is_currency
from connector.people.roles import Roles
from connector.policy.load import load as load_policy
from connector.policy.schema import Policy
from connector.secrets import given
from connector.secrets.hosts import Hosts
from connector.store.budget import StoreBudget
from connector.store.connections import Connection, Connections
from connector.store.engine import Store
from connector.store.places import StorePlaces
from connector.store.secrets import StoreSecrets


def real_moment() -> dt.datetime:
    """What time it is, aware UTC."""
    return dt.datetime.now(dt.UTC)


@dataclass
class Runtime:
    """One opened home folder. ``moment`` says what time it is (aware UTC), ``sleep`` waits so many seconds;
    others stand in for them where a year is run through in logical time."""

    config: Config
    moment: Callable[[], dt.datetime] = real_moment
    sleep: Callable[[float], None] = time.sleep
    _budgets: list[StoreBudget] = field(default_factory=list, init=False, repr=False)
    _places: list[StorePlaces] = field(default_factory=list, init=False, repr=False)

    @cached_property
    def store(self) -> Store:
        """The store; its schema must be current (``creditgate db upgrade``)."""
        return Store(self.config.url, self.config.database_schema)

    @cached_property
    def connections(self) -> Connections:
        """The configured connections."""
        return Connections(self.store, self.config.cipher())

    @cached_property
    def policy(self) -> Policy:
        """The policy in force."""
        return load_policy(self.config.path(self.config.policy))

    @property
    def policy_text(self) -> str:
        """The text of the policy in force, kept with the assessments for replay."""
        return self.config.path(self.config.policy).read_text(encoding="utf-8")

    @cached_property
    def roles(self) -> Roles:
        """Who may do which credit act."""
        return Roles(self.config.roles, self.config.deputies, self.policy)

    @cached_property
    def rates(self) -> Rates:
        """Exchange rates against the policy's currency."""
        return load_rates(self.config.path(self.config.rates), self.policy.currency)

    @property
    def counting(self) -> Counting | None:
        """How orders count until they are assessed; ``None`` while there is no usable policy, so that
        reading goes on."""
        try:
            return Counting(self.policy, self.rates)
        except CreditGateError:
            return None

    def now(self) -> dt.datetime:
        """The moment of decisions, aware UTC: that of the clock, unless the configuration pins the day."""
        return self.clock() if self.config.as_of is None else self.config.now()

    def today(self) -> dt.date:
        """The calendar day of ``now`` in the policy's time zone."""
        return self.now().astimezone(ZoneInfo(self.policy.timezone)).date()

    def clock(self) -> dt.datetime:
        """What time it is, aware UTC, for what is not a decision."""
        return self.moment()

    def secrets(self, connection: Connection) -> StoreSecrets:
        """The secrets of a connection."""
        return StoreSecrets(self.store, self.config.cipher(), connection.id, self.config.home, now=self.clock)

    def mapping(self, connection: Connection) -> mappings.FieldMapping:
        """The mapping of a connection: its own file if there is one, else the one of its kind."""
        folder = self.config.path(self.config.mappings)
        own = folder / f"{connection.name}.yaml"
        return mappings.load(own if own.is_file() else folder / f"{connection.kind}.yaml")

    def writing(self, target: str) -> frozenset[int]:
        """Ids of the CRM connections whose mapping writes ``target``. A mapping that cannot be read says
        so where it is needed, not here."""
        found = set()
        for connection in self.connections.all("crm"):
            with suppress(CreditGateError):
                found |= {connection.id} if self.mapping(connection).writer(target) else set()
        return frozenset(found)

    def crm(self, connection: Connection) -> ports.Crm:
        """The CRM adapter of ``connection``, ready to call."""
        opened = self.adapter(connection)
        if not isinstance(opened, ports.Crm):
            raise Halt(f"{connection.name} is no CRM", todo="name a CRM connection")
        return opened

    def adapter(self, connection: Connection) -> ports.Adapter:
        """The adapter of ``connection``, ready to call."""
        _, kind = ports.find(connection.kind)
        return kind(self.context(connection, kind))

    def context(self, connection: Connection, kind: type[ports.Adapter]) -> ports.Context:
        """What the adapter is given."""
        values = self._settings(connection, kind)
        secrets = self.secrets(connection)
        for setting in kind.settings:
            if setting.secret and (value := secrets.get(f"setting:{setting.key}")) is not None:
                values[setting.key] = given.secret(value, f"{setting.key} of {connection.name}")
        limits = kind.limits_for(values)
        budget = StoreBudget(self.store, connection.id, limits, now=self.clock, sleep=self.sleep)
        places = StorePlaces(self.store, connection.id, limits, self.config.home)
        self._budgets.append(budget)
        self._places.append(places)
        return ports.Context(
            connection=connection.name,
            settings=values,
            secrets=secrets,
            # What a channel did not take is queued, and told by a later run: nobody waits for it meanwhile.
            http=Http(
                limits,
                budget,
                places=places,
                attempts=1 if issubclass(kind, ports.Channel) else ATTEMPTS,
                secret_paths=issubclass(kind, ports.Channel),
                hosts=self.hosts(kind),
                ca_bundle=str(self.config.path(self.config.ca_bundle)) if self.config.ca_bundle else None,
                connection=connection.name,
                sleep=self.sleep,
            ),
            language=self.config.language,
            now=self.clock,
        )

    def hosts(self, kind: type[ports.Adapter]) -> Hosts:
        """Where connections of this kind may send secrets."""
        return Hosts(kind.hosts, self.config.hosts)

    def budget(self, connection: Connection) -> StoreBudget:
        """How much may still be called, to look at."""
        _, kind = ports.find(connection.kind)
        return StoreBudget(
            self.store, connection.id, kind.limits_for(self._settings(connection, kind)), now=self.clock
        )

    def _settings(self, connection: Connection, kind: type[ports.Adapter]) -> dict[str, str]:
        """What is set, with the defaults of what is not; no secrets."""
        defaults = {s.key: s.default for s in kind.settings if s.default is not None}
        return {**defaults, **connection.settings}

    def release(self) -> None:
        """Give back the calls that the adapters made so far have not used; they are not to be used on."""
        while self._places:
            self._places.pop().close()
        while self._budgets:
            self._budgets.pop().give_back()

    def close(self) -> None:
        """Give back unused calls, and close the store if it was opened."""
        if "store" in self.__dict__:
            try:
                self.release()
            finally:
                self.store.close()


@contextmanager
def opened(config_file: Path | None = None) -> Iterator[Runtime]:
    """The runtime of a home folder, closed at the end."""
    runtime = Runtime(configuration.load(config_file))
    try:
        yield runtime
    finally:
        runtime.close()


def load_rates(path: Path, base: str) -> Rates:
    """Rates from a CSV with the columns currency, day, per_unit (units of ``base``); no file, no rates.

    Raises ``Halt`` with file, line and way out.
    """
    return Rates(base, read_rates(path) if path.is_file() else ())


def read_rates(path: Path) -> list[Rate]:
    """The rates of a CSV, in its order: of two for the same day the later line counts. ``Halt`` as above."""
    try:
        text = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        why = type(fault).__name__
        raise Halt(f"the rates cannot be read ({why})", where=str(path), todo="name a CSV in UTF-8") from None
    lines = [(number, line) for number, line in enumerate(text, start=1) if line and line[0] != "#"]
    rows = csv.DictReader(line for _, line in lines)
    return [_rate(row, f"{path}:{at}") for (at, _), row in zip(lines[1:], rows, strict=True)]


def _rate(row: Mapping[str, str | None], where: str) -> Rate:
    try:
        currency = (row["currency"] or "").strip()
        rate = Rate(currency, dt.date.fromisoformat(row["day"] or ""), Decimal(row["per_unit"] or ""))
    except (KeyError, ValueError, InvalidOperation):
        raise Halt("this is no rate", where=where, todo="write a line like EUR,2026-01-31,7.85") from None
    if not is_currency(currency) or not rate.per_unit.is_finite() or rate.per_unit <= 0:
        raise Halt(
            f"{currency!r} is no currency or its rate is not positive",
            where=where,
            todo="write an ISO code and a positive rate",
        )
    return rate
