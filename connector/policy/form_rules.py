"""The form of everything that is decided by conditions: knock-outs, status and hold rules, segments.

Invariant: there is no expression language. A condition is a fact, an operator and a value; conditions
are joined by ``all`` and ``any``; whom a rule concerns (``scope``) and whom it spares (``except``) are
lists beside it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from connector.policy.form import Name, Part, Positive, Status, Texts
from connector.policy.form_limit import Limit
from connector.policy.form_score import Scorecard

Operator = Literal["<", "<=", ">", ">=", "==", "!=", "in", "not in", "known", "unknown"]


class Condition(Part):
    """``fact`` ``op`` ``value``; ``known`` and ``unknown`` take no value, ``in`` takes a list."""

    fact: str
    op: Operator
    value: Any = None


class Clause(Part):
    """All of ``all`` and at least one of ``any``."""

    all: tuple[Condition, ...] = ()
    any: tuple[Condition, ...] = ()


class Conditions(Clause):
    """A condition on an unknown fact is neither true nor false; a rule that hangs on it acts only if
    ``when_unknown`` is ``act``, and says so."""

    reason: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    when_unknown: Literal["pass", "act"] = "pass"
    say: Texts | None = None


class KnockOut(Conditions):
    """A fact that no score can make good: it sets the class (if that is worse) and the status."""

    risk_class: str
    status: Status = "stop"


class Scope(Part):
    """Whom a rule concerns: customers or groups by number, segments by name; nothing: everybody."""

    customers: tuple[Positive, ...] = ()
    groups: tuple[Positive, ...] = ()
    segments: tuple[Name, ...] = ()


class Exclusion(Clause):
    """Whom a rule spares: those in ``scope`` for whom the conditions are known to hold. It lifts the
    rule on which it stands, or with ``lifts: all`` every status rule and the ladder; on a rule on the
    order, every rule on the order. Knock-outs and what people decided stay."""

    scope: Scope = Scope()
    lifts: Literal["rule", "all"] = "rule"


class StatusRule(Conditions):
    """A reason to watch, hold or stop. A rule on facts of the order acts at the order check alone."""

    status: Literal["watch", "hold", "stop"]
    scope: Scope = Scope()
    except_: tuple[Exclusion, ...] = Field((), alias="except")


class StatusRules(Part):
    """The rules; all of them are read, every reason is kept, the worst status counts."""

    rules: tuple[StatusRule, ...] = ()


class Segment(Clause):
    """Customers who are judged by a scorecard or a limit of their own. The first segment whose
    conditions are known to hold counts; what it does not state is as for everybody."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
    scorecard: Scorecard | None = None
    limit: Limit | None = None


class Blacklist(Part):
    """Whom people have ruled out: customers and groups by number, and the words by which the CRM's
    account status says so."""

    customers: tuple[Positive, ...] = ()
    groups: tuple[Positive, ...] = ()
    account_status: tuple[Name, ...] = ()
