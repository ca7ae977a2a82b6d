"""Companies that share one PostgreSQL, a schema each: none sees, answers for or waits for another.

Both have the same encryption key and the same ids here, so that nothing but the schema parts them.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator

import pytest
import requests
import sqlalchemy as sa

from connector.store import inbox, locks, records, slots
from connector.store.api_keys import ApiKeys
from connector.store.engine import Store
from connector.store.record_tables import account
from connector.store.schema import current, head
from connector.store.secrets import StoreSecrets
from connector.store.tables import connection
from connector.store.upsert import new_ids, upsert
from tests import forked
from tests.check_bench import NOW, Bench
from tests.conftest import DRIVER
from tests.unit.test_api import CIPHER_KEY, ORDER, Service
from tests.unit.test_api_keys import signed

pytestmark = pytest.mark.postgres
MINUTE = dt.timedelta(minutes=1)
Pair = tuple[Service, Service]


@pytest.fixture(scope="module")
def companies(postgres_server: sa.URL, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two companies with a database role each, which owns its schema and nothing else."""
    name = f"companies_{uuid.uuid4().hex}"
    admin = sa.create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    made = []
    with admin.connect() as server:
        server.execute(sa.text(f"CREATE DATABASE {name}"))
    inside = sa.create_engine(postgres_server.set(database=name), isolation_level="AUTOCOMMIT")
    for company in ("acme", "globex"):
        role = f"{company}_{name[-8:]}"
        with inside.connect() as server:
            server.execute(sa.text(f"CREATE ROLE {role} LOGIN"))
            server.execute(sa.text(f"CREATE SCHEMA {company} AUTHORIZATION {role}"))
        url = postgres_server.set(database=name, username=role).render_as_string(hide_password=False)
        service = Service(tmp_path_factory.mktemp(company), Bench.fresh(url, schema=company))
        (service.runtime.config.home / "creditgate.toml").write_text('policy = "policy.yaml"\n')
        service.bench.customer(f"{company} A1", limit=100_000)
        service.start()
        made.append(service)
    yield made[0], made[1]
    for service in made:
        service.stop()
    inside.dispose()
    admin.dispose()


def command(service: Service, *arguments: str, **environment: str) -> tuple[int, str, str]:
    store = service.bench.store
    env = {
        "CREDITGATE_HOME": str(service.runtime.config.home),
        "CREDITGATE_KEY": CIPHER_KEY,
        "CREDITGATE_DATABASE_URL": store.url.render_as_string(hide_password=False),
        "CREDITGATE_DATABASE_SCHEMA": store.schema,
    }
    done = forked.run("connector.cli", *arguments, env=env | environment)
    return done.returncode, done.stdout, done.stderr


def test_an_api_key_of_one_company_opens_nothing_of_another(companies: Pair) -> None:
    acme, globex = companies
    assert acme.check(account="acme A1").json()["decision"] == "pass"
    for own, other in ((acme, globex), (globex, acme)):
        assert other.call("POST", "/v1/checks", key=own.key, json=ORDER).status_code == 401
    assert globex.check(account="acme A1").json()["decision"] != "pass", "a customer of another company"


def test_a_signed_call_counts_in_its_company_alone_and_so_does_its_nonce(companies: Pair) -> None:
    acme, globex = companies
    made = []
    for service in companies:
        keys = ApiKeys(service.runtime.store, service.runtime.config.cipher())
        made.append(keys.issue(1, dt.datetime.now(dt.UTC), label="signed", signs=True))
    assert made[0][0] == made[1][0], "both keys have the same number"
    assert signed(globex, made[0]).status_code == 401
    assert signed(acme, made[0]).status_code == 200
    assert signed(acme, made[0]).status_code == 401, "heard before"
    assert signed(globex, made[1]).status_code == 200, "the nonce was heard elsewhere only"


def test_an_event_of_one_company_is_no_event_of_another(companies: Pair) -> None:
    secret, addresses = "shown to the CRM of acme", [f"{one.url}/v1/hooks/zoho" for one in companies]
    runtime = companies[0].runtime
    runtime.secrets(runtime.connections.get("zoho")).put("events:secret", secret)
    body = {"module": "Accounts", "ids": ["77"], "operation": "update", "token": secret, "channel_id": "1"}
    answers = [requests.post(one, json=body, timeout=30).status_code for one in addresses]
    assert answers == [202, 401]
    for service, expected in zip(companies, (1, 0), strict=True):
        with service.bench.store.read() as tx:
            assert len(inbox.find(tx, dt.datetime.now(dt.UTC))) == expected


