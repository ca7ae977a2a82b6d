"""Asking the right agency about each customer, in order, when it is time.

Invariant: a customer with a fresh report of one of its agencies is left alone unless something happened; each
agency is asked once a run about a customer, the next one only if the one before could not answer; a doubtful
match waits for a person.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from connector.bureau.choice import Agencies
from connector.bureau.fetching import Refreshed, choice, refresh
from connector.errors import Halt
from connector.money import to_major
from connector.ports.finding import Finding
from connector.runtime import Runtime
from connector.store import matches, standings
from connector.store.standings import Standing

Progress = Callable[[str], Callable[[int, int | None], None]]


@dataclass
class Plan:
    """Whom to ask about: by customer, the agencies still to be asked, in order. ``nobody`` are the customers
    for whom no choice names an agency."""

    order: dict[int, list[str]] = field(default_factory=dict)
    nobody: list[int] = field(default_factory=list)


def plan(runtime: Runtime, customer_ids: Sequence[int] | None = None) -> Plan:
    """The customers whose report is missing, too old by the calendar of their class, or overtaken by a
    signal, and the agencies to ask about them; a customer that is named is due whatever its age. ``Halt`` for
    a choice that names a connection that is not there."""
    settings, agencies = choice(runtime), runtime.connections.all("bureau")
    names = {one.name: one for one in agencies}
    unknown = settings.unknown(names)
    if unknown:
        raise Halt(
            f"there is no agency called {unknown[0]!r}",
            where=str(runtime.config.path(runtime.config.agencies)),
            todo="correct 'choices', or add it with 'creditgate connect add'",
        )
    found = Plan()
    with runtime.store.read() as tx:
        for part in standings.living(tx, customer_ids):
            for one in part:
                order = settings.order(one.country, _size(one, runtime), names)
                if not order:
                    found.nobody.append(one.customer_id)
                    continue
                rest = _rest(runtime, settings, one, order, named=customer_ids is not None)
                if rest:
                    found.order[one.customer_id] = rest
        for name, connection in names.items():
            waiting = matches.waiting(tx, connection.id, runtime.now() - dt.timedelta(days=365))
            for number in waiting & found.order.keys() if customer_ids is None else ():
                if name in found.order[number]:
                    del found.order[number]
    return found


def ask(
    runtime: Runtime,
    *,
    actor: str,
    customer_ids: Sequence[int] | None = None,
    progress: Progress = lambda name: lambda done, total: None,
) -> tuple[list[Refreshed], Plan]:
    """Ask by the plan; what every agency did, in the order in which they were asked."""
    found = plan(runtime, customer_ids)
    connections = {one.name: one for one in runtime.connections.all("bureau")}
    order = {number: list(names) for number, names in found.order.items()}
    results: list[Refreshed] = []
    while True:
        name, numbers = _next(order)
        if name is None:
            return results, found
        done = refresh(
            runtime,
            connections[name],
            actor=actor,
            customer_ids=numbers,
            older_than=0,
            progress=progress(name),
        )
        results.append(done)
        # Whoever is through is asked about no more, though the agency may have stopped at a later one.
        for number in numbers:
            rest = [one for one in order.pop(number) if one != name]
            if rest and number not in done.through:
                order[number] = rest


def findings(runtime: Runtime) -> Iterator[Finding]:
    """What ``doctor`` says of ``agencies.yaml``: connections that are not there, and countries about whose
    customers nobody is asked."""
    settings, names = choice(runtime), [one.name for one in runtime.connections.all("bureau")]
    if not settings.choices:
        return
    unknown = settings.unknown(names)
    if unknown:
        yield Finding(
            "warn",
            "agencies",
            f"choices name {', '.join(unknown)}, and no such agency is connected",
            "correct agencies.yaml, or add it with 'creditgate connect add'",
        )
    with runtime.store.read() as tx:
        counts = standings.countries(tx)
    left_out = {one or "unknown": count for one, count in counts.items() if not settings.serves(one)}
    if left_out:
        told = ", ".join(f"{one} ({count})" for one, count in sorted(left_out.items()))
        yield Finding(
            "warn",
            "agencies",
            f"no choice is for customers in these countries: {told}",
            "add an entry to 'choices' in agencies.yaml; one without 'countries' is for all",
        )
    if not unknown and not left_out:
        yield Finding("ok", "agencies", f"{len(settings.choices)} choices")


def _next(order: dict[int, list[str]]) -> tuple[str | None, list[int]]:
    """The agency that most customers wait for first, and those customers."""
    waiting: dict[str, list[int]] = {}
    for number, names in order.items():
        waiting.setdefault(names[0], []).append(number)
    if not waiting:
        return None, []
    name = max(sorted(waiting), key=lambda one: len(waiting[one]))
    return name, sorted(waiting[name])


def _rest(
    runtime: Runtime, settings: Agencies, one: Standing, order: Sequence[str], *, named: bool
) -> list[str]:
    """The agencies of ``order`` to ask, none if a report is fresh."""
    policy = runtime.policy
    review = next((c.review_days for c in policy.classes if c.name == one.risk_class), None)
    usual = min(filter(None, (policy.staleness.report_days, review)), default=policy.staleness.report_days)
    before = runtime.now() - dt.timedelta(days=settings.fresh(one.risk_class, usual))
    if named:
        return list(order)
    newest = max((at for name, at in one.reports.items() if name in order), default=None)
    alarmed = one.alarmed_at if settings.renew_on_alarm else None
    overtaken = newest is not None and alarmed is not None and alarmed > newest
    if newest is not None and newest >= before and not overtaken:
        return []
    return [name for name in order if name not in one.unknown_to or one.unknown_to[name] < before]


def _size(one: Standing, runtime: Runtime) -> Decimal | None:
    """The larger of limit and exposure, major units of the policy's currency; ``None`` if nothing is
    known."""
    if one.size is None or one.currency is None:
        return None
    converted = runtime.rates.convert(one.size, one.currency, runtime.policy.currency, runtime.today())
    return None if converted is None else to_major(converted, runtime.policy.currency)
