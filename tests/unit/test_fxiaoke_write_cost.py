"""What writing back to Fxiaoke costs: one update call for each account whose result changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import bench_fxiaoke_cycle
from benchmarks.fxiaoke_org import fill
from sandbox.fxiaoke import SANDBOX, UNLIMITED, Tenant, build
from sandbox.server import Options
from tests.new_store import new_home
from tests.sandbox_server import running


def test_changed_accounts_cost_one_update_call_each_and_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_fxiaoke_cycle.time, "sleep", lambda seconds: None)
    new_home(tmp_path)
    tenant = Tenant()
    fill(tenant, 300)
    with running(build(tenant, Options(), UNLIMITED)) as base:
        done = bench_fxiaoke_cycle.measure(tmp_path, SANDBOX.settings_at(base), 25)
    assert (done["accounts"], done["results_changed"], done["write_calls"]) == (300, 25, 25)
    assert done["other_calls_of_the_push"] == 1  # the description of the object, for its options
