"""The queue between daemons and workers: jobs of procrastinate, on PostgreSQL alone.

Invariant: a job is deferred in the transaction that says so in its slot; it is a hint to look at that slot,
so that one which is delivered twice, or too late, does no harm. The queue lies in the schema of the store,
and its connections look where the store's do.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from connector.errors import Halt
from connector.store.engine import Store

if TYPE_CHECKING:
    from procrastinate import PsycopgConnector

TASK = "creditgate"
# Up to where the migrations of this version have laid the queue's own.
LAID = "03.04.00_50"
# A worker says that it lives so often, and is taken for dead after so long.
HEARTBEAT, SILENCE = 5.0, 20.0

_JOBS = sa.table("procrastinate_jobs", sa.column("status"), sa.column("queue_name"))


def lay(tx: sa.Connection, *, upto: str, after: str = "") -> None:
    """Apply procrastinate's own migrations later than ``after``, ``upto`` included."""
    raw: Any = tx.connection.driver_connection
    for file in steps():
        if after < file.name[: len(upto)] <= upto:
            raw.execute(file.read_text(encoding="utf-8"))


def steps() -> Sequence[Path]:
    """The migrations of the installed procrastinate, in order."""
    try:
        from procrastinate.schema import SchemaManager
    except ModuleNotFoundError:
        raise Halt(
            "the queue that PostgreSQL needs is not installed",
            where="procrastinate",
            todo="install it with: pip install 'creditgate[postgres]'",
        ) from None
    return sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))


def defer(tx: sa.Connection, job: str, at: dt.datetime, lock: str) -> None:
    """Put the slot ``at`` of ``job`` into the queue, to be done after others of the same ``lock``."""
    from procrastinate import SyncPsycopgConnector
    from procrastinate.jobs import Job
    from procrastinate.manager import JobManager

    one = Job(
        id=None,
        queue="default",
        lock=lock,
        queueing_lock=f"{job} {at.isoformat()}",
        task_name=TASK,
        task_kwargs={"job": job, "at": at.isoformat()},
    )
    JobManager(SyncPsycopgConnector()).defer_job(one, connection=tx.connection.driver_connection)


def connector(store: Store) -> PsycopgConnector:
    """How workers reach the queue: as the store is reached, and in the same schema."""
    from procrastinate import PsycopgConnector

    with store.read() as tx:
        path = str(tx.execute(sa.text("SELECT current_setting('search_path')")).scalar_one())

    async def configure(raw: Any) -> None:
        await raw.execute("SELECT set_config('search_path', %s, false)", [path])
        await raw.commit()

    url = store.url.set(drivername="postgresql").render_as_string(hide_password=False)
    return PsycopgConnector(conninfo=url, configure=configure, min_size=1, max_size=4)


def waiting(tx: sa.Connection) -> int:
    """How many jobs wait for a worker."""
    query = sa.select(sa.func.count()).select_from(_JOBS).where(sa.text("status = 'todo'"))
    return int(tx.execute(query).scalar_one())
