"""Grade tables: a 12-month probability of default for an agency's grade, where it states none itself.

Invariant: a table is named and versioned, and its name goes with every probability taken from it. The
numbers are presets of this project, not an agency's: no public table exists for these grades, and an
admin may put others in their place.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from adapters.bureau.pd_tables import Table, grades

GRADES = ("A", "B", "C", "D")  # best first; E is "not rated" and has no probability


@dataclass(frozen=True)
class GradeTable:
    """``pds`` maps a grade to its probability of default within 12 months, 0…1."""

    name: str
    pds: Mapping[str, Decimal]

    def pd(self, grade: str | None) -> Decimal | None:
        """The probability of ``grade``; ``None`` for one that the table does not know."""
        return self.pds.get(grade) if grade else None


def shipped(tables: Mapping[str, Table], name: str) -> GradeTable:
    """The table ``name`` of the file of tables; ``Halt`` when there is none."""
    table = grades(tables, name)
    return GradeTable(table.name, {grade: row.pd for grade, row in table.rows.items() if row.pd is not None})


def own_table(agency: str, written: str) -> GradeTable:
    """A table as an admin writes it, in percent: ``A 0.2, B 0.7, C 2, D 8``.

    Its name carries a digest of its numbers, so that a changed number is a new version. Raises
    ``ValueError`` saying what is wrong: every grade once, each riskier than the one before, all
    between 0 and 100.
    """
    pairs = [
        re.fullmatch(r"([A-Za-z])\s*[:= ]\s*(\d+(?:\.\d+)?)\s*%?", part.strip(), re.ASCII)
        for part in written.split(",")
    ]
    percents = {pair[1].upper(): Decimal(pair[2]) for pair in pairs if pair}
    if not all(pairs) or len(pairs) != len(GRADES) or set(percents) != set(GRADES):
        raise ValueError(f"it needs each of the grades {', '.join(GRADES)} once, with a percentage")
    ordered = [percents[grade] for grade in GRADES]
    if not 0 < ordered[0] < ordered[1] < ordered[2] < ordered[3] <= 100:
        raise ValueError("each grade needs a higher percentage than the one before, from 0 to 100")
    canonical = ",".join(f"{grade}={percents[grade].normalize():f}" for grade in GRADES)
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:8]
    return GradeTable(f"{agency}-own-{digest}", {grade: percents[grade] / 100 for grade in GRADES})
