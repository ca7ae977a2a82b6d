"""What a connection to Fxiaoke is asked for, how to get it, and the call budget that follows from it.

Invariant: what the vendor's documents leave open is a setting with a stated default (``OPEN``); ``auto``
means that the adapter asks the tenant itself, where a harmless call can tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.fxiaoke.faults import VENDOR_CLOCK
from connector.adapter import Limits, Setting
from connector.errors import Halt

BODY, HEADER = "body", "header"
AUTO = "auto"
# Vendor manual: one gateway a cloud, and no call that tells which one a tenant lives in.
CLOUDS = {
    "standard": "https://open.fxiaoke.com",
    "huawei": "https://open-hwcloud.fxiaoke.com",
    "alibaba": "https://open-ale.fxiaoke.com",
    "hongkong": "https://open-ksc.sharecrm.com",
    "frankfurt": "https://open-hws.fxiaoke.com",
    "america": "https://open-na.sharecrm.com",
}
TOKEN_PATHS = {BODY: "/cgi/corpAccessToken/get/V2", HEADER: "/oauth2.0/token"}
# Vendor manual: 100 calls in 20 s for each endpoint, ten a minute for tokens, and a day's quota that is
# bought in packs of 100,000 and begins anew at 00:00 of the vendor's clock.
PACK = 100_000
SLOTS, MOST_SLOTS = 8, 50
PAGE_ROWS, LONGEST_PAGE = 100, 1000

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "cloud",
        f"cloud that the tenant lives in: {' '.join(CLOUDS)} (ask the vendor; most are on standard)",
        default="standard",
        choices=tuple(CLOUDS),
    ),
    Setting(
        "base_url", "address of the gateway, only where it is not the cloud's own", default="", asked=False
    ),
    Setting("app_id", "appId (FSAID_…) of the self-built application 企业自建应用 in developer mode"),
    Setting("app_secret", "appSecret of that application", secret=True),
    Setting("permanent_code", "permanentCode of that application", secret=True),
    Setting(
        "user",
        "CRM administrator to act as: a mobile number, or an employee id (FSUID_… for auth_style body, "
        "the plain id such as 1000 for header)",
    ),
    Setting(
        "auth_style",
        "body (corpAccessToken in the body) or header (OAuth token in headers)",
        default=BODY,
        optional=True,
        choices=(BODY, HEADER),
    ),
    Setting(
        "user_lookup",
        "how the employee of a mobile number is found: auto, mobile (getByMobile), query (PersonnelObj) "
        "or list (the address book)",
        default=AUTO,
        choices=(AUTO, "mobile", "query", "list"),
        asked=False,
    ),
    Setting(
        "query_user",
        "employee as whom PersonnelObj is queried for the mobile number, with auth_style header",
        default="1000",
        asked=False,
    ),
    Setting(
        "daily_calls",
        "OpenAPI calls a day that were bought for us (packs of 100,000)",
        default=str(PACK),
        optional=True,
    ),
    Setting("slots", "calls at once", default=str(SLOTS), asked=False),
    Setting("page_limit", "rows asked for at once", default=str(PAGE_ROWS), optional=True, asked=False),
    Setting("timezone", "the tenant's zone, for calendar days", default="Asia/Shanghai", optional=True),
    Setting(
        "time_filters",
        "times in filters: auto, text or number",
        default=AUTO,
        optional=True,
        choices=(AUTO, "text", "number"),
        asked=False,
    ),
    Setting(
        "describe_place",
        "where describe is told the object: auto, data (below data) or top",
        default=AUTO,
        choices=(AUTO, "data", "top"),
        asked=False,
    ),
    Setting(
        "voided_rows",
        "whether queries list voided rows: auto, listed or hidden",
        default=AUTO,
        choices=(AUTO, "listed", "hidden"),
        asked=False,
    ),
)
_KNOWN = {setting.key: setting for setting in SETTINGS}


@dataclass(frozen=True)
class Open:
    """A question that the documents leave open: the ``setting`` that answers it, in both languages, and
    what is gone by while nobody has confirmed it."""

    setting: str
    en: str
    zh: str
    default: str


# Reading and access; the order is that of the risk.
OPEN: tuple[Open, ...] = (
    Open(
        "voided_rows",
        "do queries list voided rows? (either way they count as vanished; hidden ones are found by the "
        "sweep of all ids)",
        "查询是否返回作废数据？（两种情况都视为已消失；不返回时由定期核对数据ID发现）",
        "hidden",
    ),
    Open("time_filters", "are times in filters text or numbers?", "筛选条件中的时间是文本还是数字？", "text"),
    Open(
        "describe_place",
        "where does describe take apiName: below data or at the top?",
        "describe 的 apiName 在 data 中还是在顶层？",
        "the place that goes with auth_style",
    ),
    Open(
        "user_lookup",
        "how is an employee found by mobile number in this credential style?",
        "在此认证方式下如何按手机号查找员工？",
        "getByMobile",
    ),
    Open(
        "page_limit",
        "is a page of more than 100 rows refused or cut? (no more than 100 are asked for)",
        "每页超过100行时是拒绝还是截断？（默认每页100行）",
        "100",
    ),
    Open(
        "daily_calls",
        "how many OpenAPI calls a day were bought? (the vendor shows it in its console only)",
        "购买了每天多少次 OpenAPI 调用？（只能在管理后台查看）",
        "one pack of 100000",
    ),
)


def given(settings: Mapping[str, str], key: str) -> str:
    """The value of a setting or its default; ``Halt`` for one that is missing or none of its choices."""
    spec = _KNOWN[key]
    value = (settings.get(key) or spec.default or "").strip()
    if not value and spec.default is None:
        raise Halt(f"{key} is not set", where=key, todo=f"set it: {spec.help}")
    if spec.choices and value not in spec.choices:
        raise Halt(f"{key} is {value!r}", where=key, todo=f"use one of: {' '.join(spec.choices)}")
    return value


def number(settings: Mapping[str, str], key: str, most: int | None = None) -> int:
    """A setting that is a whole positive number, of at most ``most``; ``Halt`` naming it if it is not."""
    text = given(settings, key).replace(",", "").replace("_", "")
    if not text.isdecimal() or not int(text) or (most is not None and int(text) > most):
        bound = f" of at most {most}" if most is not None else ""
        raise Halt(
            f"{key} is {text!r}, no positive number{bound}",
            where=key,
            todo=f"set {key} to a number such as {_KNOWN[key].default}",
        )
    return int(text)


def zone(settings: Mapping[str, str]) -> ZoneInfo:
    """The tenant's time zone; ``Halt`` when there is none of that name."""
    name = given(settings, "timezone")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise Halt(
            f"there is no time zone {name!r}", where="timezone", todo="use a name such as Asia/Shanghai"
        ) from None


