"""Who does what when, with the commands; the calendar; and which agency is asked about whom.

Invariant: who does a step is read from the policy's ``responsibility``, when from schedules and policy; every
command exists.
"""

from __future__ import annotations

from collections.abc import Iterator

from connector.bureau.choice import Agencies, Choice
from connector.bureau.fetching import choice
from connector.manual.duties import borne
from connector.manual.form import Block, Chapter, Table
from connector.manual.words import Words, figure, head
from connector.policy.schema import Policy, RiskClass
from connector.runtime import Runtime
from connector.schedule import Schedule

# What is done, in the order of a day: its name, the step of ``responsibility`` if it is a person's, commands.
PROCEDURES = (
    ("read", "", ("pull", "ledger import", "bureau refresh")),
    ("assess", "", ("assess", "signal act")),
    ("push", "", ("push",)),
    ("check", "place_hold", ("serve", "check", "hold place")),
    ("release", "release_hold", ("hold list", "hold show", "hold release", "hold reject", "hold lift")),
    ("request", "request_limit", ("limit request",)),
    ("grant", "grant_limit", ("limit list", "limit approve", "limit decline", "limit set")),
    ("lower", "lower_limit", ("limit temporary", "limit set")),
    (
        "review",
        "review",
        ("review list", "review show", "review check", "review recommend", "review approve"),
    ),
    ("visit", "visit", ("visit plan", "visit list")),
    (
        "signal",
        "signal",
        ("signal list", "signal tell", "signal acknowledge", "signal snooze", "signal close"),
    ),
    ("record", "record", ("promise record", "promise settle", "dispute open", "dispute close")),
    ("dunning", "dunning", ("dunning preview", "dunning send", "dunning confirm")),
    ("blacklist", "blacklist", ("blacklist add", "blacklist remove")),
    ("write_off", "write_off", ("ledger import",)),
    ("notice", "", ("notice list", "notice tell")),
    ("audit", "", ("audit verify", "audit show")),
    ("policy", "policy", ("policy lint", "policy diff", "policy activate", "policy manual")),
)


def blocks(runtime: Runtime, policy: Policy, words: Words) -> Iterator[Block]:
    """Procedures, calendar, schedules, agencies."""
    yield Chapter(words.say("procedure.title"), (_procedures(runtime, policy, words),))
    yield Chapter(words.say("calendar.title"), (words.say("calendar.intro"), _calendar(policy, words)))
    yield Chapter(words.say("schedule.title"), (_schedules(runtime.config.schedules, words),))
    yield Chapter(words.say("asked.title"), tuple(_agencies(choice(runtime), words)))


def _procedures(runtime: Runtime, policy: Policy, words: Words) -> Table:
    rows = []
    for name, step, commands in PROCEDURES:
        who = words.say(f"procedure.{name}.who") if not step else _who(runtime, policy, step, words)
        done = "; ".join(f"creditgate {one}" for one in commands)
        rows.append((words.say(f"procedure.{name}"), who, words.say(f"procedure.{name}.when"), done))
    columns = head(words, "procedure.step", "procedure.who", "procedure.when", "procedure.command")
    return Table(columns, tuple(rows))


def _who(runtime: Runtime, policy: Policy, step: str, words: Words) -> str:
    duty, today = policy.responsibility.of(step), runtime.today()
    does, answers = (
        words.join(borne(one, runtime.roles, words, today) for one in names)
        for names in (duty.responsible, duty.accountable)
    )
    return words.say("procedure.whose", responsible=does, accountable=answers)


def _calendar(policy: Policy, words: Words) -> Table:
    """Days between reviews and visits: by class, and where a status or a large exposure shortens them."""
    rows = [
        (f"{words.title(RiskClass, 'name')} {one.name}", figure(one.review_days), words.show(one.visit_days))
        for one in policy.classes
    ]
    for status in dict.fromkeys((*policy.reviews.by_status, *policy.visits.by_status)):
        days = (policy.reviews.by_status.get(status), policy.visits.by_status.get(status))
        told = words.say("calendar.status", status=status)
        rows.append((told, words.show(days[0]), words.show(days[1])))
    for one in policy.visits.by_value:
        told = words.say("calendar.value", amount=one.exposure_from)
        rows.append((told, "–", words.say("calendar.times", factor=one.factor)))
    return Table(head(words, "calendar.whom", "calendar.review", "calendar.visit"), tuple(rows))


def _schedules(several: tuple[Schedule, ...], words: Words) -> Block:
    if not several:
        return words.say("schedule.none")
    rows = tuple(
        (
            words.say(f"scheduled.{one.verb}"),
            one.connection or words.say("schedule.all"),
            one.cron or str(one.every),
            "; ".join(f"{first:%H:%M}–{last:%H:%M}" for first, last in one.quiet) or "–",
        )
        for one in several
    )
    columns = head(words, "procedure.step", "schedule.where", "schedule.when", "schedule.quiet")
    return Table(columns, rows)


def _agencies(found: Agencies, words: Words) -> Iterator[Block]:
    if not found.choices:
        yield words.say("asked.everybody")
    else:
        columns = head(words, "asked.countries", "asked.size", "asked.order")
        yield Table(columns, tuple(_choice(one, words) for one in found.choices))
    if found.fresh_days is not None:
        yield words.say("asked.fresh", value=found.fresh_days)
    for name, days in (found.by_class or {}).items():
        yield words.say("asked.by_class", key=name, value=days)
    yield words.say(f"asked.alarm.{'yes' if found.renew_on_alarm else 'no'}")


def _choice(one: Choice, words: Words) -> tuple[str, ...]:
    low, high = one.size_from, one.size_below
    size = [words.say("asked.from", value=low)] if low is not None else []
    size += [words.say("asked.below", value=high)] if high is not None else []
    return (
        words.join(sorted(one.countries)) or words.say("asked.all"),
        words.join(size) or words.say("asked.all"),
        " → ".join(one.ask),
    )
