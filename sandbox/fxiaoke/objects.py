"""The objects that the sandbox tenant starts with, field by field.

Invariant: there is no credit field and no credit object; an admin makes them in the console, since
the vendor's interface cannot.
"""

from __future__ import annotations

from typing import Any

from sandbox.fxiaoke.fields import CREATED, MODIFIED, Field, Object, options_of
from sandbox.fxiaoke.rollups import COMPLETED, INCOMPLETE, ORDER, OVERDUE, PAYMENT, PLAN

CURRENCIES = ("CNY", "USD", "EUR", "GBP", "JPY", "HKD")
ORDER_STATUS = {
    "draft": "草稿",
    "open": "已确认",
    "delivered": "已发货",
    "closed": "已完成",
    "cancelled": "已作废",
}
_LIFE_STATUS = (
    ("ineffective", "未生效"),
    ("under_review", "审核中"),
    ("normal", "正常"),
    ("in_change", "变更中"),
    ("invalid", "作废"),
)
CUSTOMER = "AccountObj"
BEFORE_VOID = "life_status_before_invalid"
PLAN_STATUS = {INCOMPLETE: "未完成", COMPLETED: "已完成", OVERDUE: "已逾期"}
SETTLE_TYPES = {"1": "预付", "2": "现付", "3": "赊销"}


def _text(api_name: str, label: str, max_length: int = 256, **more: Any) -> Field:
    return Field(api_name, label, "text", max_length=max_length, **more)


def _money(api_name: str, label: str, **more: Any) -> Field:
    return Field(api_name, label, more.pop("type", "currency"), **more)


def _reference(api_name: str, label: str, target: str, **more: Any) -> Field:
    return Field(api_name, label, "object_reference", target=target, **more)


def _currency() -> Field:
    return Field("mc_currency", "币种", "select_one", options={code: code for code in CURRENCIES})


def common_fields(name_type: str = "text") -> list[Field]:
    """What every object has. ``name`` is typed or an automatic number."""
    return [
        Field("_id", "数据ID", "text", system=True),
        Field("name", "名称", name_type, required=name_type == "text", max_length=256),
        Field("owner", "负责人", "employee"),
        Field("created_by", "创建人", "employee", system=True),
        Field(CREATED, "创建时间", "date_time", system=True),
        Field("last_modified_by", "最后修改人", "employee", system=True),
        Field(MODIFIED, "最后修改时间", "date_time", system=True),
        Field("record_type", "业务类型", "select_one", system=True, options={"default__c": "预设业务类型"}),
        Field("life_status", "生命状态", "select_one", system=True, options=dict(_LIFE_STATUS)),
        Field(BEFORE_VOID, "作废前生命状态", "select_one", system=True, options=dict(_LIFE_STATUS)),
        Field("lock_status", "锁定状态", "select_one", system=True, options={"0": "未锁定", "1": "锁定"}),
        Field("lock_user", "加锁人", "employee", system=True),
    ]


def _account() -> list[Field]:
    return [
        _text("account_no", "客户编号"),
        _text("uniform_social_credit_code", "统一社会信用代码", 50),
        Field("industry_level1", "1级行业", "select_one"),  # the options come with the economy
        _text("country", "国家"),
        Field("city", "市", "select_one"),
        Field("tel", "电话", "phone_number", max_length=100),
        _reference("parent_account_id", "上级客户", CUSTOMER),
        _currency(),
        _text("duns__c", "邓白氏编码", custom=True),
        _text("vat__c", "增值税号", custom=True),
        Field("payment_terms_days__c", "账期天数", "number", decimals=0, custom=True),
        Field("customer_since__c", "合作起始日", "date", custom=True),
    ]


def _order() -> list[Field]:
    labels = ORDER_STATUS.values()
    return [
        _reference("account_id", "客户名称", CUSTOMER, required=True),
        Field("order_time", "下单日期", "date"),
        _money("order_amount", "销售订单金额", required=True),
        Field("delivery_date", "交货日期", "date"),
        Field(
            "order_status", "状态", "select_one", options=options_of("SalesOrderObj", "order_status", labels)
        ),
        _currency(),
        _money("payment_amount", "已回款金额", type="count"),
        _money("receivable_amount", "待回款金额", type="formula"),
        _money("invoice_amount", "已开票金额", type="count"),
        Field("remark", "备注", "long_text", max_length=2000),
    ]


