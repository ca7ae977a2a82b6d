"""Figures on people (考核, KPI): what a month shows of each person and team, by the journal and the store.

``month`` says what counts, ``people`` who is who, ``tally`` adds up, ``reviews``, ``answers``, ``visiting``,
``portfolio`` and ``overrides`` each read one kind of figure, ``report`` puts them together, ``export`` hands
them to the CRMs.

Invariant: figures only. Nothing here ranks, scores or judges anybody: reward and penalty stay with people.
"""

from connector.kpi.export import export
from connector.kpi.month import Month, Window, window
from connector.kpi.report import Row, report
from connector.kpi.tally import FIGURES

__all__ = ["FIGURES", "Month", "Row", "Window", "export", "report", "window"]
