"""Words for people, in Chinese and English.

Invariant: every code that the program uses has a text in both languages; a text never fails to
render: a number that is not known is a dash, a code without text shows as itself.

Keys are reason codes as such (``over_limit``), ``step.…`` for the steps of an assessment and
``label.…`` for single words. Placeholders take a hint: ``{x:money}`` (minor units of the parameter
``currency``), ``{x:percent}`` (0.3 → 30 %), ``{x:number}``, ``{x:label}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import import_module
from string import Formatter
from typing import Any, Literal

from connector.money import show

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
Params = Mapping[str, str | int | None]


@cache
def texts(language: Language) -> dict[str, str]:
    """The whole catalogue of one language."""
    catalogue: dict[str, str] = import_module(f"connector.locale.{language}").TEXTS
    return catalogue


def language_of(tag: str) -> Language:
    """``zh`` for any tag of Chinese (``zh_CN``, ``zh-Hans``), else ``en``."""
    return "zh" if tag.lower().startswith("zh") else "en"


def has_text(code: str) -> bool:
    """Whether ``code`` has a text in every language."""
    return all(code in texts(language) for language in LANGUAGES)


@cache
def fields(code: str) -> frozenset[str]:
    """Names of the parameters that the texts of ``code`` show, over all languages."""
    return frozenset().union(*(placeholders(texts(tongue).get(code, "")) for tongue in LANGUAGES))


def placeholders(template: str) -> frozenset[str]:
    """Names of the parameters that a text shows; ``ValueError`` for a stray brace."""
    return frozenset(name for _, name, _, _ in Formatter().parse(template) if name)


def say(code: str, params: Params, language: str) -> str:
    """The text of ``code`` with ``params``, in ``language`` (any tag).

    A policy may bring its own text for a reason: ``params`` then carry it under ``zh`` and ``en``.
    """
    tongue = language_of(language)
    template = str(params.get(tongue) or texts(tongue).get(code, code))
    return _Teller(tongue).vformat(template, (), params)


def label(code: str | int | None, language: str) -> str:
    """The word for a value such as ``hold`` or ``not_due``; the value itself if it has none."""
    return texts(language_of(language)).get(f"label.{code}", "–" if code is None else str(code))


def number(value: str | int | Decimal) -> str:
    """A number for people: two digits after the point at most, no trailing zeros, thousands apart."""
    amount = round(Decimal(value), 2)
    if amount == amount.to_integral_value():
        return f"{int(amount):,}"
    return format(amount.normalize(), ",f")


def percent(value: str | int | Decimal) -> str:
    """A share for people: at most two digits after the point."""
    return f"{number((Decimal(value) * 100).quantize(Decimal('0.01')))}%"


class _Teller(Formatter):
    """Formats parameters by hint, and never fails: the text goes to people who cannot mend it."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self.currency = ""

    def vformat(self, format_string: str, args: Any, kwargs: Any) -> str:
        self.currency = str(kwargs.get("currency") or "")
        try:
            return super().vformat(format_string, args, kwargs)
        except (ValueError, IndexError):  # a policy's own text with a stray brace
            return format_string

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:
        return kwargs.get(field_name), field_name  # names alone: no attributes, no items

    def format_field(self, value: Any, format_spec: str) -> str:
        if value is None:
            return "–"
        try:
            if format_spec == "money":
                return show(int(value), self.currency) if self.currency else number(value)
            if format_spec == "percent":
                return percent(value)
            if format_spec == "number":
                return number(value)
        except (ValueError, InvalidOperation):
            return label(value, self.language)
        return label(value, self.language) if format_spec == "label" else str(value)
