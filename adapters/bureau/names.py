"""How alike two company names are.

Invariant: a likeness of names is never as good as an identifier: it stays at or below ``CEILING``.
"""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher

CEILING = 0.95

_LEGAL_FORMS = frozenset(
    """ab ag as asa aps bhd bv bvba co company corp corporation eirl eood gesellschaft gmbh inc incorporated
    kft kg kgaa kk lda limited llc llp lp ltd ltda mbh nv ohg ood oy oyj plc pte pty pvt sa sarl sas sasu sdn
    se sl slu snc spa spk spol sprl srl sro ug und zoo""".split()
)
_CHINESE_FORMS = re.compile(
    r"(?:股份有限公司|有限责任公司|有限公司|公司)$"
)  # 集团 (group) tells companies apart
_BETWEEN_CHINESE = re.compile(r"(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])")


def core(name: str) -> str:
    """``name`` without what does not tell companies apart: case, accents, punctuation, legal form.

    A name of nothing but legal-form words is kept as it is.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    plain = "".join(char for char in folded if not unicodedata.combining(char))
    # Dots join the letters of a form (s.r.o., S.A.); everything else separates words.
    spaced = re.sub(r"\W+", " ", plain.replace(".", ""))
    words = _BETWEEN_CHINESE.sub("", spaced).split()
    kept = [word for word in words if word not in _LEGAL_FORMS]
    return _CHINESE_FORMS.sub("", " ".join(kept)).strip() or " ".join(words)


def likeness(one: str, other: str) -> float:
    """How alike two names are, 0…``CEILING``: the share of characters that ``difflib`` finds in common
    in their cores, whichever of the two comes first."""
    first, second = sorted((core(one), core(other)))
    if not first:
        return 0.0
    ratio = SequenceMatcher(None, first, second, autojunk=False).ratio()
    return round(min(ratio, CEILING), 4)
