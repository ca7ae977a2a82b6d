"""A pull that dies between its last page and the end of its window still forms the groups."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from connector import pull as pulling
from connector.pull import pull
from connector.store import listing
from sandbox.server import Options
from tests.installation import installation

OPTIONS = Options(accounts=60, seed=11, as_of=dt.datetime(2026, 6, 30, tzinfo=dt.UTC))


class Killed(BaseException):
    """What a kill looks like from inside."""


def test_groups_are_formed_after_a_kill_before_the_window_was_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with installation(tmp_path, OPTIONS, names=("zoho",), provisioned=False) as made, made.opened() as opened:
        one = opened.connections.get("zoho")
        crm, mapping = opened.crm(one), opened.mapping(one)

        def killed(*_: object) -> None:
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(pulling.Window, "_close_window", killed)
            with pytest.raises(Killed):
                pull(opened.store, one, crm, mapping)
        pull(opened.store, one, crm, mapping)
        with opened.store.read() as tx:
            grouped = [row.name for row in listing.customers(tx) if row.group_name]
    assert grouped
