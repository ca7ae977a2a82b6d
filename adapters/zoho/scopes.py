"""What a token must be allowed, and what does not work without it.

Invariant: a scope is granted when one of its wider forms is: ``ALL`` in place of the last word, or the
family without the module (vendor manual: OAuth scopes). Where Zoho does not say what it granted,
nothing is called lacking.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from connector.adapter import Lack

# Scope, and what stands still without it in the languages of the product.
NEEDED: tuple[tuple[str, str, str], ...] = (
    ("ZohoCRM.org.READ", "the connection cannot be tested", "无法测试连接"),
    (
        "ZohoCRM.settings.fields.READ",
        "nothing is read: the org's fields are not known",
        "无法读取：不知道字段",
    ),
    ("ZohoCRM.settings.fields.CREATE", "'provision' cannot create fields", "“provision”不能创建字段"),
    ("ZohoCRM.modules.accounts.READ", "accounts are not read", "不读取客户"),
    (
        "ZohoCRM.modules.accounts.UPDATE",
        "credit status and limit are not written back",
        "不回写信用状态和额度",
    ),
    ("ZohoCRM.modules.salesorders.READ", "sales orders are not read", "不读取销售订单"),
    ("ZohoCRM.modules.invoices.READ", "invoices are not read", "不读取发票"),
    ("ZohoCRM.modules.contacts.READ", "contacts are not read", "不读取联系人"),
    ("ZohoCRM.modules.tasks.READ", "what became of visits is not read", "不读取拜访结果"),
    ("ZohoCRM.modules.tasks.CREATE", "visits are not made tasks", "不创建拜访任务"),
    ("ZohoCRM.modules.notes.CREATE", "no notes are left on accounts", "不在客户上写备注"),
    ("ZohoCRM.modules.salesorders.UPDATE", "orders on hold are not marked", "不标记冻结的订单"),
    (
        "ZohoCRM.modules.lockinginformation.CREATE",
        "orders on hold are not locked one by one",
        "不逐个锁定冻结的订单",
    ),
    (
        "ZohoCRM.settings.record_locking_configurations.CREATE",
        "'provision' makes no rule that locks orders on hold",
        "“provision”不创建锁定冻结订单的规则",
    ),
    (
        "ZohoCRM.settings.layouts.UPDATE",
        "the credit fields are not gathered in a section of the page",
        "信用字段不归入页面的一个区块",
    ),
    ("ZohoCRM.users.READ", "owners are shown by number, not by name", "负责人只显示编号，不显示姓名"),
    (
        "ZohoCRM.coql.READ",
        "reading takes the slower list, 200 records a call",
        "只能用较慢的列表读取，每次200条",
    ),
    ("ZohoCRM.bulk.READ", "the first load takes queries, not bulk read", "首次读取使用查询，而不是批量读取"),
    ("ZohoCRM.notifications.CREATE", "changes are seen at the next pull only", "要到下次读取时才看到变更"),
)
# What the guide tells to enter in the self client.
WANTED = (
    "ZohoCRM.org.READ,ZohoCRM.users.READ,ZohoCRM.coql.READ,ZohoCRM.bulk.READ,"
    "ZohoCRM.notifications.ALL,ZohoCRM.settings.ALL,ZohoCRM.modules.ALL"
)


def lacking(granted: str, language: str) -> list[Lack]:
    """What ``granted`` (scopes separated by commas or blanks) does not cover."""
    have = {scope.lower() for scope in re.split(r"[,\s]+", granted) if scope}
    if not have:
        return []
    chinese = language.lower().startswith("zh")
    return [
        Lack(scope, zh if chinese else en)
        for scope, en, zh in NEEDED
        if not have.intersection(form.lower() for form in _forms(scope))
    ]


def _forms(scope: str) -> Iterator[str]:
    """``scope`` and what includes it: ``A.b.c.READ`` lies in ``A.b.c.ALL``, ``A.b.READ``, ``A.b.ALL``."""
    *family, act = scope.split(".")
    for length in range(len(family), 1, -1):
        for word in (act, "ALL"):
            yield ".".join([*family[:length], word])
