"""Creditsafe's words about a company's standing, read into flags.

Invariant: a flag is ``True`` only on words that say so, ``False`` only for a company called active
about which nothing adverse is said, and ``None`` (with a warning) in every other case.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

_INSOLVENT = (
    r"insolven|bankrupt|liquidat|\bin administration|administrative receiver|receivership|receiver appointed"
    r"|winding[ -]up|\bwound up|situation of failure|\bin failure|voluntary arrangement|\bchapter (?:7|11)\b"
    r"|judicial re(?:organi[sz]ation|covery|ceivership)|redressement|faillite|konkurs|insolvenz|破产|清算"
)
_DISSOLVED = (
    r"dissol(?:ved|ution)|struck off|de-?register|removed from the register|\bceased|\bclosed\b"
    r"|no longer (?:trading|exist|registered)|radiee\b|geloscht|注销|吊销"
)
# What is said not to be, or only feared, is no evidence; what has ended needs a person's eye.
_DENIED = re.compile(
    rf"\b(?:no(?! longer)|not|never|without)\b[^.;:,/()–-]{{0,40}}?(?:{_INSOLVENT}|{_DISSOLVED})\w*"
)
_FEARED = re.compile(r"\brisk of\b[^.;:,]*")
_ENDED = re.compile(
    rf"(?:{_INSOLVENT})[^.;:,]{{0,40}}?\b(?:annulled|ended|lifted|discharged|rescinded|terminated|closed|revoked"
    r"|withdrawn|completed)\b|discharged from bankruptcy"
)
_UNSETTLED = re.compile(r"strike[ -]off")
_BANKRUPTCY_OVER = re.compile(
    r"annulled|ended|lifted|discharged|rescinded|terminated|closed|revoked|withdrawn"
)
_BANKRUPTCY_OPEN = re.compile(r"\b(?:open|active|ongoing|pending|registered|current|in progress)\b")


class Standing(NamedTuple):
    """``dissolved``: exists no longer; ``insolvent``: in a procedure for debtors that cannot pay, every
    kind of liquidation included."""

    dissolved: bool | None
    insolvent: bool | None
    warnings: tuple[str, ...] = ()


def standing(status: str, wordings: list[str], rating_wording: str = "") -> Standing:
    """The flags from ``companyStatus.status``, the other texts of ``companyStatus``, and the text of a
    rating of E, which may cover companies in failure.

    ``status`` values met: Active, NonActive (its reason is in the description).
    """
    key = re.sub(r"[^a-z]", "", status.lower())
    texts = [_folded(wording) for wording in (status, *wordings) if wording]
    unclear = [text for text in texts if _ENDED.search(text) or _UNSETTLED.search(text)]
    said = [_asserted(text) for text in texts]
    dissolved = any(re.search(_DISSOLVED, text) for text in said)
    insolvent = any(re.search(_INSOLVENT, text) for text in [*said, _asserted(_folded(rating_wording))])
    # An active company about which nothing adverse is said is in neither of the two.
    otherwise = False if key == "active" and not unclear and not dissolved else None
    warnings = []
    shown = " / ".join(part for part in (status, *wordings) if part)[:120]
    if key == "active" and dissolved:
        warnings.append(f"status_contradicts: called active, but also: {shown}")
    if unclear or (otherwise is None and not dissolved and not insolvent):
        warnings.append(f"status_unclear: {shown or 'the report states no status'}")
    return Standing(dissolved or otherwise, insolvent or otherwise, tuple(warnings))


def bankruptcy_resolved(status: str) -> bool | None:
    """Whether a bankruptcy on file is over, from its status text; ``None`` when that does not say."""
    text = _folded(status)
    if _BANKRUPTCY_OVER.search(text):
        return True
    return False if _BANKRUPTCY_OPEN.search(text) else None


def _folded(text: str) -> str:
    spread = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return "".join(char for char in spread if not unicodedata.combining(char))


def _asserted(text: str) -> str:
    return _ENDED.sub(" ", _FEARED.sub(" ", _DENIED.sub(" ", text)))
