"""``creditgate status`` is one screen, whatever is in trouble."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from connector.admin.status import Line
from connector.cli.status import HEIGHT, WELL, WIDTH, screen
from connector.store.daemon_tables import pause, slot
from connector.store.record_tables import reject
from connector.store.tables import connection, cursor, outbox
from tests.cli_home import Home, make_home

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return make_home(tmp_path, monkeypatch)


def troubled(home: Home) -> None:
    """Five CRMs: jobs that failed, connections that are paused, writes given up, records set aside."""
    with (home.folder / "creditgate.toml").open("w") as file:
        for number in range(5):
            file.write(f'[[schedules]]\nverb = "pull"\nconnection = "crm-{number}"\nevery = "15m"\n')
    for number in range(5):
        home.connect("fake", f"crm-{number}")
    with home.opened() as runtime, runtime.store.write() as tx:
        for number, of in enumerate(
            tx.execute(sa.select(connection.c.id).order_by(connection.c.id)).scalars()
        ):
            for stream in ("accounts", "orders", "invoices", "payments"):
                row = {"watermark": NOW if stream != "orders" else None, "updated_at": NOW}
                tx.execute(cursor.insert().values(connection_id=of, stream=stream, **row))
            common = {"connection_id": of, "external_id": "1", "payload": "{}", "digest": "", "priority": 9}
            moments = {"due_at": NOW, "created_at": NOW}
            tx.execute(outbox.insert().values(**common, **moments, target="account", state="dead"))
            told = {"code": "c", "field": "f", "value": "", "message": "m", "raw": "{}"}
            seen = {"first_seen": NOW, "last_seen": NOW}
            tx.execute(
                reject.insert().values(connection_id=of, stream="orders", external_id="1", **told, **seen)
            )
            reason = "the vendor refuses the credentials – correct them, " * 4
            pauses = {"failures": 3, "until": None, "since": NOW, "reason": reason}
            if number < 3:
                tx.execute(pause.insert().values(target=f"crm-{number}", **pauses))
            began = {"owner": "here", "attempts": 1, "started_at": NOW, "lease_until": NOW, "ended_at": NOW}
            at = NOW - dt.timedelta(minutes=1)
            tx.execute(
                slot.insert().values(job=f"pull crm-{number}", at=at, state="failed", **began, note=reason)
            )


def test_a_store_in_trouble_fits_on_a_screen_with_the_worst_first(home: Home) -> None:
    troubled(home)
    done = home.run("status")
    assert done.code == 1
    lines = done.out.splitlines()
    assert 10 < len(lines) < HEIGHT
    assert all(len(line) < WIDTH for line in lines)
    states = [line.split()[0] for line in lines[1:] if line[:1].isalpha()]
    assert states[:3] == ["paused"] * 3 and "failed" in states and "waiting" in states
    assert "the vendor refuses the" in done.out
    everything = home.rows("status")
    assert len(everything) > 30


def test_a_store_that_is_well_says_so(home: Home) -> None:
    with (home.folder / "creditgate.toml").open("w") as file:
        file.write("schedules = []\n")
    done = home.run("status")
    assert done.code == 0
    assert done.out.splitlines()[0] == "nothing wants attention"


@given(
    st.lists(
        st.builds(
            Line,
            what=st.text(max_size=60) | st.just("customers"),
            state=st.sampled_from(("paused", "failed", "waiting", "late", "running", "queued", "ok")),
            at=st.none() | st.just(NOW),
            following=st.none() | st.just(NOW),
            note=st.text(max_size=300),
        ),
        max_size=120,
    )
)
def test_the_screen_is_never_larger_and_says_how_much_it_leaves_out(found: list[Line]) -> None:
    # There is one line on all customers.
    others = [line for line in found if line.what != "customers"][:119]
    found = [*others, Line("customers", "ok", None, None, "")]
    shown = list(screen(found))
    assert len(shown) < HEIGHT and all(len(line) < WIDTH and "\n" not in line for line in shown)
    troubles = sum(line.state not in WELL for line in found)
    # A line each for what is well, for the customers, and for what starts next.
    well = len({line.state for line in found[:-1] if line.state in WELL}) + 1
    well += any(line.state in WELL and line.following for line in found)
    more = [line for line in shown if line.startswith("… and ")]
    assert bool(more) == (troubles > HEIGHT - 2 - well)


def test_doctor_reads_like_advice_about_a_store_in_trouble(home: Home) -> None:
    troubled(home)
    done = home.run("doctor")
    lines = done.out.splitlines()
    findings = [line for line in lines if not line.startswith("      →")]
    assert all(line.split()[0] in ("ok", "note", "warn", "fail") for line in findings)
    # Whatever is not well comes with the way out in the next line.
    for place, line in enumerate(lines):
        if line.startswith(("warn", "fail")):
            assert lines[place + 1].startswith("      → "), line
    assert "creditgate outbox list crm-0 --state dead" in done.out
    assert "creditgate rejects list" in done.out
    assert done.err.splitlines()[-1].endswith("warnings")
