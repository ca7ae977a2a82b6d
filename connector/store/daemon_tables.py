"""The tables of the daemon: which slots ran, which connections are paused, who is at work.

Invariant: one row a job and slot, whoever runs it; one row a paused connection, with its reason.
"""

from __future__ import annotations

import sqlalchemy as sa

from connector.store.columns import Moment, column, metadata, optional

slot = sa.Table(
    "slot",
    metadata,
    column("job", sa.Text, primary_key=True),  # such as "pull zoho"
    column("at", Moment, primary_key=True),  # the moment of the schedule, without jitter
    column("state", sa.Text),  # queued, running, done, failed or skipped
    column("owner", sa.Text),  # the daemon or worker that had it last
    column("attempts", sa.Integer),
    column("started_at", Moment),
    column("lease_until", Moment),  # while running: after this its daemon is taken for dead
    optional("ended_at", Moment),
    column("note", sa.Text, server_default=""),  # what went wrong
)

pause = sa.Table(
    "pause",
    metadata,
    column("target", sa.Text, primary_key=True),  # a connection's name, or a verb that concerns all
    column("failures", sa.Integer),  # in a row
    optional("until", Moment),  # NULL: until a person resumes it
    column("since", Moment),
    column("reason", sa.Text),
    column("refusals", sa.Integer, server_default="0"),  # of the failures, the last ones that a person mends
)

process = sa.Table(
    "process",
    metadata,
    column("name", sa.Text, primary_key=True),  # machine, number and a random part
    column("role", sa.Text),  # daemon or worker
    column("since", Moment),
    column("seen_at", Moment),
)
