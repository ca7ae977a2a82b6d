"""Evaluation of customers' facts under the standard policy, on one core.

First a portfolio: 500 different customers one after another, as many as ``assess`` judges at a time; a third
of them each is all right, watched, or stopped with its reasons. Then three customers again and again: one
with five invoices alone (most facts unknown), one with an agency's report and balance sheets, and one whose
reasons must be told. For each it prints, as JSON, evaluations per second of three things, in seconds of this
process (``time.process_time``, best of some rounds, so that other work of the machine counts little):

- ``evaluate``: outcome and all steps, each step as what was decided and the values that it was decided on;
- ``evaluate_and_write_out``: the same, and every step written out with its parameters by name;
- ``evaluate_and_serialise``: the same, and the canonical JSON of outcome and all steps, as it is stored.

``ratio`` is the first over the 200,000 a second that are wanted; ``interpret`` is the reference, which goes
rule by rule.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial

import orjson

from connector.config import shipped
from connector.model import Report, Statement
from connector.money import Rates
from connector.policy.load import load
from connector.policy.schema import Policy
from connector.rules.documents import Dossier, InvoiceDoc, ReportDoc
from connector.rules.evaluate import evaluate
from connector.rules.facts import snapshot
from connector.rules.interpret import interpret
from connector.rules.outcome import assessment_json
from connector.rules.snapshot import Snapshot
from connector.store import dossiers

NOW = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
WANTED = 200_000
ROUNDS = 15


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evaluations", type=int, default=20_000)
    count = parser.parse_args().evaluations // ROUNDS + 1
    policy = load(shipped("policies") / "standard.yaml")
    for name, several in {"portfolio": portfolio(), **{k: [v] for k, v in customers().items()}}.items():
        facts = [snapshot(made, policy, Rates("CNY"), NOW) for made in several]
        print(orjson.dumps(measure(name, policy, facts, count)).decode())


def measure(name: str, policy: Policy, facts: Sequence[Snapshot], count: int) -> dict[str, object]:
    """Evaluations per second, with what is made of the steps."""
    evaluated = [evaluate(policy, one) for one in facts]
    quick = _rate(partial(evaluate, policy), facts, count)
    return {
        "benchmark": "evaluate",
        "customer": name,
        "customers": len(facts),
        "statuses": dict(sorted(Counter(one.status for one in evaluated).items())),
        "steps": round(sum(len(one.steps) for one in evaluated) / len(evaluated), 1),
        "unit": "evaluations per second of process time",
        "evaluate": quick,
        "evaluate_and_write_out": _rate(lambda one: evaluate(policy, one).steps, facts, count),
        "evaluate_and_serialise": _rate(lambda one: assessment_json(evaluate(policy, one)), facts, count),
        "interpret": _rate(partial(interpret, policy), facts, count),
        "wanted": WANTED,
        "ratio": round(quick / WANTED, 3),
    }


def _rate(run: Callable[[Snapshot], object], facts: Sequence[Snapshot], count: int) -> int:
    best, rounds = float("inf"), count // len(facts) + 1
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(rounds):
            for one in facts:
                run(one)
        best = min(best, time.process_time() - began)
    return round(rounds * len(facts) / best)


def portfolio() -> list[Dossier]:
    """As many customers as ``assess`` judges at a time: each with three to eight invoices, every second one
    with an agency's report, some with an invoice that is still open."""
    rng = random.Random(3)
    found = []
    for number in range(dossiers.CHUNK):
        late = rng.choice([-3, 0, 2, 5, 10, 25, 40])
        invoices = [_invoice(place, late + rng.randrange(-3, 4)) for place in range(rng.randrange(3, 8))]
        if rng.random() < 0.3:
            invoices.append(_invoice(9, late=None))
        reports = (_report(),) if rng.random() < 0.5 else ()
        found.append(replace(_dossier(tuple(invoices), *reports), customer_id=number))
    return found


def customers() -> dict[str, Dossier]:
    """The three customers."""
    prompt = tuple(_invoice(place, late=place % 3 - 2) for place in range(5))
    slow = tuple(_invoice(place, late=20 + place) for place in range(4))
    return {
        "invoices alone": _dossier(prompt),
        "invoices and report": _dossier(prompt, _report()),
        "late, with reasons": _dossier((*slow, _invoice(9, late=None)), _report()),
    }


def _dossier(invoices: tuple[InvoiceDoc, ...], *reports: ReportDoc) -> Dossier:
    return Dossier(
        customer_id=1,
        name="Customer",
        country="CN",
        customer_since=dt.date(2020, 1, 1),
        terms_days=30,
        invoices=invoices,
        reports=reports,
    )


def _invoice(place: int, late: int | None) -> InvoiceDoc:
    """An invoice paid ``late`` days after it was due, or still open."""
    due = NOW.date() - dt.timedelta(days=40 * place + 45)
    amount = 5_000_000 + place
    return InvoiceDoc(
        id=f"1/{place}",
        number=None,
        order_id=None,
        amount=amount,
        currency="CNY",
        issued_on=due - dt.timedelta(days=30),
        due_on=due,
        paid=0 if late is None else amount,
        settled_on=None if late is None else due + dt.timedelta(days=late),
        state="open" if late is None else "paid",
        disputed=None,
    )


def _report() -> ReportDoc:
    statements = tuple(
        Statement(
            period_end=dt.date(year, 12, 31),
            currency="CNY",
            total_assets=10**10,
            current_assets=6 * 10**9,
            total_liabilities=5 * 10**9,
            current_liabilities=3 * 10**9,
            equity=5 * 10**9,
            revenue=2 * 10**10,
            net_profit=8 * 10**8,
            operating_cash_flow=7 * 10**8,
        )
        for year in (2023, 2024, 2025)
    )
    report = Report(
        provider="agency",
        subject_ref="1",
        subject_name="Customer",
        as_of=dt.date(2026, 6, 1),
        judgments_covered=True,
        insolvent=False,
        pd_12m=Decimal("0.02"),
        limit=9 * 10**8,
        limit_currency="CNY",
        statements=statements,
    )
    return ReportDoc(report, NOW)


if __name__ == "__main__":
    main()
