"""Who the customer is, and what people have decided about it.

Invariant: taken from the customer's record and the entries of people; nothing here is measured.
"""

from __future__ import annotations

from connector.policy.catalogue.spec import FactSpec

PROFILE: tuple[FactSpec, ...] = (
    FactSpec(
        "customer", "text", "", "Customer number", "客户编号",
        "`customer-` and the number by which CreditGate knows the customer", "account",
    ),
    FactSpec(
        "group", "text", "", "Group number", "集团编号",
        "`group-` and the number of the customer's credit group; `none` outside any group", "account",
    ),
    FactSpec("country", "text", "", "Country", "国家", "ISO 3166 country of the customer", "account"),
    FactSpec(
        "industry", "text", "", "Industry", "行业", "industry as the CRM states it", "account",
    ),
    FactSpec(
        "size", "text", "", "Size", "企业规模",
        "the policy's size band that holds the annual revenue", "statement",
    ),
    FactSpec(
        "is_person", "flag", "", "Natural person", "自然人", "a natural person or sole trader", "account",
    ),
    FactSpec(
        "new_customer", "flag", "", "New customer", "新客户",
        "known for fewer months, or with fewer invoices settled, than the policy asks of a known one",
        "account",
    ),
    FactSpec(
        "account_status", "text", "", "Account status", "客户状态",
        "status of the account as the CRM states it; of several, the one that the policy's blacklist names, "
        "else the first",
        "account",
    ),
    FactSpec(
        "blacklisted", "flag", "", "On the blacklist", "黑名单",
        "listed in the policy's blacklist, put on it by a person, or marked so in the CRM", "account",
    ),
    FactSpec(
        "terms_agreed_days", "days", "days", "Terms agreed", "约定账期",
        "payment terms agreed with the customer", "account", "lower", low=0,
    ),
    FactSpec(
        "limit_expired", "flag", "", "Limit expired", "额度已过期",
        "the limit set by a person is older than the policy lets it be, or the only one was temporary "
        "and has run out; unknown without one",
        "account",
    ),
    FactSpec(
        "insured_amount", "money", "minor units", "Insured", "投保额度",
        "sum insured that holds today", "account", "higher", low=0,
    ),
    FactSpec(
        "guaranteed_amount", "money", "minor units", "Guaranteed", "担保额度",
        "sum guaranteed that holds today", "account", "higher", low=0,
    ),
)  # fmt: skip
