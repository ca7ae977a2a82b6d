"""What the Chinese agencies' answers have in common: whose record it is, standing, dates, yuan.

Invariant: a court record counts only when the code in it fits the company's 统一社会信用代码; one that
merely bears the name goes to a person. What keeps an agency from being asked (a day's quota, a query
that fails) is kept for all processes until it is over.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from adapters.bureau.common import day, number
from connector.adapter import Context
from connector.errors import Retry
from connector.money import to_minor

BEIJING = dt.timezone(dt.timedelta(hours=8))
PAGE = 20  # the most that both agencies give at once
PAGES = 5  # each page is charged: a company with more records than this is bad enough

_USCC = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}", re.ASCII)
_LIVE = ("存续", "在业", "开业", "在营", "在册", "正常")
_GONE = ("注销", "吊销", "撤销", "除名")
_WOUND_UP = ("清算", "破产")
_UNITS = {
    "": 1,
    "元": 1,
    "人民币": 1,
    "元人民币": 1,
    "万元": 10_000,
    "万元人民币": 10_000,
    "亿元": 100_000_000,
}
_LARGEST = 10**15


class Standing(NamedTuple):
    """The flags of ``Report`` that follow from the register."""

    dissolved: bool | None
    insolvent: bool | None
    warnings: tuple[str, ...] = ()


def code(text: str | None) -> str:
    """A 统一社会信用代码 in capitals and without blanks; empty for anything else. Some older codes fail
    their check character, so the shape alone decides."""
    plain = re.sub(r"[\s-]", "", text or "").upper()
    return plain if _USCC.fullmatch(plain) else ""


def fits(stated: str, uscc: str) -> bool:
    """Whether the code ``stated`` in a record, perhaps masked by ``*``, can be that of ``uscc``: the whole
    code or the organisation's code in it (characters 9 to 17). At least four characters must be legible."""
    plain = re.sub(r"[\s\-－]", "", stated).upper().replace("＊", "*")
    if not uscc or sum(char != "*" for char in plain) < 4:
        return False
    return any(
        len(plain) == len(whole) and all(a in ("*", b) for a, b in zip(plain, whole, strict=True))
        for whole in (uscc, uscc[8:17])
    )


def standing(status: str) -> Standing:
    """The flags from the register's word for a company's standing (登记状态)."""
    words = status.strip()
    wound_up = any(word in words for word in _WOUND_UP)
    if any(word in words for word in _GONE):
        told = ("the licence is revoked, the company not yet struck off",) if "吊销" in words else ()
        return Standing(True, True if wound_up else None, told)
    if wound_up:
        return Standing(False, True)
    if any(word in words for word in _LIVE):
        return Standing(False, None)
    return Standing(None, None, (f"the standing {words or 'is not stated'} is not understood",))


def moment(value: Any) -> dt.date | None:
    """A day: an ISO date, ``2026年1月5日``, ``20260105``, or milliseconds since 1970 (the day in Beijing)."""
    if isinstance(value, int) and not isinstance(value, bool):
        if value <= 0 or value > 10**13:
            return None
        return dt.datetime.fromtimestamp(value // 1000, dt.UTC).astimezone(BEIJING).date()
    if not isinstance(value, str):
        return None
    written = value.strip()
    if re.fullmatch(r"\d{11,13}", written, re.ASCII):
        return moment(int(written))
    parts = re.fullmatch(r"(\d{4})[年/.](\d{1,2})[月/.](\d{1,2})日?", written, re.ASCII)
    if parts:
        written = "-".join(part.zfill(2) for part in parts.groups())
    elif re.fullmatch(r"\d{8}", written, re.ASCII):
        written = f"{written[:4]}-{written[4:6]}-{written[6:]}"
    return day(written)


def yuan(value: Any) -> int | None:
    """An amount in yuan (or 万元, 亿元 where it says so) in fen; ``None`` for words or nothing."""
    factor = 1
    if isinstance(value, str):
        parts = re.fullmatch(r"(?:¥|￥|人民币)?\s*([\d.,]+)\s*(\D*)", value.strip())
        if parts is None or parts[2].strip() not in _UNITS:
            return None
        value, factor = parts[1], _UNITS[parts[2].strip()]
    found = number(value)
    if found is None or not 0 <= found * factor <= _LARGEST:
        return None
    return to_minor(found * factor, "CNY")


def first(item: Mapping[str, Any], *keys: str) -> Any:
    """The first of ``keys`` that holds something: the agencies spell one field in several ways."""
    return next((item[key] for key in keys if item.get(key) not in (None, "", "-")), None)


def bundle(answers: Iterable[tuple[str, bytes]]) -> bytes:
    """All answers that made one report, each as it came, under the path that was asked."""
    calls = [{"path": path, "body": body.decode("utf-8", "surrogateescape")} for path, body in answers]
    return json.dumps({"calls": calls}, ensure_ascii=True).encode()


class Holds:
    """Pauses that outlast a process: until the next day in Beijing, or for one query alone."""

    def __init__(self, context: Context, agency: str) -> None:
        self._context = context
        self._agency = agency

    def check(self, query: str = "") -> None:
        """``Retry`` while the agency as a whole, or ``query``, is on hold: nothing is sent then."""
        for name in {self._name(""), self._name(query)}:
            until = self._context.secrets.get(name)
            left = (dt.datetime.fromisoformat(until) - self._context.now()).total_seconds() if until else 0
            if left > 0:
                raise Retry(
                    f"{self._agency} is not asked until {until}",
                    where=self._context.connection,
                    todo="run again after that",
                    after=left,
                )

    def put(self, until: dt.datetime, query: str = "") -> float:
        """Hold until then; the seconds that it lasts."""
        self._context.secrets.put(self._name(query), until.isoformat(), until)
        return (until - self._context.now()).total_seconds()

    def next_day(self) -> dt.datetime:
        """The beginning of the next day in Beijing, in UTC."""
        local = self._context.now().astimezone(BEIJING)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) + dt.timedelta(days=1)
        return midnight.astimezone(dt.UTC)

    def _name(self, query: str) -> str:
        # Only a digest of a query is kept: it holds a company's name.
        tail = hashlib.sha256(query.encode()).hexdigest()[:16] if query else "all"
        return f"{self._agency.lower()}.hold.{tail}"
