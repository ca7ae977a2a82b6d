"""What the daemon runs, in the words of the manual."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "scheduled.pull": ("Read the CRM", "读取 CRM"),
    "scheduled.assess": ("Assess customers", "评定客户"),
    "scheduled.push": ("Write results to the CRM", "结果写回 CRM"),
    "scheduled.hooks process": ("Read again what the CRM told of", "读取 CRM 推送所指的记录"),
    "scheduled.hooks renew": ("Prolong the CRM's notifications", "续订 CRM 推送"),
    "scheduled.hold review": ("Look through orders on hold", "复核冻结订单"),
    "scheduled.signal act": ("Do what follows from signals", "执行预警对应的措施"),
    "scheduled.signal tell": ("Tell signals by channels", "通过渠道发送预警"),
    "scheduled.notice tell": ("Tell roles of acts", "向相关岗位知会操作"),
    "scheduled.visit plan": ("Plan visits", "编制拜访计划"),
    "scheduled.review plan": ("Open the reviews that are due", "建立到期复评"),
    "scheduled.dunning send": ("Send dunning letters", "发送催款函"),
    "scheduled.kpi export": ("Hand the month's figures to the CRM", "向 CRM 提交月度考核数据"),
    "scheduled.bureau refresh": ("Fetch agencies' reports", "获取征信报告"),
    "scheduled.bureau changes": ("Ask agencies for changes", "查询征信变动"),
    "scheduled.bureau watch": ("Register customers for watching", "登记征信监控"),
    "scheduled.bureau purge": ("Delete reports past their time", "清除到期征信报告"),
    "scheduled.consent purge": ("Delete what consent no longer covers", "清除授权已失效的数据"),
    "scheduled.ledger import": ("Read the ledger's file", "读取账套文件"),
    "scheduled.rate import": ("Read exchange rates", "读取汇率"),
    "scheduled.audit verify": ("Prove the journal", "验证日志"),
}
