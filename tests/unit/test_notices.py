"""Who is informed of a step is told of what was done: on request, and by channels, once."""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import connector
from connector.locale import LANGUAGES, texts
from connector.people.duties import STEP_OF, STEPS, told
from connector.policy.form_responsibility import Responsibility
from connector.policy.load import load
from connector.store import notices, schema
from connector.store.engine import Store
from connector.store.journal import add
from connector.store.signal_tables import notice_cursor
from connector.store.tables import connection, journal
from tests.channels import Group, connect, group, installed, mail_server, past
from tests.cli_home import NOW, POLICY, Home, make_home

ROOT = Path(__file__).parents[2]
LONG_AGO = NOW - dt.timedelta(days=1)
SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for path in Path(inspect.getfile(connector)).parent.rglob("*.py")
    if path.name != "duties.py" and path.parent.name != "locale"
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = make_home(tmp_path, monkeypatch)
    installed(monkeypatch)
    (made.folder / "policies" / "standard.yaml").write_text(POLICY, encoding="utf-8")
    made.connect()
    made.customer("恒达金属")
    return made


@pytest.fixture
def robot() -> Iterator[Group]:
    with group("webhook") as found:
        yield found


def give(home: Home, **roles: str) -> None:
    file = home.folder / "creditgate.toml"
    blocks = [f'\n[[roles]]\nwho = "{who}"\nrole = "{role}"\n' for who, role in roles.items()]
    file.write_text(file.read_text(encoding="utf-8") + "".join(blocks), encoding="utf-8")


def place(home: Home, actor: str = "An", reason: str = "数据有误") -> None:
    done = home.run("hold", "place", "--customer", "1", "--reason", reason, "--actor", actor)
    assert done.code == 0, done.err
    assert home.run("hold", "lift", "--customer", "1", "--reason", "clear", "--actor", "Su").code == 0


def heard(home: Home, who: str) -> list[str]:
    return [row["act"] for row in home.rows("notice", "list", "--for", who)]


def test_every_step_of_the_policy_has_its_acts_and_every_act_is_one_that_is_journalled() -> None:
    assert tuple(STEPS) == Responsibility().steps()
    assert len(STEP_OF) == sum(len(step.journal) for step in STEPS.values())
    for act in STEP_OF:
        built = f'f"{act.partition("_")[0]}_{{state}}"'
        assert f'"{act}"' in SOURCES or built in SOURCES, act
        assert all(f"did.{act}" in texts(language) for language in LANGUAGES)


def test_the_standard_policy_writes_out_what_holds_without_it_and_keeps_its_hash() -> None:
    text = (ROOT / "policies" / "standard.yaml").read_text(encoding="utf-8")
    start, end = text.index("# Who does a step"), text.index("terms:\n  default_days")
    written, silent = load(text), load(text[:start] + text[end:])
    assert set(written.responsibility.model_fields_set) == set(STEPS)
    assert written.responsibility == silent.responsibility and written.hash == silent.hash
    assert (
        load(text.replace("signal: {responsible: analyst", "signal: {responsible: sales")).hash != silent.hash
    )


def test_roles_and_titles_are_told_of_the_acts_of_their_steps() -> None:
    rules = Responsibility.model_validate(
        {"dunning": {"responsible": "analyst", "accountable": "controller", "informed": "Finance  Director"}}
    )
    assert told(rules, ["finance director"]) == list(STEPS["dunning"].journal)
    assert "hold_placed" in told(rules, ["sales"]) and "dunning_sent" not in told(rules, ["sales"])
    assert set(told(rules, ["sales"])) | set(told(rules, ["admin"])) <= set(told(rules, None))
    assert told(rules, ["admin"]) == []


def test_a_person_sees_what_the_roles_of_the_day_are_told_of_and_not_what_they_did(home: Home) -> None:
    give(home, Li="sales", An="analyst", Su="approver", Au="auditor", Ke="controller")
    place(home)
    assert heard(home, "Li") == ["hold_placed", "hold_lifted"]
    assert heard(home, "An") == [] and heard(home, "Au") == [] and heard(home, "Nobody") == []
    (first, _) = home.rows("notice", "list", "--for", "Li")
    assert (first["step"], first["actor"], first["reason"]) == ("place_hold", "An", "数据有误")
    file = home.folder / "creditgate.toml"
    deputy = '\n[[deputies]]\nwho = "Ho"\nstands_in_for = "Li"\nfrom = 2020-01-01\nto = 2099-01-01\n'
    file.write_text(file.read_text(encoding="utf-8") + deputy, encoding="utf-8")
    assert heard(home, "Ho") == ["hold_placed", "hold_lifted"]
    tomorrow = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).date().isoformat()
    assert home.rows("notice", "list", "--since", tomorrow) == []


