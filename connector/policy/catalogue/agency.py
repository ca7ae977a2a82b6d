"""Facts from rating agencies.

Invariant: of several agencies the newest report that states a value gives it; flags and negative
records take the worst of every agency's newest report. Good news goes stale, bad news stands until
a newer report lifts it.
"""

from __future__ import annotations

from connector.policy.catalogue.spec import FactSpec

AGENCY: tuple[FactSpec, ...] = (
    FactSpec(
        "agency_pd", "ratio", "%", "Probability of default in 12 months, agency", "机构违约概率（12个月）",
        "as the agency gives it, else by the table that the step names; 1 once insolvent or dishonest",
        "report", "lower", low=0, high=1,
    ),
    FactSpec(
        "agency_pd_best", "ratio", "%", "Lowest probability of default, agencies", "各机构中最低违约概率",
        "the least that any agency with a fresh report says", "report", "lower", low=0, high=1,
    ),
    FactSpec(
        "agency_pd_worst", "ratio", "%", "Highest probability of default, agencies", "各机构中最高违约概率",
        "the most that any agency with a fresh report says", "report", "lower", low=0, high=1,
    ),
    FactSpec(
        "agency_disagreement", "count", "grades", "Grades by which agencies differ", "机构评级差异级数",
        "credit quality steps between the best and the worst agency with a fresh report; unknown with fewer "
        "than two",
        "report", "lower", low=0,
    ),
    FactSpec(
        "agency_band", "text", "", "Agency band", "机构评级",
        "the agency's own band", "report",
    ),
    FactSpec(
        "agency_limit", "money", "minor units", "Agency credit advice", "机构建议额度",
        "recommended limit; 0 once insolvent", "report", "higher", low=0,
    ),
    FactSpec(
        "agency_score_age_days", "days", "days", "Age of the agency report", "机构报告天数",
        "today - date of the newest report", "report", "lower", low=0,
    ),
    FactSpec(
        "open_judgments", "count", "documents", "Open judgments and enforcements", "未结判决与执行",
        "records of kind judgment, enforcement, dishonest or consumption_limit, matched exactly and "
        "not known to be resolved; none is known only from an agency that looks for them",
        "report", "lower", low=0,
    ),
    FactSpec(
        "insolvent", "flag", "", "Insolvent or dissolved", "破产或注销",
        "flagged insolvent or dissolved, or an open insolvency or bankruptcy record", "report",
    ),
    FactSpec(
        "open_enforcements", "count", "documents", "Open enforcements", "未结执行",
        "records of kind enforcement or consumption_limit, counted as the judgments are",
        "report", "lower", low=0,
    ),
    FactSpec(
        "dishonest", "flag", "", "Dishonest judgment debtor", "失信被执行人",
        "an open record of kind dishonest; not so only from an agency that looks for judgments", "report",
    ),
    FactSpec(
        "open_liens", "count", "documents", "Open liens", "未解除抵押与留置",
        "records of kind lien, counted as the judgments are", "report", "lower", low=0,
    ),
    FactSpec(
        "negatives_amount", "money", "minor units", "Amount of open negative records", "未结负面记录金额",
        "Σ amount of open records of every kind, as far as it is stated, the most that any agency knows of",
        "report", "lower", low=0,
    ),
    FactSpec(
        "agency_dbt", "number", "days", "Days beyond terms, agency", "机构统计超期天数",
        "days beyond terms with all suppliers, as the agency states it", "report", "lower",
    ),
    FactSpec(
        "report_stale", "flag", "", "Agency report too old", "机构报告已过期",
        "the newest report is older than the policy lets it be; unknown without a report", "report",
    ),
)  # fmt: skip
