"""Dunning (催收): letters to customers about overdue invoices, by the levels of the policy.

``planning`` says who would get which letter, ``writing`` makes the texts, ``sending`` keeps and delivers
them, ``contacts`` knows where they go.
"""

from connector.dunning.planning import Draft, Preview, preview
from connector.dunning.sending import Done, confirm, send, withdraw

__all__ = ["Done", "Draft", "Preview", "confirm", "preview", "send", "withdraw"]
