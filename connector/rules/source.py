"""The text of a function in the making, and the constants that it names.

Invariant: the text is ours alone; whatever comes from a policy is bound as a constant, but whole numbers,
which stand in it as digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.rules import conditions
from connector.rules.program import Compiled, Rule, Test

_OPERATORS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
_FEW = 4_096


class Made(dict[Any, Any]):
    """What has been made for a key, made at its first use."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: Any) -> Any:
        found = self._make(key)
        if len(self) < _FEW:
            self[key] = found
        return found


class Text:
    """The lines of the function and the constants that they name."""

    def __init__(self, rules: Compiled) -> None:
        self.rules = rules
        self.lines: list[str] = []
        self.names: dict[str, Any] = {}
        self.facts: dict[str, str] = {}

    def bind(self, value: Any) -> str:
        """The name of a constant; whole numbers stand for themselves, which is quicker."""
        if type(value) is int:
            return f"({value})"
        name = f"k{len(self.names)}"
        self.names[name] = value
        return name

    def add(self, lines: str, **bound: Any) -> None:
        """Lines at the level of the function; ``{name}`` in them is a constant (or a name) of ours."""
        text = lines.format(**{name: self.bind(value) for name, value in bound.items()})
        self.lines += text.strip("\n").split("\n")

    def fact(self, name: str) -> str:
        """The number of a fact whose value is ``f…`` and whose being unknown is ``n…``."""
        if name not in self.facts:
            number = self.facts[name] = str(len(self.facts))
            self.add(f"f{number} = v[{{fact}}]\nn{number} = type(f{number}) is Unknown", fact=name)
        return self.facts[name]


def plain_rules(rules: tuple[Rule, ...]) -> bool:
    """Whether no rule has a reach, an exclusion or alternatives."""
    return not any(rule.reach or rule.spared or rule.any or not rule.all for rule in rules)


def add_rule(text: Text, rule: Rule, kind: str, fired: str) -> None:
    """A rule of conditions that must all hold: false if one of them is, untested if one is not known; the
    line ``fired`` is run if it acts."""
    numbers = [text.fact(test.fact) for test in rule.all]
    parts, blanks = [], []
    for test, number in zip(rule.all, numbers, strict=True):
        if test.compare is None:
            parts.append(f"{'not ' if test.wants_known else ''}n{number}")
            continue
        parts.append(f"(n{number} or {_compared(text, test, number)})")
        blanks.append((test.fact, number))
    text.add(f"if {' and '.join(parts)}:")
    word = "if"
    for fact, number in dict(blanks).items():
        untested = text.bind(_untested(rule, kind, fact))
        text.lines.append(f"    {word} n{number}: add({untested}[f{number}.reason])")
        word = "elif"
        if rule.act_on_unknown:
            text.lines[-1] += f"; {fired}"
    text.lines.append(f"    else: {fired}" if blanks else f"    {fired}")


def _compared(text: Text, test: Test, number: str) -> str:
    bound = text.bind(test.value)
    sign = _OPERATORS.get(getattr(test.compare, "__name__", ""))
    if sign is not None:
        return f"f{number} {sign} {bound}"
    return f"{text.bind(test.compare)}(f{number}, {bound})"


def _untested(rule: Rule, kind: str, fact: str) -> Made:
    return Made(lambda why: conditions.untested(rule, kind, fact, why))
