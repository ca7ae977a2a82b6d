"""Privacy: what is purged and when, who reads raw reports, and who decides about natural persons."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from connector import privacy_settings
from connector.adapter import Fetched, Match
from connector.errors import Halt
from connector.model import Negative
from connector.privacy.retention import months_after, over
from connector.privacy_settings import Privacy, Retention
from connector.store import customers
from connector.store.record_tables import invoice
from connector.store.tables import consent, credit_line, report
from tests.cli_home import FakeBureau, Home, make_home

TODAY = dt.datetime.now(dt.UTC).date()
OLD, RECENT = TODAY - dt.timedelta(days=6 * 365), TODAY - dt.timedelta(days=300)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = make_home(tmp_path, monkeypatch)
    made.connect()
    made.connect("agency", "bureau")
    return made


def with_report(
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    *negatives: Negative,
    country: str = "CN",
    person: bool = True,
) -> int:
    number = home.customer("Wang Xiaoming", is_person=person, country=country)
    FakeBureau.matches["Wang Xiaoming"] = [Match("R1", "Wang Xiaoming", 1.0, "identifier")]
    plain = FakeBureau.fetch

    def fetch(self: FakeBureau, ref: str) -> Fetched:
        found = plain(self, ref)
        return Fetched(found.report.model_copy(update={"negatives": negatives}), found.raw)

    monkeypatch.setattr(FakeBureau, "fetch", fetch)
    paper = home.folder / "signed.pdf"
    paper.write_bytes(b"signed")
    assert home.run("consent", "add", str(number), "--evidence", str(paper)).code == 0
    assert home.run("bureau", "refresh").code == 0
    return number


def negatives(home: Home) -> list[str]:
    with home.opened() as runtime, runtime.store.read() as tx:
        body = json.loads(tx.execute(sa.select(report.c.body)).scalar_one())
    return [one["case_no"] for one in body["negatives"]]


def test_a_persons_negative_record_goes_five_years_after_its_end(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = (
        Negative(kind="judgment", filed_on=OLD, resolved_on=OLD, resolved=True, case_no="over"),
        Negative(kind="judgment", filed_on=OLD, resolved_on=RECENT, resolved=True, case_no="recent"),
        Negative(kind="judgment", filed_on=OLD, case_no="goes on"),
        Negative(kind="judgment", filed_on=OLD, resolved=True, case_no="over, nobody says when"),
    )
    number = with_report(home, monkeypatch, *records)
    planned = home.rows("bureau", "purge")
    assert planned[0]["negatives"] == 2 and len(negatives(home)) == 4
    changes = home.changes(number)
    home.rows("bureau", "purge", "--apply", "--actor", "Lin")
    assert negatives(home) == ["recent", "goes on"]
    assert home.changes(number) == changes + 1  # the assessment must not rest on them any more
    entry = home.journal("report_purged")[0]
    assert entry["actor"] == "Lin" and entry["negatives"] == 2 and "judgment" not in str(entry)
    assert home.rows("bureau", "purge", "--apply") == []


def test_the_end_that_a_later_report_tells_counts_for_earlier_ones_and_signals_go_too(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_report(home, monkeypatch, Negative(kind="judgment", filed_on=OLD, case_no="c1"))
    assert [one["kind"] for one in home.rows("signal", "list")] == ["judgment_appeared"]
    ended = Negative(kind="judgment", filed_on=OLD, resolved_on=OLD, resolved=True, case_no="c1")
    plain = FakeBureau.fetch

    def later(self: FakeBureau, ref: str) -> Fetched:
        found = plain(self, ref)
        return Fetched(found.report.model_copy(update={"negatives": (ended,)}), found.raw)

    monkeypatch.setattr(FakeBureau, "fetch", later)
    assert home.run("bureau", "refresh", "bureau", "--older-than", "0").code == 0
    home.rows("bureau", "purge", "--apply")
    with home.opened() as runtime, runtime.store.read() as tx:
        bodies = [json.loads(body) for body in tx.execute(sa.select(report.c.body)).scalars()]
    assert len(bodies) == 2 and [body["negatives"] for body in bodies] == [[], []]
    assert home.rows("signal", "list") == []


def test_a_companys_negative_records_are_no_personal_data(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    over_one = Negative(kind="judgment", filed_on=OLD, resolved_on=OLD, resolved=True, case_no="over")
    with_report(home, monkeypatch, over_one, person=False)
    assert home.rows("bureau", "purge", "--apply") == []
    assert negatives(home) == ["over"]


def test_germany_keeps_insolvencies_for_six_months(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = Negative(kind="insolvency", filed_on=OLD, resolved_on=RECENT, resolved=True, case_no="i")
    with_report(home, monkeypatch, ended, country="DE")
    home.rows("bureau", "purge", "--apply")
    assert negatives(home) == []
    assert not over({"kind": "insolvency", "resolved_on": RECENT.isoformat()}, Retention(), TODAY)


def test_months_end_on_the_last_day_where_a_month_is_shorter() -> None:
    assert months_after(dt.date(2024, 2, 29), 60) == dt.date(2029, 2, 28)
    assert months_after(dt.date(2026, 8, 31), 6) == dt.date(2027, 2, 28)


def test_consents_are_removed_when_they_have_had_their_time_as_proof(home: Home) -> None:
    number = home.customer("Wang Xiaoming", is_person=True)
    paper = home.folder / "signed.pdf"
    paper.write_bytes(b"signed")
    for end in (OLD, RECENT):
        day = ("--from", OLD.isoformat(), "--to", end.isoformat())
        assert home.run("consent", "add", str(number), "--evidence", str(paper), *day).code == 0
    assert len(home.rows("consent", "purge")) == 1
    assert len(home.rows("consent", "list")) == 2
    home.rows("consent", "purge", "--apply")
    with home.opened() as runtime, runtime.store.read() as tx:
        assert list(tx.execute(sa.select(consent.c.id)).scalars()) == [2]
    assert home.journal("consent_purged")[0]["consent"] == 1


def test_raw_reports_are_read_by_role_and_every_attempt_is_on_record(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = str(with_report(home, monkeypatch))
    refused = home.run("bureau", "show", number, "--raw", "--actor", "Lin")
    assert refused.code == 2 and "raw" not in refused.out and "Lin" in refused.err
    assert home.journal("raw_report_refused")[0]["actor"] == "Lin"
    with (home.folder / "creditgate.toml").open("a", encoding="utf-8") as config:
        config.write('\n[[roles]]\nwho = "Lin"\nrole = "auditor"\n\n[[roles]]\nwho = "Mo"\nrole = "sales"\n')
    read = home.run("bureau", "show", number, "--raw", "--actor", "Lin")
    assert read.code == 0 and '{"raw": "R1"}' in read.out
    assert home.journal("raw_report_read")[0]["reports"] == [1]
    assert home.run("bureau", "show", number, "--raw", "--actor", "Mo").code == 2
    assert home.rows("bureau", "show", number)[0]["name"] == "W**"


def test_a_consent_revoked_under_way_stops_the_next_call(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    number = home.customer("Wang Xiaoming", is_person=True)
    FakeBureau.matches["Wang Xiaoming"] = [Match("R1", "Wang Xiaoming", 1.0, "identifier")]
    paper = home.folder / "signed.pdf"
    paper.write_bytes(b"signed")
    home.run("consent", "add", str(number), "--evidence", str(paper))
    plain = FakeBureau.match

    def match(self: FakeBureau, subject: object) -> list[Match]:
        found = plain(self, subject)  # type: ignore[arg-type]
        with home.opened() as runtime:
            from connector.privacy import consent as acts

            acts.revoke(runtime, 1, reason="now", actor="Lin")
        return found

    monkeypatch.setattr(FakeBureau, "match", match)
    done = home.run("bureau", "refresh", "--format", "json")
    assert done.code == 1 and done.json[0]["no_ground"] == 1
    assert FakeBureau.fetched == [] and len(home.journal("report_refused")) == 1


def test_a_consent_to_something_else_is_none(home: Home) -> None:
    number = home.customer("Wang Xiaoming", is_person=True)
    paper = home.folder / "signed.pdf"
    paper.write_bytes(b"signed")
    home.run("consent", "add", str(number), "--evidence", str(paper), "--purpose", "advertising")
    assert home.run("bureau", "refresh", "--format", "json").json[0]["no_ground"] == 1
    assert FakeBureau.asked == []


def test_a_decision_about_a_person_waits_for_a_reviewer(home: Home) -> None:
    number = home.customer("Wang Xiaoming", is_person=True, assessed=False)
    company = home.customer("Hengda Metal", assessed=False)
    assert home.run("assess").code == 0
    assert _lines(home).keys() == {company}
    waiting = home.rows("customer", "review", "list")
    assert [(row["customer"], row["name"]) for row in waiting] == [(number, "W**")]
    assert home.journal("review_proposed")[0]["subject"] == f"customer {number}"
    assert home.run("assess").code == 0
    assert len(home.rows("customer", "review", "list")) == 1  # proposed once
    assert home.run("customer", "review", "confirm", str(number), "--reason", " ").code == 2
    done = home.run("customer", "review", "confirm", str(number), "--reason", "I know him", "--actor", "Lin")
    assert done.code == 0, done.err
    assert _lines(home).keys() == {number, company}
    entry = home.journal("review_confirmed")[0]
    assert entry["actor"] == "Lin" and entry["reason"] == "I know him"
    assert home.run("customer", "review", "confirm", str(number), "--reason", "again").code == 2


def test_a_rejected_decision_leaves_what_was_in_force(home: Home) -> None:
    number = home.customer("Wang Xiaoming", is_person=True, assessed=False)
    home.run("assess")
    home.run("customer", "review", "confirm", str(number), "--reason", "fine")
    before = _lines(home)[number]
    _overdue(home, number, deleted=False)
    home.run("assess")
    assert _lines(home)[number] == before
    assert home.rows("customer", "review", "list")[0]["risk_class"] == "B"
    assert home.run("customer", "review", "reject", str(number), "--reason", "it is disputed").code == 0
    assert _lines(home)[number] == before
    home.run("assess", "--all")
    assert home.rows("customer", "review", "list") == []
    _overdue(home, number, deleted=True)
    home.run("assess")
    assert home.rows("customer", "review", "list") == []  # that one was confirmed before
    assert _lines(home)[number] == before


def _overdue(home: Home, number: int, *, deleted: bool) -> None:
    """An invoice of the customer that is long overdue; or it is gone again."""
    now = dt.datetime.now(dt.UTC)
    row = {"connection_id": 1, "external_id": "I1", "digest": "", "first_seen": now, "last_seen": now}
    row |= {
        "account_id": f"A{number}",
        "amount": 100_00,
        "currency": "CNY",
        "due_on": RECENT,
        "state": "open",
    }
    with home.opened() as runtime, runtime.store.write() as tx:
        tx.execute(invoice.update().values(deleted=True) if deleted else invoice.insert().values(**row))
        customers.touch_customers(tx, {number})


def _lines(home: Home) -> dict[int, tuple[str, int | None]]:
    with home.opened() as runtime, runtime.store.read() as tx:
        rows = tx.execute(
            sa.select(credit_line.c.subject_id, credit_line.c.status, credit_line.c.limit_minor)
        )
        return {row.subject_id: (row.status, row.limit_minor) for row in rows}


def test_names_of_persons_are_masked_in_the_listing_of_customers(home: Home) -> None:
    home.customer("Wang Xiaoming", is_person=True)
    home.customer("Hengda Metal")
    assert [row["name"] for row in home.rows("customer", "list")] == ["W**", "Hengda Metal"]


def test_the_shipped_settings_are_the_stated_defaults(tmp_path: Path) -> None:
    path = tmp_path / "privacy.yaml"
    assert privacy_settings.load(path) == Privacy()
    path.write_text(privacy_settings.TEXT, encoding="utf-8")
    assert privacy_settings.load(path) == Privacy()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("privacy: 1\nretention:\n  default: {raw_months: soon}\n", 3),
        ("privacy: 1\nretention:\n  Germany: {raw_months: 1}\n", 3),
        ("privacy: 1\nkeep: 1\n", 2),
        ("privacy: 1\nraw_readers: [credit_manager]\n", 2),
    ],
)
def test_a_mistake_in_the_settings_halts_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    path = tmp_path / "privacy.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Halt) as fault:
        privacy_settings.load(path)
    assert fault.value.where == f"{path}:{line}"
