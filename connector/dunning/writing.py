"""The texts of letters, from Jinja2 templates in Chinese and English.

Invariant: a template of the home folder stands in for the one that ships; it sees the letter's values and
nothing else, and one that uses what is not there is refused with file and line instead of sent with a gap.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from connector.errors import Halt
from connector.locale import Language
from connector.money import show
from connector.people.correspondence import Letterhead
from connector.rules.dunning import Item, Notice

SHIPPED = Path(__file__).parent / "templates"
_SUBJECT = "Subject:"


class Letter(NamedTuple):
    """A letter as it is sent."""

    subject: str
    text: str


def written(
    folder: Path, language: Language, notice: Notice, name: str, head: Letterhead, today: dt.date
) -> Letter:
    """The letter to the customer ``name``. ``Halt`` names the template that is missing or wrong."""
    values = {
        "head": head,
        "customer": name,
        "today": today,
        "pay_by": notice.pay_by,
        "level": notice.level,
        "items": notice.items,
        "totals": totals(notice.items),
        "broken": sorted({one.promised_for for one in notice.items if one.promised_for}),
    }
    file = f"{language}/{notice.letter}.j2"
    # What a letter does not say leaves no hole.
    text = re.sub(r"\n{3,}", "\n\n", _render(folder, language, file, values))
    subject, _, body = text.partition("\n")
    if not subject.startswith(_SUBJECT) or not body.strip():
        raise Halt(
            "a letter begins with a line 'Subject: …', and a text follows it",
            where=_path(folder, file),
            todo="correct the template",
        )
    return Letter(" ".join(subject.removeprefix(_SUBJECT).split()), body.strip() + "\n")


def page(language: Language, letter: Letter) -> str:
    """The letter as an HTML page to print."""
    return (
        _environment(SHIPPED, language)
        .get_template("page.html.j2")
        .render(language=language, subject=letter.subject, text=letter.text)
    )


def totals(items: Sequence[Item]) -> list[dict[str, Any]]:
    """What is asked for, by currency: ``open``, ``interest`` and ``total`` in minor units."""
    found: dict[str, list[int]] = {}
    for one in items:
        sums = found.setdefault(one.currency, [0, 0])
        sums[0] += one.open
        sums[1] += one.interest
    return [
        {"currency": currency, "open": open_, "interest": interest, "total": open_ + interest}
        for currency, (open_, interest) in sorted(found.items())
    ]


def _render(folder: Path, language: Language, file: str, values: dict[str, Any]) -> str:
    try:
        return _environment(folder, language).get_template(file).render(values)
    except jinja2.TemplateNotFound as fault:
        raise Halt(
            f"there is no template {fault.name}",
            where=str(folder),
            todo="write it there, or name in the policy a letter that ships: reminder, demand or final",
        ) from None
    except jinja2.TemplateSyntaxError as fault:
        where = f"{fault.filename or _path(folder, file)}:{fault.lineno}"
        raise Halt(f"the template is wrong: {fault.message}", where=where, todo="correct it there") from None
    except jinja2.TemplateError as fault:
        raise Halt(
            f"the template is wrong: {fault}", where=_path(folder, file), todo="correct it there"
        ) from None


def _path(folder: Path, file: str) -> str:
    own = folder / file
    return str(own if own.is_file() else SHIPPED / file)


@cache
def _environment(folder: Path, language: Language) -> jinja2.Environment:
    made = ImmutableSandboxedEnvironment(
        loader=jinja2.FileSystemLoader([folder, SHIPPED]),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(["html.j2"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["money"] = show
    made.filters["day"] = _day_zh if language == "zh" else _day_en
    return made


def _day_zh(day: dt.date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _day_en(day: dt.date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


# Not by strftime: that follows the machine's locale.
_MONTHS = "January February March April May June July August September October November December".split()