def test_the_policy_says_who_is_told(home: Home) -> None:
    give(home, Li="sales", An="analyst", Su="approver")
    file = home.folder / "policies" / "standard.yaml"
    duty = "place_hold: {responsible: analyst, accountable: approver, informed: controller}"
    file.write_text(f"{POLICY}responsibility:\n  {duty}\n", encoding="utf-8")
    place(home)
    assert heard(home, "Li") == ["hold_lifted"]


def test_without_roles_everybody_is_told_of_everything(home: Home) -> None:
    place(home)
    assert heard(home, "Li") == ["hold_placed", "hold_lifted"] and heard(home, "An") == ["hold_lifted"]


def test_duties_are_listed_with_the_persons_of_the_day(home: Home) -> None:
    give(home, Li="sales", An="analyst", Bo="analyst")
    rows = {row["step"]: row for row in home.rows("role", "duties")}
    assert tuple(rows) == Responsibility().steps()
    assert rows["review"] == {
        "step": "review",
        "responsible": "analyst (An, Bo)",
        "accountable": "approver",
        "consulted": "sales (Li)",
        "informed": "controller",
    }
    settings = {row["setting"]: row["value"] for row in home.rows("policy", "show")}
    assert settings["responsibility.review.responsible"] == "analyst"


def test_doctor_names_steps_that_nobody_is_there_for(home: Home) -> None:
    assert "responsibility" not in home.run("doctor").out
    give(home, Su="approver", An="analyst")
    (found,) = [row for row in home.rows("doctor") if row["what"] == "responsibility"]
    assert found["level"] == "note" and "sales (request_limit, visit, record)" in found["found"]
    assert "controller (grant_limit, lower_limit" in found["found"] and "auditor" not in found["found"]
    give(home, Li="sales", Ke="controller")
    assert "nobody is" not in home.run("doctor").out


def test_a_channel_tells_its_roles_of_new_acts_once_and_in_words(home: Home, robot: Group) -> None:
    place(home)  # before it was connected
    with mail_server() as (box, port):
        connect(home, "webhook", robot.base, informs="sales, controller")
        connect(
            home, "mail", host="127.0.0.1", port=str(port), security="none", sender="c@example.com",
            to="s@example.com", informs="auditor",
        )  # fmt: skip
        before = len(robot.messages)
        place(home, reason="secret reason")
        for _ in range(2):
            assert home.run("notice", "tell").code == 0
        assert box.mails == []
    (sent,) = robot.messages[before:]
    body = sent["body"]
    assert [one["act"] for one in body["acts"]] == ["hold_placed", "hold_lifted"]
    assert body["acts"][0]["actor"] == "An" and "secret reason" not in str(body)
    assert body["lines"][-1] == f"日志链：{body['journal']}"
    assert home.run("audit", "verify", "--noted", body["journal"]).code == 0
    assert "冻结客户" in body["lines"][0] and "customer 1" in body["lines"][0]
    place(home)
    assert home.run("notice", "tell", "webhook").code == 0
    assert len(robot.messages) == before + 2
    assert home.run("notice", "tell", "nowhere").code == 2
    with home.opened() as runtime, runtime.store.write() as tx:
        tx.execute(journal.update().values(hash="0" * 64))
    assert "rewritten" in home.run("audit", "verify", "--noted", body["journal"]).out


def test_more_acts_than_a_message_holds_come_in_several(home: Home, robot: Group) -> None:
    connect(home, "webhook", robot.base, informs="sales")
    before = len(robot.messages)
    for _ in range(13):
        place(home)
    assert home.run("notice", "tell").code == 0
    counts = [len(one["body"]["acts"]) for one in robot.messages[before:]]
    assert counts == [20, 6]


