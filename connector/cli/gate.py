"""What follows by itself after a pull or an assessment, for the commands that do either.

Invariant: what was read or assessed stays so, whatever becomes of this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.cli.output import say

if TYPE_CHECKING:
    from connector.runtime import Runtime


def settle(opened: Runtime) -> None:
    """Heed what users decided, review holds, and tell the CRMs; one line says what came of it."""
    from connector.errors import CreditGateError
    from connector.gate.settling import settle as settled

    try:
        words = settled(opened).words
    except CreditGateError as fault:
        say(f"holds were not reviewed: {fault}")
        return
    if words:
        say(f"gate: {words}")
