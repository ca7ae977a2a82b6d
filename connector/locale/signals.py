"""What signals say, in both languages.

Invariant: both languages have the same keys; amounts are shown in the currency of the evidence.
"""

from __future__ import annotations

_ZH_NAMES = {
    "overdue_started": "开始逾期",
    "overdue_worsened": "逾期加重",
    "pace_slowing": "付款变慢",
    "utilisation": "额度占用过高",
    "order_surge": "订单激增",
    "silence": "老客户停止下单",
    "broken_promise": "付款承诺落空",
    "dispute": "发票争议",
    "limit_expiring": "额度即将到期",
    "report_expiring": "信用报告即将过期",
    "rating_changed": "信用等级下降",
    "agency_rating_changed": "外部评级变化",
    "judgment_appeared": "新增判决或被执行",
    "dishonest_appeared": "被列为失信被执行人",
    "insolvency_appeared": "破产或注销",
    "agencies_disagree": "评级机构意见不一",
    "statement_overdue": "财务报表逾期未交",
    "ratio_worsened": "财务比率恶化",
    "registration_changed": "注册地址或法定代表人变更",
    "group_trouble": "集团成员出现问题",
    "missed_visit": "拜访未执行",
    "reconciliation_gap": "对账差异",
}
_EN_NAMES = {
    "overdue_started": "payment overdue",
    "overdue_worsened": "overdue for longer",
    "pace_slowing": "pays more slowly",
    "utilisation": "limit nearly or more than used",
    "order_surge": "orders more than usual",
    "silence": "a regular customer fell silent",
    "broken_promise": "promise to pay broken",
    "dispute": "invoice disputed",
    "limit_expiring": "limit about to expire",
    "report_expiring": "agency report about to expire",
    "rating_changed": "risk class worse",
    "agency_rating_changed": "agency rating changed",
    "judgment_appeared": "judgment or enforcement",
    "dishonest_appeared": "on the list of dishonest debtors",
    "insolvency_appeared": "insolvent or dissolved",
    "agencies_disagree": "agencies disagree",
    "statement_overdue": "statement overdue",
    "ratio_worsened": "financial ratio worse",
    "registration_changed": "address or legal representative changed",
    "group_trouble": "group member in trouble",
    "missed_visit": "visit missed",
    "reconciliation_gap": "ledger and CRM differ",
}
_ZH = {
    "overdue_started": "逾期 {amount:money}，最长 {days} 天（自 {since}），发票 {invoices}",
    "overdue_worsened": "逾期已达 {days} 天，共 {amount:money}，发票 {invoices}",
    "pace_slowing": "近3个月平均晚付 {days_3m} 天，近12个月为 {days_12m} 天",
    "utilisation": "信用占用 {exposure:money}，为额度 {limit:money} 的 {share:percent}",
    "order_surge": "近 {window_days} 天下单 {amount:money}（平时 {usual:money}，此前停单天数 {quiet_days}）",
    "silence": "已 {days} 天未下单（最近 {last_order}），平时约 {usual_days} 天一单",
    "broken_promise": "承诺 {promised_on} 前付 {amount:money}，实收 {received:money}",
    "dispute": "发票 {invoice} 有争议，未付 {amount:money}，到期 {due_on}",
    "limit_expiring": "{limit}将于 {valid_to} 到期（还剩 {days} 天）",
    "report_expiring": "{agency} 的报告（{report_of}）有效至 {counts_until}",
    "rating_changed": "信用等级由 {before} 降为 {after}（{window_days} 天内，评分 {score}）",
    "agency_rating_changed": "{agency}（{day}）：等级 {band_before} → {band}，违约概率 {pd_before:percent} → {pd:percent}",
    "judgment_appeared": "{agency}：新增 {records} 条（{kinds}），最近立案 {filed_on}",
    "dishonest_appeared": "{agency}：失信被执行人，{records} 条，立案 {filed_on}",
    "insolvency_appeared": "{agency}：破产、清算或注销（{day}）",
    "agencies_disagree": "各机构最新报告相差 {grades_apart} 级",
    "statement_overdue": "最近报表期末 {period_end}，已 {days} 天",
    "ratio_worsened": "{ratio} 较上年变化 {change}，现为 {now}",
    "registration_changed": "{agency}：与 {before} 的报告相比有变更：{changed}",
    "group_trouble": "集团成员 {member} 的状态为 {status:label}",
    "missed_visit": "计划于 {due_on} 的拜访没有进行",
    "reconciliation_gap": "{day}：台账 {ledger} {currency}，CRM {crm} {currency}，差 {difference}",
}
_EN = {
    "overdue_started": "{amount:money} overdue, {days} days at most (since {since}), invoices {invoices}",
    "overdue_worsened": "overdue for {days} days by now, {amount:money} in all, invoices {invoices}",
    "pace_slowing": "{days_3m} days late on average in 3 months, {days_12m} in 12 months",
    "utilisation": "exposure {exposure:money} is {share:percent} of the limit {limit:money}",
    "order_surge": "orders of {amount:money} in {window_days} days (usual {usual:money}, days without before {quiet_days})",
    "silence": "no order for {days} days (last {last_order}); usually one in {usual_days} days",
    "broken_promise": "promised {amount:money} by {promised_on}, {received:money} came",
    "dispute": "invoice {invoice} is disputed, {amount:money} open, due {due_on}",
    "limit_expiring": "{limit} ends on {valid_to} (in {days} days)",
    "report_expiring": "the report of {agency} ({report_of}) counts until {counts_until}",
    "rating_changed": "risk class {before} became {after} within {window_days} days, score {score}",
    "agency_rating_changed": "{agency}, {day}: band {band_before} → {band}, probability of default {pd_before:percent} → {pd:percent}",
    "judgment_appeared": "{agency}: {records} new ({kinds}), last filed {filed_on}",
    "dishonest_appeared": "{agency}: dishonest judgment debtor, {records} records, filed {filed_on}",
    "insolvency_appeared": "{agency}: insolvency, liquidation or dissolution ({day})",
    "agencies_disagree": "the agencies' newest reports are {grades_apart} grades apart",
    "statement_overdue": "the newest statement is of {period_end}, {days} days ago",
    "ratio_worsened": "{ratio} changed by {change} on the year, now {now}",
    "registration_changed": "{agency}: changed since the report of {before}: {changed}",
    "group_trouble": "group member {member} has the status {status:label}",
    "missed_visit": "the visit planned for {due_on} was not made",
    "reconciliation_gap": "{day}: ledger {ledger} {currency}, CRM {crm} {currency}, difference {difference}",
}


