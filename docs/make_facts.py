"""Write docs/facts.md: the catalogue of facts, as the program knows it."""

from __future__ import annotations

from pathlib import Path

from connector.locale import texts
from connector.policy.catalogue import FAMILIES, FactSpec

TARGET = Path(__file__).with_name("facts.md")

TITLES = {
    "financial": "Financial condition and repayment capacity",
    "payment": "Payment history",
    "relation": "Relation",
    "agency": "Agencies",
    "advice": "Consultants' reports and trade references",
    "exposure": "Exposure",
    "profile": "Who the customer is, and what people decided",
    "order": "The order being checked (status rules at the order check alone)",
    "outcome": "The outcome (status rules alone)",
}
REASONS = (
    "missing_statement not_disclosed zero_denominator too_few_periods no_history no_report not_stated "
    "stale no_rate no_limit unlimited no_score not_recorded not_rated no_promises no_advice no_portfolio "
    "no_entry not_asked"
).split()


def text() -> str:
    """The whole catalogue."""
    parts = [
        "# Facts\n",
        "Written by `make docs` from the catalogue. A policy names facts in data points, rules and\n"
        "segments. Each fact carries its source, its date and how long it counts as fresh; a fact that is\n"
        "not known says why. A policy writes amounts in major units.\n",
    ]
    for family, specs in FAMILIES.items():
        parts.append(f"## {TITLES[family]}\n")
        parts.append("| Fact | 中文 | Kind | Better | What it is |\n| --- | --- | --- | --- | --- |")
        parts += [_row(spec) for spec in specs]
        parts.append("")
    parts.append("## Why a fact is not known\n")
    parts.append("| Reason | Meaning | 中文 |\n| --- | --- | --- |")
    english, chinese = texts("en"), texts("zh")
    parts += [f"| `{why}` | {english[f'label.{why}']} | {chinese[f'label.{why}']} |" for why in REASONS]
    return "\n".join(parts) + "\n"


def _row(spec: FactSpec) -> str:
    kind = spec.kind if spec.unit in ("", spec.kind, "minor units") else f"{spec.kind}, {spec.unit}"
    better = spec.better or "–"
    return f"| `{spec.name}` | {spec.meaning_zh} | {kind} | {better} | {spec.meaning}: {spec.formula} |"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
