"""A policy in words: one chapter for each of its sections, in their order.

Invariant: the sections and fields are walked, not listed, so that none can be left out: a field that is added
to the form of a policy is in the manual, and without words for it the tests fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, get_args

from connector.manual.clauses import clause, conditions, exclusion, fact_name, fact_value, scope
from connector.manual.form import Block, Chapter, Table
from connector.manual.words import Words, percent
from connector.policy.catalogue import FACTS
from connector.policy.form import Part
from connector.policy.schema import (
    Bin,
    CheckItem,
    DataPoint,
    Duty,
    KnockOut,
    LimitTerms,
    Policy,
    Responsibility,
    Rung,
    Segment,
    StatusRule,
    StatusRules,
)

# A sentence that ends otherwise goes on in the next field.
_ENDS = (".", "。", ":", "：")
# What the title page says of a policy.
HEAD = ("name", "version", "currency", "timezone")
# Amounts of money among the columns of tables; scores and factors are plain numbers.
_MONEY = {("RiskClass", "cap"), ("SizeBand", "from_"), ("ApprovalBand", "up_to"), ("Value", "exposure_from")}
_SHARES = {("ShareStep", "share")}


def head(policy: Policy, words: Words) -> tuple[str, ...]:
    """Name, version, currency and time zone."""
    return tuple(words.say(f"Policy.{name}", value=str(getattr(policy, name))) for name in HEAD)


def chapters(policy: Policy, words: Words) -> tuple[Chapter, ...]:
    """Every other section as a chapter."""
    return tuple(chapter(policy, name, words) for name in Policy.model_fields if name not in HEAD)


def chapter(policy: Policy, name: str, words: Words) -> Chapter:
    """The section ``name``."""
    return Chapter(words.title(Policy, name), tuple(_several(getattr(policy, name), words)))


def duties(rules: Responsibility, words: Words) -> Table:
    """Who shares in each step, a row for each."""
    parts = tuple(Duty.model_fields)
    rows = tuple(
        (
            words.title(Responsibility, step),
            *(words.told(part, getattr(rules.of(step), part)) or "–" for part in parts),
        )
        for step in rules.steps()
    )
    head = (words.say("responsibility.step"), *(words.title(Duty, part) for part in parts))
    return Table(head, rows)


def _several(value: Any, words: Words) -> Iterator[Block]:
    """A section, or a list of them."""
    if isinstance(value, Responsibility):
        yield words.say("responsibility.intro")
        yield duties(value, words)
    elif isinstance(value, Part):
        yield from _part(value, words)
    elif not value:
        yield words.say("rule.none")
    elif type(value[0]) in _OWN:
        for one in value:
            yield _OWN[type(one)](one, words)
    else:
        yield _table(value, words)


def _part(one: Part, words: Words) -> Iterator[Block]:
    """The fields of a section; sentences that go on in the next field are joined."""
    open_sentence = ""
    for block in _fields(one, words):
        if not isinstance(block, str):
            yield block
        elif block.endswith(_ENDS):
            yield words.together(open_sentence, block)
            open_sentence = ""
        else:
            open_sentence = words.together(open_sentence, block)


def _fields(one: Part, words: Words) -> Iterator[Block]:
    """A sentence for a plain field, a chapter below for one with fields of its own."""
    model = type(one)
    for name in model.model_fields:
        value = getattr(one, name)
        if isinstance(one, LimitTerms) and value is None:
            yield words.say("LimitTerms.none", name=words.title(model, name))
        elif isinstance(one, StatusRules):
            yield words.title(model, name)
            yield from _several(value, words)
        elif isinstance(value, Part) or _lists_parts(model, name, value):
            yield Chapter(words.title(model, name), tuple(_several(value, words)))
        elif isinstance(value, dict) and value:
            yield from _by_key(model, name, value, words)
        else:
            yield words.sentence(model, name, value)


def _lists_parts(model: type[Part], name: str, value: Any) -> bool:
    """Whether the field is a list of sections, empty or not."""
    return isinstance(value, tuple) and _names_a_part(model.model_fields[name].annotation)


def _names_a_part(form: Any) -> bool:
    return any(_names_a_part(one) or _is_part(one) for one in get_args(form))


def _is_part(form: Any) -> bool:
    return isinstance(form, type) and issubclass(form, Part)


def _by_key(model: type[Part], name: str, value: dict[str, Any], words: Words) -> Iterator[Block]:
    key = f"{model.__name__}.{name}"
    for one, what in value.items():
        if isinstance(what, Part):
            yield Chapter(words.say(key, key=one), tuple(_part(what, words)))
        elif one in FACTS:
            yield words.say(key, key=fact_name(one, words), value=fact_value(one, what, words))
        else:
            yield words.say(key, key=one, value=what)


def _table(several: Sequence[Part], words: Words) -> Table:
    """Sections of one kind, a row for each and a column for each field."""
    model = type(several[0])
    names = tuple(model.model_fields)
    return Table(
        tuple(words.title(model, name) for name in names),
        tuple(tuple(_cell(one, name, words) for name in names) for one in several),
    )


def _cell(one: Part, name: str, words: Words) -> str:
    value = getattr(one, name)
    if value is None:
        return _item(one, words) if isinstance(one, CheckItem) else "–"
    if isinstance(one, CheckItem) and name == "say":
        return _item(one, words)
    if isinstance(one, Rung) and name == "reason":
        return words.reason(value)
    if (type(one).__name__, name) in _SHARES:
        return percent(value)
    shown = words.told(name, value) or "–"
    return f"{shown} {words.currency}" if (type(one).__name__, name) in _MONEY else shown


def _item(one: CheckItem, words: Words) -> str:
    from connector.reviews.cases import item_words

    return item_words(one)["zh" if words.language.lower().startswith("zh") else "en"]


def _data_point(one: DataPoint, words: Words) -> Chapter:
    rows = tuple((_range(one.fact, each, words), words.show(each.points)) for each in one.bins)
    table = Table((words.say("Bin.range"), words.say("Bin.points")), rows)
    plain = [words.sentence(DataPoint, name, getattr(one, name)) for name in ("weight", "unknown")]
    return Chapter(fact_name(one.fact, words), (*plain, table))


def _range(fact: str, one: Bin, words: Words) -> str:
    bounds = {"from_": one.from_, "below": one.below, "is_": one.is_}
    told = [
        words.say(f"Bin.{name}", value=fact_value(fact, value, words))
        for name, value in bounds.items()
        if value is not None
    ]
    return words.join(told) or words.say("Bin.other")


def _knock_out(one: KnockOut, words: Words) -> Chapter:
    first, second = (words.sentence(KnockOut, name, getattr(one, name)) for name in ("risk_class", "status"))
    return Chapter(one.reason, (*conditions(one, words), words.together(first, second)))


def _status_rule(one: StatusRule, words: Words) -> Chapter:
    blocks: list[Block] = [*conditions(one, words), words.say("StatusRule.status", value=one.status)]
    whom = scope(one.scope, words)
    if whom:
        blocks.append(f"{words.say('StatusRule.scope')}: {whom}.")
    blocks += [f"{words.say('StatusRule.except_')}: {exclusion(each, words)}" for each in one.except_]
    return Chapter(one.reason, tuple(blocks))


def _segment(one: Segment, words: Words) -> Chapter:
    blocks: list[Block] = [words.say("rule.if", value=clause(one, words))]
    for name in ("scorecard", "limit"):
        value = getattr(one, name)
        if value is None:
            blocks.append(words.sentence(Segment, name, None))
        else:
            blocks.append(Chapter(words.title(Segment, name), tuple(_part(value, words))))
    return Chapter(words.say("Segment.name", value=one.name), tuple(blocks))


_OWN: dict[type[Part], Callable[[Any, Words], Chapter]] = {
    DataPoint: _data_point,
    KnockOut: _knock_out,
    StatusRule: _status_rule,
    Segment: _segment,
}