def _texts(names: dict[str, str], sentences: dict[str, str], more: dict[str, str]) -> dict[str, str]:
    return (
        {f"signal_name.{kind}": text for kind, text in names.items()}
        | {f"signal.{kind}": text for kind, text in sentences.items()}
        | more
    )


ZH = _texts(
    _ZH_NAMES,
    _ZH,
    {
        "signal_owner": "负责人：{owner}",
        "signal_deadline": "请于 {day} 前处理",
        "signal_answer": "预警编号 {number}",
        "signal_reason": "预警 {number}：{name}",
        "visit.visit_signal": "有未处理的预警（见客户的“最新信用预警”）：请了解原因。",
        "visit_signal": "因预警拜访",
        "label.info": "提示",
        "label.warning": "预警",
        "label.alarm": "警报",
        "label.base": "额度",
        "label.temporary": "临时额度",
        "label.seasonal": "季节额度",
        "label.insured": "信用保险",
        "label.guaranteed": "担保",
    },
)
EN = _texts(
    _EN_NAMES,
    _EN,
    {
        "signal_owner": "Owner: {owner}",
        "signal_deadline": "To be answered by {day}",
        "signal_answer": "Signal {number}",
        "signal_reason": "signal {number}: {name}",
        "visit.visit_signal": "There is an early warning (see the account's credit signals): ask for the reason.",
        "visit_signal": "Visit because of a signal",
        "label.info": "note",
        "label.warning": "warning",
        "label.alarm": "ALARM",
        "label.base": "the limit",
        "label.temporary": "the temporary limit",
        "label.seasonal": "the seasonal limit",
        "label.insured": "the insurance",
        "label.guaranteed": "the guarantee",
    },
)
