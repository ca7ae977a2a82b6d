"""Rating scales that reports from files stand on: what a letter is called, and which letters there are.

Invariant: a scale has a name and a version; letters of one scale are never taken for those of another. A
Chinese national rating shows as ``cnAAA``, so that no policy and no table meets it as an AAA.

Sources: S&P and Fitch AAA to D, Moody's Aaa to C; 中诚信国际, 联合资信 and others rate on the national scale
AAA to C with + and - from AA to CCC; CCXAP's international ratings carry a small g (``AAAg``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.bureau.common import Scale

NATIONAL, GLOBAL, MOODYS, CCXAP = "china-national", "international", "moodys", "ccxap-international"
_NOT_RATED = frozenset({"NR", "WR", "N/A", "NA", "-", "--", "无", "无评级", "未评级", "终止评级", "撤销评级"})
_DEFAULT = frozenset({"D", "SD", "RD"})


def _with_signs(letters: Sequence[str], signed: Sequence[str]) -> tuple[str, ...]:
    """Letters, the safest first; those ``signed`` also with + before and - behind."""
    return tuple(
        grade
        for letter in letters
        for grade in ((f"{letter}+", letter, f"{letter}-") if letter in signed else (letter,))
    )


_LETTERS = _with_signs("AAA AA A BBB BB B CCC CC C".split(), "AA A BBB BB B CCC".split())
_MOODYS = tuple("Aaa Aa1 Aa2 Aa3 A1 A2 A3 Baa1 Baa2 Baa3 Ba1 Ba2 Ba3 B1 B2 B3 Caa1 Caa2 Caa3 Ca C".split())
_LETTER_OF_MOODYS = dict(zip(_MOODYS, [*_LETTERS[:-2], "CC", "C"], strict=True))
_SCALES = {
    NATIONAL: (Scale(NATIONAL, 1, "C", "AAA", None), _LETTERS),
    GLOBAL: (Scale(GLOBAL, 1, "D", "AAA", None), _LETTERS),
    CCXAP: (Scale(CCXAP, 1, "C", "AAA", None), _LETTERS),
    MOODYS: (Scale(MOODYS, 1, "C", "Aaa", None), _MOODYS),
}


@dataclass(frozen=True)
class Grade:
    """A grade as it was read. ``scale`` is the name that tables are chosen by, ``scale_id`` the one that
    records keep; ``band`` is what people and policies see, ``letters`` what a table may call it, the
    closest first. Without ``rated`` it says that there is no rating; ``known`` is false for a letter that
    the scale does not have; ``default`` is true for the grades of those that have defaulted."""

    raw: str
    scale: str
    scale_id: str
    band: str | None
    letters: tuple[str, ...] = ()
    rated: bool = True
    known: bool = True
    default: bool = False


def read(written: str, scale: str) -> Grade:
    """The grade that is ``written`` on ``scale``: one of those above, or an agency's own, whose grades are
    taken as they are."""
    raw = unicodedata.normalize("NFKC", written).strip()
    if scale == NATIONAL and re.fullmatch(r"[A-D]+[+-]?g", raw):
        scale = CCXAP
    plain = raw.removesuffix("g") if scale == CCXAP else raw
    if scale not in _SCALES:
        if raw.upper() in _NOT_RATED:
            return Grade(raw, scale, scale, None, rated=False)
        return Grade(raw, scale, scale, raw, (raw,))
    named, grades = _SCALES[scale]
    if plain.upper() in _NOT_RATED:
        return Grade(raw, scale, named.id, None, rated=False)
    if scale != MOODYS:
        plain = plain.upper().replace("－", "-")
        if plain in _DEFAULT:
            return Grade(raw, scale, named.id, _shown("D", scale), ("D",), default=True)
    if plain not in grades:
        return Grade(raw, scale, named.id, None, known=False)
    letter = _LETTER_OF_MOODYS[plain] if scale == MOODYS else plain
    return Grade(raw, scale, named.id, _shown(plain, scale), (letter, letter.rstrip("+-")))


def _shown(letter: str, scale: str) -> str:
    if scale == NATIONAL:
        return f"cn{letter}"
    return f"{letter}g" if scale == CCXAP else letter
