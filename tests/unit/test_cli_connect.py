"""``connect``: settings are complete, secrets are hidden, keys are shown once."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from connector.adapter import Setting
from connector.store.tables import reservation, secret
from tests.cli_home import NOW, FakeCrm, Home, Run, make_home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return make_home(tmp_path, monkeypatch)


def secrets_of(home: Home) -> dict[str, str]:
    with home.opened() as runtime:
        cipher = runtime.config.cipher()
        with runtime.store.read() as tx:
            rows = tx.execute(sa.select(secret.c.name, secret.c.value)).all()
        return {row.name: cipher.decrypt(row.value.encode()).decode() for row in rows}


def test_secrets_are_stored_encrypted_and_never_listed(home: Home) -> None:
    home.connect("fake", "crm", "base_url=http://crm.test", "token=s3cret-token")
    listed = home.run("connect", "list", "--format", "json")
    assert listed.json == [
        {"name": "crm", "role": "crm", "kind": "fake", "settings": {"base_url": "http://crm.test"}}
    ]
    assert secrets_of(home) == {"setting:token": "s3cret-token"}
    content = b"".join(path.read_bytes() for path in home.folder.iterdir() if path.is_file())
    assert b"s3cret-token" not in content


def test_missing_settings_are_named(home: Home) -> None:
    done = home.run("connect", "add", "fake", "--name", "crm", "--set", "nickname=x")
    assert done.code == 2
    assert "needs base_url, token" in done.err and "address of the CRM" in done.err


def test_unknown_settings_are_named_with_the_known_ones(home: Home) -> None:
    done = home.run("connect", "add", "fake", "--name", "crm", "--set", "base_ulr=http://crm.test")
    assert done.code == 2
    assert "no setting 'base_ulr'" in done.err and "write 'base_url'" in done.err
    assert "known: base_url, token, environment, nickname" in done.err


def test_a_setting_without_a_value_is_refused_without_repeating_it(home: Home) -> None:
    done = home.run("connect", "add", "fake", "--name", "crm", "--set", "s3cret-token")
    assert done.code == 2 and "s3cret-token" not in done.err
    twice = home.run("connect", "add", "fake", "--name", "crm", "--set", "token=a", "--set", "token=b")
    assert twice.code == 2 and "given twice" in twice.err


def test_unknown_kinds_are_answered_with_the_installed_ones(home: Home) -> None:
    done = home.run("connect", "add", "sap", "--name", "x")
    assert done.code == 2 and "use one of: fake, agency" in done.err


@pytest.mark.parametrize("name", ["", "a b", "a/b", ".hidden", "x" * 65])
def test_names_that_cannot_be_a_file_name_are_refused(home: Home, name: str) -> None:
    done = home.run("connect", "add", "fake", "--name", name, "--set", "base_url=u", "--set", "token=t")
    assert done.code == 2 and "cannot be the name" in done.err


def test_without_set_it_asks_and_hides_secrets(home: Home) -> None:
    asked = "http://crm.test\ns3cret-token\n\n\n"
    done = home.run("connect", "add", "fake", "--name", "crm", "--no-test", input=asked)
    assert done.code == 0, done.err
    assert done.out == ""
    assert "address of the CRM" in done.err and "s3cret-token" not in done.err
    with home.opened() as runtime:
        assert runtime.connections.get("crm").settings == {
            "base_url": "http://crm.test",
            "environment": "production",
        }
    assert secrets_of(home) == {"setting:token": "s3cret-token"}


def test_agencies_are_asked_for_a_legal_basis_with_a_default(home: Home) -> None:
    done = home.run("connect", "add", "agency", "--name", "bureau", input="hush\n\n")
    assert done.code == 0, done.err
    with home.opened() as runtime:
        settings = runtime.connections.get("bureau").settings
    assert settings == {"legal_basis": "legitimate interest: trade credit"}


def test_adding_again_replaces_settings_and_secrets_but_not_the_kind(home: Home) -> None:
    home.connect("fake", "crm", "base_url=http://localhost:1", "token=one", "nickname=n")
    home.connect("fake", "crm", "base_url=http://localhost:2", "token=two")
    with home.opened() as runtime:
        assert runtime.connections.get("crm").settings == {"base_url": "http://localhost:2"}
    assert secrets_of(home) == {"setting:token": "two"}
    other = home.run("connect", "add", "agency", "--name", "crm", "--set", "password=p")
    assert other.code == 2 and "of kind fake" in other.err


def test_test_prints_who_we_are_and_fails_on_refused_credentials(home: Home) -> None:
    home.connect()
    good = home.run("connect", "test", "crm")
    assert (good.code, good.out) == (0, "connected to http://crm.test (production)\n")
    home.connect("fake", "crm", "base_url=http://crm.test", "token=wrong")
    bad = home.run("connect", "test", "crm")
    assert bad.code == 2 and "refuses the token" in bad.err and bad.out == ""
    assert "use one of: crm" in home.run("connect", "test", "nobody").err


def test_a_key_is_printed_alone_and_kept_as_a_digest(home: Home) -> None:
    home.connect()
    done = home.run("connect", "key", "crm", "--actor", "Lin")
    key = done.out.strip()
    assert done.code == 0 and done.out == f"{key}\n" and len(key) > 32
    with home.opened() as runtime:
        owner = runtime.connections.key_owner(key)
        assert owner is not None and owner.name == "crm"
    assert key.encode() not in (home.folder / "creditgate.db").read_bytes()
    (entry,) = home.journal("key_issued")
    assert entry == {
        "actor": "Lin", "subject": "connection crm", "key": 1, "label": "plugin",
        "scopes": ["check", "read"], "earlier_revoked": False,
    }  # fmt: skip
    assert key not in home.run("connect", "keys", "--format", "json").out


def test_a_key_is_revoked_by_its_id_and_a_signed_one_is_printed_with_it(home: Home) -> None:
    home.connect()
    number, _, secret = (
        home.run("connect", "key", "crm", "--signed", "--days", "30").out.strip().partition(":")
    )
    assert number == "1" and len(secret) > 32
    assert secret.encode() not in (home.folder / "creditgate.db").read_bytes()
    assert home.run("connect", "keys", "--format", "json").json[0]["valid"] is True
    assert home.run("connect", "revoke-key", "1").code == 0
    assert home.run("connect", "keys", "--format", "json").json[0]["valid"] is False
    assert home.run("connect", "revoke-key", "1").code == 2
    assert home.journal("key_revoked")[0]["key"] == 1


def test_earlier_keys_end_only_when_they_are_revoked(home: Home) -> None:
    home.connect()
    first, second = (home.run("connect", "key", "crm").out.strip() for _ in range(2))
    with home.opened() as runtime:
        assert runtime.connections.key_owner(first) and runtime.connections.key_owner(second)
    third = home.run("connect", "key", "crm", "--revoke").out.strip()
    with home.opened() as runtime:
        owners = [runtime.connections.key_owner(key) for key in (first, second, third)]
    assert owners[:2] == [None, None] and owners[2] is not None


def test_an_agency_gets_no_key(home: Home) -> None:
    home.connect("agency", "bureau")
    done = home.run("connect", "key", "bureau")
    assert done.code == 2 and "is no CRM" in done.err


def test_remove_asks_first(home: Home) -> None:
    home.connect()
    assert home.run("connect", "remove", "crm", input="n\n").code == 130
    assert len(home.rows("connect", "list")) == 1
    assert home.run("connect", "remove", "crm", input="y\n").code == 0
    assert home.rows("connect", "list") == []
    assert secrets_of(home) == {}


def test_a_connection_with_customers_goes_only_with_its_records(home: Home) -> None:
    home.connect()
    number = home.customer("Hengda Metal")
    kept = home.run("connect", "remove", "crm", "--yes")
    assert kept.code == 2 and "1 accounts" in kept.err and "--with-records" in kept.err
    assert home.run("connect", "remove", "crm", "--yes", "--with-records").code == 0
    assert home.rows("connect", "list") == []
    assert home.changes(number) == 2
    assert home.journal("connection_removed")[0]["with_records"] is True


def test_a_connection_with_reserved_credit_stays(home: Home) -> None:
    home.connect()
    number = home.customer("Hengda Metal")
    row = {
        "connection_id": 1,
        "order_key": "SO-1",
        "revision": "1",
        "account_id": f"A{number}",
        "customer_id": number,
        "amount": 100,
        "currency": "CNY",
        "reserved": 100,
        "state": "active",
        "answer": "{}",
        "created_at": NOW,
        "expires_at": NOW,
    }
    with home.opened() as runtime, runtime.store.write() as tx:
        tx.execute(reservation.insert().values(**row))
    done = home.run("connect", "remove", "crm", "--yes", "--with-records")
    assert done.code == 2 and "reserved" in done.err
    assert len(home.rows("connect", "list")) == 1


def test_what_was_asked_for_is_tried_at_once(home: Home) -> None:
    done = home.run("connect", "add", "fake", "--name", "crm", input="http://crm.test\nright\n\n\n")
    assert done.code == 0 and "connected to http://crm.test" in done.err
    refused = home.run("connect", "add", "fake", "--name", "crm", input="http://crm.test\nwrong\n\n\n")
    assert refused.code == 2 and "the CRM refuses the token" in refused.err
    again = home.run("connect", "add", "fake", "--name", "crm", input="http://crm.test\nright\n\n\n")
    assert again.code == 0, again.err


def test_what_is_chosen_once_is_changed_only_by_who_says_so(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = Setting("master", "who decides", optional=True, choices=("us", "them"), settled=True)
    monkeypatch.setattr(FakeCrm, "settings", (*FakeCrm.settings, master))
    monkeypatch.setattr(FakeCrm, "decides_limits", classmethod(lambda cls, s: s.get("master") == "them"))
    given = ("base_url=http://crm.test", "token=right")

    def add(*settings: str, change: str = "") -> Run:
        written = [part for one in (*given, *settings) for part in ("--set", one)]
        return home.run(
            "connect", "add", "fake", "--name", "crm", *written, *(["--change", change] if change else [])
        )

    assert add("master=us").code == 0
    refused = add("master=them")
    assert (
        refused.code == 2 and "chosen once: us, not them" in refused.err and "--change master" in refused.err
    )
    assert add().code == 0  # what is not said again stays
    assert home.run("connect", "list", "--format", "json").json[0]["settings"]["master"] == "us"
    changed = add("master=them", change="master")
    assert changed.code == 0 and "master of 'crm' is them now, it was us" in changed.err
    wrong = add(change="nickname")
    assert wrong.code == 2 and "name one of: master" in wrong.err
    assert home.journal("connection_set")[-1]["changed"] == {"master": ["us", "them"]}
