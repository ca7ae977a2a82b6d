"""The days of visits: no rep above capacity, nothing lost without being told, in time where there is room."""

from __future__ import annotations

import datetime as dt

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.visits.diary import DAY, Diary, Wish, monday

TODAY = dt.date(2026, 3, 4)  # a Wednesday
UNTIL = TODAY + 31 * DAY

wishes = st.lists(
    st.builds(
        Wish,
        due=st.integers(1, 31).map(lambda n: TODAY + n * DAY),
        city=st.sampled_from([None, "Shanghai", "Suzhou", "Hangzhou"]),
        urgent=st.booleans(),
        not_before=st.one_of(st.none(), st.integers(-5, 20).map(lambda n: TODAY + n * DAY)),
    ),
    max_size=40,
)


@given(wishes, st.integers(1, 6), st.lists(st.integers(0, 30), max_size=8))
@settings(max_examples=150, deadline=None)
def test_no_week_holds_more_than_the_rep_can_do_and_every_visit_is_on_a_working_day_ahead(
    wanted: list[Wish], per_week: int, before: list[int]
) -> None:
    diary = Diary(per_week)
    for number in before:
        diary.enter(TODAY + number * DAY, None)
    already = {monday(TODAY + n * DAY): diary.in_week(TODAY + n * DAY) for n in range(35)}
    days = [diary.place(wish, TODAY, UNTIL) for wish in wanted]
    for week, count in already.items():
        assert diary.in_week(week) <= max(per_week, count)
    for day in (one for one in days if one is not None):
        assert TODAY < day <= UNTIL and day.weekday() < 5
    placed = sum(day is not None for day in days)
    assert sum(diary.in_week(week) for week in already) == placed + len(before)


@given(wishes)
@settings(max_examples=100, deadline=None)
def test_without_a_bound_every_visit_is_in_time_if_a_working_day_is_left(wanted: list[Wish]) -> None:
    diary = Diary(None)
    for wish in wanted:
        day = diary.place(wish, TODAY, UNTIL + 7 * DAY)
        assert day is not None
        workdays = [TODAY + n * DAY for n in range(1, 32) if (TODAY + n * DAY).weekday() < 5]
        if [one for one in workdays if one <= wish.due]:
            assert day <= wish.due


def test_a_regular_visit_goes_where_the_rep_is_in_the_same_city_anyway() -> None:
    diary = Diary(5)
    diary.enter(TODAY + 13 * DAY, "Suzhou")
    assert diary.place(Wish(TODAY + 20 * DAY, "Suzhou"), TODAY, UNTIL) == TODAY + 13 * DAY


def test_an_urgent_visit_comes_first_and_a_regular_one_near_its_day() -> None:
    due = dt.date(2026, 3, 27)
    assert Diary(5).place(Wish(due, urgent=True), TODAY, UNTIL) == TODAY + DAY
    assert Diary(5).place(Wish(due), TODAY, UNTIL) == due


def test_a_full_week_moves_a_visit_earlier_and_then_later() -> None:
    due = dt.date(2026, 3, 20)
    diary = Diary(1)
    found = [diary.place(Wish(due), TODAY, UNTIL) for _ in range(5)]
    weeks = [None if day is None else monday(day) for day in found]
    assert weeks == [
        dt.date(2026, 3, 16),
        dt.date(2026, 3, 9),
        dt.date(2026, 3, 2),
        dt.date(2026, 3, 23),
        dt.date(2026, 3, 30),
    ]
    assert diary.place(Wish(due), TODAY, UNTIL) is None


def test_the_visits_of_a_week_are_spread_over_its_days() -> None:
    diary = Diary(None)
    found = [diary.place(Wish(dt.date(2026, 3, 13)), TODAY, UNTIL) for _ in range(5)]
    assert sorted(day for day in found if day) == [dt.date(2026, 3, n) for n in range(9, 14)]
