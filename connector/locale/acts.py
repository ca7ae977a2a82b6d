"""What notices say of credit acts, in both languages.

Invariant: every act that a step of the policy's ``responsibility`` has in the journal has its words here.
"""

from __future__ import annotations

# Act of the journal: in English, in Chinese.
_DID = {
    "limit_requested": ("asked for a limit", "申请额度"),
    "limit_set": ("set a limit", "设定额度"),
    "limit_approved": ("approved a limit", "批准额度"),
    "limit_declined": ("declined a limit", "否决额度申请"),
    "limit_withdrawn": ("withdrew a limit", "撤销额度"),
    "hold_placed": ("placed a hold", "冻结客户"),
    "hold_lifted": ("lifted a hold", "解除冻结"),
    "order_held": ("held an order", "冻结订单"),
    "order_forced": ("put an order on hold", "强制冻结订单"),
    "order_released": ("released an order", "放行订单"),
    "order_rejected": ("rejected an order", "否决订单"),
    "order_passed": ("let an order pass after all", "订单复查通过"),
    "review_opened": ("opened a review", "发起复评"),
    "review_recommended": ("recommended what comes of a review", "提出复评建议"),
    "review_declined": ("sent a review back", "退回复评"),
    "review_closed": ("ended a review without an outcome", "终止复评"),
    "review_finished": ("finished a review", "完成复评"),
    "review_escalated": ("handed an overdue review up", "上报逾期复评"),
    "visit_told": ("tells how a visit stands", "反馈拜访进展"),
    "visit_missed": ("finds a visit missed", "发现拜访未执行"),
    "signal_acknowledged": ("took over an early warning", "受理预警"),
    "signal_snoozed": ("put an early warning off", "延后预警"),
    "signal_assigned": ("gave an early warning to somebody", "指派预警"),
    "signal_closed": ("closed an early warning", "关闭预警"),
    "promise_recorded": ("recorded a promise to pay", "登记付款承诺"),
    "promise_settled": ("settled a promise to pay", "了结付款承诺"),
    "dispute_opened": ("recorded a dispute", "登记争议"),
    "dispute_closed": ("ended a dispute", "了结争议"),
    "dunning_sent": ("sent a dunning letter", "发出催款函"),
    "dunning_confirmed": ("confirmed that a dunning letter went out", "确认催款函已寄出"),
    "dunning_failed": ("could not send a dunning letter", "催款函发送失败"),
    "dunning_doubtful": ("does not know whether a dunning letter arrived", "催款函是否送达不明"),
    "dunning_withdrawn": ("withdrew a dunning letter", "撤回催款函"),
    "blacklisted": ("put on the blacklist", "列入黑名单"),
    "readmitted": ("took off the blacklist", "移出黑名单"),
    "policy_proposed": ("proposed a policy", "提请政策"),
    "policy_activated": ("put a policy in force", "使政策生效"),
    "policy_withdrawn": ("withdrew a policy", "撤回政策"),
}
_NOTICE = {
    "notice.title": ("{count:number} credit acts", "信用操作 {count:number} 项"),
    "notice.line": (
        "{number}. {day} {actor}: {act} ({subject})",
        "{number}. {day} {actor}：{act}（{subject}）",
    ),
    "notice.why": (
        "Why: 'creditgate notice list' and 'creditgate audit show'",
        "理由见 creditgate notice list 与 creditgate audit show",
    ),
    "notice.head": ("Journal: {head}", "日志链：{head}"),
    "duty.line": (
        "  {step}: done by {responsible}; {accountable} answers for it; asked before: {consulted}; told: {informed}",
        "  {step}：{responsible}执行，{accountable}负责，征询{consulted}，知会{informed}",
    ),
    "duty.and": (", ", "、"),
    "label.chapter_duties": ("Who does what about it:", "责任分工："),
    "label.duty_release_hold": ("releasing a hold", "放行"),
    "label.duty_grant_limit": ("another limit", "调整额度"),
    "label.duty_review": ("the review", "复评"),
    "label.role_sales": ("sales", "销售"),
    "label.role_analyst": ("the analyst", "信用分析员"),
    "label.role_approver": ("the approver", "审批人"),
    "label.role_controller": ("the controller", "信用主管"),
    "label.role_auditor": ("the auditor", "审计"),
    "label.role_admin": ("the admin", "系统管理员"),
}


def _texts(place: int) -> dict[str, str]:
    did = {f"did.{act}": words[place] for act, words in _DID.items()}
    return did | {code: words[place] for code, words in _NOTICE.items()}


EN, ZH = _texts(0), _texts(1)
