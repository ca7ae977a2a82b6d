"""Agencies whose reports come as files: 中诚信, 联合资信, any other one, and any agency's export.

Invariant: what a column means stands in the mapping, what a grade means in the scale that the row names;
nothing is made up for an agency that is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from adapters.bureau.filed_report import report_of
from adapters.bureau.pd_tables import load
from adapters.files.objects import is_json, objects
from adapters.files.rows import SETTINGS, rows
from connector.adapter import Adapter, Context, FromFiles, Limits, Setting
from connector.model import Report, ReportRow


class FileAgency(FromFiles, Adapter):
    """The adapter for agencies' files (``creditgate bureau import FILE``)."""

    name = "agency-file"
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("agency", "what the agency is called in reports; left out, as the connection", optional=True),
        Setting(
            "pd_unit",
            "unit of a probability of default that is written without a percent sign",
            default="percent",
            choices=("percent", "fraction"),
        ),
        Setting("pd_tables", "your own copy of pd-tables.yaml; its path", optional=True, asked=False),
        *SETTINGS,
    )
    limits = Limits(slots=1)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        settings = context.settings
        self._agency = settings.get("agency") or context.connection
        self._percent = (settings.get("pd_unit") or "percent").lower() == "percent"
        self._tables = load(settings.get("pd_tables") or "")

    def test(self) -> str:
        """Files need no credentials; the tables of probabilities have been read by now."""
        return "reads reports from CSV, JSON and XLSX files; no credentials needed"

    def read(self, path: Path) -> Iterator[Mapping[str, Any]]:
        """The rows of a CSV or XLSX file as text by column name, the objects of a JSON file as they are."""
        return objects(path) if is_json(path) else rows(path, self.context.settings)

    def report(self, row: ReportRow) -> Report:
        """See ``adapters.bureau.filed_report``."""
        return report_of(row, self._agency, self._tables, percent=self._percent)
