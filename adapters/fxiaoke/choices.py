"""What a connection can be told about writing and about events, each with the default that it goes by.

Invariant: whatever the vendor's documents leave open about writes is a setting here and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector.adapter import Setting
from connector.errors import Halt

ON_OFF = ("on", "off")
CHANGED, WHOLE = "changed", "whole"
WRITE, READ = "write", "read"

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "task_workflow",
        "on or off: whether a new visit starts the tenant's workflows (on for a native check-in plan)",
        default="off",
        choices=ON_OFF,
        asked=False,
    ),
    Setting(
        "visit_message",
        "on or off: whether the owner of a new visit gets a message with a link to it",
        default="on",
        choices=ON_OFF,
        asked=False,
    ),
    Setting(
        "write_rules",
        "on or off: whether validation rules and pre-validation functions judge what CreditGate writes",
        default="off",
        choices=ON_OFF,
        asked=False,
    ),
    Setting(
        "update_sends",
        "changed: an update leaves alone what it does not name; whole: it would empty that, so rows are "
        "read first and sent whole",
        default=CHANGED,
        choices=(CHANGED, WHOLE),
        asked=False,
    ),
    Setting(
        "credit_module",
        "where the tenant uses the vendor's own credit module, who decides on limits, once for all: write "
        "(we do, and write its quota) or read (it does: its quota is our limit, and we write none); empty "
        "where there is none",
        optional=True,
        choices=(WRITE, READ),
        settled=True,
    ),
    Setting("credit_object", "object of that module", default="CreditFileObj", asked=False),
    Setting("credit_account_field", "its field that names the account", default="customer_id", asked=False),
    Setting("credit_quota_field", "its field with the quota", default="credit_quota", asked=False),
    Setting(
        "limit_fields",
        "our fields on the account that state a limit, the limit itself first, as 'provision' names them",
        default="credit_limit__c,credit_available__c",
        asked=False,
    ),
    Setting(
        "event_key",
        "aesKey of the event callback in the vendor's console, if it is set up",
        secret=True,
        optional=True,
        asked=False,
    ),
    Setting(
        "hook_secret",
        "a long random text that the tenant's own hook function signs with, if there is one",
        secret=True,
        optional=True,
        asked=False,
    ),
)


# What about writing and events is to be confirmed on first contact: the setting, the question in English
# and Chinese, and what is gone by until then.
OPEN: tuple[tuple[str, str, str, str], ...] = (
    (
        "update_sends",
        "does an update leave fields alone that it does not name? (tried, and mended, at the first one)",
        "更新时未提交的字段是否保持不变？（首次更新时会验证，若被清空会立即恢复）",
        CHANGED,
    ),
    (
        "write_rules",
        "does optionInfo switch validation rules and pre-validation functions off for our writes?",
        "optionInfo 能否让写入跳过验证规则和前验证函数？",
        "off",
    ),
    (
        "credit_module",
        "is the vendor's own credit module in use, and who decides on its quota: write (we) or read (it)?",
        "是否启用了纷享自带的信用模块？额度由谁决定：write（我们写入）还是 read（由它决定）？",
        "nobody chose: its quota is left alone",
    ),
    (
        "credit_object",
        "which object and fields hold the quota of the vendor's credit module?",
        "信用模块的额度在哪个对象和字段中？",
        "CreditFileObj.customer_id, .credit_quota",
    ),
    (
        "event_key",
        "can the event callback be set up in the console, and of which objects does it tell?",
        "后台能否配置事件回调，支持哪些对象？",
        "none is set up: pull alone",
    ),
)


@dataclass(frozen=True)
class CreditModule:
    """What is done with the vendor's credit module. ``limits`` are our fields that state a limit."""

    choice: str
    object: str
    account_field: str
    quota_field: str
    limits: tuple[str, ...]


@dataclass(frozen=True)
class Choices:
    """The settings of a connection as far as they are about writing."""

    workflow: bool
    message: bool
    rules: bool
    whole: bool
    module: CreditModule


def choices(settings: Mapping[str, str], connection: str) -> Choices:
    """The choices in ``settings``; ``Halt`` for a value that there is not."""
    given = {one.key: settings.get(one.key) or one.default or "" for one in SETTINGS if not one.secret}
    for one in SETTINGS:
        value = given.get(one.key, "")
        if value and one.choices and value not in one.choices:
            todo = f"use {' or '.join(one.choices)}"
            raise Halt(f"{one.key} is {value!r}", where=connection, todo=todo)
    limits = tuple(part.strip() for part in given["limit_fields"].split(",") if part.strip())
    module = CreditModule(
        given["credit_module"],
        given["credit_object"],
        given["credit_account_field"],
        given["credit_quota_field"],
        limits,
    )
    return Choices(
        workflow=given["task_workflow"] == "on",
        message=given["visit_message"] == "on",
        rules=given["write_rules"] == "on",
        whole=given["update_sends"] == WHOLE,
        module=module,
    )
