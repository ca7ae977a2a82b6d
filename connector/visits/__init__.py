"""Visits (定期拜访): which customers a sales rep should see, why and until when, as tasks in the CRM.

``planning`` decides, ``diary`` finds the day, ``task`` tells the rep, ``missed`` notices what was not done.
"""

from connector.visits.missed import mark_missed
from connector.visits.planning import LeftOut, Planned, plan

__all__ = ["LeftOut", "Planned", "mark_missed", "plan"]