def test_a_channel_that_is_away_is_asked_again_later_and_nothing_is_lost(home: Home, robot: Group) -> None:
    connect(home, "webhook", "http://127.0.0.1:9", informs="sales")
    place(home)
    assert home.run("notice", "tell").code == 3
    connect(home, "webhook", robot.base, informs="sales")
    before = len(robot.messages)
    assert home.run("notice", "tell").code == 3 and len(robot.messages) == before  # not before its time
    past(home, notice_cursor, due_at=LONG_AGO)
    assert home.run("notice", "tell").code == 0 and len(robot.messages) == before + 1


def test_what_may_have_arrived_is_told_again_as_the_same_message(home: Home) -> None:
    place(home)
    keys = []
    for faults in ({"lost": 1.0}, {}):
        with group("webhook", faults=faults) as receiver:
            connect(home, "webhook", receiver.base, informs="sales")
            if faults:
                place(home)
            past(home, notice_cursor, due_at=LONG_AGO)
            assert home.run("notice", "tell").code == (3 if faults else 0)
            place(home)  # new acts come in a message of their own
            keys += [one["body"]["key"] for one in receiver.messages]
    assert len(keys) == 3 and keys[0] == keys[1] != keys[2]


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("committed", [False, True])
def test_killed_at_any_transaction_every_act_arrives_and_once_for_whoever_knows_keys(
    home: Home, robot: Group, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    connect(home, "webhook", robot.base, informs="sales")
    write, number = Store.write, 0
    for number in range(1, 9):
        place(home)
        before, left = len(robot.messages), [number]

        @contextmanager
        def counted(self: Store, left: list[int] = left) -> Iterator[Any]:
            left[0] -= 1
            with write(self) as tx:
                yield tx
                if left[0] == 0 and not committed:
                    raise Killed
            if left[0] == 0:
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(Store, "write", counted)
            try:
                ended = home.run("notice", "tell").code == 0
            except Killed:
                ended = False
        past(home, notice_cursor, due_at=LONG_AGO)
        assert home.run("notice", "tell").code == 0
        bodies = [one["body"] for one in robot.messages[before:]]
        assert [len(body["acts"]) for body in bodies] == [2]
        if ended:
            break
    assert number > 2
    with home.opened() as runtime, runtime.store.read() as tx:
        assert tx.execute(sa.select(notice_cursor.c.sending)).scalar_one() is None


def test_explain_names_who_does_and_answers_for_what_comes_next(home: Home) -> None:
    assert home.run("assess", "--all").code == 0
    told = home.run("explain", "1", "--language", "en").out
    assert "the review: done by the analyst; the approver answers for it; asked before: sales" in told
    assert "releasing a hold" not in told
    assert "复评：信用分析员执行，审批人负责，征询销售，知会信用主管" in home.run("explain", "1").out
    account = home.run("explain", "1", "--for", "audit", "--format", "json").json
    assert account["responsibility"]["review"]["accountable"] == ["approver"]
    assert home.run("hold", "place", "--customer", "1", "--reason", "x").code == 0
    assert home.run("assess", "--all").code == 0
    assert "releasing a hold: done by the approver" in home.run("explain", "1", "--language", "en").out


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_of_two_processes_one_tells(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    store = Store(url)
    schema.upgrade(store)
    row = {"name": "desk", "role": "channel", "kind": "mail", "settings": "{}", "created_at": NOW}
    with store.write() as tx:
        number = tx.execute(connection.insert().values(**row).returning(connection.c.id)).scalar_one()
        for act in ("hold_placed", "connection_set", "hold_placed", "limit_set", "hold_placed"):
            subject = "connection desk" if act == "connection_set" else "customer 1"
            add(tx, NOW, "Lin", act, subject, {"before": None, "after": "x"})
    with store.write() as tx:
        seen = notices.cursor(tx, number, "desk", NOW)
        found = notices.acts(tx, ["hold_placed"], after=seen.number, most=9)
        assert (seen.number, [one.number for one in found]) == (2, [3, 5])
        assert notices.ready(seen, NOW) and notices.begin(tx, seen, 5, NOW)
    with store.write() as tx:
        assert not notices.begin(tx, seen, 5, NOW)
        busy = notices.cursor(tx, number, "desk", NOW)
        assert not notices.ready(busy, NOW) and notices.ready(busy, NOW + notices.LEASE)
        notices.told(tx, number, 5, NOW)
        assert notices.cursor(tx, number, "desk", NOW).number == 5
    store.close()
