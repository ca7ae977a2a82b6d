"""Tables that turn grades, classes and percentiles into a probability of default, and the order of ways.

Invariant: a probability names where it came from, table and version included; a table is used only for
the countries that it is made for; an agency's own probability goes before any table.

The order: the agency's own probability, a table by grade, a fit by percentile, the middle of a class, none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from adapters.bureau.common import whole
from connector.errors import Halt

_THIRD_PLACE = Decimal("0.00000001")


@dataclass(frozen=True)
class Estimate:
    """A probability of default within 12 months, 0…1, its bounds where known, and where it came from."""

    pd: Decimal | None = None
    lower: Decimal | None = None
    upper: Decimal | None = None
    method: str = "none"


NONE = Estimate()


@dataclass(frozen=True)
class Grades:
    """A probability for each grade of one scale."""

    name: str
    rows: Mapping[str, Estimate]
    scales: frozenset[str] = frozenset()

    def estimate(self, grade: str | None) -> Estimate:
        """That of ``grade``; ``NONE`` for one that the table does not know."""
        return self.rows.get(grade or "", NONE)


@dataclass(frozen=True)
class Class:
    """Percentiles ``first`` to ``last`` (higher is safer) and the probability in their middle."""

    first: int
    last: int
    pd: Decimal

    @property
    def middle(self) -> Decimal:
        return Decimal(self.first + self.last) / 2


@dataclass(frozen=True)
class Classes:
    """Classes of a percentile score, the safest first."""

    name: str
    countries: frozenset[str]
    rows: Mapping[str, Class]
    scales: frozenset[str] = frozenset()

    def covers(self, country: str) -> bool:
        """Whether the table is made for ``country`` (``*`` in the file: for all)."""
        return country in self.countries or "*" in self.countries

    def by_percentile(self, percentile: int) -> Estimate:
        """Log-linear between the middles of the classes, flat beyond the outermost ones."""
        points = sorted((row.middle, row.pd) for row in self.rows.values())
        found = points[-1][1]
        if percentile <= points[0][0]:
            found = points[0][1]
        else:
            for (low, low_pd), (high, high_pd) in pairwise(points):
                if low <= percentile <= high:
                    share = (percentile - low) / (high - low)
                    found = (low_pd.ln() + share * (high_pd.ln() - low_pd.ln())).exp()
                    break
        return Estimate(found.quantize(_THIRD_PLACE), method=f"percentile_fit {self.name}")

    def by_class(self, name: str) -> Estimate:
        """The middle of the class, with the middles of its neighbours as bounds."""
        if name not in self.rows:
            return NONE
        order = [row.pd for row in sorted(self.rows.values(), key=lambda row: row.pd)]
        at = order.index(self.rows[name].pd)
        lower, upper = order[max(0, at - 1)], order[min(len(order) - 1, at + 1)]
        return Estimate(self.rows[name].pd, lower, upper, f"band_mid {self.name}")


Table = Grades | Classes


def load(path: str = "") -> dict[str, Table]:
    """The tables of the file at ``path``, or those that come with CreditGate, by their names.

    Raises ``Halt`` saying what is wrong with the file.
    """
    if not path:
        return dict(_shipped())
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        why = getattr(fault, "strerror", None) or type(fault).__name__
        raise Halt(f"it cannot be read ({why})", where=path, todo="correct pd_tables") from None
    return _tables(text, path)


@cache
def _shipped() -> dict[str, Table]:
    """They never change while a process runs, and every opened agency wants them."""
    place = "pd-tables.yaml"
    return _tables(resources.files("adapters.bureau").joinpath(place).read_text(encoding="utf-8"), place)


def _tables(text: str, place: str) -> dict[str, Table]:
    try:
        # Everything is read as text: no number passes through a float.
        tables = YAML(typ="base", pure=True).load(text)
        return {name: _table(name, body) for name, body in tables.items()}
    except (YAMLError, ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as fault:
        said = str(fault).splitlines()[0] if isinstance(fault, ValueError) else type(fault).__name__
        raise Halt(
            f"the tables cannot be read ({said})",
            where=place,
            todo="compare it with the file that it came from",
        ) from None


def grades(tables: Mapping[str, Table], name: str) -> Grades:
    """The table of grades called ``name``; ``Halt`` when there is none."""
    table = tables.get(name)
    if not isinstance(table, Grades):
        raise Halt(f"there is no table of grades called {name!r}", where="pd_tables", todo="put one there")
    return table


def of_classes(tables: Mapping[str, Table], prefix: str, country: str) -> Classes | None:
    """The first table of classes whose name begins with ``prefix`` and that is made for ``country``."""
    for name, table in tables.items():
        if isinstance(table, Classes) and name.startswith(prefix) and table.covers(country):
            return table
    return None


def on_scale(tables: Mapping[str, Table], scale: str) -> list[Table]:
    """The tables that are made for the rating scale called ``scale``, in the file's order. A table names
    its scales itself, so that letters of one scale are never read by the table of another."""
    return [table for table in tables.values() if scale in table.scales]


def _table(name: str, body: Mapping[str, Any]) -> Table:
    titled = f"{name}-{body['version']}"
    scales = frozenset(body.get("scales", ()))
    if body["kind"] == "grades":
        years = int(body["years"])
        rows = {grade: _grade(titled, row, years) for grade, row in body["grades"].items()}
        _rising(name, [row.pd for row in rows.values() if row.pd is not None])
        return Grades(titled, rows, scales)
    if body["kind"] != "classes":
        raise ValueError(f"{name}: kind is grades or classes")
    classes = {
        key: Class(int(row["from"]), int(row["to"]), _one_year(row["pd"], 1))
        for key, row in body["classes"].items()
    }
    for row in classes.values():
        if not 0 <= row.first <= row.last <= 100 or row.pd == 0:
            raise ValueError(f"{name}: a class needs percentiles from 0 to 100 and a probability above 0")
    _rising(name, [row.pd for row in classes.values()])
    return Classes(titled, frozenset(body["countries"]), classes, scales)


def _grade(titled: str, row: Mapping[str, str], years: int) -> Estimate:
    lower, upper = row.get("lower"), row.get("upper")
    return Estimate(
        _one_year(row["pd"], years),
        _one_year(lower, years) if lower is not None else None,
        _one_year(upper, years) if upper is not None else None,
        f"grade_table {titled}",
    )


def _one_year(percent: str, years: int) -> Decimal:
    value = Decimal(percent) / 100
    if not 0 <= value <= 1:
        raise ValueError(f"{percent} is no percentage")
    if years == 1 or value in (0, 1):
        return value
    return (1 - (1 - value) ** (Decimal(1) / years)).quantize(_THIRD_PLACE)


def _rising(name: str, pds: list[Decimal]) -> None:
    if pds != sorted(pds) or not pds:
        raise ValueError(f"{name}: write the safest first, none safer than the one before")


def percentile_of(value: Any) -> int | None:
    """A percentile 1…100, or ``None``."""
    found = whole(value)
    return found if found is not None and 1 <= found <= 100 else None
