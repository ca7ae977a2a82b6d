"""The way out of what Zoho refuses, record by record, in Chinese and English.

Invariant: every code that a write may meet has a text in both languages; the vendor's own words stand
beside it, never in its place.
"""

from __future__ import annotations

from typing import Any

from adapters.zoho import faults

_IMAGE = (
    "Zoho is checking an image of the record; it is tried again by itself",
    "Zoho 正在检查该记录的图片，稍后会自动重试",
)
_TODO: dict[str, tuple[str, str]] = {
    "RECORD_LOCKED": (
        "unlock the record, or exclude the profile of the connection's user from the lock (Setup > "
        "Record Locking); it is tried again by itself",
        "请解锁该记录，或在“设置 > 记录锁定”中排除本连接用户的角色；会自动重试",
    ),
    "RECORD_IN_BLUEPRINT": (
        "finish the record's blueprint step, or take the credit fields out of the blueprint; it is tried "
        "again by itself",
        "请完成该记录的流程步骤，或把信用字段移出流程；会自动重试",
    ),
    "NOT_APPROVED": (
        "the record waits for approval: approve or reject it; it is tried again by itself",
        "该记录正在等待审批：请先审批；会自动重试",
    ),
    "NOT_REVIEWED": (
        "the record waits for review: review it; it is tried again by itself",
        "该记录正在等待复核：请先复核；会自动重试",
    ),
    "ALREADY_MODIFIED": (
        "somebody changed the record: run 'pull', then it is written by the next 'push'",
        "有人修改了该记录：请运行“pull”，下次“push”时写入",
    ),
    "DUPLICATE_DATA": (
        "another record has the value of a field that must be unique: merge the two, or clear the value "
        "in the other one (its id is named)",
        "另一条记录已有该唯一字段的值：请合并两条记录，或清除另一条中的值（已给出编号）",
    ),
    "INVALID_DATA": (
        "check the field that is named: its type, length and options; 'provision' compares them. If it is "
        "'id', the record is gone or not visible to the connection's user",
        "请检查所指字段的类型、长度和选项，可用“provision”比对；若为 id，则记录已删除或本连接用户不可见",
    ),
    "MANDATORY_NOT_FOUND": (
        "the record lacks a value that its layout requires: fill the named field, or make it optional",
        "该记录缺少布局要求的必填值：请补填所指字段，或取消必填",
    ),
    "NO_PERMISSION": (
        "give the connection's user the permission that is named",
        "请给本连接的用户授予所指权限",
    ),
    "NOT_ALLOWED": (
        "check the edition of Zoho CRM and the profile of the connection's user",
        "请检查 Zoho CRM 的版本和本连接用户的角色",
    ),
    "MULTIPLE_OR_MULTI_ERRORS": (
        "mend each of the fields that are named",
        "请逐一更正所指字段",
    ),
}
_OTHER = (
    "see the vendor's words; after mending it, run 'outbox retry'",
    "请看 Zoho 的原话；更正后运行“outbox retry”",
)


def todo(fault: Any, language: str) -> str:
    """What a person does about one item's failure."""
    chinese = language.lower().startswith("zh")
    texts = _IMAGE if faults.image_check(fault) else _TODO.get(faults.code(fault), _OTHER)
    return texts[chinese]
