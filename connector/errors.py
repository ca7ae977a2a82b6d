"""Errors, one class per way of recovery.

Invariant: an error says what happened, where (file and line, or connection, record and field) and
what to do about it; it never carries a secret or personal data.
"""

from __future__ import annotations

import sys


class CreditGateError(Exception):
    """Base of every error that a person may see.

    ``what`` says what happened; ``where`` names the file and line, or connection, stream, record and
    field; ``todo`` is the way out. ``exit_code`` is what the CLI ends with; ``made`` the file and line of the
    source that made it.
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str = "", todo: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.todo = todo
        self.made = _caller()

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head} – {self.todo}" if self.todo else head


class Halt(CreditGateError):
    """Configuration, permission or usage is wrong: trying again changes nothing (exit code 2)."""

    exit_code = 2


class Reauth(CreditGateError):
    """The vendor refuses the credentials: refresh once, then a person has to act (exit code 2)."""

    exit_code = 2


class Retry(CreditGateError):
    """A fault that may pass (exit code 3).

    ``after`` is the vendor's or our hint in seconds. ``unknown_outcome`` is true when a write may
    have been carried out, so that the caller must look before writing again. ``busy`` is true when the
    vendor takes no more calls of this connection for now, whichever they are.
    """

    exit_code = 3

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        todo: str = "",
        after: float | None = None,
        unknown_outcome: bool = False,
        busy: bool = False,
    ) -> None:
        super().__init__(what, where=where, todo=todo)
        self.after = after
        self.unknown_outcome = unknown_outcome
        self.busy = busy


class Contended(Retry):
    """Another process changed the same rows in another order, and this transaction was rolled back whole: it
    may be done again at once (exit code 3)."""


class Reject(CreditGateError):
    """One record does not fit: it is set aside with its reason and the batch goes on (exit code 1).

    ``code`` is a stable word for listings (``bad_amount``, ``unknown_currency``,
    ``missing_account``, …); ``field`` is the canonical field, ``value`` the text that was found.
    """

    exit_code = 1

    def __init__(
        self, what: str, *, code: str, field: str, value: str = "", where: str = "", todo: str = ""
    ) -> None:
        super().__init__(what, where=where, todo=todo)
        self.code = code
        self.field = field
        self.value = value


def _caller() -> tuple[str, int]:
    """The first line outside of this file."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename == __file__ and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno
