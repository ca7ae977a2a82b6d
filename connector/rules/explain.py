"""An assessment in plain words, from raw value to result.

Invariant: every line comes from a step of the assessment; nothing is worked out anew, so that the
explanation cannot differ from the decision.
"""

from __future__ import annotations

from decimal import Decimal

from connector.locale import label, language_of, number, percent, say
from connector.money import show
from connector.policy.catalogue import FACTS
from connector.rules.outcome import Assessment, Params, Step
from connector.rules.snapshot import Origin, Snapshot, Unknown

_INDENT = "  "
_HAS_TEXT = ("rule", "class_knock_out")


def explain(assessment: Assessment, snapshot: Snapshot, language: str) -> list[str]:
    """Lines for a credit manager: chapters, and under each its steps, in ``language`` (``zh``, ``en``).

    ``snapshot`` is the one that was assessed: it knows the source and date of each value.
    """
    lines = [f"{assessment.policy} – {snapshot.today.isoformat()}"]
    chapter = ""
    for step in assessment.steps:
        if step.kind != chapter:
            chapter = step.kind
            lines.append(label(f"chapter_{chapter}", language))
        lines.append(_INDENT + line(step, snapshot, language))
    return lines


def line(step: Step, snapshot: Snapshot, language: str) -> str:
    """One step as a sentence, with source and date of the fact that it looks at."""
    currency = snapshot.currency
    params: Params = {"currency": currency, **step.params}
    fact = params.get("fact")
    if isinstance(fact, str):
        params["fact"] = fact_name(fact, language)
        params["value"] = shown(fact, params.get("value"), currency, language)
        params["band"] = _band(fact, params, currency, language)
        params["origin"] = _origin(snapshot.origins.get(fact), language)
        if snapshot.state(fact) == "stale" and not isinstance(snapshot.values[fact], Unknown):
            params["origin"] = f"{params['origin']}{say('step.origin_stale', {}, language)}"
    if step.code in _HAS_TEXT:
        params["text"] = say(str(params["code"]), step.params, language)
    for tongue in ("zh", "en"):  # a policy's own text is in ``text`` by now
        params.pop(tongue, None)
    return say(f"step.{step.code}", params, language)


def fact_name(name: str, language: str) -> str:
    """What a fact is called."""
    spec = FACTS.get(name)
    if spec is None:
        return name
    return spec.meaning_zh if language_of(language) == "zh" else spec.meaning


def shown(fact: str, value: str | int | None, currency: str, language: str) -> str:
    """A value of a fact, as a parameter holds it, for people."""
    spec = FACTS.get(fact)
    if value is None or spec is None or spec.kind in ("text", "flag"):
        return label(value, language)
    if spec.kind == "money":
        return show(int(value), currency)
    if spec.unit == "%":
        return percent(value)
    if spec.kind in ("days", "months"):
        return say(f"label.{spec.kind}", {"n": number(Decimal(value))}, language)
    return number(value)


def _band(fact: str, params: Params, currency: str, language: str) -> str:
    """The bin that the value fell in, in brackets; nothing for a list of values."""
    low, high = params.get("from"), params.get("below")
    ends: Params = {
        "from": shown(fact, low, currency, language),
        "below": shown(fact, high, currency, language),
    }
    if low is None and high is None:
        return ""
    code = "band_below" if low is None else "band_from" if high is None else "band_between"
    return say("step.band", {"band": say(f"step.{code}", ends, language)}, language)


def _origin(origin: Origin | None, language: str) -> str:
    if origin is None:
        return ""
    dated = origin.dated.isoformat() if origin.dated is not None else None
    params: Params = {"source": origin.source, "provider": origin.provider, "dated": dated}
    text = say(f"step.{'origin_provider' if origin.provider else 'origin'}", params, language)
    if not origin.basis:
        return text
    return text + say("step.origin_basis", {"basis": basis_text(origin.basis, language)}, language)


def basis_text(basis: str, language: str) -> str:
    """By which table or way a value was worked out, in words: ``grade_table eu-cqs-2016-1799``, or after
    ``;`` how the agency that speaks worked out what it says."""
    ways = (one.strip().partition(" ") for one in basis.split(";"))
    return "; ".join(f"{label(f'basis_{way}', language)} {table}".strip() for way, _, table in ways)
