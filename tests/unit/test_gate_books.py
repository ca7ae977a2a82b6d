"""The books are proved against their rows, and a repair puts right what was wrong and says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from connector.assess import assess
from connector.errors import Halt
from connector.gate.books import findings, prove, repair
from connector.gate.decisions import reject, release
from connector.gate.review import review
from connector.store.api_keys import ApiKeys
from connector.store.lines import CUSTOMER, GROUP
from tests.check_bench import policy as gate_policy
from tests.gate_bench import BANDS, CROWD, GateBench, terms
from tests.rules_bench import policy
from tests.unit.test_api import CIPHER_KEY


def assessed(folder: Path) -> tuple[GateBench, int, int]:
    """A customer of a group, assessed, with an order that arrived and one that is reserved."""
    bench = GateBench.ruled(folder)
    bench.policy = policy()
    group = bench.group(limit=10_000_000)
    number = bench.customer(line=False, group=group)
    bench.change_customer(number, assessed=0)
    assess(bench.store, bench.policy, bench.rates, bench.now)
    bench.pull(bench.order("1", 30_000))
    assert bench.check("100.00", "SO-2").decision == "pass"
    return bench, number, group


def test_what_arrived_and_what_is_reserved_stands_in_the_books(tmp_path: Path) -> None:
    bench, number, group = assessed(tmp_path)
    for key in ((number, CUSTOMER), (group, GROUP)):
        line = bench.line(*key)
        assert (line.exposure, line.reserved) == (30_000, 10_000)
    assert list(prove(bench.gate)) == []
    assess(bench.store, bench.policy, bench.rates, bench.now)
    assert bench.line(number).exposure == bench.line(group, GROUP).exposure == 30_000
    assert [one.level for one in findings(bench.gate)] == ["ok"]


def test_every_line_that_is_wrong_is_named_repaired_and_journalled(tmp_path: Path) -> None:
    bench, number, group = assessed(tmp_path)
    assess(bench.store, bench.policy, bench.rates, bench.now)
    bench.change_line(number, reserved=7, exposure=1)
    bench.change_line(group, GROUP, reserved=12_000, exposure=29_999)
    told = [one.found for one in findings(bench.gate)]
    assert len(told) == 4 and "customer 1: reserved says 0.07 CNY, its rows say 100.00" in told
    repair(bench.gate, actor="Lin", now=bench.now)
    assert list(prove(bench.gate)) == []
    assert (bench.line(number).reserved, bench.line(number).exposure) == (10_000, 30_000)
    assert (bench.line(group, GROUP).reserved, bench.line(group, GROUP).exposure) == (10_000, 30_000)
    entries = [(subject, detail["what"], detail["was"], detail["is"]) for act, subject, detail in bench.acts()
               if act == "books_repaired"]  # fmt: skip
    assert ("customer 1", "reserved", 7, 10_000) in entries
    assert ("customer 1", "exposure", 1, 30_000) in entries
    assert ("group 1", "reserved", 12_000, 10_000) in entries
    assert repair(bench.gate, actor="Lin", now=bench.now) == []


@pytest.mark.postgres
def test_the_whole_gate_on_postgresql(postgres_url: str) -> None:
    bench = GateBench.fresh(postgres_url, gate_policy({"got_past": "check"}, approvals=BANDS))
    bench.crowd = CROWD
    bench.issue_key()
    group = bench.group(limit=200_000)
    number = bench.customer(limit=100_000, group=group)
    bench.pull(bench.order("1", 150_000, number="SO-1"))
    assert review(bench.gate, bench.now).stopped == 1
    assert [one.how for one in bench.past()] == ["unreachable"]
    assert bench.check("100.00", "SO-2").decision == "hold"
    with pytest.raises(Halt):
        release(bench.gate, 1, terms(), actor="Sal", now=bench.now)
    release(bench.gate, 1, terms(), actor="Di", now=bench.now)
    reject(bench.gate, bench.holds()[-1].id, reason="no", actor="Di", now=bench.now)
    bench.check("200.00", "SO-3")
    bench.change_line(number, limit_minor=180_000)
    assert review(bench.gate, bench.now).passed == 1
    assert (bench.line(number).reserved, bench.line(group, GROUP).exposure) == (20_000, 150_000)
    keys = ApiKeys(bench.store, Fernet(CIPHER_KEY.encode()))  # type: ignore[arg-type]
    key, _ = keys.issue(1, bench.now, label="b", signs=True)
    assert [keys.first(key, "n", bench.now) for _ in range(2)] == [True, False]
    assert [keys.lease(key, bench.now, 5, 3) for _ in range(3)] == [3, 2, 0]
    assert keys.signer(key, bench.now) is not None
    bench.gone("1")
    bench.change_line(number, reserved=1)
    assert [gap.what for gap in repair(bench.gate, actor="Di", now=bench.now)] == ["reserved"]
    assert [gap.what for gap in prove(bench.gate)] == []
    bench.store.close()
