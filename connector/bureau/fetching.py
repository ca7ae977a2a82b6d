"""Agency reports: asking about those customers whose report is missing or too old.

Invariant: before anything about a customer leaves the house there is a ground for it
(``connector.privacy.consent``) and an entry in the journal: who asked which agency, on what ground. A name
that merely resembles the customer's never brings in a report. The fault of one customer does not stop the
others.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from connector import logs
from connector.adapter import Bureau, Fetched, Match, Subject
from connector.admin.connect import LEGAL_BASIS
from connector.bureau.choice import Agencies
from connector.bureau.choice import load as load_choice
from connector.bureau.news import heard, last_of
from connector.bureau.purse import OverCeiling, Purse
from connector.errors import CreditGateError, Halt, Reauth, Reject, Retry
from connector.privacy import consent
from connector.runtime import Runtime
from connector.store import consents, journal, matches, reports, tellings
from connector.store.connections import Connection
from connector.store.engine import Store
from connector.store.reports import ASKED, DOUBTFUL, NOT_ON_FILE, REFUSED, STORED, TOO_DEAR

log = logs.logger("agency")
SURE_NAME = 0.9
# After so many faults in a row that concern the agency rather than a customer, asking on is useless.
PATIENCE = 10


@dataclass(frozen=True)
class Answer:
    """What came of one customer: ``stored``, ``not_on_file``, ``doubtful`` (the nearest candidates are
    in ``matches``), ``no_ground``, ``ceiling`` (it would have cost too much) or ``fault`` (with the
    error)."""

    customer_id: int
    result: str
    matches: tuple[Match, ...] = ()
    fault: CreditGateError | None = None


@dataclass
class Refreshed:
    """What a refresh did on one connection. ``due`` customers wanted a report; ``stopped`` is the fault
    that ended the refresh early, ``ceiling`` what keeps it from spending more; ``others`` are the customers
    about whom another agency can be asked, ``through`` those about whom none is to be asked any more: a
    report is here, a person decides, or there is no ground."""

    connection: str
    due: int = 0
    stored: int = 0
    not_on_file: int = 0
    no_ground: list[Answer] = field(default_factory=list)
    doubtful: list[Answer] = field(default_factory=list)
    faults: list[Answer] = field(default_factory=list)
    stopped: CreditGateError | None = None
    ceiling: CreditGateError | None = None
    others: list[int] = field(default_factory=list)
    through: set[int] = field(default_factory=set)

    @property
    def asked(self) -> int:
        """How many customers are through."""
        return self.stored + self.not_on_file + len(self.no_ground) + len(self.doubtful) + len(self.faults)


def refresh(
    runtime: Runtime,
    connection: Connection,
    *,
    actor: str,
    customer_ids: Sequence[int] | None = None,
    older_than: int | None = None,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> Refreshed:
    """Fetch reports for all customers, or for ``customer_ids``, that have none from this agency younger
    than ``older_than`` days (by default the policy's ``staleness.report_days``, and whoever a signal wants
    asked about; 0 asks for all).

    Whom the agency did not know is not asked about again within that time, nor is a customer whose match
    waits for a person, unless it is named. Raises ``Halt`` for a
    connection that is no agency and for customers that do not exist.
    """
    agency = _agency(runtime, connection)
    days = runtime.policy.staleness.report_days if older_than is None else older_than
    before = runtime.now() - dt.timedelta(days=days)
    with runtime.store.read() as tx:
        unknown = reports.missing(tx, customer_ids or ())
        if unknown:
            raise Halt(f"there is no customer {unknown[0]}", todo="see 'creditgate customer list'")
        waiting = reports.due(tx, connection.id, connection.name, before, customer_ids)
        if customer_ids is None and older_than is None:
            asked = tellings.asked_about(tx, connection.kind)
            waiting = sorted({*waiting, *reports.overtaken(tx, connection.id, asked)})
        if customer_ids is None:
            undecided = matches.waiting(tx, connection.id, before)
            waiting = [customer_id for customer_id in waiting if customer_id not in undecided]
    done = Refreshed(connection.name, due=len(waiting))
    desk = _Desk(runtime, connection, agency, actor)
    tally = _Tally(done)
    progress(0, done.due)
    for answer in _in_parallel(desk.ask, waiting, agency.limits.slots, tally.goes_on):
        tally.count(answer)
        progress(done.asked, done.due)
    return done


def _agency(runtime: Runtime, connection: Connection) -> Bureau:
    opened = runtime.adapter(connection)
    if not isinstance(opened, Bureau):
        raise Halt(f"{connection.name} is no rating agency", todo="name a connection to an agency")
    return opened


def _in_parallel(
    ask: Callable[[int], Answer], ids: Sequence[int], slots: int, goes_on: Callable[[], bool]
) -> Iterator[Answer]:
    """The answers as they come, at most ``slots`` at a time, until ``goes_on`` says no."""
    with ThreadPoolExecutor(max_workers=slots) as pool:
        running: set[Future[Answer]] = set()
        try:
            for customer_id in ids:
                if len(running) >= slots:
                    ready, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in ready)
                if not goes_on():
                    break
                running.add(pool.submit(ask, customer_id))
            yield from (future.result() for future in list(running))
        finally:
            pool.shutdown(cancel_futures=True)


class _Tally:
    """Counts answers and says when to give up: at refused credentials, and when the agency itself
    fails again and again."""

    def __init__(self, done: Refreshed) -> None:
        self._done = done
        self._in_a_row = 0
        self._works = False

    def goes_on(self) -> bool:
        return self._done.stopped is None and self._done.ceiling is None

    def count(self, answer: Answer) -> None:
        done = self._done
        if answer.result in ("stored", "no_ground", "doubtful"):
            done.through.add(answer.customer_id)
        if answer.result == "stored":
            done.stored += 1
        elif answer.result == "not_on_file":
            done.not_on_file += 1
            done.others.append(answer.customer_id)
        elif answer.result == "ceiling":
            done.ceiling = answer.fault
            return
        elif answer.result == "no_ground":
            done.no_ground.append(answer)
        elif answer.result == "doubtful":
            done.doubtful.append(answer)
        else:
            done.faults.append(answer)
            done.others.append(answer.customer_id)
        if answer.result != "no_ground":
            self._watch(answer.fault)

    def _watch(self, fault: CreditGateError | None) -> None:
        if fault is None or isinstance(fault, Reject):
            self._works, self._in_a_row = True, 0
            return
        # A Halt can be one customer's (a country that is not subscribed) once others have worked.
        if isinstance(fault, Retry) or not self._works:
            self._in_a_row += 1
        if isinstance(fault, Reauth) or self._in_a_row >= PATIENCE:
            self._done.stopped = self._done.stopped or fault


class _Desk:
    """Asks one agency about one customer at a time; used by several threads at once."""

    def __init__(self, runtime: Runtime, connection: Connection, agency: Bureau, actor: str) -> None:
        self._store: Store = runtime.store
        self._now, self._today, self._policy = runtime.now, runtime.today, runtime.policy
        self._cipher = runtime.config.cipher()
        self._connection = connection
        self._agency = agency
        self._actor = actor
        self._prices = {kind: agency.price(connection.settings, kind) for kind in ("match", "report")}
        self._purse = Purse(runtime, connection, agency, choice(runtime).ceilings)
        self._legal_basis = connection.settings.get(LEGAL_BASIS.key, LEGAL_BASIS.default or "")

    def ask(self, customer_id: int) -> Answer:
        """The whole way for one customer; faults come back as answers."""
        answer = self._answer(customer_id)
        told = logs.told(answer.fault) if answer.fault else {}
        name, result = self._connection.name, answer.result
        log.info("agency_asked", connection=name, customer=customer_id, outcome=result, **told)
        return answer

    def _answer(self, customer_id: int) -> Answer:
        try:
            return self._ask(customer_id)
        except OverCeiling as fault:
            with self._store.write() as tx:
                self._journal(tx, customer_id, TOO_DEAR, {"purpose": consent.PURPOSE, "why": fault.what})
            return Answer(customer_id, "ceiling", fault=fault)
        except CreditGateError as fault:
            return Answer(customer_id, "fault", fault=fault)
        except (ValueError, TypeError, LookupError, ArithmeticError) as fault:
            unread = Reject(
                f"the agency's answer cannot be read ({type(fault).__name__})",
                code="unreadable",
                field="report",
                where=self._connection.name,
                todo="report it with the customer's number; the others are not concerned",
            )
            return Answer(customer_id, "fault", fault=unread)

    def _ask(self, customer_id: int) -> Answer:
        with self._store.write() as tx:
            ground = self._ground(tx, customer_id)
            if ground is None:
                return Answer(customer_id, "no_ground")
            subject = reports.subject(tx, customer_id)
            best = matches.accepted(tx, customer_id, self._connection.id)
            self._pay(tx, customer_id, "match" if best is None else "report", ground)
        if best is None:
            candidates = self._candidates(customer_id, subject)
            if not candidates:
                return self._without_report(customer_id, "not_on_file", NOT_ON_FILE, ())
            best = sure(candidates)
            if best is None:
                return self._without_report(customer_id, "doubtful", DOUBTFUL, tuple(candidates))
            with self._store.write() as tx:
                # A consent may have been revoked since: then the report is not asked for any more.
                ground = self._ground(tx, customer_id)
                if ground is None:
                    return Answer(customer_id, "no_ground")
                self._pay(tx, customer_id, "report", ground)
        try:
            fetched = self._agency.fetch(best.ref)
        except Reject as fault:
            if fault.code != "not_found":
                raise
            with self._store.write() as tx:
                self._purse.give_back(tx, "report")
            return self._without_report(customer_id, "not_on_file", NOT_ON_FILE, ())
        self._keep(customer_id, best, fetched)
        return Answer(customer_id, "stored")

    def _pay(self, tx: sa.Connection, customer_id: int, call: str, ground: consent.Ground) -> None:
        """Take what the call that comes next costs, and note who makes it, why and at what price."""
        why = {"basis": ground.basis, "purpose": ground.purpose, "consent": ground.consent_id}
        self._journal(tx, customer_id, ASKED, {"call": call, **why, **self._cost(call)})
        self._purse.pay(tx, call)

    def _cost(self, call: str) -> dict[str, Any]:
        """The price of a call for the journal; an unknown one stays out: it is not zero."""
        price = self._prices[call]
        return {"price": price.amount, "currency": price.currency} if price else {}

    def _ground(self, tx: sa.Connection, customer_id: int) -> consent.Ground | None:
        """The ground of the call that comes next; a lack of it is journalled."""
        found = consent.ground(tx, customer_id, self._legal_basis, self._today())
        if found is None:
            self._journal(tx, customer_id, REFUSED, {"purpose": consent.PURPOSE})
        return found

    def _candidates(self, customer_id: int, subject: Subject) -> list[Match]:
        """Whom the agency names, without those that a person has declined."""
        found = self._agency.match(subject)
        with self._store.read() as tx:
            return matches.without_declined(tx, customer_id, self._connection.id, found)

    def _keep(self, customer_id: int, match: Match, fetched: Fetched) -> None:
        raw = self._cipher.encrypt(fetched.raw).decode()
        digest = hashlib.sha256(fetched.raw).hexdigest()
        with self._store.write() as tx:
            before = last_of(tx, customer_id, fetched.report.provider)
            reports.keep(
                tx,
                customer_id=customer_id,
                connection_id=self._connection.id,
                content=fetched.report,
                raw=raw,
                raw_sha256=digest,
                now=self._now(),
            )
            detail = {"ref": match.ref, "by": match.by, "confidence": match.confidence, "sha256": digest}
            heard(tx, customer_id, fetched.report, before, self._policy, self._now())
            self._journal(tx, customer_id, STORED, detail | self._cost("report"))

    def _without_report(self, customer_id: int, result: str, act: str, found: tuple[Match, ...]) -> Answer:
        with self._store.write() as tx:
            matches.remember(tx, customer_id, self._connection.id, found, self._now())
            self._journal(tx, customer_id, act, {"candidates": len(found)})
        return Answer(customer_id, result, found)

    def _journal(self, tx: sa.Connection, customer_id: int, act: str, detail: dict[str, Any]) -> None:
        named = {"connection": self._connection.name, **detail}
        journal.add(tx, self._now(), self._actor, act, reports.about(customer_id), named)


def choice(runtime: Runtime) -> Agencies:
    """Whom to ask about whom, and what it may cost: the file ``agencies.yaml``."""
    return load_choice(runtime.config.path(runtime.config.agencies))


def sure(candidates: Sequence[Match]) -> Match | None:
    """The match that can be taken without a person: the first one by identifier, else the best one by
    name from 0.9 on, if no other candidate comes equally near."""
    for match in candidates:
        if match.by == "identifier":
            return match
    ranked = sorted(candidates, key=lambda m: -m.confidence)
    best = ranked[0] if ranked else None
    if best is None or best.confidence < SURE_NAME:
        return None
    if any(other.ref != best.ref and other.confidence == best.confidence for other in ranked):
        return None
    return best


def agencies(runtime: Runtime, name: str | None) -> list[Connection]:
    """The connection called ``name``, or all connections to agencies; ``Halt`` when there is none."""
    if name is not None:
        return [runtime.connections.get(name)]
    found = runtime.connections.all("bureau")
    if not found:
        raise Halt(
            "there is no agency yet", todo="add one with 'creditgate connect add creditsafe --name NAME'"
        )
    return found


def listed(runtime: Runtime, customer_id: int | None, *, every: bool) -> list[reports.Entry]:
    """Stored reports by customer: the newest of each agency, or every one."""
    with runtime.store.read() as tx:
        return reports.listing(tx, customer_id=customer_id, every=every)


def shown(runtime: Runtime, answer: Answer) -> str:
    """What a person has to know about a customer that got no report; names of natural persons are
    masked, the agency's candidate for them too."""
    number = answer.customer_id
    if answer.fault is not None:
        return f"fault: customer {number}: {answer.fault}"
    with runtime.store.read() as tx:
        person = bool(consents.is_person(tx, number))
        name = consent.masked(reports.subject(tx, number).name, person)
    if answer.result == "no_ground":
        return (
            f"not asked: customer {number} ({name}) – record a consent with "
            f"'creditgate consent add {number} --evidence FILE'"
        )
    nearest = max(answer.matches, key=lambda match: match.confidence)
    return (
        f"doubtful: customer {number} ({name}): nearest is {consent.masked(nearest.name, person)} "
        f"({nearest.ref}), likeness {nearest.confidence:.2f} – "
        "enter an identifier in the CRM, or decide with 'creditgate bureau matches'"
    )
