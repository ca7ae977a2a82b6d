"""What an admin does with the packed files, step by step, in the org's language.

Invariant: each step names the menu of the console and the file; what no document of the vendor settles is
said to be so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.fxiaoke.plugin.component import API_NAME, ENTRY
from adapters.fxiaoke.plugin.functions import KEY_PLACE, SECRET_PLACE, Function
from connector.adapter import PluginSpec

_NAMESPACES = {"validate": "校验函数", "flow": "流程", "controller": "自定义控制器"}
_BOUND = {
    "create:save": "新建-保存 前验证",
    "update:save": "编辑-保存 前验证",
    "workflow:create": "工作流 新建",
    "workflow:update": "工作流 编辑",
    "workflow:invalid": "工作流 作废",
}


def steps(
    spec: PluginSpec, language: str, made: Sequence[Function], ruled: Mapping[str, dict[str, Any]]
) -> tuple[str, ...]:
    """The steps in order."""
    return _chinese(spec, made, ruled) if language == "zh" else _english(spec, made, ruled)


def page(todo: Sequence[str], language: str) -> str:
    """The steps as a page."""
    title = "# CreditGate 插件安装步骤" if language == "zh" else "# Installing the CreditGate plugin"
    return "\n".join([title, "", *(f"{number}. {text}" for number, text in enumerate(todo, 1)), ""])


def _bound(one: Function) -> str:
    return ", ".join(_BOUND[event] for event in one.bindings)


def _chinese(
    spec: PluginSpec, made: Sequence[Function], ruled: Mapping[str, dict[str, Any]]
) -> tuple[str, ...]:
    key = f"运行 creditgate connect key {spec.connection}，记下密钥（只显示一次）。"
    fields = (
        "字段：用 sharedev 推送 tenant-config 下的 fields 文件，或按 creditgate provision 的清单在"
        "“对象管理”中新建；自定义对象先在后台新建。"
    )
    rules = [
        f"验证规则“{rule['rule_name']}”（{rule['describe_api_name']}，阻断，{'、'.join(rule['scene'])}）："
        f"条件 {rule['condition']}，提示“{rule['message']}”；或用 sharedev 推送 {path}。"
        for path, rule in ruled.items()
    ]
    written = [
        f"函数“{one.label['zh']}”：定制开发平台 → 自定义函数 → 新建，ApiName {one.api_name}，命名空间 "
        f"{_NAMESPACES[one.namespace]}，返回类型 {one.return_type}，绑定对象 {one.object}"
        + (f"，参数（String）{'、'.join(one.parameters)}" if one.parameters else "")
        + f"；粘贴 {one.file}"
        + (f"；绑定到 {_bound(one)}" if one.bindings else "")
        + "。"
        for one in made
    ]
    secrets = f"把函数中的 {KEY_PLACE!r} 换成密钥，把 {SECRET_PLACE!r} 换成连接设置 hook_secret 的值。"
    panel = (
        f"组件：定制开发平台 → 自定义组件 → 新建，ApiName {API_NAME}，上传 component 下的文件，入口 {ENTRY}；"
        f"放到“客户”与“销售订单”的详情页布局。"
    )
    trial = "试保存一张订单，并在函数的运行日志中查看 CreditGate 的判断。"
    return (key, fields, *rules, *written, secrets, panel, trial)


def _english(
    spec: PluginSpec, made: Sequence[Function], ruled: Mapping[str, dict[str, Any]]
) -> tuple[str, ...]:
    key = f"Run creditgate connect key {spec.connection} and note the key; it is shown once."
    fields = (
        "Fields: push the files below tenant-config/…/fields with sharedev, or make them in 对象管理 from "
        "the list of creditgate provision; a custom object is made in the console first."
    )
    rules = [
        f"Validation rule (验证规则) {rule['rule_name']!r} on {rule['describe_api_name']}, blocking, "
        f"{' and '.join(rule['scene'])}: condition {rule['condition']} and message {rule['message']!r}; "
        f"or push {path} with sharedev."
        for path, rule in ruled.items()
    ]
    written = [
        f"Function {one.label['en']!r}: 定制开发平台 → 自定义函数 → new, ApiName {one.api_name}, namespace "
        f"{_NAMESPACES[one.namespace]}, return type {one.return_type}, object {one.object}"
        + (f", parameters of type String: {', '.join(one.parameters)}" if one.parameters else "")
        + f"; paste {one.file}"
        + (f"; bind it to {_bound(one)}" if one.bindings else "")
        + "."
        for one in made
    ]
    secrets = f"In the functions put the key for {KEY_PLACE!r}, and hook_secret for {SECRET_PLACE!r}."
    panel = (
        f"Panel: 定制开发平台 → 自定义组件 → new, ApiName {API_NAME}, upload the files below component, "
        f"entry {ENTRY}; put it on the detail pages of accounts and orders."
    )
    trial = "Save an order to try it, and read what CreditGate said in the function's log."
    return (key, fields, *rules, *written, secrets, panel, trial)
