"""Two processes share the limits of one Fxiaoke connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fxiaoke_crowd import crowd


@pytest.mark.sqlite  # its processes open the file
def test_two_processes_are_never_refused_for_frequency_and_never_ask_for_two_tokens_at_once(
    tmp_path: Path,
) -> None:
    """Longer than one window of 20 s, so that the calls of the first one come back into play."""
    told = crowd(tmp_path, 24, accounts=20)
    assert told["refused"] == 0, told
    assert not told["faults"], told
    assert told["calls"]["/cgi/crm/v2/data/query"] > 110
    assert told["done"]["written"] > 60
    assert told["codes"].get("20016", 0) > 0  # tokens did end in mid-run
