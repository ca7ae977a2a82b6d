"""The engine and its transactions.

Invariant: every write happens inside ``Store.write``, one transaction that is either there whole or
not at all. On SQLite one thread of one process writes at a time: a lock in the process and
``BEGIN IMMEDIATE`` between processes, so that nobody is starved by the file lock.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError

from connector.errors import Contended, CreditGateError, Halt, Retry
from connector.store import journal, moved

BUSY_SECONDS = 60
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "cache_size=-65536",
)
# The log is moved into the database every 32 MB: a bulk import otherwise writes its pages many times.
LOG_PAGES = 8_000
# Opening a file of SQLite anew costs as much as a check: as many stay open as threads ask at once.
POOLED = 20


class Turns:
    """A lock that may be taken again by who has it, and else by whoever has waited longest: under many
    writers an unfair one lets some of them wait for a hundred others."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._owner: int | None = None
        self._depth = 0

    def __enter__(self) -> None:
        me = threading.get_ident()
        with self._guard:
            if self._owner in (None, me):
                self._owner, self._depth = me, self._depth + 1
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        turn.acquire()  # handed over by the one before
        self._owner, self._depth = me, 1

    def __exit__(self, *_: object) -> None:
        with self._guard:
            self._depth -= 1
            if self._depth:
                return
            if self._waiting:
                self._owner = -1  # nobody may pass between
                self._waiting.popleft().release()
            else:
                self._owner = None


def _url(text: str) -> sa.URL:
    """The parts of an address; what it says is not repeated, for a password may stand in it."""
    with suppress(ArgumentError):
        url = sa.make_url(text)
        if url.get_backend_name() in ("sqlite", "postgresql"):
            return url
    raise Halt(
        "this is no address of a store",
        where="database_url",
        todo="write sqlite:///FILE or postgresql+psycopg://user@host/database",
    )


