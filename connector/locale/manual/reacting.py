"""What is done about it, in the words of the manual: releases, letters, visits and signals in general."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    # Orders that are let pass.
    "Policy.releases": ("Letting a held order pass", "冻结订单的放行"),
    "Releases.days": (
        "A release holds for {value} days at most,",
        "放行最长有效 {value} 天，",
    ),
    "Releases.tolerance": (
        "for the amount of the order and {percent} more; what asks for more is held again.",
        "适用于订单金额及其 {percent} 的上浮；超出部分重新冻结。",
    ),
    "Releases.codes": ("Reasons that may be given: {value}.", "可用的放行理由：{value}。"),
    "code.payment_promised": ("payment promised", "已承诺付款"),
    "code.payment_on_the_way": ("payment on the way", "款项在途"),
    "code.secured": ("secured", "已有担保"),
    "code.correction": ("correction of an error", "更正错误"),
    "code.strategic": ("strategic customer", "战略客户"),
    "code.other": ("other", "其他"),
    "Releases.when_clear": ("When every reason has gone", "冻结原因全部消除时"),
    "Releases.when_clear.release": (
        "An order whose every reason has gone is let pass by itself.",
        "冻结原因全部消除的订单自动放行。",
    ),
    "Releases.when_clear.wait": (
        "An order whose every reason has gone waits for a person all the same.",
        "冻结原因全部消除的订单仍须人工放行。",
    ),
    "Check.got_past": ("An order that was not checked", "未经检查的订单"),
    "Check.got_past.list": (
        "An order that reached the CRM without a check is listed.",
        "未经检查进入 CRM 的订单列入清单。",
    ),
    "Check.got_past.check": (
        "An order that reached the CRM without a check is held if a check would hold it.",
        "未经检查进入 CRM 的订单补做检查，不合格者冻结。",
    ),
    "Check.got_past.hold": (
        "An order that reached the CRM without a check is held.",
        "未经检查进入 CRM 的订单一律冻结。",
    ),
    # Letters.
    "Policy.dunning": ("Letters about overdue invoices", "催款函"),
    "Dunning.min_amount": (
        "A customer whose overdue invoices together come to {value} {currency} or less is left alone,",
        "逾期发票合计不超过 {value} {currency} 的客户不发催款函，",
    ),
    "Dunning.min_invoice": (
        "and so is an invoice of which {value} {currency} or less is open.",
        "未付余额不超过 {value} {currency} 的发票亦不催收。",
    ),
    "Dunning.cycle_days": (
        "No customer gets two letters within {value} days.",
        "同一客户 {value} 天内不发两封催款函。",
    ),
    "Dunning.promises": ("An open promise to pay", "未到期的付款承诺"),
    "Dunning.promises.wait": (
        "An open promise to pay is waited for.",
        "付款承诺未到期前暂停催收。",
    ),
    "Dunning.promises.ignore": (
        "Letters go out in spite of an open promise to pay.",
        "付款承诺未到期时仍照常催收。",
    ),
    "Dunning.quiet": ("Days without letters", "不发函日"),
    "Quiet.weekdays": ("Nothing is sent on {value}.", "{value}不发函。"),
    "Quiet.weekdays.none": ("Letters may go out on every day of the week.", "每周各日均可发函。"),
    "Quiet.days": ("Other days without letters", "其他不发函日期"),
    "Span.from_": ("From", "自"),
    "Span.to": ("To (included)", "至（含）"),
    "weekday.monday": ("Monday", "星期一"),
    "weekday.tuesday": ("Tuesday", "星期二"),
    "weekday.wednesday": ("Wednesday", "星期三"),
    "weekday.thursday": ("Thursday", "星期四"),
    "weekday.friday": ("Friday", "星期五"),
    "weekday.saturday": ("Saturday", "星期六"),
    "weekday.sunday": ("Sunday", "星期日"),
    "Dunning.levels": ("Levels, from the first to the firmest", "催收级别（由轻到重）"),
    "DunningLevel.days": ("Days past due", "逾期天数"),
    "DunningLevel.letter": ("Letter", "函件"),
    "DunningLevel.wait_days": ("Days after the level below", "距上一级天数"),
    "DunningLevel.interest": ("Claims late interest", "收取逾期利息"),
    "DunningLevel.pay_within_days": ("To be paid within (days)", "付款期限（天）"),
    "letter.reminder": ("reminder", "付款提醒"),
    "letter.demand": ("demand", "催款函"),
    "letter.final": ("last demand", "最后催款通知"),
    # Visits.
    "Visits.signal_days": (
        "A signal that asks for a visit gets one within {value} days.",
        "预警要求的拜访须在 {value} 天内完成。",
    ),
    # Who answers for what.
    "Policy.responsibility": ("Who does and who answers for what", "责任分工"),
    "responsibility.intro": (
        "For each step: R does it, A answers for it and is one alone, C is asked before, I is told afterwards.",
        "各步骤分工：R 为执行，A 为负责（唯一），C 为事前征询，I 为事后知会。",
    ),
    "responsibility.step": ("Step", "步骤"),
    "Duty.responsible": ("R: does it", "R 执行"),
    "Duty.accountable": ("A: answers for it", "A 负责"),
    "Duty.consulted": ("C: is asked", "C 征询"),
    "Duty.informed": ("I: is told", "I 知会"),
    "Responsibility.request_limit": ("Propose a limit", "额度申请"),
    "Responsibility.grant_limit": ("Approve a limit", "额度审批"),
    "Responsibility.lower_limit": ("Lower or withdraw a limit", "降低或撤销额度"),
    "Responsibility.place_hold": ("Put a customer or order on hold", "冻结"),
    "Responsibility.release_hold": ("Release a hold or reject the order", "放行或否决"),
    "Responsibility.review": ("Review a customer", "信用复评"),
    "Responsibility.visit": ("Visit a customer", "客户拜访"),
    "Responsibility.signal": ("Answer an early warning", "预警处理"),
    "Responsibility.record": ("Record promises and disputes", "登记付款承诺与争议"),
    "Responsibility.dunning": ("Send a dunning letter", "发送催款函"),
    "Responsibility.blacklist": ("Blacklist or readmit a customer", "列入或移出黑名单"),
    "Responsibility.write_off": ("Write a debt off", "坏账核销"),
    "Responsibility.policy": ("Change this policy", "政策变更"),
}
