"""Credit reviews (复评): a customer's credit looked at anew, as a case from its opening to its outcome.

``cases`` opens them and keeps checklist and evidence, ``planning`` opens what is due by the calendar and
escalates what is overdue, ``deciding`` takes a case from the recommendation to the outcome.

Not to be confused with ``connector.privacy.person_review``: there a person confirms what the policy would
decide about a natural person.
"""

from connector.reviews.cases import attach, check, listed, open_case, open_within, show
from connector.reviews.deciding import Wish, approve, close, decline, recommend
from connector.reviews.planning import Planned, plan

__all__ = [
    "Planned",
    "Wish",
    "approve",
    "attach",
    "check",
    "close",
    "decline",
    "listed",
    "open_case",
    "open_within",
    "plan",
    "recommend",
    "show",
]
