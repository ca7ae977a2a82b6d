"""What people call our fields and their values, in Chinese and English: for proposing a mapping.

Invariant: words only; a label that is none of them is never given a meaning.
"""

from __future__ import annotations

from collections.abc import Mapping

# The types that a field of ours can be read from; a field that is not listed is a text.
KINDS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("amount", "invoiced", "paid", "limit", "balance"), frozenset({"money", "number"})),
    **dict.fromkeys(
        (
            "ordered_on",
            "deliver_on",
            "issued_on",
            "due_on",
            "settled_on",
            "paid_on",
            "received_on",
            "customer_since",
            "valid_from",
            "valid_to",
            "closed_at",
        ),
        frozenset({"date", "datetime"}),
    ),
    **dict.fromkeys(
        ("account_id", "order_id", "invoice_id", "plan_id", "receipt_id", "parent_id"),
        frozenset({"reference"}),
    ),
    **dict.fromkeys(("stage", "state", "currency"), frozenset({"option", "text"})),
    **dict.fromkeys(
        ("active", "counts", "disputed", "prepaid", "is_person", "blacklisted"),
        frozenset({"option", "boolean"}),
    ),
    "terms_days": frozenset({"integer", "number"}),
    "owner_id": frozenset({"owner", "reference"}),
    **dict.fromkeys(
        ("country", "industry", "city", "account_status"), frozenset({"option", "text", "long_text"})
    ),
}
TEXTS = frozenset({"text", "long_text"})

# Streams that a reference of ours leads to.
LEADS_TO = {
    "account_id": "accounts",
    "parent_id": "accounts",
    "order_id": "orders",
    "invoice_id": "invoices",
    "plan_id": "plans",
    "receipt_id": "receipts",
}

OBJECTS: Mapping[str, tuple[str, ...]] = {
    "accounts": ("客户", "客户信息", "account", "customer"),
    "orders": ("销售订单", "订单", "sales order", "order"),
    "invoices": ("开票申请", "发票", "开票", "invoice", "invoice application"),
    "plans": ("回款计划", "付款计划", "应收计划", "payment plan", "instalment plan"),
    "receipts": ("回款", "收款", "receipt", "payment"),
    "payments": ("回款明细", "收款明细", "payment detail", "payment allocation"),
    "contacts": ("联系人", "contact"),
    "users": ("人员", "员工", "employee", "user"),
    "credit_files": ("信用", "信用档案", "credit", "credit file"),
    "credit_accounts": ("客户账户", "customer account"),
}

