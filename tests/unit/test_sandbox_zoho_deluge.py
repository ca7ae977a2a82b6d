"""The sandbox's reading of Deluge: what plugins use works, all else is refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.zoho.deluge import Failed, Surroundings, run
from sandbox.zoho.deluge_text import NotDeluge, parse


def returned(body: str, record: Any = None, **given: Any) -> Any:
    function = parse(f"map standalone.f(String x) {{ answer = Map(); {body} return answer; }}")
    around = Surroundings(lambda module, row: record or {}, _invoke, "rep@example.com")
    return run(function, {"x": json.dumps(given)}, around)


def _invoke(url: str, method: str, body: str | None, headers: Any, link: str) -> tuple[int, str]:
    if "down" in url:
        raise Failed("socket timeout error")
    return 200, f"{method} {body}"


def test_maps_texts_and_conditions() -> None:
    body = """
      given = x.toMap();
      if (given.get("a") == null || given.get("b").toDecimal() <= "2.50".toDecimal())
      { answer.put("r", "low"); }
      else if (!given.get("s").startsWith("no") && {"p", "q"}.contains(given.get("s")))
      { answer.put("r", "in"); }
      else { answer.put("r", "out" + given.get("s")); }
    """
    assert returned(body, a=1, b=2.5, s="p") == {"r": "low"}
    assert returned(body, a=1, b=3, s="p") == {"r": "in"}
    assert returned(body, a=1, b=3, s="z") == {"r": "outz"}
    assert returned(body, b=3, s="p") == {"r": "low"}


def test_an_error_is_caught_where_the_function_says_so() -> None:
    call = 'invokeurl [ url: "http://{}" type: POST parameters: "b" connection: "c" detailed: true ];'
    body = f"""
      try {{ found = {call.format("down")} answer.put("r", found.get("responseText")); }}
      catch (e) {{ answer.put("r", "caught"); }}
    """
    assert returned(body) == {"r": "caught"}
    assert returned(body.replace("down", "up")) == {"r": "POST b"}
    with pytest.raises(Failed, match="null"):
        returned('answer.put("r", x.toMap().get("nothing").get("more"));')


def test_a_record_and_the_user_are_reached() -> None:
    body = """
      answer.put("r", zoho.crm.getRecordById("Accounts", "1").get("A"));
      answer.put("u", zoho.loginuserid);
    """
    assert returned(body, record={"A": True}) == {"r": True, "u": "rep@example.com"}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("for each one in list { }", "for"),
        ('answer.put("a", zoho.crm.searchRecords("Accounts", "x"));', "searchRecords"),
        ("answer.toCollection();", "toCollection"),
        ("answer.put('a', 1);", "'"),
        ("r = invokeurl [ url: x timeout: 5 ];", "timeout"),
        ("answer;", "call"),
        ("info answer;", "info"),
    ],
)
def test_what_is_not_known_is_named_with_its_line(body: str, why: str) -> None:
    with pytest.raises(NotDeluge, match=r"line 1") as refused:
        returned(body)
    assert why in str(refused.value)


def test_a_call_that_the_vendor_would_not_take_is_no_error_that_can_be_caught() -> None:
    body = "try { r = invokeurl [ url: x type: GET connection: x ]; } catch (e) { answer.put(x, x); }"
    with pytest.raises(NotDeluge, match="detailed"):
        returned(body)
    with pytest.raises(NotDeluge, match="never set"):
        returned("try { answer.put(x, y); } catch (e) { z = e; }")


def test_a_function_returns_what_it_says() -> None:
    with pytest.raises(Failed, match="no string"):
        run(parse("string standalone.f() { return Map(); }"), {}, Surroundings(dict, _invoke, ""))
    with pytest.raises(NotDeluge, match="takes"):
        run(parse("void standalone.f() { return; }"), {"x": "1"}, Surroundings(dict, _invoke, ""))
