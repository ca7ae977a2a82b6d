"""What each verb does about each fault; the table in docs/operations.md is made of ``MATRIX``.

Every cell is carried out twice: the fault strikes one call and is over, and it lasts. Whatever came of it, a
run after it must leave the store as an undisturbed run does.
"""

from __future__ import annotations

import datetime as dt
import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector import hooks
from connector import http as line
from connector.admin.connect import add, kind_of
from connector.admin.provision import provision
from connector.assess import assess
from connector.bureau import fetching
from connector.check import check
from connector.errors import CreditGateError, Halt, Reauth, Retry
from connector.gate.check_model import CheckRequest
from connector.pull import pull
from connector.push import push
from connector.runtime import Runtime, opened
from connector.signals.tell import tell
from connector.store import inbox
from connector.store.record_tables import account
from connector.store.signal_tables import telling
from connector.store.tables import customer, outbox, report, reservation
from sandbox.run import installed
from sandbox.server import Options
from tests.conftest import database
from tests.installation import RATES
from tests.new_store import new_home
from tests.sandbox_server import running
from tests.store_dump import dump
from tests.troubles import Killed, Trouble, broken

ROOT = Path(__file__).parents[2]
OPTIONS = Options(
    accounts=6, seed=3, as_of=dt.datetime(2026, 6, 30, tzinfo=dt.UTC), faults={"zoho.unlimited": 1}
)
OURS = ("full disk", "database gone", "killed")
AGAIN, AT_ONCE, WRONG = ("done", "exit 3"), ("exit 3", "exit 3"), ("exit 2", "exit 2")
RENEWED, LATER, DIES = ("done", "exit 2"), ("later", "later"), ("ended", "ended")
# By verb and fault: what comes of it when it strikes one call, and when it lasts.
_CALLS = {
    "429": AGAIN,
    "5xx": AGAIN,
    "dropped connection": AGAIN,
    "slow answer": AGAIN,
    "expired token": RENEWED,
    "malformed JSON": AT_ONCE,
}
# A file that is gone is for a person; a server that cannot be reached may come back.
GONE = {"sqlite": WRONG, "postgres": AT_ONCE}
_STORE = {"full disk": AT_ONCE, "database gone": GONE["sqlite"], "killed": DIES}
MATRIX: dict[str, dict[str, tuple[str, str]]] = {
    "pull": {**_CALLS, **_STORE},
    "hooks": {**_CALLS, **_STORE},
    "push": {**_CALLS, **_STORE},
    "bureau refresh": {**_CALLS, "malformed JSON": AGAIN, **_STORE},
    "signal tell": {
        "429": LATER,
        "5xx": LATER,
        "dropped connection": LATER,
        "slow answer": LATER,
        "expired token": LATER,
        **_STORE,
    },
    "assess": _STORE,
    "check": _STORE,
}
WORDS = {
    AGAIN: "tried again; if it lasts, exit 3",
    RENEWED: "new token; if it lasts, exit 2",
    LATER: "queued, told later",
    AT_ONCE: "exit 3",
    WRONG: "exit 2",
    DIES: "undone",
}
CELLS = [(verb, fault) for verb, faults in MATRIX.items() for fault in faults]


