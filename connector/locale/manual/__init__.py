"""The words of the policy manual, in English and Chinese side by side.

Invariant: every field of every section of a policy has an entry ``Section.field`` here; a choice, a switch
and what is left out have one of their own (``.hold``, ``.yes``, ``.none``). ``{value}`` is the value,
``{percent}`` the value as a share of a hundred, ``{currency}`` the policy's currency.
"""

from __future__ import annotations

from connector.locale.manual import (
    counting,
    frame,
    glossary,
    judging,
    procedures,
    reacting,
    schedules,
    signals,
)

_FILES = (judging, counting, reacting, signals, frame, procedures, schedules, glossary)
_PARTS = [one.WORDS for one in _FILES]
WORDS: dict[str, tuple[str, str]] = {key: words for part in _PARTS for key, words in part.items()}
if len(WORDS) != sum(map(len, _PARTS)):
    raise ValueError("a key stands in two files")
