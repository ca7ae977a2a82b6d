"""The list of traps in docs/agencies.md and the tests are the same."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
AGENCIES = ("agenc", "creditsafe", "dnb", "companies_house", "gleif", "identifiers", "filed_report")


def test_every_trap_of_the_agencies_is_listed_and_every_listed_one_has_a_test() -> None:
    listed = re.findall(r"`(test_trap_\w+)`", (ROOT / "docs" / "agencies.md").read_text(encoding="utf-8"))
    found: dict[str, str] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        for name in re.findall(r"^def (test_trap_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            found[name] = path.stem
    assert sorted(set(listed) - set(found)) == []
    ours = {name for name, stem in found.items() if any(word in stem for word in AGENCIES)}
    assert sorted(ours - set(listed)) == []
    assert len(listed) == len(set(listed))
