"""Dunning worked by hand: which letter, at which level, with which interest, and what is left out why."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from connector.policy.form_exposure import Interest
from connector.policy.schema import Policy
from connector.rules.documents import DunnedDoc
from connector.rules.dunning import WHY, Plan, late_interest, plan, reached
from connector.rules.exposure import converter
from connector.rules.moments import start_of
from connector.rules.settlement import settle
from tests.rules_bench import CNY, TODAY, WITH_USD, assess, day, dossier, facts, invoice, policy, promise

EIGHT = {"rate": Decimal("0.08"), "year_days": 365, "free_days": 0}
LEVELS = (
    {"days": 8, "letter": "reminder", "pay_within_days": 7},
    {"days": 22, "letter": "demand", "wait_days": 10, "interest": True},
    {"days": 36, "letter": "final", "wait_days": 10, "interest": True, "pay_within_days": 5},
)


def rules(interest: dict[str, Any] = EIGHT, **more: Any) -> Policy:
    return policy(
        overdue={"grace_days": 5, "interest": interest},
        dunning={"levels": LEVELS, "min_amount": 10, "min_invoice": 1, **more},
    )


def late(days: int, id: str = "i", amount: int = 1_000_000, **more: Any) -> Any:
    """An invoice ``days`` past due today."""
    return invoice(id, amount, issued_on=day(-days - 30), due_on=day(-days), number=id.upper(), **more)


def sent(id: str, level: int, days_ago: int | None, pay_within: int = 7) -> DunnedDoc:
    if days_ago is None:
        return DunnedDoc(id, level, None, None)
    return DunnedDoc(id, level, day(-days_ago), day(-days_ago + pay_within))


def planned(by: Policy | None = None, last: int | None = None, today: dt.date = TODAY, **docs: Any) -> Plan:
    convert = converter(WITH_USD, today)
    return plan(dossier(**docs), by or rules(), convert, today, None if last is None else day(-last))


def letter(found: Plan) -> dict[str, tuple[int, int]]:
    """Level and interest by invoice."""
    return {one.invoice_id: (one.level, one.interest) for one in found.notice.items} if found.notice else {}


def left(found: Plan) -> dict[str, tuple[str, dt.date | None]]:
    return {one.invoice_id: (one.why, one.until) for one in found.left_out}


@pytest.mark.parametrize(
    ("open_", "rate", "days", "free", "year", "interest"),
    [
        (1_000_000, "0.08", 45, 0, 365, 9_863),  # 10 000 at 8 % for 45 days: 98.63
        (1_000_000, "0.08", 45, 5, 365, 8_767),  # 40 days count: 87.671…
        (1_000_000, "0.054", 36, 5, 360, 4_650),  # 31 of 360 days at 5.4 %: 46.50 exactly
        (100, "0.1825", 10, 0, 365, 1),  # half a fen rounds up
        (1_000_000, "0.08", 3, 5, 365, 0),
    ],
)
def test_late_interest_is_the_open_amount_by_rate_and_days(
    open_: int, rate: str, days: int, free: int, year: int, interest: int
) -> None:
    by = Interest(rate=Decimal(rate), year_days=year, free_days=free)
    assert late_interest(open_, days, by) == interest


def test_the_interest_of_letters_is_that_of_the_fact() -> None:
    owed = late(45)
    assert facts(dossier(invoices=(owed,)), rules()).values["late_interest"] == 9_863
    found = planned(invoices=(owed,), dunned=(sent("i", 1, 20),))
    assert letter(found) == {"i": (2, 9_863)}


def test_a_level_is_reached_on_its_day() -> None:
    assert left(planned(invoices=(late(7),))) == {"i": ("not_yet", day(1))}
    found = planned(invoices=(late(8),))
    assert letter(found) == {"i": (1, 0)}
    assert found.notice and (found.notice.letter, found.notice.pay_by) == ("reminder", day(7))
    assert planned(invoices=(late(5),)) == Plan(None, (), ())  # within the days of grace


def test_an_invoice_found_late_begins_at_level_one() -> None:
    assert letter(planned(invoices=(late(90),))) == {"i": (1, 0)}


def test_the_next_level_waits_from_the_day_the_last_one_was_sent() -> None:
    owed = (late(40),)
    assert left(planned(invoices=owed, dunned=(sent("i", 1, 9),))) == {"i": ("waits", day(1))}
    assert letter(planned(invoices=owed, dunned=(sent("i", 1, 10),))) == {"i": (2, 8_767)}
    assert left(planned(invoices=owed, dunned=(sent("i", 1, None),))) == {"i": ("under_way", None)}
    every = tuple(sent("i", level, 50) for level in (1, 2, 3))
    assert left(planned(invoices=owed, dunned=every)) == {"i": ("last_level", None)}


def test_one_letter_holds_all_that_is_due_and_speaks_as_its_firmest_invoice() -> None:
    found = planned(invoices=(late(8, "new"), late(40, "old")), dunned=(sent("old", 1, 18),))
    assert letter(found) == {"old": (2, 8_767), "new": (1, 0)}
    assert found.notice and (found.notice.level, found.notice.letter) == (2, "demand")
    assert [one.invoice_id for one in found.notice.items] == ["old", "new"]


def test_no_customer_gets_two_letters_in_a_cycle() -> None:
    owed = (late(8, "new"),)
    assert left(planned(last=6, invoices=owed)) == {"new": ("cycle", day(1))}
    assert letter(planned(last=7, invoices=owed)) == {"new": (1, 0)}


def test_small_sums_are_left_alone() -> None:
    assert left(planned(invoices=(late(8, amount=1_000),))) == {"i": ("below_minimum", None)}
    assert letter(planned(invoices=(late(8, amount=1_001),))) == {"i": (1, 0)}
    rest = planned(invoices=(late(8), late(8, "rest", 100_000, paid=99_900)))
    assert letter(rest) == {"i": (1, 0)}
    assert left(rest) == {"rest": ("below_minimum", None)}


def test_what_has_no_rate_is_never_small() -> None:
    assert letter(planned(invoices=(late(8, amount=1, currency="EUR"),))) == {"i": (1, 0)}
    assert left(planned(invoices=(late(8, amount=100, currency="USD"),))) == {"i": ("below_minimum", None)}


def test_disputes_are_left_out_and_count_to_no_minimum() -> None:
    contested = late(40, "c", disputed=True)
    found = planned(invoices=(contested, late(8, amount=1_000)))
    assert left(found) == {"c": ("disputed", None), "i": ("below_minimum", None)}
    counting = rules().model_copy(
        update={"overdue": rules().overdue.model_copy(update={"count_disputed": True})}
    )
    assert letter(planned(counting, invoices=(contested,))) == {"c": (1, 0)}


def test_an_open_promise_is_waited_for_as_far_as_it_goes() -> None:
    owed = late(40, "a"), late(30, "b")
    whole = promise(due=3, amount=1_500_000)
    found = planned(invoices=owed, promises=(whole,))
    assert left(found) == {"a": ("promised", day(9))}  # three days ahead, five of grace, the day after
    assert letter(found) == {"b": (1, 0)}
    named = promise(due=3, amount=1_000_000, invoice_id="b")
    assert letter(planned(invoices=owed, promises=(named,))) == {"a": (1, 0)}
    ignoring = rules(promises="ignore")
    assert letter(planned(ignoring, invoices=owed, promises=(whole,))) == {"a": (1, 0), "b": (1, 0)}


def test_a_broken_promise_is_followed_up_at_once_by_the_next_level() -> None:
    owed, told = (late(40),), (sent("i", 1, 8),)
    assert left(planned(invoices=owed, dunned=told)) == {"i": ("waits", day(2))}
    broke = promise(due=-6, amount=1_000_000)  # its grace ended yesterday, after the letter
    found = planned(invoices=owed, dunned=told, promises=(broke,))
    assert letter(found) == {"i": (2, 8_767)}
    assert found.notice and found.notice.items[0].promised_for == day(-6)
    again = planned(invoices=owed, dunned=(*told, sent("i", 2, 0)), promises=(broke,))
    assert left(again) == {"i": ("waits", day(10))}


def test_nothing_is_sent_on_quiet_days() -> None:
    monday = TODAY  # 15 June 2026
    quiet = rules(
        quiet={"weekdays": ["monday"], "days": [{"from": monday, "to": monday + dt.timedelta(days=2)}]}
    )
    assert left(planned(quiet, invoices=(late(8),))) == {"i": ("quiet_day", day(3))}
    assert letter(planned(quiet, today=day(3), invoices=(late(8),))) == {"i": (1, 0)}


def test_dunning_is_over_when_the_invoice_is_paid_or_its_day_moves() -> None:
    told = sent("paid", 1, 20), sent("moved", 2, 20), sent("gone", 1, 20), sent("owed", 1, 3)
    documents = (
        late(40, "paid", paid=1_000_000, state="paid", settled_on=day(-1)),
        invoice("moved", due_on=day(10)),
        late(40, "owed"),
    )
    assert planned(invoices=documents, dunned=told).over == ("gone", "moved", "paid")


def test_an_unheeded_level_becomes_a_hold_when_its_day_has_passed() -> None:
    holding = policy(
        status={
            "rules": [
                {
                    "reason": "dunning_unheeded",
                    "status": "hold",
                    "all": [{"fact": "dunning_unheeded", "op": ">=", "value": 3}],
                }
            ]
        },
        overdue={"grace_days": 5},
    )
    owed = (late(60),)
    on_its_day = assess(dossier(invoices=owed, dunned=(sent("i", 3, 5, pay_within=5),)), holding)
    assert on_its_day.status == "ok"
    after = assess(dossier(invoices=owed, dunned=(sent("i", 3, 6, pay_within=5),)), holding)
    assert (after.status, [one.code for one in after.reasons]) == ("hold", ["dunning_unheeded"])
    paid = (late(60, paid=1_000_000, state="paid", settled_on=TODAY),)
    assert assess(dossier(invoices=paid, dunned=(sent("i", 3, 6),)), holding).status == "ok"


def test_a_level_that_was_sent_brings_the_customer_back_when_its_day_passes() -> None:
    lines = settle(dossier(invoices=(late(60),)), 30, converter(CNY, TODAY), TODAY).invoices
    moments: list[dt.date] = []
    assert reached((sent("i", 2, 1), sent("i", 3, None)), lines, TODAY, moments) == {
        "dunning_sent": 2,
        "dunning_unheeded": 0,
    }
    assert moments == [day(7)]  # to be paid by the sixth day from now


def test_without_levels_nobody_is_written_to() -> None:
    assert planned(policy(), invoices=(late(90),)) == Plan(None, (), ())


def test_the_guide_explains_every_word_for_what_is_left_out() -> None:
    text = (Path(__file__).parents[2] / "docs" / "dunning.md").read_text(encoding="utf-8")
    assert {word for word in WHY if f"| `{word}` |" not in text} == set()


def test_the_worked_example_of_the_guide_day_by_day() -> None:
    """docs/dunning.md: its policy, its invoice, every day from the due day to the money."""
    text = (Path(__file__).parents[2] / "docs" / "dunning.md").read_text(encoding="utf-8")
    written = YAML(typ="safe").load(text.partition("```yaml\n")[2].partition("```")[0])
    written["overdue"]["interest"]["rate"] = Decimal("0.08")
    by = policy(**written)
    due = dt.date(2026, 4, 1)
    owed = invoice("i", 1_000_000, issued_on=due - dt.timedelta(days=30), due_on=due)
    promised = promise(amount=1_000_000)._replace(made_on=dt.date(2026, 4, 24), due_on=dt.date(2026, 4, 30))
    dunned: tuple[DunnedDoc, ...] = ()
    letters: dict[str, tuple[int, str, int, str, bool]] = {}
    held: list[dt.date] = []
    for number in range(1, 50):
        today = due + dt.timedelta(days=number)
        known = (promised,) if today >= promised.made_on else ()
        paid = {"state": "paid", "paid": 1_000_000, "settled_on": today} if number == 49 else {}
        documents = {"invoices": (owed._replace(**paid),), "promises": known, "dunned": dunned}
        last = max((one.sent_on for one in dunned if one.sent_on), default=None)
        found = plan(dossier(**documents), by, converter(CNY, today), today, last)
        known_of = facts(dossier(**documents), by, at=start_of(today, dt.UTC)).values
        held += [today] if known_of["dunning_unheeded"] == 3 else []
        if found.notice:
            (item,) = found.notice.items
            letters[f"{today:%d %b}"] = (
                item.level, found.notice.letter, item.interest, f"{found.notice.pay_by:%d %b}",
                item.promised_for is not None,
            )  # fmt: skip
            dunned = (*dunned, DunnedDoc("i", item.level, today, found.notice.pay_by))
    assert letters == {
        "09 Apr": (1, "reminder", 0, "16 Apr", False),
        "23 Apr": (2, "demand", 4_822, "30 Apr", False),
        "07 May": (3, "final", 7_890, "12 May", True),
    }
    assert (held[0], held[-1]) == (dt.date(2026, 5, 13), dt.date(2026, 5, 19))
    assert found.over == ("i",)
