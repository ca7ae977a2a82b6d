"""Rules by conditions, in words.

Invariant: every condition is told with its fact, its operator and its figure in the fact's own unit.
"""

from __future__ import annotations

from typing import Any

from connector.locale import language_of
from connector.manual.words import Words, figure, is_number, percent
from connector.policy.catalogue import FACTS, FactSpec
from connector.policy.schema import Clause, Condition, Conditions, Exclusion, Scope
from connector.policy.values import share


def fact_name(name: str, words: Words) -> str:
    """What a fact means, with the name by which the policy calls it."""
    spec = FACTS.get(name)
    if spec is None:
        return name
    chinese = language_of(words.language) == "zh"
    return f"{spec.meaning_zh}（{name}）" if chinese else f"{spec.meaning} ({name})"


def fact_value(name: str, raw: Any, words: Words) -> str:
    """A figure of the policy in the unit of the fact that it is compared with."""
    spec = FACTS.get(name)
    if isinstance(raw, (list, tuple)):
        return words.join(fact_value(name, one, words) for one in raw)
    return words.show(raw) if spec is None else _in_unit(spec, raw, words)


def clause(one: Clause, words: Words) -> str:
    """All and any, joined."""
    parts = []
    for key, several in (("Clause.all", one.all), ("Clause.any", one.any)):
        told = [condition(each, words) for each in several]
        if len(told) == 1:
            parts += told
        elif told:
            parts.append(words.say(key, value="; ".join(told)))
    return " + ".join(parts) or words.say("Clause.always")


def condition(one: Condition, words: Words) -> str:
    """One condition."""
    value = fact_value(one.fact, one.value, words)
    return words.say(f"op.{one.op}", fact=fact_name(one.fact, words), value=value)


def conditions(one: Conditions, words: Words) -> list[str]:
    """The sentences that every rule has: if what, why, and what if it is not known."""
    own = dict(one.say or {})
    told = own.get("zh" if language_of(words.language) == "zh" else "en") or next(iter(own.values()), None)
    lines = [words.say("rule.if", value=clause(one, words))]
    lines.append(words.say("Conditions.reason", value=one.reason if told else words.reason(one.reason)))
    lines += [words.say("Conditions.say", value=told)] if told else []
    return [*lines, words.say(f"Conditions.when_unknown.{one.when_unknown}")]


def scope(one: Scope, words: Words) -> str:
    """Whom it concerns; nothing for everybody."""
    named = {"customers": one.customers, "groups": one.groups, "segments": one.segments}
    return "; ".join(words.say(f"Scope.{name}", value=value) for name, value in named.items() if value)


def exclusion(one: Exclusion, words: Words) -> str:
    """Whom a rule spares, and what is lifted."""
    whom = scope(one.scope, words)
    parts = [whom] if whom else []
    parts += [clause(one, words)] if one.all or one.any else []
    return f"{'; '.join(parts)}. {words.say(f'Exclusion.lifts.{one.lifts}')}"


def _in_unit(spec: FactSpec, raw: Any, words: Words) -> str:
    if spec.kind == "ratio" and raw is not None and not isinstance(raw, bool):
        number = share(raw)
        return percent(number) if spec.unit == "%" else figure(number)  # type: ignore[arg-type]
    if not is_number(raw):
        return words.show(raw)
    if spec.kind == "money":
        return f"{figure(raw)} {words.currency}"
    return f"{figure(raw)}%" if spec.unit == "%" else figure(raw)
