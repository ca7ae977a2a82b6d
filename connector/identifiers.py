"""Legal identifiers: one normal form each, and the check digits that tell a typing slip.

Invariant: a function gives the normal form (upper case, no blanks or separators) or ``None``; what it
accepts never changes when it is given again. Nothing is guessed: a missing zero is not put back.
"""

from __future__ import annotations

import re
import unicodedata

_SEPARATORS = re.compile(r"[\s.\-‐‑–—/_·]+")

_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # no I, O, S, V, Z
_USCC_SHAPE = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)

_LEI_SHAPE = re.compile(r"[0-9A-Z]{18}[0-9]{2}")

# National part by prefix (European Commission: VIES; the last three by their own authorities).
_VAT_SHAPES = {
    prefix: re.compile(shape, re.ASCII)
    for prefix, shape in {
        "AT": r"U\d{8}",
        "BE": r"[01]\d{9}",
        "BG": r"\d{9,10}",
        "CY": r"\d{8}[A-Z]",
        "CZ": r"\d{8,10}",
        "DE": r"[1-9]\d{8}",
        "DK": r"\d{8}",
        "EE": r"\d{9}",
        "EL": r"\d{9}",
        "ES": r"[A-Z]\d{7}[A-Z0-9]|\d{8}[A-Z]",
        "FI": r"\d{8}",
        "FR": r"[A-HJ-NP-Z0-9]{2}\d{9}",
        "GB": r"\d{9}(?:\d{3})?|GD[0-4]\d\d|HA[5-9]\d\d",
        "HR": r"\d{11}",
        "HU": r"\d{8}",
        "IE": r"\d{7}[A-W][A-I]?|\d[A-Z+*]\d{5}[A-W]",
        "IT": r"\d{11}",
        "LT": r"\d{9}|\d{12}",
        "LU": r"\d{8}",
        "LV": r"\d{11}",
        "MT": r"\d{8}",
        "NL": r"\d{9}B\d{2}",
        "PL": r"\d{10}",
        "PT": r"\d{9}",
        "RO": r"\d{2,10}",
        "SE": r"\d{10}01",
        "SI": r"\d{8}",
        "SK": r"\d{10}",
        "XI": r"\d{9}(?:\d{3})?|GD[0-4]\d\d|HA[5-9]\d\d",
        "CH": r"E\d{9}(?:MWST|TVA|IVA)?",
        "NO": r"\d{9}(?:MVA)?",
    }.items()
}
_ANY_VAT = re.compile(r"(?=.*[0-9])[0-9A-Z]{5,18}")
_VAT_PREFIX = {"GR": "EL", "UK": "GB"}  # what is written → what the VAT system uses
_GB_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 1)


def uscc(text: str) -> str | None:
    """A 统一社会信用代码 in normal form (18 characters), or ``None`` when it cannot be one.

    Shape and check character are verified (GB 32100-2015), so a slip in any one character is caught.
    The organisation code inside has a check of its own, which some older codes do not meet: see
    ``organisation_check_fits``.
    """
    code = _plain(text)
    if not _USCC_SHAPE.fullmatch(code):
        return None
    weighted = sum(_USCC_ALPHABET.index(char) * pow(3, at, 31) for at, char in enumerate(code[:17]))
    return code if code[17] == _USCC_ALPHABET[-weighted % 31] else None


def organisation_check_fits(code: str) -> bool:
    """Whether the organisation code (characters 9 to 17) within a valid 统一社会信用代码 meets its own
    check (GB 11714). ``False`` is worth a warning, not a rejection."""
    pairs = zip(code[8:16], _ORGANISATION_WEIGHTS, strict=True)
    rest = 11 - sum(int(char, 36) * weight for char, weight in pairs) % 11
    return code[16] == {10: "X", 11: "0"}.get(rest, str(rest))


def duns(text: str) -> str | None:
    """A D-U-N-S number as nine digits, or ``None``. It carries no check digit, so a slip in a digit is
    not seen; nine zeros are a placeholder and not a number."""
    code = _plain(text)
    return code if re.fullmatch(r"[0-9]{9}", code) and int(code) else None


def vat(text: str, country: str | None = None) -> str | None:
    """A VAT number with its prefix (``EL`` for Greece, ``XI`` for Northern Ireland), or ``None``.

    ``country`` (ISO 3166 alpha-2) supplies the prefix where ``text`` has none; without either there is
    no VAT number. Check digits are verified for DE (ISO 7064 MOD 11,10: every slip in a digit is
    caught) and for GB and XI (modulus 97, and 97-55 since 2010: a slip is caught unless it leads from
    one scheme to the other); the EU's other countries, CH and NO are checked by shape, the rest by
    length.
    """
    code = _plain(text)
    home = _VAT_PREFIX.get(country.strip().upper(), country.strip().upper()) if country else ""
    if home and not code.startswith(home) and (found := _vat(home, code)):
        return found
    return _vat(_VAT_PREFIX.get(code[:2], code[:2]), code[2:])


def lei(text: str) -> str | None:
    """A Legal Entity Identifier in normal form (20 characters), or ``None``.

    The check is ISO 7064 MOD 97-10 (ISO 17442): a digit taken for another digit or a letter for another
    letter is always caught, a digit taken for a letter nearly always.
    """
    code = _plain(text)
    if not _LEI_SHAPE.fullmatch(code):
        return None
    number = int("".join(str(int(char, 36)) for char in code))
    return code if number % 97 == 1 else None


def _plain(text: str) -> str:
    """Full-width forms made plain, upper case, blanks and separators dropped."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()


def _vat(prefix: str, number: str) -> str | None:
    if not re.fullmatch(r"[A-Z]{2}", prefix):
        return None
    if not _VAT_SHAPES.get(prefix, _ANY_VAT).fullmatch(number):
        return None
    if prefix == "DE" and not _german_check(number):
        return None
    if prefix in ("GB", "XI") and number[:9].isdigit() and not _british_check(number[:9]):
        return None
    return prefix + number


def _german_check(number: str) -> bool:
    product = 10
    for digit in number[:8]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(number[8])


def _british_check(number: str) -> bool:
    total = sum(int(digit) * weight for digit, weight in zip(number, _GB_WEIGHTS, strict=True))
    return int(number) > 0 and total % 97 in (0, 42)  # 42 = 97 - 55
