"""What ``doctor`` says of letters: whether they can be written and sent, and which of them want a person.

Invariant: every template that the policy names is tried in both languages; nothing is kept or sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from connector.dunning import contacts, writing
from connector.dunning.contacts import EMAIL
from connector.errors import Halt
from connector.locale import LANGUAGES
from connector.people.correspondence import Letterhead
from connector.ports.finding import Finding
from connector.rules.dunning import Item, Notice
from connector.runtime import Runtime
from connector.store import dunning
from connector.store.dunning import State

_SAMPLE = Letterhead(name="–", account="–", contact="–")


def findings(runtime: Runtime) -> Iterator[Finding]:
    """Nothing for a policy without levels; a template that is wrong raises ``Halt`` with file and line."""
    levels = runtime.policy.dunning.levels
    if not levels:
        return
    _try_templates(runtime)
    if runtime.config.letterhead is None:
        yield Finding(
            "note",
            "letters",
            "nobody is named whom letters about overdue invoices come from",
            "write [letterhead] with name, account and contact into the configuration",
        )
    with runtime.store.read() as tx:
        by_mail = sum(row.channel == EMAIL for row in dunning.contacts(tx).values())
        states = Counter(row.state for row in dunning.listed(tx, states=[State.FAILED, State.DOUBTFUL]))
    if by_mail:
        yield from _sender(runtime, by_mail)
    for state, todo in (
        (State.FAILED, "correct the contact, then 'creditgate dunning withdraw'"),
        (State.DOUBTFUL, "find out whether they arrived, then 'creditgate dunning confirm' or 'withdraw'"),
    ):
        if states[state]:
            yield Finding("warn", "letters", f"{states[state]} letters are {state}", todo)


def _sender(runtime: Runtime, customers: int) -> Iterator[Finding]:
    try:
        contacts.sender(runtime)
    except Halt as fault:
        yield Finding(
            "warn", "letters", f"{customers} customers get letters by e-mail, and {fault.what}", fault.todo
        )


def _try_templates(runtime: Runtime) -> None:
    today, folder = runtime.today(), runtime.config.path(runtime.config.letters)
    for number, level in enumerate(runtime.policy.dunning.levels, 1):
        item = Item("1/1", "1", today, today, level.days, 1, 1, 1, runtime.policy.currency, number, today)
        for language in LANGUAGES:
            writing.written(
                folder, language, Notice(number, level.letter, today, (item,)), "–", _SAMPLE, today
            )
