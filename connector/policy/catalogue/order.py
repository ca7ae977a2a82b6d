"""Facts of the order that is being checked.

Invariant: known to the order check alone; an assessment leaves rules on them to it.
"""

from __future__ import annotations

from connector.policy.catalogue.spec import FactSpec

ORDER: tuple[FactSpec, ...] = (
    FactSpec(
        "order_amount", "money", "minor units", "Order amount", "本单金额",
        "the whole amount of the order, in the policy's currency", "order", "lower",
    ),
    FactSpec(
        "order_terms_days", "days", "days", "Order terms", "本单账期",
        "payment terms of the order; unknown if the check does not name them", "order", "lower", low=0,
    ),
    FactSpec(
        "order_terms_excess", "days", "days", "Order terms beyond those allowed", "本单超出允许账期天数",
        "terms of the order - terms that the assessment allows; negative if they are shorter", "order",
        "lower",
    ),
    FactSpec(
        "checkpoint", "text", "", "Step of the order", "订单环节",
        "order_save, order_change, approval, shipment or invoice", "order",
    ),
)  # fmt: skip
