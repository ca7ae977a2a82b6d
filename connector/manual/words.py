"""From values to words: numbers exact, shares in per cent, choices and switches by their own sentence.

Invariant: no figure is rounded; what has no words of its own fails a test, not a reader.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeGuard

from connector.locale import label, language_of, texts
from connector.locale.manual import WORDS
from connector.policy.form import Part

# Fields whose values have words of their own, ``vocabulary.value``, wherever they stand.
VOCABULARIES = {
    "severity": "severity",
    "actions": "action",
    "weekdays": "weekday",
    "letter": "letter",
    "codes": "code",
    "role": "role",
    "responsible": "role",
    "accountable": "role",
    "consulted": "role",
    "informed": "role",
}


@dataclass(frozen=True)
class Words:
    """The words of one language for a policy in ``currency``."""

    language: str
    currency: str

    def say(self, key: str, /, **values: Any) -> str:
        """The text of ``key``; ``value`` is also there as ``percent``."""
        value = values.get("value")
        shown = {name: self.show(one) for name, one in values.items()}
        shown |= {"currency": self.currency, "percent": percent(value) if is_number(value) else ""}
        return WORDS[key][language_of(self.language) == "zh"].format_map(shown)

    def told(self, name: str, value: Any) -> str:
        """The value of the field ``name``: closed words in words, the rest as it is."""
        if isinstance(value, tuple):
            return self.join(self.told(name, one) for one in value)
        key = f"{VOCABULARIES.get(name)}.{value}"
        return self.say(key) if isinstance(value, str) and key in WORDS else self.show(value)

    def show(self, value: Any) -> str:
        """A value for people: numbers with thousands apart, words where there are some, lists joined."""
        if isinstance(value, bool):
            return label("yes" if value else "no", self.language)
        if is_number(value):
            return figure(value)
        if isinstance(value, (list, tuple)):
            return self.join(self.show(one) for one in value)
        return label(value, self.language)

    def join(self, several: Iterable[str]) -> str:
        """Several things in one line."""
        return ("、" if language_of(self.language) == "zh" else ", ").join(several)

    def together(self, first: str, second: str) -> str:
        """Two halves of a sentence."""
        between = " " if first and language_of(self.language) == "en" else ""
        return f"{first}{between}{second}"

    def sentence(self, model: type[Part], name: str, value: Any) -> str:
        """The sentence for the field ``name`` of a section."""
        key = key_of(model, name)
        if isinstance(value, bool):
            return self.say(f"{key}.{'yes' if value else 'no'}")
        if value is None or value in ((), {}):
            return self.say(f"{key}.none")
        chosen = f"{key}.{value}"
        if isinstance(value, str) and chosen in WORDS:
            return self.say(chosen)
        return self.say(key, value=self.told(name, value) if name in VOCABULARIES else value)

    def title(self, model: type[Part], name: str) -> str:
        """The heading for the field ``name`` of a section."""
        return self.say(key_of(model, name))

    def reason(self, code: str) -> str:
        """The code of a reason with its words, without the figures that a case fills in."""
        told = texts(language_of(self.language)).get(code)
        return code if told is None else f"{code} ({_open(told)})"


def head(words: Words, *keys: str) -> tuple[str, ...]:
    """The head of a table."""
    return tuple(words.say(key) for key in keys)


def key_of(model: type[Part], name: str) -> str:
    """``Section.field``, by the section that declares the field first: a kind that only sets another default
    has the words of all kinds."""
    for base in reversed(model.__mro__):
        if name in inspect.get_annotations(base):
            return f"{base.__name__}.{name}"
    raise KeyError(f"{model.__name__} has no field {name}")


def is_number(value: Any) -> TypeGuard[int | Decimal]:
    """Whether it is a number, and not a switch."""
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def figure(value: int | Decimal) -> str:
    """A number, exact, thousands apart."""
    number = Decimal(value)
    whole = number == number.to_integral_value()
    return f"{int(number):,}" if whole else format(number.normalize(), ",f")


def percent(value: int | Decimal) -> str:
    """A share in per cent, exact."""
    return f"{figure(Decimal(value) * 100)}%"


def _open(template: str) -> str:
    """A text whose parameters are left open."""
    parts, depth = [], 0
    for sign in template:
        depth += sign == "{"
        if not depth:
            parts.append(sign)
        elif sign == "}":
            depth -= 1
            parts.append("…")
    return "".join(parts)
