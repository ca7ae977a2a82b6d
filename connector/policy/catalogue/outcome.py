"""What the assessment has found by the time the status rules are read.

Invariant: these can be used in status rules alone; they stand in no snapshot.
"""

from __future__ import annotations

from connector.policy.catalogue.spec import FactSpec

OUTCOME: tuple[FactSpec, ...] = (
    FactSpec(
        "score", "number", "points", "Score", "信用评分",
        "Σ weight × points / Σ weight", "outcome", "higher", low=0, high=100,
    ),
    FactSpec(
        "risk_class", "text", "", "Risk class", "风险等级",
        "the class whose band holds the score", "outcome",
    ),
    FactSpec(
        "limit", "money", "minor units", "Credit limit", "信用额度",
        "the effective limit; unknown if there is none or it is unlimited", "outcome", "higher", low=0,
    ),
    FactSpec(
        "available", "money", "minor units", "Available credit", "可用额度",
        "limit - exposure", "outcome", "higher",
    ),
    FactSpec(
        "utilisation", "ratio", "%", "Utilisation", "额度使用率",
        "exposure / limit; unknown if the limit is zero, missing or unlimited", "outcome", "lower",
    ),
    FactSpec(
        "dunning_level", "count", "", "Dunning level", "催收级别",
        "level of the highest rung of the overdue ladder that is reached, 0 if none", "outcome", "lower",
        low=0,
    ),
    FactSpec(
        "segment", "text", "", "Segment", "客户分组",
        "the policy's segment that the customer is judged in; `default` outside any", "outcome",
    ),
)  # fmt: skip
