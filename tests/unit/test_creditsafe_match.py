"""Finding a company: by its own numbers first, by name with a likeness that is never certain."""

from __future__ import annotations

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from adapters.bureau.names import CEILING, core, likeness
from connector.adapter import Match, Subject
from connector.errors import Reject
from tests.creditsafe_bench import COMPANIES, Bench, answer_search, answer_token, calls_to

NOTHING = {"totalSize": 0, "companies": []}


def company(ref: str, name: str, **more: object) -> dict[str, object]:
    return {"id": ref, "name": name, **more}


def asked() -> list[dict[str, str]]:
    """The search criteria of each search so far, without paging."""
    return [
        {k: v for k, v in call.request.params.items() if k not in ("page", "pageSize")}
        for call in calls_to(COMPANIES)
    ]


@responses.activate
def test_a_registration_number_finds_with_full_confidence():
    answer_token()
    answer_search(company("GB-0-01234567", "EXAMPLE LIMITED", regNo="01234567"))
    found = Bench().bureau.match(Subject("Something Else", "GB", {"registration_no": "1234567"}))
    assert found == [Match("GB-0-01234567", "EXAMPLE LIMITED", 1.0, "identifier")]
    assert asked() == [{"countries": "GB", "regNo": "1234567"}]


@responses.activate
def test_a_unified_code_is_searched_as_registration_number_in_china():
    answer_token()
    answer_search(company("CN-0-1", "甲公司", regNo="91110108551385082Q"))
    found = Bench().bureau.match(Subject("甲", None, {"uscc": "91110108551385082Q"}))
    assert [m.confidence for m in found] == [1.0]
    assert asked() == [{"countries": "CN", "regNo": "91110108551385082Q"}]


@pytest.mark.parametrize(
    ("vat", "country", "national"),
    [
        ("DE136695976", "DE", "136695976"),
        ("EL123456789", "GR", "123456789"),
        ("XI831495816", "GB", "831495816"),
    ],
)
@responses.activate
def test_a_vat_number_is_asked_for_with_and_without_its_prefix(vat, country, national):
    answer_token()
    responses.get(COMPANIES, json=NOTHING)
    responses.get(COMPANIES, json={"companies": [company("X-0-1", "A", vatNo=[vat])]})
    found = Bench().bureau.match(Subject("A", None, {"vat": vat}))
    assert [m.by for m in found] == ["identifier"]
    assert asked() == [{"countries": country, "vatNo": vat}, {"countries": country, "vatNo": national}]


@responses.activate
def test_a_company_with_another_number_is_no_hit():
    answer_token()
    other = {"companies": [company("GB-0-7", "Example Ltd", regNo="7654321")]}
    responses.get(COMPANIES, json=other)
    found = Bench().bureau.match(Subject("Example Ltd", "GB", {"registration_no": "1234567"}))
    assert [(m.by, m.confidence) for m in found] == [("name", CEILING)]
    assert asked()[-1] == {"countries": "GB", "name": "Example Ltd"}


@responses.activate
def test_a_french_siren_agrees_with_the_siret_of_its_head_office():
    answer_token()
    branch = company("FR-0-2", "Example", regNo="49481445200020", officeType="Branch")
    head = company("FR-0-1", "Example", regNo="49481445200012", officeType="HeadOffice")
    answer_search(branch, head)
    found = Bench().bureau.match(Subject("Example", "FR", {"registration_no": "494 814 452"}))
    assert [m.ref for m in found] == ["FR-0-1", "FR-0-2"]


@responses.activate
def test_a_criterion_that_a_country_does_not_admit_leads_to_the_next():
    answer_token()
    responses.get(COMPANIES, status=400, json={"message": "regNo not allowed"})
    responses.get(COMPANIES, json={"companies": [company("DE-0-1", "A", vatNo=["DE136695976"])]})
    found = Bench().bureau.match(Subject("A", "DE", {"registration_no": "HRB 1", "vat": "DE136695976"}))
    assert [m.ref for m in found] == ["DE-0-1"]


@responses.activate
def test_an_empty_search_answered_by_404_is_nothing_found():
    answer_token()
    responses.get(COMPANIES, status=404, json={"message": "no results"})
    assert Bench().bureau.match(Subject("Example", "GB", {})) == []


@responses.activate
def test_names_are_ranked_by_likeness_and_never_certain():
    answer_token()
    answer_search(
        company("GB-0-1", "Exemplar Trading Limited"),
        company("GB-0-2", "EXAMPLE TRADING LIMITED"),
        company("GB-0-3", "Northern Steel plc"),
        {"name": "without an id"},
    )
    found = Bench().bureau.match(Subject("Example Trading Ltd.", "GB", {}))
    assert [m.ref for m in found] == ["GB-0-2", "GB-0-1", "GB-0-3"]
    assert {m.by for m in found} == {"name"}
    assert found[0].confidence == CEILING
    assert found[0].confidence > found[1].confidence > found[2].confidence


@responses.activate
def test_without_country_and_identifier_nothing_is_sent():
    with pytest.raises(Reject) as fault:
        Bench().bureau.match(Subject("Example", None, {"registration_no": "1234567", "vat": " "}))
    assert fault.value.code == "missing_country"
    assert len(responses.calls) == 0


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Müller & Söhne GmbH", "muller sohne"),
        ("MULLER SOHNE", "muller sohne"),
        ("Example s.r.o.", "example"),
        ("Example Co., Ltd.", "example"),
        ("北京示例科技有限公司", "北京示例科技"),
        ("北京示例科技（集团）股份有限公司", "北京示例科技集团"),
        ("The Company Company", "the"),
        ("AG", "ag"),
        ("", ""),
    ],
)
def test_the_core_of_a_name_is_what_tells_companies_apart(name, kept):
    assert core(name) == kept


def test_names_without_letters_are_like_nothing():
    assert likeness("", "Example") == 0.0
    assert likeness("…", "…") == 0.0


@given(one=st.text(max_size=30), other=st.text(max_size=30))
def test_likeness_is_symmetric_and_stays_below_certainty(one, other):
    assert likeness(one, other) == likeness(other, one)
    assert 0.0 <= likeness(one, other) <= CEILING < 1.0
