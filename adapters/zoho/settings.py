"""What a connection to Zoho CRM is asked for, how to get it, and the call budget that follows from it.

Invariant: what the vendor's manual leaves open (credits of a bulk read, users in the licence) is a
setting with a cautious default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from adapters.zoho.auth import DATA_CENTERS, ENVIRONMENTS
from adapters.zoho.scopes import WANTED
from connector.adapter import Limits, Setting
from connector.errors import Halt

# Calls at once and credits in 24 hours without those that come with users (vendor manual: API limits).
EDITIONS = {
    "free": (5, 5_000),
    "standard": (10, 50_000),
    "professional": (15, 50_000),
    "enterprise": (20, 50_000),
    "ultimate": (25, 50_000),
}
# For all editions: four calls at once are fine even in the smallest one. Ten downloads of bulk reads a
# minute; ten access tokens in ten minutes (vendor manual: Bulk Read limitations, Token Validity).
UNKNOWN = Limits(
    slots=4,
    calls=50_000,
    per_seconds=86_400,
    heavy=10,
    reserve=0.1,
    rates={"downloads": (10, 60), "token": (10, 600)},
)
BULK_FROM, BULK_CREDITS = 30_000, 50
# A visit is meant to be noticed; workflows on credit fields would answer our writes with new changes.
TRIGGERS = "Tasks"

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "data_center",
        f"where the org lives: {' '.join(DATA_CENTERS)} (the ending of its web address)",
        optional=True,
        choices=tuple(DATA_CENTERS),
    ),
    Setting(
        "accounts_url",
        "address of the accounts host, only where it is not the data centre's own",
        optional=True,
        asked=False,
    ),
    Setting("client_id", "client id of the self client in Zoho's API console, tab Client Secret"),
    Setting("client_secret", "client secret of the self client, same tab", secret=True),
    Setting(
        "refresh_token",
        "refresh token of the self client, if there is one already (leave empty to give a code)",
        secret=True,
        optional=True,
    ),
    Setting(
        "code",
        "grant code from the self client, exchanged once; it lives 3 to 10 minutes",
        secret=True,
        optional=True,
    ),
    Setting("environment", "production, sandbox or developer", default="production", choices=ENVIRONMENTS),
    Setting(
        "edition",
        f"edition of the org, for its limits: {' '.join(EDITIONS)} (empty: the limits that all have)",
        optional=True,
        choices=tuple(EDITIONS),
    ),
    Setting("slots", "calls at once, if not those of the edition", optional=True, asked=False),
    Setting("credits", "API credits in 24 hours, if not those of the edition", optional=True, asked=False),
    Setting(
        "bulk_from",
        "records from which on a first load takes bulk read; 'never' to do without",
        default=str(BULK_FROM),
        asked=False,
    ),
    Setting(
        "bulk_credits",
        "API credits of a bulk read job (stated by Zoho for other products)",
        default=str(BULK_CREDITS),
        asked=False,
    ),
    Setting(
        "trigger_workflows",
        "modules in which what we write starts workflows, separated by commas; 'none' for none",
        default=TRIGGERS,
        asked=False,
    ),
    Setting(
        "credit_profiles",
        "names of the profiles that may edit orders on hold, separated by commas (the connection's own "
        "always may)",
        optional=True,
        asked=False,
    ),
    Setting(
        "read_only_profiles",
        "names of the profiles that see the credit fields but may not edit them, separated by commas",
        optional=True,
        asked=False,
    ),
)


def limits_for(settings: Mapping[str, str]) -> Limits:
    """The limits of the edition, or of any edition where it is not known; ``slots`` and ``credits``
    overrule them. ``Halt`` for an edition that there is not or a number that is none."""
    limits = UNKNOWN
    edition = settings.get("edition", "").strip().lower()
    if edition:
        if edition not in EDITIONS:
            raise Halt(
                f"there is no edition {edition!r}",
                where="edition",
                todo=f"use one of: {' '.join(EDITIONS)}",
            )
        slots, calls = EDITIONS[edition]
        limits = replace(limits, slots=slots, calls=calls)
    return replace(
        limits,
        slots=number(settings, "slots", limits.slots),
        calls=number(settings, "credits", limits.calls or 0),
    )


def number(settings: Mapping[str, str], key: str, default: int) -> int:
    """A setting that is a whole positive number; ``Halt`` naming it if it is not."""
    text = settings.get(key, "").strip().replace("_", "").replace(",", "")
    if not text:
        return default
    if not text.isdigit() or not int(text):
        raise Halt(f"{key} is no positive number", where=key, todo=f"set {key} to a number like {default}")
    return int(text)


def names(settings: Mapping[str, str], key: str) -> tuple[str, ...]:
    """A setting that lists names separated by commas; ``none`` or nothing for none."""
    found = tuple(part.strip() for part in settings.get(key, "").split(",") if part.strip())
    return () if [part.lower() for part in found] == ["none"] else found


def bulk_from(settings: Mapping[str, str]) -> int | None:
    """Records from which on bulk read is worth its credits; ``None`` for never."""
    text = settings.get("bulk_from", "").strip().lower()
    if text == "never":
        return None
    return 0 if text == "0" else number(settings, "bulk_from", BULK_FROM)


def guide(language: str) -> str:
    """What to click before the settings can be given."""
    if language.lower().startswith("zh"):
        return (
            "在 Zoho 中（以能看到客户、订单、发票和任务的用户登录）：\n"
            "1. 打开您所在数据中心的 API 控制台：https://api-console.zoho.com（.eu、.in、.com.cn、.jp、"
            ".com.au、.sa；加拿大为 https://api-console.zohocloud.ca）\n"
            "2. 选择 Self Client，点 Create；在 Client Secret 页签中有 client_id 和 client_secret\n"
            "3. 在 Generate Code 页签的 Scope 中填写：\n"
            f"   {WANTED}\n"
            "   Time Duration 选 10 分钟，Description 任意，点 Create，选择 CRM 及其组织\n"
            "4. 复制 code，在有效期内填到下面"
        )
    return (
        "In Zoho, signed in as a user who sees accounts, orders, invoices and tasks:\n"
        "1. Open the API console of your data centre: https://api-console.zoho.com (.eu .in .com.cn .jp "
        ".com.au .sa; Canada: https://api-console.zohocloud.ca)\n"
        "2. Choose Self Client and Create; client_id and client_secret are on the tab Client Secret\n"
        "3. On the tab Generate Code enter as Scope:\n"
        f"   {WANTED}\n"
        "   take 10 minutes as Time Duration, any Description, Create, and pick CRM and its organisation\n"
        "4. Copy the code and enter it below before its time is over"
    )