def test_a_command_of_one_company_shows_and_changes_nothing_of_another(companies: Pair) -> None:
    for service, own, other in ((companies[0], "acme", "globex"), (companies[1], "globex", "acme")):
        code, out, err = command(service, "customer", "list", "--format", "json")
        assert code == 0, err
        assert f"{own} A1" in out
        assert other not in out
    code, _, err = command(companies[0], "group", "create", "Only of acme")
    assert code == 0, err
    assert "Only of acme" in command(companies[0], "group", "list")[1]
    assert "Only of acme" not in command(companies[1], "group", "list")[1]


def test_the_database_role_of_one_company_may_not_look_into_another(companies: Pair) -> None:
    acme, globex = companies
    code, out, err = command(acme, "customer", "list", CREDITGATE_DATABASE_SCHEMA="globex")
    assert code == 2
    assert out == ""
    assert "the store is empty" in err
    code, _, err = command(acme, "db", "upgrade", CREDITGATE_DATABASE_SCHEMA="globex")
    assert code == 2
    assert "the database role may not do this" in err
    with pytest.raises(sa.exc.ProgrammingError), acme.bench.store.engine.connect() as raw:
        raw.exec_driver_sql("SELECT * FROM globex.secret")
    assert current(globex.bench.store) == head()


def test_locks_of_one_company_do_not_hold_up_another(companies: Pair) -> None:
    acme, globex = (service.bench.store for service in companies)
    with acme.write() as holder:
        locks.take(holder, "a job")
        records.one_at_a_time(holder, 1)
        with globex.write() as tx:
            _soon(tx)
            locks.take(tx, "a job")
            records.one_at_a_time(tx, 1)
        again = Store(acme.url.render_as_string(hide_password=False), "acme")
        with pytest.raises(sa.exc.OperationalError), again.engine.connect() as tx, tx.begin():
            _soon(tx)
            locks.take(tx, "a job")
        again.close()


def test_each_company_refreshes_a_token_and_runs_a_slot_of_its_own(companies: Pair) -> None:
    acme, globex = companies
    folder = acme.runtime.config.home
    first, second = (
        StoreSecrets(one.bench.store, one.runtime.config.cipher(), 1, folder) for one in companies
    )
    with first.lock("token"), second.lock("token"):
        first.put("token", "of acme")
        assert second.get("token") is None
    for service in (acme, globex):
        with service.bench.store.write() as tx:
            assert slots.claim(tx, "pull zoho", NOW, "daemon", NOW, MINUTE)
        with service.bench.store.write() as tx:
            assert not slots.claim(tx, "pull zoho", NOW, "other", NOW, MINUTE)


def test_rows_copied_in_bulk_and_numbers_stay_in_their_company(companies: Pair) -> None:
    acme, globex = (service.bench.store for service in companies)
    row = {"connection_id": 1, "external_id": "bulk", "digest": "d", "first_seen": NOW, "last_seen": NOW}
    row |= {"name": "of acme", "is_person": False, "modified_at": NOW, "deleted": False}
    with acme.write() as tx:
        upsert(tx, account, [row])
        numbers = new_ids(tx, connection, 3)
    with globex.write() as tx:
        found = tx.execute(sa.select(account.c.name).where(account.c.external_id == "bulk")).all()
        assert found == []
        assert new_ids(tx, connection, 3) == numbers, "a sequence for each company"


def test_a_store_without_a_schema_lives_beside_them(companies: Pair, postgres_server: sa.URL) -> None:
    database = companies[0].bench.store.url.database
    url = postgres_server.set(drivername=DRIVER, database=database)
    bench = Bench.fresh(url.render_as_string(hide_password=False))
    bench.customer("A1 of nobody")
    bench.store.close()
    _, out, _ = command(companies[0], "customer", "list", "--format", "json")
    assert "nobody" not in out


def _soon(tx: sa.Connection) -> None:
    tx.exec_driver_sql("SET LOCAL lock_timeout = '200ms'")
