"""``bureau`` and ``consent``: nobody is asked about without a ground, and what was asked is known."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import sqlalchemy as sa

from connector.adapter import Match
from connector.errors import Halt, Reauth, Reject, Retry
from connector.signals.notice import raise_by_policy
from connector.store.tables import report
from tests.cli_home import FakeBureau, Home, make_home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = make_home(tmp_path, monkeypatch)
    made.connect()
    made.connect("agency", "bureau")
    return made


def known(name: str, ref: str, *, confidence: float = 1.0, by: str = "identifier") -> None:
    FakeBureau.matches.setdefault(name, []).append(Match(ref, name, confidence, by))  # type: ignore[union-attr]


def refreshed(home: Home, *args: str, code: int = 0) -> dict[str, int]:
    done = home.run("bureau", "refresh", "bureau", *args, "--format", "json")
    assert done.code == code, done.err
    row: dict[str, int] = done.json[0]
    return row


def stored(home: Home) -> list[sa.Row[tuple[object, ...]]]:
    with home.opened() as runtime, runtime.store.read() as tx:
        return list(tx.execute(sa.select(report).order_by(report.c.id)).all())


def consent(home: Home, number: int, *args: str) -> int:
    paper = home.folder / "signed.pdf"
    paper.write_bytes(b"signed")
    return home.run("consent", "add", str(number), "--evidence", str(paper), *args).code


def test_a_company_is_asked_about_and_its_report_kept_encrypted(home: Home) -> None:
    number = home.customer("Hengda Metal", keys={"uscc": "91110108551385082Q", "registration": "CN:110000"})
    known("Hengda Metal", "R1")
    row = refreshed(home, "--actor", "Lin")
    assert (row["due"], row["stored"]) == (1, 1)
    asked = FakeBureau.asked[0]
    assert (asked.name, asked.country) == ("Hengda Metal", "CN")
    assert asked.identifiers == {"uscc": "91110108551385082Q", "registration_no": "110000"}
    kept = stored(home)[0]
    raw = b'{"raw": "R1"}'
    assert kept.raw_sha256 == hashlib.sha256(raw).hexdigest()
    assert "raw" not in kept.raw
    with home.opened() as runtime:
        assert runtime.config.cipher().decrypt(kept.raw.encode()) == raw
    assert home.changes(number) == 2
    entry = home.journal("report_asked")[0]
    assert entry["actor"] == "Lin" and entry["subject"] == f"customer {number}"
    assert entry["connection"] == "bureau" and entry["basis"] == "legal_basis"
    assert entry["purpose"] == "legitimate interest: trade credit"
    assert home.journal("report_stored")[0]["sha256"] == kept.raw_sha256


def test_what_a_report_cost_by_contract_is_in_the_journal_and_an_unknown_price_is_not(home: Home) -> None:
    home.customer("Hengda Metal")
    known("Hengda Metal", "R1")
    refreshed(home)
    home.connect("agency", "bureau", "password=hush", "price_report=2.50 EUR")
    refreshed(home, "--older-than", "0")
    before, after = home.journal("report_stored")
    assert "price" not in before
    assert (after["price"], after["currency"]) == (250, "EUR")
    home.connect("agency", "bureau", "password=hush", "price_report=much")
    assert home.run("bureau", "refresh", "bureau").code == 2


def test_a_fresh_report_is_not_asked_for_again_until_it_is_old(home: Home) -> None:
    home.customer("Hengda Metal")
    known("Hengda Metal", "R1")
    refreshed(home)
    assert refreshed(home)["due"] == 0
    assert refreshed(home, "--older-than", "30")["due"] == 0
    assert refreshed(home, "--older-than", "0")["stored"] == 1
    assert len(stored(home)) == 2
    assert len(home.rows("bureau", "list")) == 1
    assert len(home.rows("bureau", "list", "--all")) == 2


def test_a_report_is_asked_for_again_when_a_signal_wants_it_once(home: Home) -> None:
    number = home.customer("Hengda Metal")
    known("Hengda Metal", "F1")
    assert refreshed(home)["stored"] == 1
    assert refreshed(home)["due"] == 0

    def signal(kind: str, key: str) -> None:
        with home.opened() as runtime, runtime.store.write() as tx:
            raise_by_policy(tx, runtime.policy.signals, kind, number, key, {}, runtime.now())
        assert home.run("signal", "act").code == 0

    signal("report_expiring", "another agency")
    assert refreshed(home)["due"] == 0
    signal("report_expiring", "agency")
    assert refreshed(home)["stored"] == 1
    assert refreshed(home)["due"] == 0
    signal("statement_overdue", "")
    assert refreshed(home)["stored"] == 1
    assert refreshed(home)["due"] == 0


def test_a_registration_number_of_another_country_is_not_sent(home: Home) -> None:
    home.customer("Hengda Metal", country="DE", keys={"registration": "CN:110000"})
    home.customer("Nobody Ltd", country=None, keys={"registration": "GB:0123"})
    refreshed(home)
    by_name = {subject.name: subject for subject in FakeBureau.asked}
    assert by_name["Hengda Metal"].identifiers == {}
    assert by_name["Nobody Ltd"].identifiers == {"registration_no": "0123"}
    assert by_name["Nobody Ltd"].country == "GB"


def test_a_natural_person_is_never_asked_about_without_its_consent(home: Home) -> None:
    number = home.customer("Wang Xiaoming", is_person=True)
    known("Wang Xiaoming", "R1")
    done = home.run("bureau", "refresh", "--format", "json")
    assert done.code == 1 and done.json[0]["no_ground"] == 1
    assert FakeBureau.asked == [] and home.journal("report_asked") == []
    assert "Wang" not in done.err and "W**" in done.err and f"consent add {number}" in done.err
    assert consent(home, number) == 0
    assert refreshed(home)["stored"] == 1
    entry = home.journal("report_asked")[0]
    assert entry["basis"] == "consent" and entry["consent"] == 1


def test_a_customer_that_any_account_calls_a_person_is_one(home: Home) -> None:
    from connector.store.tables import customer

    number = home.customer("Wang Xiaoming", is_person=True)
    with home.opened() as runtime, runtime.store.write() as tx:
        tx.execute(customer.update().values(is_person=False))
    assert refreshed(home, code=1)["no_ground"] == 1
    assert home.run("consent", "add", str(number), "--basis", "legal_basis", "--note", "x").code == 2


def test_without_a_legal_basis_a_company_needs_a_consent_too(home: Home) -> None:
    home.connect("agency", "bureau", "password=hush", "legal_basis=")
    number = home.customer("Hengda Metal")
    known("Hengda Metal", "R1")
    assert refreshed(home, code=1)["no_ground"] == 1
    note = ("--basis", "legal_basis", "--note", "order in hand")
    assert home.run("consent", "add", str(number), *note).code == 0
    assert refreshed(home)["stored"] == 1


@pytest.mark.parametrize(
    ("args", "valid"),
    [
        ((), True),
        (("--to", "2020-01-31", "--from", "2020-01-01"), False),
        (("--from", "2999-01-01"), False),
        (("--from", "2020-01-01", "--to", "2999-01-01"), True),
    ],
)
def test_a_consent_counts_on_its_days_only(home: Home, args: tuple[str, ...], valid: bool) -> None:
    number = home.customer("Wang Xiaoming", is_person=True)
    known("Wang Xiaoming", "R1")
    assert consent(home, number, *args) == 0
    assert refreshed(home, code=0 if valid else 1)["stored"] == int(valid)


def test_a_revoked_consent_is_no_ground(home: Home) -> None:
    number = home.customer("Wang Xiaoming", is_person=True)
    assert consent(home, number) == 0
    assert home.run("consent", "revoke", "1", "--reason", "asked by letter", "--actor", "Lin").code == 0
    assert refreshed(home, code=1)["no_ground"] == 1
    assert home.rows("consent", "list")[0]["state"] == "revoked"
    assert home.journal("consent_revoked") == [
        {"actor": "Lin", "subject": f"customer {number}", "consent": 1, "reason": "asked by letter"}
    ]
    again = home.run("consent", "revoke", "1")
    assert again.code == 2 and "revoked already" in again.err


@pytest.mark.parametrize(
    ("candidates", "result"),
    [
        ([(0.89, "name", "a")], "doubtful"),
        ([(0.9, "name", "a")], "stored"),
        ([(0.95, "name", "a"), (0.95, "name", "b")], "doubtful"),
        ([(0.95, "name", "a"), (0.91, "name", "b")], "stored"),
        ([(0.5, "identifier", "a")], "stored"),
        ([], "not_on_file"),
    ],
)
def test_which_matches_are_taken_without_a_person(
    home: Home, candidates: list[tuple[float, str, str]], result: str
) -> None:
    home.customer("Hengda Metal")
    for confidence, by, ref in candidates:
        known("Hengda Metal", ref, confidence=confidence, by=by)
    row = refreshed(home, code=1 if result == "doubtful" else 0)
    assert row[result] == 1
    assert FakeBureau.fetched == (["a"] if result == "stored" else [])


def test_a_doubtful_match_is_listed_with_the_nearest_candidate(home: Home) -> None:
    home.customer("Hengda Metal")
    FakeBureau.matches["Hengda Metal"] = [Match("R7", "Hengda Metals Trading", 0.8, "name")]
    done = home.run("bureau", "refresh", "bureau")
    assert done.code == 1
    assert "nearest is Hengda Metals Trading (R7), likeness 0.80" in done.err


def test_whom_the_agency_does_not_know_is_left_alone_for_a_while(home: Home) -> None:
    number = home.customer("Hengda Metal")
    assert refreshed(home)["not_on_file"] == 1
    assert home.journal("report_not_on_file")[0]["subject"] == f"customer {number}"
    assert refreshed(home)["due"] == 0
    assert len(FakeBureau.asked) == 1
    home.connect("agency", "second")
    other = home.run("bureau", "refresh", "second", "--format", "json")
    assert other.json[0]["not_on_file"] == 1  # another agency may know it
    assert refreshed(home, "--older-than", "0")["not_on_file"] == 1


def test_a_report_that_is_gone_counts_as_not_on_file(home: Home) -> None:
    home.customer("Hengda Metal")
    known("Hengda Metal", "R1")
    FakeBureau.reports["R1"] = Reject("nothing there", code="not_found", field="ref")
    assert refreshed(home)["not_on_file"] == 1
    assert refreshed(home)["due"] == 0


@pytest.mark.parametrize(
    "fault",
    [
        Reject("no country", code="missing_country", field="country"),
        Retry("try later"),
        Halt("the country is not subscribed"),
        ValueError("secret text of the report"),
    ],
)
def test_the_fault_of_one_customer_does_not_stop_the_others(home: Home, fault: Exception) -> None:
    home.customer("Good One")
    bad = home.customer("Bad One")
    home.customer("Good Two")
    known("Good One", "R1")
    known("Good Two", "R2")
    FakeBureau.matches["Bad One"] = fault
    done = home.run("bureau", "refresh", "bureau", "--format", "json")
    assert done.code == 1
    assert (done.json[0]["stored"], done.json[0]["faults"]) == (2, 1)
    assert f"customer {bad}" in done.err and "secret text" not in done.err
    assert refreshed(home, code=1)["due"] == 1  # it is asked about again


def test_refused_credentials_stop_everything_at_once(home: Home) -> None:
    for number in range(30):
        home.customer(f"Firm {number}")
        FakeBureau.matches[f"Firm {number}"] = Reauth("the agency refuses the password", todo="give another")
    done = home.run("bureau", "refresh", "bureau")
    assert done.code == 2 and "refuses the password" in done.err
    assert len(FakeBureau.asked) <= 1 + 2 * FakeBureau.limits.slots


@pytest.mark.parametrize(("fault", "code"), [(Retry("no answer"), 3), (Halt("wrong address"), 2)])
def test_an_agency_that_answers_nobody_is_given_up(home: Home, fault: Exception, code: int) -> None:
    for number in range(40):
        home.customer(f"Firm {number}")
        FakeBureau.matches[f"Firm {number}"] = fault
    done = home.run("bureau", "refresh", "bureau", "--format", "json")
    assert done.code == code
    assert 10 <= done.json[0]["faults"] < 20


def test_only_customers_that_are_named_and_there(home: Home) -> None:
    first = home.customer("Firm 1")
    home.customer("Firm 2")
    known("Firm 1", "R1")
    known("Firm 2", "R2")
    assert refreshed(home, "--customer", str(first))["due"] == 1
    missing = home.run("bureau", "refresh", "bureau", "--customer", "77")
    assert missing.code == 2 and "no customer 77" in missing.err
    wrong = home.run("bureau", "refresh", "crm")
    assert wrong.code == 2 and "no rating agency" in wrong.err


def test_customers_without_a_living_account_cost_nothing(home: Home) -> None:
    from connector.store.record_tables import account

    home.customer("Hengda Metal")
    with home.opened() as runtime, runtime.store.write() as tx:
        tx.execute(account.update().values(deleted=True))
    assert refreshed(home)["due"] == 0


def test_without_an_agency_the_way_to_one_is_named(home: Home) -> None:
    assert home.run("connect", "remove", "bureau", "--yes").code == 0
    done = home.run("bureau", "refresh")
    assert done.code == 2 and "creditgate connect add" in done.err


def test_the_list_masks_persons_and_shows_money_in_major_units(home: Home) -> None:
    number = home.customer("Wang Xiaoming", is_person=True)
    home.customer("Hengda Metal")
    known("Wang Xiaoming", "R1")
    known("Hengda Metal", "R2")
    consent(home, number)
    refreshed(home)
    person, company = home.rows("bureau", "list")
    assert person["name"] == "W**" and company["name"] == "Hengda Metal"
    assert company["limit"] == "45000.00" and company["currency"] == "CNY"
    assert company["pd_12m"] == "0.0125" and company["age_days"] == 0
    assert len(home.rows("bureau", "list", "--customer", str(number))) == 1


def test_a_consent_keeps_the_digest_of_its_evidence(home: Home) -> None:
    number = home.customer("Wang Xiaoming", is_person=True)
    assert consent(home, number, "--purpose", "credit report", "--actor", "Lin") == 0
    listed = home.rows("consent", "list", "--customer", str(number))[0]
    assert listed["name"] == "W**" and "evidence" not in listed
    full = home.rows("consent", "show", "1")[0]
    assert full["name"] == "Wang Xiaoming" and full["actor"] == "Lin" and full["purpose"] == "credit report"
    assert full["sha256"] == hashlib.sha256(b"signed").hexdigest() and full["evidence_intact"] is True
    (home.folder / "signed.pdf").write_bytes(b"forged")
    changed = home.run("consent", "show", "1", "--format", "json")
    assert changed.code == 1 and changed.json[0]["evidence_intact"] is False
    (home.folder / "signed.pdf").unlink()
    assert home.rows("consent", "show", "1")[0]["evidence_intact"] is None
    assert home.journal("consent_added")[0]["sha256"] == full["sha256"]


def test_consents_that_make_no_sense_are_refused(home: Home) -> None:
    number = str(home.customer("Wang Xiaoming", is_person=True))
    paper = home.folder / "signed.pdf"
    paper.write_bytes(b"signed")
    empty = home.folder / "empty.pdf"
    empty.write_bytes(b"")
    evidence = ("--evidence", str(paper))
    for args, said in (
        ((number,), "needs evidence"),
        ((number, "--evidence", str(empty)), "empty"),
        (("77", *evidence), "no customer 77"),
        ((number, *evidence, "--to", "2020-01-01"), "before"),
        ((number, *evidence, "--purpose", " "), "purpose"),
        ((number, "--basis", "legal_basis"), "reasons"),
        ((number, "--basis", "legal_basis", "--note", "x"), "natural person"),
    ):
        done = home.run("consent", "add", *args)
        assert done.code == 2 and said in done.err, (args, done.err)
    assert home.rows("consent", "list") == []
    assert home.run("consent", "show", "9").code == 2