# By stream and field, or by field alone.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "accounts.name": ("客户名称", "公司名称", "account name", "customer name", "company"),
    "uscc": ("统一社会信用代码", "信用代码", "税号", "unified social credit code", "uscc"),
    "lei": ("全球法人识别编码", "法人机构识别编码", "lei", "legal entity identifier"),
    "duns": ("邓白氏编码", "邓氏编码", "duns", "d-u-n-s number"),
    "vat": ("增值税号", "vat number", "vat id", "vat"),
    "registration_no": ("注册号", "工商注册号", "registration number", "company number"),
    "country": ("国家", "国家地区", "country"),
    "industry": ("1级行业", "一级行业", "行业", "所属行业", "industry"),
    "city": ("市", "城市", "city", "billing city"),
    "owner_id": ("负责人", "owner"),
    "parent_id": ("上级客户", "母公司", "parent account"),
    "currency": ("币种", "货币", "currency"),
    "terms_days": (
        "账期天数",
        "账期",
        "付款期限",
        "信用账期",
        "payment terms",
        "payment terms days",
        "net days",
    ),
    "customer_since": ("合作起始日", "合作开始日期", "首次合作日期", "customer since"),
    "is_person": ("个人客户", "是否个人", "is person", "natural person"),
    "account_status": ("客户状态", "account status", "customer status"),
    "blacklisted": ("黑名单", "是否黑名单", "blacklisted", "on blacklist"),
    "account_id": ("客户名称", "客户", "account", "customer"),
    "order_id": ("销售订单编号", "销售订单", "订单编号", "sales order", "order"),
    "invoice_id": ("发票", "开票申请", "invoice"),
    "plan_id": ("回款计划编号", "回款计划", "payment plan"),
    "receipt_id": ("回款编号", "回款", "receipt"),
    "orders.number": ("销售订单编号", "订单编号", "order number"),
    "orders.amount": (
        "销售订单金额",
        "订单金额",
        "订单总额",
        "合计金额",
        "含税总额",
        "order amount",
        "order total",
        "grand total",
    ),
    "orders.paid": ("已回款金额", "已收金额", "paid amount"),
    "orders.invoiced": ("已开票金额", "invoiced amount"),
    "ordered_on": ("下单日期", "下单时间", "订单日期", "order date"),
    "deliver_on": ("交货日期", "交付日期", "发货日期", "预计交货日期", "delivery date"),
    "orders.stage": ("状态", "订单状态", "order status", "status"),
    "prepaid": ("预付", "是否预付", "prepaid"),
    "invoices.number": ("发票号", "发票编号", "invoice number"),
    "invoices.amount": ("开票金额", "发票金额", "价税合计", "invoice amount", "invoice total"),
    "issued_on": ("开票日期", "发票日期", "invoice date"),
    "due_on": ("到期日", "到期日期", "付款到期日", "计划回款日期", "应收日期", "due date"),
    "invoices.state": ("发票状态", "状态", "生命状态", "invoice status", "status"),
    "disputed": ("有争议", "争议", "disputed", "in dispute"),
    "invoices.paid": ("已付金额", "已收金额", "paid amount"),
    "settled_on": ("结清日期", "paid on", "settled on"),
    "plans.amount": ("计划回款金额", "应收金额", "planned amount", "instalment"),
    "payments.amount": ("本次回款金额", "回款金额", "收款金额", "payment amount", "amount"),
    "paid_on": ("回款日期", "收款日期", "到账日期", "payment date"),
    "received_on": ("回款日期", "收款日期", "到账日期", "payment date", "receipt date"),
    "limit": ("信用额度", "授信额度", "credit limit", "credit quota"),
    "balance": ("预存款可用余额", "预存款余额", "prepaid balance", "available balance"),
    "valid_from": ("生效日期", "开始日期", "valid from", "start date"),
    "valid_to": ("失效日期", "结束日期", "valid to", "end date"),
    "email": ("邮箱", "电子邮件", "email", "e-mail"),
    "phone": ("电话", "手机", "phone", "mobile"),
    "role": ("职务", "职位", "title", "role"),
    "users.active": ("状态", "status", "active"),
    "name": ("名称", "姓名", "name", "full name"),
}

VALUES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "orders.stage": {
        "draft": ("草稿", "未提交", "待提交", "未生效", "draft", "new", "not submitted"),
        "open": (
            "已确认",
            "待确认",
            "审核中",
            "审批中",
            "已审核",
            "审核通过",
            "进行中",
            "执行中",
            "待发货",
            "未发货",
            "confirmed",
            "approved",
            "created",
            "open",
            "pending",
            "in progress",
        ),
        "delivered": ("已发货", "全部发货", "已交付", "已收货", "delivered", "shipped", "received"),
        "closed": ("已完成", "完成", "已结束", "已关闭", "closed", "completed", "done", "finished"),
        "cancelled": (
            "已作废",
            "作废",
            "已取消",
            "取消",
            "已拒绝",
            "已撤回",
            "cancelled",
            "canceled",
            "void",
            "rejected",
        ),
    },
    "invoices.state": {
        "draft": ("草稿", "待审核", "审核中", "未开票", "draft", "pending"),
        "open": ("已开票", "正常", "未付款", "部分付款", "open", "issued", "sent", "partly paid", "overdue"),
        "paid": ("已付款", "已结清", "paid", "settled"),
        "void": ("作废", "已作废", "已取消", "void", "cancelled", "canceled"),
        "written_off": ("已核销坏账", "坏账", "written off", "bad debt"),
    },
    "users.active": {
        "true": ("启用", "在职", "正常", "active", "enabled"),
        "false": ("停用", "离职", "禁用", "inactive", "disabled"),
    },
}


def field_words(stream: str, name: str) -> tuple[str, ...]:
    """What a field of ours may be called."""
    return FIELDS.get(f"{stream}.{name}") or FIELDS.get(name) or ()


def normal(text: str) -> str:
    """A label as it is compared: without case, blanks and signs between words."""
    return "".join(sign for sign in text.casefold() if sign.isalnum())