class Store:
    """The store at ``url`` (``sqlite:///path`` or ``postgresql+psycopg://…``).

    On PostgreSQL ``schema`` is the only schema that its connections look into: each of several companies in
    one database has one of its own. Without it the server's default counts (``public``, as a rule).
    """

    def __init__(self, url: str, schema: str = "") -> None:
        self.url = _url(url)
        self.schema = schema
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite and schema:
            raise Halt(
                f"an SQLite store has no schema {schema!r}",
                where=self.url.database or "memory",
                todo="leave database_schema out, or name a PostgreSQL server in database_url",
            )
        self._write_lock = Turns()
        self._log_pages = LOG_PAGES
        self.engine = self._sqlite() if self.is_sqlite else self._postgres()

    @property
    def name(self) -> str:
        """Where the store is, without a password."""
        if self.is_sqlite:
            return self.url.database or "memory"
        return self.url.render_as_string() + (f" schema {self.schema}" if self.schema else "")

    @property
    def session(self) -> dict[str, str]:
        """What every connection to PostgreSQL starts with, ours or another library's (parameters of libpq):
        it stands above what the role or the database has as its default, and no statement has to set it."""
        if not self.schema:
            return {}
        given = self.url.query.get("options", ())
        options = (given,) if isinstance(given, str) else given
        return {"options": " ".join((*options, f"-c search_path={self.schema}"))}

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction that writes. Database faults become ``Retry`` or ``Halt``."""
        with (
            self._write_lock if self.is_sqlite else nullcontext(),
            self.translated(),
            self.engine.connect() as connection,
            connection.begin(),
        ):
            self._begin(connection, "BEGIN IMMEDIATE")
            journal.open_in(connection)
            yield connection
            journal.append(connection)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One transaction that reads a consistent state."""
        with self.translated(), self.engine.connect() as connection, connection.begin():
            self._begin(connection, "BEGIN")
            yield connection

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()

    def leave_log(self, pages: int) -> None:
        """Connections made from now on let SQLite's log grow to so many pages before they move it."""
        self._log_pages = pages
        self.engine.dispose()

    def move_log(self, *, alone: bool = False) -> int:
        """Move what SQLite's log holds into the database; ``alone``: while no thread of ours writes, so that
        the next one begins the log anew. How many pages it held; ``Retry`` if the disk is full."""
        with self._write_lock if alone else nullcontext(), self.translated():
            raw = self.engine.raw_connection()
            try:
                _busy, pages, _moved = raw.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            finally:
                raw.close()
            return int(pages)

    def _begin(self, connection: sa.Connection, statement: str) -> None:
        """The driver is told to begin nothing by itself; as an event this would cost every statement."""
        if self.is_sqlite:
            connection.exec_driver_sql(statement)
            raw: Any = connection.connection.dbapi_connection
            moved.require_none(raw, self.name)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Database faults become ``Retry``, ``Contended`` or ``Halt``."""
        try:
            yield
        except (DBAPIError, self.engine.dialect.loaded_dbapi.Error) as fault:
            explained = self._explain(fault)
            if explained is None:
                raise
            # The cause is cut off: its text would carry the values of the statement.
            raise explained from None

    def _explain(self, fault: Exception) -> CreditGateError | None:
        """What a fault of the database means; COPY comes from the driver itself, without the toolkit."""
        driver = self.engine.dialect.loaded_dbapi
        cause = fault.orig if isinstance(fault, DBAPIError) else fault
        text = str(cause).lower()
        if "disk is full" in text or "no space left" in text or "disk i/o error" in text:
            return Retry("the disk is full", where=self.name, todo="make room, then run the command again")
        if "deadlock detected" in text:
            return Contended("two processes waited for one another", where=self.name, todo="run again")
        if "database is locked" in text:
            return Retry("another process keeps the store locked", where=self.name, todo="run again later")
        if "fatal:" in text and "does not exist" in text:
            return Halt(
                "the server knows no such database or role",
                where=self.name,
                todo="create it, or correct database_url",
            )
        if "no such table" in text or "does not exist" in text:
            return Halt(
                "the store has no or an older schema", where=self.name, todo="run 'creditgate db upgrade'"
            )
        if "permission denied" in text or "no schema has been selected" in text:
            return Halt(
                "the database role may not do this",
                where=self.name,
                todo="let it own its schema (docs/operations.md), or correct database_schema",
            )
        if "unable to open" in text or "readonly" in text:
            return Halt(
                "the store cannot be opened for writing",
                where=self.name,
                todo="check the folder and its rights, or CREDITGATE_DATABASE_URL",
            )
        if isinstance(cause, driver.OperationalError) and not self.is_sqlite:
            return Retry(
                "the database cannot be reached or ended the connection",
                where=self.name,
                todo="check that PostgreSQL is up, then run again",
            )
        return None

    def _sqlite(self) -> sa.Engine:
        path = self.url.database
        if path and path != ":memory:" and not Path(path).parent.is_dir():
            raise Halt(
                "the folder of the store does not exist", where=path, todo="run 'creditgate init' first"
            )
        # The connection used last is used next: writers that take turns with two find the pages that each
        # has in memory outdated every time.
        in_memory = path in (None, "", ":memory:")
        engine = sa.create_engine(
            self.url,
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
            **({} if in_memory else {"pool_use_lifo": True, "pool_size": POOLED}),
        )

        @sa.event.listens_for(engine, "connect")
        def _prepare(raw: sqlite3.Connection, _record: Any) -> None:
            raw.isolation_level = None  # transactions are begun by us, above
            for pragma in PRAGMAS:
                raw.execute(f"PRAGMA {pragma}")
            raw.execute(f"PRAGMA wal_autocheckpoint={self._log_pages:d}")

        return engine

    def _postgres(self) -> sa.Engine:
        try:
            return sa.create_engine(
                self.url, connect_args=self.session, pool_size=8, max_overflow=8, pool_pre_ping=True
            )
        except ModuleNotFoundError:
            raise Halt(
                "the PostgreSQL driver is not installed",
                where=self.name,
                todo="install it with: pip install 'creditgate[postgres]'",
            ) from None
