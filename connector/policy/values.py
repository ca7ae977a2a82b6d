"""Values as a policy writes them, and as facts are compared with them.

Invariant: a bound is compared in the fact's own unit (minor units, ``Decimal`` shares, whole days);
the policy writes major units, ``30%`` or ``0.3``, and days. No float takes part.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from connector.money import to_minor
from connector.policy.catalogue import WHOLE, FactSpec

Value = int | Decimal | str | bool


def share(raw: object) -> object:
    """``30%`` or ``0.3`` to ``Decimal``; ``ValueError`` says what to write instead."""
    if isinstance(raw, str) and raw.strip().endswith("%"):
        try:
            return Decimal(raw.strip()[:-1].strip()) / 100
        except InvalidOperation:
            pass
    elif isinstance(raw, int | Decimal) and not isinstance(raw, bool):
        return Decimal(raw)
    raise ValueError("write a share, such as 30% or 0.3")


def bound(spec: FactSpec, raw: object, currency: str) -> Value:
    """What a fact of ``spec`` is compared with; ``ValueError`` says what to write instead."""
    if spec.kind == "flag":
        if isinstance(raw, bool):
            return raw
        raise ValueError("write true or false")
    if spec.kind == "text":
        if isinstance(raw, str) and raw:
            return raw
        raise ValueError("write a text")
    if spec.kind == "ratio":
        return Decimal(str(share(raw)))
    if isinstance(raw, bool) or not isinstance(raw, int | Decimal):
        raise ValueError(
            f"write an amount in {currency}, such as 20000"
            if spec.kind == "money"
            else f"write a number of {spec.unit or 'units'}"
        )
    if spec.kind == "money":
        return to_minor(Decimal(raw), currency)
    if spec.kind in WHOLE:
        if raw != int(raw):
            raise ValueError(f"write a whole number of {spec.unit}")
        return int(raw)
    return Decimal(raw)


def canonical(content: object) -> object:
    """``content`` with every ``Decimal`` as its shortest text, ready for a canonical JSON."""
    if isinstance(content, dict):
        return {str(key): canonical(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [canonical(value) for value in content]
    if isinstance(content, Decimal):
        return format(content.normalize(), "f")
    return content