def check(settings: Mapping[str, str]) -> None:
    """``Halt`` naming the first setting that is missing or wrong."""
    for key in _KNOWN:
        given(settings, key)
    zone(settings)
    limits_for(settings)
    number(settings, "page_limit", LONGEST_PAGE)


def base_url(settings: Mapping[str, str]) -> str:
    """The gateway's address: the cloud's, or the one that was given."""
    return given(settings, "base_url") or CLOUDS[given(settings, "cloud")]


def limits_for(settings: Mapping[str, str]) -> Limits:
    """The vendor's limits with the quota that was bought. A tenth of the day is kept for what a person
    waits for; an endpoint's 20 s are shared by all, for they are over soon."""
    return Limits(
        slots=number(settings, "slots", MOST_SLOTS),
        calls=100,
        per_seconds=20,
        reserve=0.1,
        rates=dict.fromkeys(TOKEN_PATHS.values(), (10, 60)),
        total=(number(settings, "daily_calls"), 86_400),
        day_of=VENDOR_CLOCK,
    )


def guide(language: str) -> str:
    """What to click before the settings can be given."""
    if language.lower().startswith("zh"):
        return (
            "在纷享销客管理后台（需要系统管理员）：\n"
            "1. 应用管理 → 新建企业自建应用，开启开发者模式（需填写登录来源域名和 IP 白名单）\n"
            "2. 把 CreditGate 所在服务器的出口 IP 填入该应用的 IP 白名单\n"
            "3. 购买 OpenAPI 调用次数包（每包每天 100,000 次），否则所有调用返回 30003\n"
            "4. 复制 appId（FSAID_…）、appSecret 和 permanentCode\n"
            "5. 选定一位 CRM 管理员作为操作人（其数据权限决定能读到什么），记下手机号或员工 ID\n"
            "6. 如果租户不在标准云（华为云、阿里云、香港、法兰克福、北美），在 cloud 中选择"
        )
    return (
        "In the Fxiaoke admin console, as a system administrator:\n"
        "1. App management → new self-built application (企业自建应用); switch developer mode on (it needs a "
        "login-origin domain and an IP whitelist)\n"
        "2. Enter the address from which CreditGate calls into the application's IP whitelist\n"
        "3. Buy an OpenAPI quota pack (100,000 calls a day each); without one every call ends with 30003\n"
        "4. Copy appId (FSAID_…), appSecret and permanentCode\n"
        "5. Choose a CRM administrator to act as (that employee's data permission decides what is read); "
        "note the mobile number or the employee id\n"
        "6. If the tenant is not on the standard cloud (Huawei, Alibaba, Hong Kong, Frankfurt, North "
        "America), choose it as cloud"
    )