def _invoice() -> list[Field]:
    return [
        _reference("account_id", "客户名称", CUSTOMER, required=True),
        _reference("order_id", "销售订单编号", ORDER),
        _money("invoice_applied_amount", "开票金额", required=True),
        Field("invoice_date", "开票日期", "date"),
        Field("due_date__c", "到期日", "date", custom=True),
        _currency(),
    ]


def _payment() -> list[Field]:
    return [
        _reference("account_id", "客户名称", CUSTOMER, required=True),
        _money("payment_amount", "本次回款总金额", required=True),
        Field("payment_time", "回款日期", "date"),
        _currency(),
    ]


def _order_payment() -> list[Field]:
    return [
        Field("payment_id", "回款编号", "master_detail", target=PAYMENT, required=True),
        _reference("account_id", "客户名称", CUSTOMER),
        _reference("order_id", "销售订单编号", ORDER),
        _reference("payment_plan_id", "回款计划编号", PLAN),
        _money("payment_amount", "本次回款金额", required=True),
        Field("payment_time", "回款日期", "quote", quoted="date"),
        _currency(),
    ]


def _plan() -> list[Field]:
    return [
        _reference("account_id", "客户名称", CUSTOMER, required=True),
        _reference("order_id", "销售订单编号", ORDER, required=True),
        _money("plan_payment_amount", "计划回款金额", required=True),
        Field("plan_payment_time", "计划回款日期", "date", required=True),
        _money("actual_payment_amount", "实际回款金额", type="count"),
        Field("plan_payment_status", "状态", "select_one", system=True, options=dict(PLAN_STATUS)),
        Field("remind_time", "提醒时间", "date_time"),
        _currency(),
    ]


def _credit_file() -> list[Field]:
    """No source names the fields of this object: these stand for whatever a tenant has."""
    return [
        _reference("customer_id", "客户名称", CUSTOMER, required=True),
        _money("credit_quota", "信用额度"),
        Field("start_time", "生效日期", "date"),
        Field("end_time", "失效日期", "date"),
        _currency(),
    ]


def _customer_account() -> list[Field]:
    return [
        _reference("customer_id", "客户名称", CUSTOMER, required=True),
        _money("prepay_balance", "预存款余额", type="formula"),
        _money("prepay_available_balance", "预存款可用余额", type="formula"),
        _money("prepay_locked_balance", "预存款锁定余额", type="formula"),
        _money("rebate_balance", "返利余额", type="formula"),
        _money("rebate_available_balance", "返利可用余额", type="formula"),
        _money("rebate_locked_balance", "返利锁定余额", type="formula"),
        Field("settle_type", "结算方式", "select_one", options=dict(SETTLE_TYPES)),
        _money("credit_quota", "信用额度"),
        _currency(),
    ]


def _checkin() -> list[Field]:
    """No source names the fields of this object either."""
    return [
        _reference("account_id", "客户名称", CUSTOMER),
        Field("plan_time", "计划时间", "date_time"),
        Field("checkin_time", "签到时间", "date_time"),
        Field("status", "状态", "select_one", options={"0": "未完成", "1": "已完成"}),
        _text("remark", "备注"),
    ]


def _person() -> list[Field]:
    return [
        _text("user_id", "员工ID", system=True),
        Field("phone", "手机", "phone_number", max_length=100),
        Field("email", "邮箱", "email", max_length=100),
        Field("status", "状态", "select_one", options={"0": "启用", "1": "停用"}),
    ]


_STANDARD = (
    (CUSTOMER, "客户", "text", _account),
    (ORDER, "销售订单", "auto_number", _order),
    ("InvoiceApplicationObj", "开票申请", "auto_number", _invoice),
    (PAYMENT, "回款", "auto_number", _payment),
    ("OrderPaymentObj", "回款明细", "auto_number", _order_payment),
    (PLAN, "回款计划", "auto_number", _plan),
    ("CreditFileObj", "信用", "auto_number", _credit_file),
    ("CustomerAccountObj", "客户账户", "auto_number", _customer_account),
    ("CheckinsObj", "高级外勤", "auto_number", _checkin),
    ("PersonnelObj", "人员", "text", _person),
)


def standard_objects() -> dict[str, Object]:
    """Fresh preset objects without rows."""
    objects: dict[str, Object] = {}
    for api_name, label, name_type, own_fields in _STANDARD:
        made = objects[api_name] = Object(api_name, label)
        for one in (*common_fields(name_type), *own_fields()):
            made.add(one)
    return objects