def table() -> str:
    """The matrix for people, one row a fault."""
    faults = [*_CALLS, *OURS]
    rows = [["fault", *MATRIX], ["---"] * (len(MATRIX) + 1)]
    for fault in faults:
        rows.append([fault, *(WORDS[of[fault]] if fault in of else "–" for of in MATRIX.values())])
        if fault == "database gone":
            rows[-1][0] = "SQLite's file gone"
            rows.append(["PostgreSQL gone", *[WORDS[GONE["postgres"]]] * len(MATRIX)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


@dataclass
class World:
    """Sandboxes that can be disturbed, and home folder and database as they are before each verb."""

    folder: Path
    server: sa.URL | None
    troubles: dict[str, Trouble]
    before: dict[str, tuple[Path, str]]
    results: dict[str, Any]

    def copy(self, home: Path, url: str, to: Path) -> str:
        """Copy a home folder and its database, which nobody has open; the URL of the new one."""
        shutil.copytree(home, to)
        return self.database(str(sa.make_url(url).database)) if url else ""

    def database(self, template: str) -> str:
        """The URL of a new database like ``template``."""
        assert self.server is not None
        return database(self.server, f"matrix_{uuid.uuid4().hex} TEMPLATE {template}")


VENDORS = ("zoho", "bureau", "webhook")
VENDOR = {
    "pull": "zoho",
    "hooks": "zoho",
    "push": "zoho",
    "bureau refresh": "bureau",
    "signal tell": "webhook",
}


class Verbs:
    """The verbs on one home folder, later by ``late`` than now."""

    def __init__(self, runtime: Runtime, late: dt.timedelta = dt.timedelta(0)) -> None:
        self.runtime = runtime
        self.late = late
        now = runtime.clock
        runtime.clock = lambda: now() + late  # type: ignore[method-assign]
        # Waits are left out; the calls are real.
        runtime.sleep = lambda seconds: None  # type: ignore[method-assign]

    def _crm(self) -> Any:
        one = self.runtime.connections.get("zoho")
        crm = self.runtime.crm(one)
        return one, crm, self.runtime.mapping(one)

    def pull(self) -> None:
        pull(self.runtime.store, *self._crm(), counting=self.runtime.counting)

    def hooks(self) -> None:
        hooks.process(self.runtime.store, *self._crm(), counting=self.runtime.counting)

    def push(self) -> None:
        done = push(self.runtime.store, self.runtime.connections, *self._crm())
        assert done.dead == 0

    def bureau_refresh(self) -> None:
        one = self.runtime.connections.get("bureau")
        done = fetching.refresh(self.runtime, one, actor="test")
        for answer in done.faults:
            raise answer.fault or AssertionError
        if done.stopped:
            raise done.stopped

    def signal_tell(self) -> None:
        (told,) = tell(self.runtime)
        if told.later or told.dead:
            raise Later

    def assess(self) -> None:
        runtime = self.runtime
        assess(runtime.store, runtime.policy, runtime.rates, runtime.now(), content=runtime.policy_text)

    def check(self) -> None:
        runtime = self.runtime
        with runtime.store.read() as tx:
            number = (
                tx.execute(sa.select(account.c.external_id).order_by(account.c.external_id)).scalars().first()
            )
        order = {
            "connection": "zoho",
            "account": number,
            "order": "SO-1",
            "amount": "1.00",
            "currency": "CNY",
        }
        request = CheckRequest.model_validate(order)
        check(runtime.store, runtime.policy, runtime.rates, request, runtime.now(), reservation_hours=1)

    def run(self, verb: str) -> str:
        """What comes of a verb."""
        try:
            getattr(self, verb.replace(" ", "_"))()
        except Killed:
            return "ended"
        except Later:
            return "later"
        except CreditGateError as fault:
            assert isinstance(fault, (Retry, Reauth, Halt)), fault
            return f"exit {fault.exit_code}"
        finally:
            with suppress(CreditGateError, Killed):
                self.runtime.release()
        return "done"


class Later(Exception):
    """A message waits for another run."""


def result(verb: str, runtime: Runtime) -> Any:
    """What a verb is to leave behind."""
    with runtime.store.read() as tx:

        def count(table: sa.Table, *where: Any) -> int:
            return int(tx.execute(sa.select(sa.func.count()).select_from(table).where(*where)).scalar_one())

        def rows(*columns: Any) -> list[Any]:
            return sorted(tuple(row) for row in tx.execute(sa.select(*columns)))

        counts = {
            "reports": rows(report.c.subject_ref, report.c.customer_id),
            "told": count(telling, telling.c.state == "done"),
            "waiting": count(outbox),
            "changed": count(customer, customer.c.changes > customer.c.assessed),
            "reserved": rows(reservation.c.order_key, reservation.c.state),
            "hints": len(inbox.due(tx, runtime.clock() + dt.timedelta(days=1))),
        }
    return counts | (dump(runtime.store) if verb in ("pull", "hooks", "assess") else {})


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("matrix")
    home, known = new_home(folder / "home"), installed()
    with (home / "creditgate.toml").open("a") as configuration:
        configuration.write("\nas_of = 2026-06-30\n")
    with (home / "rates.csv").open("a") as rates:
        rates.write(RATES)
    server = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    with ExitStack() as stack:
        made = World(folder, server, {}, {}, {})
        url = made.database(request.getfixturevalue("postgres_template")) if server else ""
        with _opened(home, url) as runtime:
            for name in VENDORS:
                made.troubles[name] = Trouble(known[name].app(OPTIONS))
                base = stack.enter_context(running(made.troubles[name]))
                more = {"least": "info"} if name == "webhook" else {}
                settings = known[name].settings_at(base) | more
                add(runtime, kind_of(known[name].kind), name, settings, actor="test")
            provision(runtime, runtime.connections.get("zoho"), dry_run=False, actor="test")
            verbs = Verbs(runtime)
            for verb in ("pull", "assess", "check", "signal tell", "push", "bureau refresh", "hooks"):
                if verb == "bureau refresh":
                    runtime.adapter(runtime.connections.get("bureau")).test()  # its token is kept
                if verb == "hooks":
                    _hint(runtime)
                runtime.close()
                made.before[verb] = folder / f"before {verb}", made.copy(home, url, folder / f"before {verb}")
                assert verbs.run(verb) == "done", verb
                made.results[verb] = result(verb, runtime)
        yield made


@contextmanager
def _opened(home: Path, url: str) -> Iterator[Runtime]:
    """The runtime of a home folder, on the database at ``url`` if there is one."""
    with pytest.MonkeyPatch.context() as patch:
        if url:
            patch.setenv("CREDITGATE_DATABASE_URL", url)
        with opened(home / "creditgate.toml") as runtime:
            yield runtime


def _hint(runtime: Runtime) -> None:
    """The CRM told of some accounts, which changed."""
    one = runtime.connections.get("zoho")
    with runtime.store.write() as tx:
        ids = tx.execute(sa.select(account.c.external_id)).scalars().all()
        inbox.put(tx, one.id, "Accounts", list(ids), "changed", runtime.clock())


def name_of(text: object) -> str:
    return str(text).replace(" ", "-")


@pytest.mark.sqlite
@pytest.mark.parametrize(("verb", "fault"), CELLS, ids=name_of)
@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_a_verb_meets_a_fault_as_the_table_says_and_the_next_run_completes_it(
    verb: str, fault: str, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "READ_SECONDS", 0.2)
    assert met(verb, fault, world, tmp_path) == MATRIX[verb][fault]


@pytest.mark.postgres
@pytest.mark.parametrize("fault", OURS, ids=name_of)
@pytest.mark.parametrize("verb", MATRIX, ids=name_of)
@pytest.mark.parametrize("world", ["postgres"], indirect=True)
def test_a_verb_meets_a_fault_of_postgres_as_the_table_says_and_the_next_run_completes_it(
    verb: str, fault: str, world: World, tmp_path: Path
) -> None:
    expected = GONE["postgres"] if fault == "database gone" else MATRIX[verb][fault]
    assert met(verb, fault, world, tmp_path) == expected


def met(verb: str, fault: str, world: World, folder: Path) -> tuple[str, ...]:
    """What comes of a fault that strikes once, and of one that lasts, each completed by another run."""
    found = []
    for times in (1, 1_000_000):
        home = folder / f"home {times}"
        url = world.copy(*world.before[verb], home)
        with _opened(home, url) as runtime:
            found.append(_disturbed(verb, fault, times, world, runtime))
        with _opened(home, url) as runtime:
            late = dt.timedelta(hours=7)
            if verb == "signal tell":
                # Its receiver believes no message that is sent hours ahead of its own clock.
                late = dt.timedelta(0)
                with runtime.store.write() as tx:
                    tx.execute(sa.update(telling).values(due_at=runtime.clock()))
            assert Verbs(runtime, late).run(verb) == "done"
            assert result(verb, runtime) == world.results[verb]
    return tuple(found)


def _disturbed(verb: str, fault: str, times: int, world: World, runtime: Runtime) -> str:
    if fault in OURS:
        # Ended at its first write, and in the midst of them.
        with broken(runtime.store, fault, after=int(times == 1 and fault == "killed")):
            return Verbs(runtime).run(verb)
    trouble = world.troubles[VENDOR[verb]]
    trouble.cause(fault, times)
    try:
        return Verbs(runtime).run(verb)
    finally:
        trouble.end()
        assert trouble.struck >= 1, "the fault did not strike"


def test_the_table_in_the_docs_is_the_matrix() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    written = text.partition("<!-- fault matrix -->\n")[2].partition("\n\n")[0] + "\n"
    assert written == table(), f"write this table into docs/operations.md:\n{table()}"
    assert set(MATRIX["pull"]) == {*_CALLS, *OURS}


if __name__ == "__main__":
    print(table(), end="")
