"""Consent from end to end: refused without one, asked once with it, refused again when it is revoked."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

from connector.store import journal
from connector.store.consents import person
from connector.store.tables import customer, report
from sandbox.server import Options
from tests.installation import Installation, installation

OPTIONS = Options(accounts=60, seed=7, as_of=dt.datetime(2026, 6, 30, tzinfo=dt.UTC))


def acts(made: Installation, number: int) -> list[str]:
    with made.opened() as runtime, runtime.store.read() as tx:
        return [row.act for row in journal.entries(tx, f"customer {number}")]


def reports(made: Installation, number: int) -> int:
    with made.opened() as runtime, runtime.store.read() as tx:
        query = sa.select(sa.func.count()).where(report.c.customer_id == number)
        return int(tx.execute(query).scalar_one())


def refreshed(made: Installation, number: int, *more: str, expect: int = 0) -> dict[str, Any]:
    done = made.run("bureau", "refresh", "--customer", str(number), "--format", "json", *more, expect=expect)
    row: dict[str, Any] = orjson.loads(done.stdout)[0]
    return row


def test_a_person_is_asked_about_once_with_consent_and_never_without(tmp_path: Path) -> None:
    with installation(tmp_path, OPTIONS, names=("zoho", "bureau")) as made:
        made.run("pull", "zoho")
        number = _known_company_as_a_person(made)
        assert refreshed(made, number, expect=1)["no_ground"] == 1
        assert acts(made, number)[-1] == "report_refused" and reports(made, number) == 0

        paper = tmp_path / "signed.pdf"
        paper.write_bytes(b"signed by hand")
        made.run("consent", "add", str(number), "--evidence", str(paper))
        assert refreshed(made, number)["stored"] == 1
        assert refreshed(made, number)["due"] == 0  # young enough by the policy
        assert reports(made, number) == 1
        assert acts(made, number)[-2:] == ["report_asked", "report_stored"]

        made.run("assess")
        audit = orjson.loads(made.run("explain", str(number), "--for", "audit", "--format", "json").stdout)
        facts = {step.get("fact") for step in audit["steps"]}
        assert any("pd" in str(fact) for fact in facts), facts
        (source,) = {step["source"] for step in audit["steps"] if step.get("fact") == "agency_pd"}
        assert source.endswith(("; provider_pd)", "; grade_table creditsafe-presets-1)"))
        assert {"agency_pd", "agency_limit"} <= facts, facts

        made.run("consent", "revoke", "1", "--reason", "asked to")
        assert refreshed(made, number, "--older-than", "0", expect=1)["no_ground"] == 1
        assert acts(made, number)[-1] == "report_refused" and reports(made, number) == 1


def _known_company_as_a_person(made: Installation) -> int:
    """A customer whom the agency knows, from now on a natural person."""
    made.run("bureau", "refresh", expect=1)
    with made.opened() as runtime, runtime.store.write() as tx:
        number = int(tx.execute(sa.select(report.c.customer_id).order_by(report.c.id)).scalars().first() or 0)
        tx.execute(report.delete().where(report.c.customer_id == number))
        tx.execute(customer.update().where(customer.c.id == number).values(is_person=True))
        assert tx.execute(sa.select(person()).where(customer.c.id == number)).scalar_one()
    return number
