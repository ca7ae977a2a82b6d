"""Rows of one object of a sandbox tenant, found by id, by time and by unique value without a scan.

Invariant: the id index, the time indexes and the unique indexes name exactly the rows that are there,
in order; every row has an id and every indexed time, and a row is changed only through the table. Not
locked: the tenant that owns the table locks.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]

_AFTER_ALL_IDS = "\U0010ffff"


@dataclass(frozen=True)
class Bounds:
    """An interval of ids or times; ``None`` is open-ended, ``*_open`` leaves the end itself out."""

    low: Any = None
    high: Any = None
    low_open: bool = False
    high_open: bool = False

    def narrowed(self, operator: str, value: Any) -> Bounds:
        """The part of the interval where ``operator value`` holds; one of ``= > >= < <=``."""
        low, low_open, high, high_open = self.low, self.low_open, self.high, self.high_open
        if operator in ("=", ">", ">="):
            is_open = operator == ">"
            if low is None or value > low or (value == low and is_open):
                low, low_open = value, is_open
        if operator in ("=", "<", "<="):
            is_open = operator == "<"
            if high is None or value < high or (value == high and is_open):
                high, high_open = value, is_open
        return Bounds(low, high, low_open, high_open)


EVERYTHING = Bounds()


class Table:
    """``times`` names the fields with an index in order of time; their values only have to sort.

    ``unique`` fields may be added later; texts are the same when they differ only in case.
    """

    def __init__(self, id_field: str, times: Sequence[str]) -> None:
        self._id_field = id_field
        self._rows: dict[str, Row] = {}
        self._ids: list[str] = []
        self._times: dict[str, list[tuple[Any, str]]] = {name: [] for name in times}
        self._unique: dict[str, dict[Any, str]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        """All rows in order of id."""
        return (self._rows[row_id] for row_id in self._ids)

    def get(self, row_id: Any) -> Row | None:
        return self._rows.get(row_id) if isinstance(row_id, str) else None

    def load(self, rows: Iterable[Row]) -> None:
        """Add many rows at once."""
        for row in rows:
            self._rows[row[self._id_field]] = row
        self._ids = sorted(self._rows)
        for name in self._times:
            self._times[name] = sorted((row[name], row_id) for row_id, row in self._rows.items())
        for name in self._unique:
            self.make_unique(name)

    def add(self, row: Row) -> None:
        row_id = row[self._id_field]
        self._rows[row_id] = row
        insort(self._ids, row_id)
        for name, index in self._times.items():
            insort(index, (row[name], row_id))
        for name, holders in self._unique.items():
            _hold(holders, row.get(name), row_id)

    def change(self, row_id: str, values: Mapping[str, Any]) -> Row:
        """Put ``values`` into the row; ``None`` takes a value away."""
        row = self._rows[row_id]
        for name, index in self._times.items():
            if name in values and values[name] != row[name]:
                del index[bisect_left(index, (row[name], row_id))]
                insort(index, (values[name], row_id))
        for name, holders in self._unique.items():
            if name in values:
                _let_go(holders, row.get(name), row_id)
                _hold(holders, values[name], row_id)
        for name, value in values.items():
            if value is None:
                row.pop(name, None)
            else:
                row[name] = value
        return row

    def remove(self, row_id: str) -> Row:
        row = self._rows.pop(row_id)
        del self._ids[bisect_left(self._ids, row_id)]
        for name, index in self._times.items():
            del index[bisect_left(index, (row[name], row_id))]
        for name, holders in self._unique.items():
            _let_go(holders, row.get(name), row_id)
        return row

    def make_unique(self, name: str) -> None:
        """From now on ``holder`` answers for this field."""
        holders: dict[Any, str] = {}
        for row_id, row in self._rows.items():
            _hold(holders, row.get(name), row_id)
        self._unique[name] = holders

    def holder(self, name: str, value: Any) -> str | None:
        """Id of the row that has ``value`` in the unique field ``name``."""
        return self._unique[name].get(_folded(value))

    def by_id(
        self,
        ids: Bounds = EVERYTHING,
        times: Mapping[str, Bounds] | None = None,
        *,
        wanted: int,
        descending: bool = False,
    ) -> Iterator[Row]:
        """Rows in order of id that may lie in ``ids`` and ``times``; the caller checks each once more.

        Reads along the ids or sorts the rows of the shortest time window, whichever promises less work
        for the first ``wanted`` rows.
        """
        start, stop = _id_span(self._ids, ids)
        spans = [(name, *_time_span(self._times[name], bounds)) for name, bounds in (times or {}).items()]
        name, first, last = min(spans, key=lambda span: span[2] - span[1], default=("", 0, 0))
        # A scan meets the wanted rows after wanted · ids / matches steps at the best.
        if spans and (last - first) ** 2 < wanted * (stop - start):
            near, far = self._ids[start], self._ids[stop - 1]
            window = self._times[name][first:last]
            found: Sequence[str] = sorted(row_id for _, row_id in window if near <= row_id <= far)
            start, stop = 0, len(found)
        else:
            found = self._ids
        return (self._rows[found[i]] for i in _steps(start, stop, descending))

    def by_time(self, name: str, bounds: Bounds = EVERYTHING, *, descending: bool = False) -> Iterator[Row]:
        """Rows whose time ``name`` lies in ``bounds``, in order of it, equal times in order of id."""
        index = self._times[name]
        first, last = _time_span(index, bounds)
        return (self._rows[index[i][1]] for i in _steps(first, last, descending))

    def has_time(self, name: str) -> bool:
        return name in self._times


def _id_span(ids: list[str], bounds: Bounds) -> tuple[int, int]:
    start, stop = 0, len(ids)
    if bounds.low is not None:
        start = (bisect_right if bounds.low_open else bisect_left)(ids, bounds.low)
    if bounds.high is not None:
        stop = (bisect_left if bounds.high_open else bisect_right)(ids, bounds.high)
    return start, max(start, stop)


def _time_span(index: list[tuple[Any, str]], bounds: Bounds) -> tuple[int, int]:
    first, last = 0, len(index)
    if bounds.low is not None:
        first = bisect_left(index, (bounds.low, _AFTER_ALL_IDS if bounds.low_open else ""))
    if bounds.high is not None:
        last = bisect_left(index, (bounds.high, "" if bounds.high_open else _AFTER_ALL_IDS))
    return first, max(first, last)


def _steps(first: int, last: int, descending: bool) -> range:
    return range(last - 1, first - 1, -1) if descending else range(first, last)


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _hold(holders: dict[Any, str], value: Any, row_id: str) -> None:
    if value is not None:
        holders.setdefault(_folded(value), row_id)


def _let_go(holders: dict[Any, str], value: Any, row_id: str) -> None:
    key = _folded(value)
    if holders.get(key) == row_id:
        del holders[key]
