"""The terms of the glossary (docs/glossary.md) in the words of the manual."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "term.exposure": ("Exposure", "信用占用"),
    "term.exposure.means": (
        "open orders, deliveries, invoices and what else the policy counts, each document once",
        "未完成订单、已交货、发票及政策计入的其他项目，每张单据只计一次",
    ),
    "term.limit": ("Limit", "信用额度"),
    "term.limit.means": (
        "what may be open; none, an amount, or unlimited – never a magic zero",
        "可占用的最高额：无、金额或不限，不以零表示特殊含义",
    ),
    "term.available_credit": ("Available credit", "可用额度"),
    "term.available_credit.means": (
        "limit − exposure − reservations; may be negative",
        "额度减占用减预占，可为负",
    ),
    "term.utilisation": ("Utilisation", "额度使用率"),
    "term.utilisation.means": (
        "exposure ÷ limit; undefined for none and unlimited",
        "占用除以额度；未设或不限时无定义",
    ),
    "term.reservation": ("Reservation", "额度预占"),
    "term.reservation.means": (
        "credit promised to one order that passed the check, until it arrives by pull or expires",
        "订单检查通过后预留的额度，至订单读入或失效为止",
    ),
    "term.hold": ("Hold", "冻结"),
    "term.hold.means": (
        "a customer or order may not go on until a person or the policy lets it",
        "客户或订单须经有权人或政策许可方可继续",
    ),
    "term.release": ("Release", "放行"),
    "term.release.means": ("the end of a hold by somebody with the right", "有权人终止冻结"),
    "term.status": ("Status", "信用状态"),
    "term.status.means": ("ok, watch, hold, stop: one ladder", "正常、关注、冻结、停止四级"),
    "term.risk_class": ("Risk class", "风险等级"),
    "term.risk_class.means": (
        "a band of scores, with limit factor, cap, terms and cadences",
        "评分区间，决定额度系数、上限、账期与周期",
    ),
    "term.plugin": ("Plugin", "插件"),
    "term.plugin.means": (
        "what is installed inside a CRM: the panel, the check when an order is saved, rules",
        "安装在 CRM 内的部分：信用面板、订单保存时的检查与校验规则",
    ),
    "term.checkpoint": ("Checkpoint", "检查点"),
    "term.checkpoint.means": (
        "order save, order change, approval, shipment, invoice",
        "订单保存、变更、审批、发货、开票等检查时点",
    ),
    "term.tolerance": ("Tolerance", "容差"),
    "term.tolerance.means": (
        "how far over the limit an order may go with a warning only",
        "仅提示即可超出额度的幅度",
    ),
    "term.grace_days": ("Grace days", "宽限天数"),
    "term.grace_days.means": (
        "days past due before an invoice counts as overdue",
        "到期后计为逾期之前的天数",
    ),
    "term.horizon": ("Horizon", "展望期"),
    "term.horizon.means": ("orders that deliver later do not count yet", "更晚交货的订单暂不计入的时限"),
    "term.dunning_level": ("Dunning level", "催收级别"),
    "term.dunning_level.means": ("how far the reminding of an invoice has come", "发票催收所达到的级别"),
    "term.dunning_letter": ("Dunning letter", "催款函"),
    "term.dunning_letter.means": (
        "what a customer is told of overdue invoices: reminder (付款提醒), demand (催款函), last demand (最后催款通知)",
        "告知客户逾期发票的函件：付款提醒、催款函、最后催款通知",
    ),
    "term.review": ("Review", "复评"),
    "term.review.means": ("a scheduled or triggered re-assessment", "按日历或事件进行的重新评定"),
    "term.dbt": ("DBT", "超期天数"),
    "term.dbt.means": ("days beyond terms, weighted by value", "超出账期的天数，按金额加权"),
    "term.figures": ("Figures on people", "考核"),
    "term.figures.means": (
        "what a month shows of a person or team; no score, no rank",
        "某月个人或团队的数据；不评分，不排名",
    ),
    "term.override": ("Override", "突破政策"),
    "term.override.means": (
        "a limit above the policy's own, or an order let pass while its reasons stood",
        "高于政策的额度，或在原因未消除时放行的订单",
    ),
    "term.fact": ("Fact", "指标"),
    "term.fact.means": (
        "one named value about a customer, with source and date; possibly unknown",
        "客户的一项命名数值，有来源与日期，可能未知",
    ),
    "term.assessment": ("Assessment", "评估"),
    "term.assessment.means": (
        "the immutable outcome of one policy on one snapshot of facts, with every step",
        "一项政策对一份数据的不可变结果，含全部步骤",
    ),
    "term.customer": ("Customer", "客户"),
    "term.customer.means": (
        "one legal debtor, whichever CRMs it stands in",
        "一个法律意义上的债务人，不论出现在哪些 CRM",
    ),
    "term.connection": ("Connection", "连接"),
    "term.connection.means": ("one CRM org, ledger or agency account", "一个 CRM 组织、账套或征信账户"),
    "term.consent": ("Consent", "授权"),
    "term.consent.means": (
        "a subject's permission, or another legal basis, to ask an agency about it",
        "主体同意查询征信的授权或其他合法依据",
    ),
}
