"""The section of the page that gathers the credit fields in Zoho CRM."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import responses

from connector.adapter import FieldState
from tests.zoho_bench import BASE, Bench, answer_fields, answer_token

NAMES = [f"Credit_{n}" for n in range(7)]
URL = f"{BASE}/settings/layouts"


class Pages:
    """Two layouts with a section each; changes are applied as the vendor says."""

    def __init__(self) -> None:
        fields = [{"id": f"f{n}", "api_name": name} for n, name in enumerate(NAMES)]
        self.layouts: list[dict[str, Any]] = [
            {"id": "L1", "sections": [{"id": "s1", "display_label": "Info", "fields": fields}]},
            {"id": "L2", "sections": [{"id": "s2", "display_label": "Info", "fields": list(fields)}]},
        ]
        self.calls: list[dict[str, Any]] = []
        self.refusal: dict[str, Any] | None = None
        answer_fields("Accounts", dict.fromkeys(NAMES, "text"))
        responses.add_callback(
            responses.GET, URL, lambda _: (200, {}, orjson.dumps({"layouts": self.layouts}))
        )
        for layout in self.layouts:
            responses.add_callback(responses.PATCH, f"{URL}/{layout['id']}", self._change)

    def _change(self, request: Any) -> tuple[int, dict[str, str], bytes]:
        if self.refusal:
            return 403, {}, orjson.dumps(self.refusal)
        layout = next(one for one in self.layouts if one["id"] == request.url.split("/")[-1].split("?")[0])
        (section,) = orjson.loads(request.body)["layouts"][0]["sections"]
        self.calls.append(section)
        assert len(section.get("fields", [])) <= 5
        if "id" not in section:
            layout["sections"].append({"id": f"new{layout['id']}", "fields": [], **section})
        else:
            moved = {one["id"] for one in section["fields"]}
            for one in layout["sections"]:
                one["fields"] = [f for f in one["fields"] if f["id"] not in moved]
            target = next(one for one in layout["sections"] if one["id"] == section["id"])
            target["fields"] += [
                {"id": f"f{n}", "api_name": x} for n, x in enumerate(NAMES) if f"f{n}" in moved
            ]
        done = {"code": "SUCCESS", "status": "success", "details": {"id": layout["id"]}}
        return 200, {}, orjson.dumps({"layouts": [done]})


@pytest.fixture(autouse=True)
def _token():
    with responses.mock:
        answer_token()
        yield


def test_the_fields_are_gathered_five_a_call_in_a_section_of_every_layout():
    pages = Pages()
    done = Bench().crm.section("Accounts", "Credit", NAMES, dry_run=False)
    assert done.state is FieldState.CREATED
    for layout in pages.layouts:
        assert [f["api_name"] for f in layout["sections"][-1]["fields"]] == NAMES
        assert layout["sections"][-1]["display_label"] == "Credit"
    assert [len(call.get("fields", [])) for call in pages.calls] == [0, 5, 2, 0, 5, 2]


def test_a_second_run_moves_nothing():
    pages = Pages()
    Bench().crm.section("Accounts", "信用", NAMES, dry_run=False)
    count = len(pages.calls)
    done = Bench().crm.section("Accounts", "信用", NAMES, dry_run=False)
    assert (done.state, len(pages.calls)) == (FieldState.PRESENT, count)


def test_a_section_that_was_left_half_filled_is_filled():
    pages = Pages()
    pages.layouts[1]["sections"].append({"id": "half", "display_label": "Credit", "fields": []})
    Bench().crm.section("Accounts", "Credit", NAMES, dry_run=False)
    assert [len(layout["sections"][-1]["fields"]) for layout in pages.layouts] == [7, 7]
    assert len(pages.layouts[1]["sections"]) == 2


def test_a_dry_run_of_the_section_makes_no_write_call():
    pages = Pages()
    done = Bench().crm.section("Accounts", "Credit", NAMES, dry_run=True)
    assert done.state is FieldState.MISSING and not done.by_hand
    assert pages.calls == []


@pytest.mark.parametrize(("language", "word"), [("en", "drag"), ("zh", "拖入")])
def test_a_refusal_is_never_fatal_and_says_what_to_do_by_hand(language: str, word: str):
    pages = Pages()
    pages.refusal = {
        "code": "NO_PERMISSION",
        "status": "error",
        "message": "permission denied",
        "details": {},
    }
    done = Bench(language=language).crm.section("Accounts", "Credit", NAMES, dry_run=False)
    assert done.state is FieldState.MISSING
    assert word in done.by_hand and "NO_PERMISSION" in done.by_hand
