"""Legal identifiers with their check digits.

Invariant: whatever is made here passes its own published check. Nothing is looked up: the numbers are
well-formed and any likeness to a registered one is chance.
"""

from __future__ import annotations

from random import Random

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ORGANISATION_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def organisation_check(body: str) -> str:
    """Check character of an eight-character 组织机构代码 (GB 11714): 11 − weighted sum mod 11."""
    total = sum(
        weight * _ORGANISATION_ALPHABET.index(char)
        for weight, char in zip(_ORGANISATION_WEIGHTS, body, strict=True)
    )
    value = 11 - total % 11
    return {10: "X", 11: "0"}.get(value, str(value))


def uscc_check(body: str) -> str:
    """Check character of the first 17 characters of a 统一社会信用代码 (GB 32100): weights 3^i mod 31."""
    total = sum(pow(3, i, 31) * USCC_ALPHABET.index(char) for i, char in enumerate(body))
    return USCC_ALPHABET[(31 - total % 31) % 31]


def uscc(rng: Random, kind: str, region: str) -> str:
    """A unified code: ``kind`` is department and class (``91`` enterprise, ``92`` sole trader), then
    the six-digit ``region``, an organisation code with its own check, and the check of the whole."""
    body = "MA" + "".join(rng.choices(USCC_ALPHABET, k=6))
    whole = kind + region + body + organisation_check(body)
    return whole + uscc_check(whole)


def luhn(digits: str) -> str:
    """Check digit that makes ``digits`` + it pass the mod-10 (Luhn) test."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def duns(rng: Random) -> str:
    """Nine digits, the last one a mod-10 (Luhn) check, as numbers issued before 2006 have it."""
    body = f"{rng.randrange(10_000_000, 99_999_999):08d}"
    return body + luhn(body)


def german_vat_check(body: str) -> str:
    """Check digit of the eight digits of a German VAT number (ISO 7064, MOD 11,10)."""
    product = 10
    for char in body:
        total = (int(char) + product) % 10 or 10
        product = 2 * total % 11
    return str((11 - product) % 10)


def german_vat(rng: Random) -> str:
    """``DE`` and nine digits."""
    body = f"{rng.randrange(10_000_000, 39_999_999):08d}"
    return f"DE{body}{german_vat_check(body)}"


def british_vat_check(body: str) -> str:
    """Two check digits of the seven digits of a British VAT number: weighted sum + check ≡ 0 mod 97."""
    total = sum(weight * int(char) for weight, char in zip(range(8, 1, -1), body, strict=True))
    return f"{97 - total % 97:02d}"


def british_vat(rng: Random) -> str:
    """``GB`` and nine digits."""
    body = f"{rng.randrange(1_000_000, 9_990_000):07d}"
    return f"GB{body}{british_vat_check(body)}"


def japanese_corporate_check(body: str) -> str:
    """First digit of a 法人番号 over its twelve others: 9 − (weights 1 and 2 from the right) mod 9."""
    total = sum(int(char) * (1 if place % 2 == 0 else 2) for place, char in enumerate(reversed(body)))
    return str(9 - total % 9)


def japanese_corporate(rng: Random) -> str:
    """Thirteen digits."""
    body = f"{rng.randrange(100_000_000_000, 799_999_999_999):012d}"
    return japanese_corporate_check(body) + body


def lei(rng: Random) -> str:
    """Twenty characters: an issuer's prefix, fourteen of the entity, two check digits (ISO 17442)."""
    body = "5299" + "".join(rng.choices(_ORGANISATION_ALPHABET, k=14))
    number = int("".join(str(_ORGANISATION_ALPHABET.index(char)) for char in body) + "00")
    return f"{body}{98 - number % 97:02d}"
