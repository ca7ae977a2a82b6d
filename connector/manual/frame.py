"""The whole manual: the policy in words, and around it duties, procedures, versions, and what changed.

Invariant: read only; it tells what the configuration, the policy and the journal of policies say on the day
on which it is made, and nothing from memory.
"""

from __future__ import annotations

import datetime as dt

from connector.locale import language_of
from connector.locale.manual import WORDS
from connector.manual import duties, procedures
from connector.manual.form import Block, Chapter, Manual, Table, lines
from connector.manual.policy_text import chapters
from connector.manual.policy_text import head as title_page
from connector.manual.words import Words, head
from connector.policy.schema import Policy
from connector.runtime import Runtime
from connector.versions import activation
from connector.versions.activation import Version


def manual(runtime: Runtime, policy: Policy, language: str) -> Manual:
    """The manual of ``policy`` in a language; ``Halt`` if the version before it cannot be read."""
    words = Words(language_of(language), policy.currency)
    versions = activation.history(runtime)
    mine = next((one for one in reversed(versions) if one.hash == policy.hash), None)
    parts = {
        "policy": chapters(policy, words),
        "roles": tuple(duties.blocks(runtime, policy, words)),
        "procedures": tuple(procedures.blocks(runtime, policy, words)),
        "history": (_history(versions, words),),
        "changes": tuple(_changes(runtime, policy, versions, mine, words)),
        "glossary": (_glossary(words),),
    }
    facts = (
        *title_page(policy, words),
        words.say("manual.hash", value=policy.hash),
        _approved(runtime, policy, mine, words),
        words.say("manual.made", value=runtime.today().isoformat()),
    )
    title = words.say("manual.title", value=f"{policy.name} {policy.version}")
    made = tuple(Chapter(words.say(f"manual.part.{name}"), tuple(blocks)) for name, blocks in parts.items())
    return Manual(title, words.language, facts, made)


def _glossary(words: Words) -> Table:
    return Table(
        head(words, "term.word", "term.meaning"),
        tuple(
            (words.say(key), words.say(f"{key}.means"))
            for key in WORDS
            if key.startswith("term.") and f"{key}.means" in WORDS
        ),
    )


def _history(versions: list[Version], words: Words) -> Table:
    columns = head(
        words,
        "history.version",
        "history.hash",
        "history.state",
        "history.at",
        "history.by",
        "history.confirmed",
        "history.reason",
    )
    return Table(columns, tuple(_version(one, words) for one in reversed(versions)))


def _version(one: Version, words: Words) -> tuple[str, ...]:
    act = one.activation
    state = "in_force" if one.in_force else act.state if act else "used"
    return (
        f"{one.name} {one.version}",
        one.hash[:12],
        words.say(f"history.{state}"),
        _moment(act.at if act else one.first_used_at),
        act.actor if act else "–",
        (act.confirmed_by if act else None) or "–",
        act.reason if act else "–",
    )


def _approved(runtime: Runtime, policy: Policy, mine: Version | None, words: Words) -> str:
    """How the policy came in force."""
    act = mine.activation if mine else None
    if act is not None and act.state == activation.ACTIVE:
        told = {"at": _moment(act.confirmed_at or act.at), "actor": act.actor, "proposed": _moment(act.at)}
        return words.say("manual.approved", **told, confirmed_by=_second(act, words))
    if act is not None and act.state == activation.PENDING:
        return words.say("manual.proposed", at=_moment(act.at), actor=act.actor)
    return words.say("manual.unapproved" if runtime.policy.hash == policy.hash else "manual.draft")


def _second(act: activation.Activation, words: Words) -> str:
    """Who confirmed it and when; that nobody had to, where it moved too little."""
    if act.confirmed_by is None:
        return words.say("manual.not_needed")
    return f"{act.confirmed_by}, {_moment(act.confirmed_at)}"


def _changes(
    runtime: Runtime, policy: Policy, versions: list[Version], mine: Version | None, words: Words
) -> list[Block]:
    """What the manual says now and did not say of the version before, and the other way round."""
    before = _before(policy, versions, mine)
    if before is None:
        return [words.say("changes.first")]
    old = activation.find(runtime, before.hash)
    now = dict.fromkeys(lines(chapters(policy, words)))
    then = dict.fromkeys(lines(chapters(old, Words(words.language, old.currency))))
    new, gone = [one for one in now if one not in then], [one for one in then if one not in now]
    blocks: list[Block] = [words.say("changes.since", version=before.version, hash=before.hash[:12])]
    for key, told in (("changes.new", new), ("changes.gone", gone)):
        if told:
            blocks.append(Chapter(words.say(key), tuple(told)))
    return blocks if new or gone else [*blocks, words.say("changes.none")]


def _before(policy: Policy, versions: list[Version], mine: Version | None) -> Version | None:
    """The version that this one takes the place of: the one that its activation names, for a draft the one in
    force, else the one used before it."""
    others = [one for one in versions if one.hash != policy.hash]
    if mine is None:
        return next((one for one in others if one.in_force), None)
    if mine.activation is not None:
        return next((one for one in others if one.hash == mine.activation.from_hash), None)
    earlier = [one for one in versions[: versions.index(mine)] if one.hash != policy.hash]
    return earlier[-1] if earlier else None


def _moment(moment: dt.datetime | None) -> str:
    return "–" if moment is None else f"{moment:%Y-%m-%d}"
