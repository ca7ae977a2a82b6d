"""Legal identifiers: real ones pass, slips are caught, spellings meet in one normal form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.identifiers import duns, lei, organisation_check_fits, uscc, vat

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def completed(body: str, alphabet: str, check):
    """``body`` with the only last character that ``check`` accepts."""
    found = [body + last for last in alphabet if check(body + last)]
    assert len(found) == 1
    return found[0]


@st.composite
def unified_codes(draw):
    text = st.text(alphabet=USCC_ALPHABET, min_size=2, max_size=2)
    region = st.text(alphabet=DIGITS, min_size=6, max_size=6)
    organisation = st.text(alphabet=USCC_ALPHABET, min_size=9, max_size=9)
    return completed(draw(text) + draw(region) + draw(organisation), USCC_ALPHABET, uscc)


@st.composite
def leis(draw):
    body = draw(st.text(alphabet=DIGITS + LETTERS, min_size=18, max_size=18))
    number = int("".join(str(int(char, 36)) for char in body) + "00")
    return f"{body}{98 - number % 97:02d}"


def other_than(char: str, alphabet: str):
    return st.sampled_from([other for other in alphabet if other != char])


@pytest.mark.parametrize(
    "text",
    [
        "91110108551385082Q",
        "91110108551385082q",
        " 9111 0108 5513 8508 2Q ",
        "９１１１０１０８５５１３８５０８２Ｑ",
    ],
)
def test_spellings_of_a_unified_code_meet_in_one_form(text):
    assert uscc(text) == "91110108551385082Q"
    assert organisation_check_fits("91110108551385082Q")


@pytest.mark.parametrize(
    "text", ["", "91110108551385082", "91110108551385082QQ", "I1110108551385082Q", "9111010855138508٢Q"]
)
def test_what_has_not_the_shape_of_a_unified_code_is_none(text):
    assert uscc(text) is None


@given(code=unified_codes(), data=st.data())
def test_a_single_wrong_character_of_a_unified_code_never_passes(code, data):
    assert uscc(code) == code
    at = data.draw(st.integers(0, 17))
    wrong = data.draw(other_than(code[at], DIGITS + LETTERS))
    assert uscc(code[:at] + wrong + code[at + 1 :]) is None


@given(code=unified_codes())
def test_exactly_one_inner_check_fits_whatever_the_outer_one_says(code):
    inner = [check for check in DIGITS + "X" if organisation_check_fits(code[:16] + check + code[17])]
    assert len(inner) == 1
    # A code that fails only inside stays valid: it is worth a warning.
    assert uscc(code) == code


def test_trap_a_legacy_code_that_fails_only_inside_is_warned_about_and_not_rejected():
    legacy = completed("91110108551385083", USCC_ALPHABET, uscc)
    assert uscc(legacy) == legacy
    assert not organisation_check_fits(legacy)


@pytest.mark.parametrize("text", ["15-048-3782", "150483782", " 150 483 782 "])
def test_dashes_in_a_duns_are_dropped(text):
    assert duns(text) == "150483782"


@pytest.mark.parametrize("text", ["", "15048378", "1504837820", "15048378A", "000000000", "١٥٠٤٨٣٧٨٢"])
def test_what_is_not_nine_digits_is_no_duns(text):
    assert duns(text) is None


@pytest.mark.parametrize(
    ("text", "country", "normal"),
    [
        ("de 136 695 976", None, "DE136695976"),
        ("136695976", "de", "DE136695976"),
        ("GB 831 4958 16", None, "GB831495816"),
        ("UK831495816", None, "GB831495816"),
        ("GB831495816001", None, "GB831495816001"),
        ("XI831495816", "GB", "XI831495816"),
        ("GBGD001", None, "GBGD001"),
        ("GR123456789", None, "EL123456789"),
        ("123456789", "GR", "EL123456789"),
        ("FR-AB123456789", None, "FRAB123456789"),
        ("AB123456789", "FR", "FRAB123456789"),
        ("CHE-123.456.789 MWST", None, "CHE123456789MWST"),
        ("NL123456789B01", "DE", "NL123456789B01"),
        ("CN91110108551385082Q", None, "CN91110108551385082Q"),
    ],
)
def test_vat_numbers_take_their_country_prefix(text, country, normal):
    assert vat(text, country) == normal
    assert vat(normal) == normal


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("", None),
        ("136695976", None),
        ("DE136695977", None),
        ("GB831495817", None),
        ("GB000000000", None),
        ("ATU1234567", None),
        ("NL123456789X01", None),
        ("USABCDEFG", None),
        ("DE13669597٦", None),
    ],
)
def test_vat_numbers_that_cannot_be_are_none(text, country):
    assert vat(text, country) is None


def german(body: str) -> str:
    return completed("DE" + body, DIGITS, vat)


@given(body=st.from_regex(r"[1-9][0-9]{7}", fullmatch=True), data=st.data())
def test_a_slip_in_any_digit_of_a_german_vat_number_is_caught(body, data):
    number = german(body)
    at = data.draw(st.integers(2, 10))
    wrong = data.draw(other_than(number[at], DIGITS))
    assert vat(number[:at] + wrong + number[at + 1 :]) is None


@given(body=st.integers(1, 9_999_999), scheme=st.sampled_from([0, 55]), data=st.data())
def test_a_slip_in_a_british_vat_number_is_caught_within_its_scheme(body, scheme, data):
    digits = f"{body:07d}"
    total = sum(int(d) * w for d, w in zip(digits, range(8, 1, -1), strict=True)) + scheme
    number = f"GB{digits}{(97 - total % 97):02d}"
    assert vat(number) == number
    at = data.draw(st.integers(2, 10))
    wrong = data.draw(other_than(number[at], DIGITS))
    weight = (8, 7, 6, 5, 4, 3, 2, 10, 1)[at - 2]
    shift = (int(wrong) - int(number[at])) * weight % 97
    # 42 and 55 are the distances between the two schemes, both in force.
    leads_to_the_other_scheme = shift == (42 if scheme == 0 else 55)
    assert (vat(number[:at] + wrong + number[at + 1 :]) is None) is not leads_to_the_other_scheme


@pytest.mark.parametrize("text", ["HWUPKR0MPOU8FGXBT394", "hwup kr0m pou8 fgxb t394", "5493001KJTIIGC8Y1R12"])
def test_real_leis_pass(text):
    normal = lei(text)
    assert normal is not None
    assert lei(normal) == normal


@pytest.mark.parametrize("text", ["", "HWUPKR0MPOU8FGXBT39", "HWUPKR0MPOU8FGXBT3A4", "HWUPKR0MPOU8FGXBT395"])
def test_what_fails_shape_or_check_is_no_lei(text):
    assert lei(text) is None


@given(code=leis(), data=st.data())
def test_a_single_wrong_character_of_a_lei_taken_for_another_of_its_kind_never_passes(code, data):
    assert lei(code) == code
    at = data.draw(st.integers(0, 19))
    wrong = data.draw(other_than(code[at], DIGITS if code[at].isdigit() else LETTERS))
    assert lei(code[:at] + wrong + code[at + 1 :]) is None


@pytest.mark.parametrize("code", ["HWUPKR0MPOU8FGXBT394", "5493001KJTIIGC8Y1R12"])
def test_every_slip_of_its_kind_in_a_known_lei_is_caught(code):
    for at, char in enumerate(code):
        kind = DIGITS if char.isdigit() else LETTERS
        assert not any(lei(code[:at] + wrong + code[at + 1 :]) for wrong in kind if wrong != char)


def test_trap_a_digit_taken_for_a_letter_of_a_lei_may_pass_the_check_and_is_then_for_gleif_to_tell():
    """A letter counts as two digits, so that MOD 97-10 cannot catch all of these: about one in 97 passes."""
    code = "HWUPKR0MPOU8FGXBT394"
    wrong = [
        code[:at] + other + code[at + 1 :]
        for at, char in enumerate(code[:18])
        for other in (LETTERS if char.isdigit() else DIGITS)
    ]
    passing = [one for one in wrong if lei(one)]
    assert 0 < len(passing) < len(wrong) / 40


def test_every_slip_in_a_known_unified_code_is_caught():
    code = "91110108551385082Q"
    for at, char in enumerate(code):
        assert not any(
            uscc(code[:at] + wrong + code[at + 1 :]) for wrong in DIGITS + LETTERS if wrong != char
        )


def test_trap_the_weights_of_a_unified_code_are_the_powers_of_three():
    """Wrong weights are in circulation: these are the published ones of GB 32100-2015."""
    weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28]
    code = "91110108551385082Q"
    total = sum(USCC_ALPHABET.index(char) * weight for char, weight in zip(code, weights, strict=False))
    assert code[17] == USCC_ALPHABET[(31 - total % 31) % 31]
    assert uscc(code) == code


@given(text=st.text(alphabet=DIGITS, min_size=9, max_size=9))
def test_a_duns_is_known_by_its_form_only(text):
    assert duns(text) == (text if int(text) else None)
