"""The sandbox's table finds exactly the rows that a plain scan finds, in the same order."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sandbox.table import Bounds, Table

IDS = st.integers(0, 30).map(lambda number: f"{number:03d}")
TIMES = st.integers(0, 8)
ACTS = st.lists(st.tuples(st.sampled_from(["add", "change", "remove"]), IDS, TIMES), max_size=60)


def bounds(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Bounds]:
    return st.builds(Bounds, st.none() | values, st.none() | values, st.booleans(), st.booleans())


def inside(value: Any, limits: Bounds) -> bool:
    if limits.low is not None and (value < limits.low or (limits.low_open and value == limits.low)):
        return False
    return limits.high is None or value < limits.high or (value == limits.high and not limits.high_open)


def filled(acts: list[tuple[str, str, int]]) -> tuple[Table, dict[str, dict[str, Any]]]:
    """The table after some acts, and the rows that should be in it."""
    table, rows = Table("id", ("at",)), {}
    table.make_unique("key")
    for act, row_id, at in acts:
        if act == "add" and row_id not in rows:
            rows[row_id] = {"id": row_id, "at": at, "key": f"K{row_id}"}
            table.add(dict(rows[row_id]))
        elif act == "change" and row_id in rows:
            rows[row_id] |= {"at": at, "key": f"N{row_id}"}
            table.change(row_id, {"at": at, "key": f"N{row_id}"})
        elif act == "remove" and row_id in rows:
            assert table.remove(row_id) == rows.pop(row_id)
    return table, rows


@given(ACTS, bounds(IDS), bounds(TIMES), st.integers(1, 50), st.booleans())
def test_rows_by_id_are_those_of_a_scan(
    acts: list[tuple[str, str, int]], ids: Bounds, times: Bounds, wanted: int, descending: bool
) -> None:
    table, rows = filled(acts)
    candidates = table.by_id(ids, {"at": times}, wanted=wanted, descending=descending)
    found = [row["id"] for row in candidates if inside(row["at"], times)]
    expected = [i for i, row in rows.items() if inside(i, ids) and inside(row["at"], times)]
    assert found == sorted(expected, reverse=descending)


@given(ACTS, bounds(TIMES), st.booleans())
def test_rows_by_time_are_those_of_a_scan(
    acts: list[tuple[str, str, int]], times: Bounds, descending: bool
) -> None:
    table, rows = filled(acts)
    found = [(row["at"], row["id"]) for row in table.by_time("at", times, descending=descending)]
    expected = [(row["at"], i) for i, row in rows.items() if inside(row["at"], times)]
    assert found == sorted(expected, reverse=descending)


@given(ACTS)
def test_a_unique_value_names_its_row_in_any_case_of_letters(acts: list[tuple[str, str, int]]) -> None:
    table, rows = filled(acts)
    assert len(table) == len(rows) and list(table) == [rows[i] for i in sorted(rows)]
    for kind in ("K", "N"):
        for number in range(31):
            row_id = f"{number:03d}"
            held = rows.get(row_id, {}).get("key") == f"{kind}{row_id}"
            assert table.holder("key", f"{kind.lower()}{row_id}") == (row_id if held else None)


@given(st.lists(st.tuples(st.sampled_from(["=", ">", ">=", "<", "<="]), TIMES), max_size=5), TIMES)
def test_narrowed_bounds_hold_exactly_what_meets_every_condition(
    steps: list[tuple[str, int]], value: int
) -> None:
    limits = Bounds()
    for operator, number in steps:
        limits = limits.narrowed(operator, number)
    tests = {
        "=": value.__eq__,
        ">": value.__gt__,
        ">=": value.__ge__,
        "<": value.__lt__,
        "<=": value.__le__,
    }
    assert inside(value, limits) == all(tests[operator](number) for operator, number in steps)
