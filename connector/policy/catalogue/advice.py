"""Facts from consultants' reports and trade references.

Invariant: a document counts from its day to its expiry, or as long as the policy lets it; of one author
the newest speaks, of several the most cautious.
"""

from __future__ import annotations

from connector.policy.catalogue.spec import FactSpec

ADVICE: tuple[FactSpec, ...] = (
    FactSpec(
        "advice_limit", "money", "minor units", "Limit that consultants advise", "顾问建议额度",
        "of the newest valid report of each consultant that names a limit, the lowest", "consultant",
        "higher", low=0,
    ),
    FactSpec(
        "advice_class", "text", "", "Class that consultants advise", "顾问建议等级",
        "of the newest valid report of each consultant that names a class of the policy, the worst",
        "consultant",
    ),
    FactSpec(
        "reference_limit", "money", "minor units", "Credit by trade references", "同行证明额度",
        "of the newest valid reference of each supplier that names an amount, the lowest", "reference",
        "higher", low=0,
    ),
    FactSpec(
        "reference_class", "text", "", "Class by trade references", "同行证明等级",
        "of the newest valid reference of each supplier that names a class of the policy, the worst",
        "reference",
    ),
    FactSpec(
        "references", "count", "documents", "Trade references", "同行证明数量",
        "suppliers with a valid reference", "reference", "higher", low=0,
    ),
)  # fmt: skip
