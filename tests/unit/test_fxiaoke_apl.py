"""The APL functions that a tenant may install: within the language's limits, and at one with the mapping."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connector.mapping import load

ROOT = Path(__file__).parents[2]
FUNCTIONS = sorted((ROOT / "adapters" / "fxiaoke" / "apl").glob("*.groovy"))
MAPPING = load(ROOT / "mappings" / "fxiaoke.yaml")


def code(path: Path) -> str:
    """Without comments and the texts in quotes."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.DOTALL)
    return re.sub(r'"[^"\n]*"', '""', text)


@pytest.mark.parametrize("path", FUNCTIONS, ids=lambda p: p.stem)
def test_trap_the_language_has_no_loops_prints_nor_certain_names(path: Path) -> None:
    words = set(re.findall(r"\w+", code(path)))
    assert not words & {"for", "while", "println", "try", "catch", "import"}
    assert not set(re.findall(r"(?:String|List|Map|def)\s+(\w+)\s*=", code(path))) & {
        "owner",
        "this",
        "delegate",
    }
    assert code(path).count("(") == code(path).count(")") and code(path).count("{") == code(path).count("}")


@pytest.mark.parametrize("path", FUNCTIONS, ids=lambda p: p.stem)
def test_each_function_says_how_it_is_bound(path: Path) -> None:
    text = path.read_text()
    assert f"@codeName  {path.stem}" in text and "@namespace" in text and "绑定" in text


def test_the_check_in_plan_reads_fields_that_a_visit_has() -> None:
    writer = MAPPING.writer("visit")
    assert writer is not None
    (path,) = (one for one in FUNCTIONS if one.stem == "credit_visit_plan")
    read = set(re.findall(r'visit\["(\w+)"\]', path.read_text()))
    known = {field.vendor_field for field in writer.fields} | {"plan_id__c"}
    assert read and read <= known
    assert f'"{writer.object}"' in path.read_text()


def test_trap_empty_values_are_null_or_an_empty_text() -> None:
    (path,) = (one for one in FUNCTIONS if one.stem == "credit_visit_plan")
    text = path.read_text()
    assert '!= null && visit["plan_id__c"] != ""' in text and 'accountId == null || accountId == ""' in text


def test_the_hook_sends_our_headers_and_no_value_of_the_row() -> None:
    (path,) = (one for one in FUNCTIONS if one.stem == "credit_event")
    text = path.read_text()
    assert "X-Credit-Timestamp" in text and "X-Credit-Signature" in text and "HmacSHA256" in text
    assert set(re.findall(r'context\.data\["(\w+)"\]', text)) == {"_id", "object_describe_api_name"}
