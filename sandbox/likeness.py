"""How alike two names are to the agencies of the sandbox.

Invariant: the same name gives 1, another one less, whatever stands in it.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from itertools import pairwise


def letters(text: str) -> str:
    """Letters and digits alone, in one case and width."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if char.isalnum())


def likeness(name: str, asked: str) -> float:
    """Share of pairs of neighbouring characters that two names have in common (Dice)."""
    if name == asked:
        return 1.0
    pairs = [Counter(pairwise(text)) for text in (name, asked)]
    total = pairs[0].total() + pairs[1].total()
    common = (pairs[0] & pairs[1]).total()
    found = 2 * common / total if total else 0.0
    # What was typed is a part of the name: found, but never taken for the whole.
    return min(0.99, max(found, 0.8)) if len(asked) >= 2 and asked in name else min(0.99, found)
