"""What the vendor's documents leave open: a setting each, listed until the tenant itself has told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.fxiaoke.adapter import FxiaokeCrm
from adapters.fxiaoke.choices import OPEN as WRITING
from adapters.fxiaoke.settings import OPEN as READING
from connector.adapter import Question
from connector.admin import doctor
from tests.fxiaoke_shop import STYLES, Shop, shop

ASKED = {one.setting for one in READING} | {setting for setting, *_ in WRITING}


def questions(found: Shop) -> dict[str, Question]:
    return {one.setting: one for one in found.crm.questions()}


def test_each_question_is_answered_by_a_setting_with_a_default() -> None:
    settings = {one.key: one for one in FxiaokeCrm.settings}
    assert settings.keys() >= ASKED
    assert all(settings[name].default is not None or settings[name].optional for name in ASKED)
    readme = Path("adapters/fxiaoke/README.md").read_text(encoding="utf-8")
    assert {name for name in settings if f"`{name}`" not in readme} == set()


@pytest.mark.parametrize("style", STYLES)
def test_doctor_lists_what_is_to_be_confirmed_and_what_a_call_has_shown(tmp_path: Path, style: str) -> None:
    with shop(tmp_path, style=style) as found:
        config = found.made.home / "creditgate.toml"
        everything = {one.what.removesuffix(" of fxiaoke"): one for one in doctor.examine(config)}
        told = {what: one for what, one in everything.items() if what in ASKED}
        assert "of the 100000 calls that were bought are used" in everything["calls"].found
        assert told.keys() == ASKED
        open_ones = {name for name, one in told.items() if one.level == "note"}
        assert all("to confirm on first contact" in told[name].found for name in open_ones)
        assert all("as the setting" in told[name].todo for name in open_ones)
        assert open_ones == {
            "voided_rows",
            "daily_calls",
            "update_sends",
            "write_rules",
            "credit_module",
            "event_key",
        }
        assert "(found by a call)" in told["page_limit"].found and "拒绝" in told["page_limit"].found
        assert "CreditFileObj.customer_id" in told["credit_object"].found
        # The first update of the tenant answers one of them.
        found.pull()
        found.put(found.rows("AccountObj")[0]["_id"], risk_class="B")
        found.push()
        assert questions(found)["update_sends"].known
        # Nothing of all this has changed anything but that one row.
        assert [one["action"] for one in found.wrote()] == ["update"]


@pytest.mark.parametrize(
    ("traits", "setting", "answer"),
    [
        ({"over_limit": "clamp"}, "page_limit", "截断"),
        ({"objects": []}, "credit_module", "租户未启用 CreditFileObj"),
        ({"objects": []}, "credit_object", "租户未启用 CreditFileObj"),
    ],
)
def test_the_tenant_itself_gives_the_answer(
    tmp_path: Path, traits: dict[str, Any], setting: str, answer: str
) -> None:
    with shop(tmp_path, provisioned=False, traits=traits) as found:
        one = questions(found)[setting]
        assert (one.known, one.answer) == (True, answer)


def test_what_the_admin_has_set_is_no_question_any_more(tmp_path: Path) -> None:
    with shop(
        tmp_path, provisioned=False, settings={"credit_module": "read", "time_filters": "text"}
    ) as found:
        asked = questions(found)
        assert (asked["credit_module"].known, asked["credit_module"].answer) == (False, "read")
        assert asked["time_filters"].answer == "text"
        config = found.made.home / "creditgate.toml"
        told = [one for one in doctor.examine(config) if one.what == "credit_module of fxiaoke"]
        assert [one.level for one in told] == ["ok"] and "(set)" in told[0].found
