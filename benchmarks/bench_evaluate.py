"""Evaluation of one customer's facts under the standard policy, on one core.

Three customers: one with five invoices alone (most facts unknown), one with an agency's report and balance
sheets, and one whose reasons must be told. For each it prints, as JSON, evaluations per second of three
things, in seconds of this process (``time.process_time``, best of some rounds, so that other work of the
machine counts little):

- ``evaluate``: outcome and all steps, each step as what was decided and the values that it was decided on;
- ``evaluate_and_write_out``: the same, and every step written out with its parameters by name;
- ``evaluate_and_serialise``: the same, and the canonical JSON of outcome and all steps, as it is stored.

``ratio`` is the first over the 200,000 a second that are wanted; ``interpret`` is the reference, which goes
rule by rule.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from collections.abc import Callable
from decimal import Decimal

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

NOW = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
WANTED = 200_000
ROUNDS = 15


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--evaluations", type=int, default=20_000)
    count = parser.parse_args().evaluations // ROUNDS + 1
    policy = load(shipped("policies") / "standard.yaml")
    for name, made in customers().items():
        print(orjson.dumps(measure(name, policy, snapshot(made, policy, Rates("CNY"), NOW), count)).decode())


def measure(name: str, policy: Policy, facts: Snapshot, count: int) -> dict[str, object]:
    """Evaluations per second, with what is made of the steps."""
    quick = _rate(lambda: evaluate(policy, facts), count)
    return {
        "benchmark": "evaluate",
        "customer": name,
        "steps": len(evaluate(policy, facts).steps),
        "unit": "evaluations per second of process time",
        "evaluate": quick,
        "evaluate_and_write_out": _rate(lambda: evaluate(policy, facts).steps, count),
        "evaluate_and_serialise": _rate(lambda: assessment_json(evaluate(policy, facts)), count),
        "interpret": _rate(lambda: interpret(policy, facts), count),
        "wanted": WANTED,
        "ratio": round(quick / WANTED, 3),
    }


def _rate(run: Callable[[], object], count: int) -> int:
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(count):
            run()
        best = min(best, time.process_time() - began)
    return round(count / best)


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
