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


_TEXTS = {
    "zh": {
        "key": "运行 creditgate connect key {connection}，记下密钥（只显示一次）。",
        "fields": "字段：用 sharedev 推送 tenant-config 下的 fields 文件，或按 creditgate provision 的清单在"
        "“对象管理”中新建；自定义对象先在后台新建。",
        "rule": "验证规则“{name}”（{object}，阻断，{scenes}）："
        "条件 {condition}，提示“{message}”；或用 sharedev 推送 {path}。",
        "scenes": "、",
        "function": "函数“{label}”：定制开发平台 → 自定义函数 → 新建，ApiName {api_name}，"
        "命名空间 {namespace}，返回类型 {returns}，绑定对象 {object}{parameters}；粘贴 {file}{bound}。",
        "parameters": "，参数（String）{names}",
        "names": "、",
        "bound": "；绑定到 {events}",
        "secrets": "把函数中的 {key!r} 换成密钥，把 {secret!r} 换成连接设置 hook_secret 的值。",
        "panel": "组件：定制开发平台 → 自定义组件 → 新建，ApiName {api_name}，"
        "上传 component 下的文件，入口 {entry}；放到“客户”与“销售订单”的详情页布局。",
        "trial": "试保存一张订单，并在函数的运行日志中查看 CreditGate 的判断。",
    },
    "en": {
        "key": "Run creditgate connect key {connection} and note the key; it is shown once.",
        "fields": "Fields: push the files below tenant-config/…/fields with sharedev, or make them in "
        "对象管理 from the list of creditgate provision; a custom object is made in the console first.",
        "rule": "Validation rule (验证规则) {name!r} on {object}, blocking, {scenes}: condition "
        "{condition} and message {message!r}; or push {path} with sharedev.",
        "scenes": " and ",
        "function": "Function {label!r}: 定制开发平台 → 自定义函数 → new, ApiName {api_name}, "
        "namespace {namespace}, return type {returns}, object {object}{parameters}; paste {file}{bound}.",
        "parameters": ", parameters of type String: {names}",
        "names": ", ",
        "bound": "; bind it to {events}",
        "secrets": "In the functions put the key for {key!r}, and hook_secret for {secret!r}.",
        "panel": "Panel: 定制开发平台 → 自定义组件 → new, ApiName {api_name}, upload the files "
        "below component, entry {entry}; put it on the detail pages of accounts and orders.",
        "trial": "Save an order to try it, and read what CreditGate said in the function's log.",
    },
}


def steps(
    spec: PluginSpec, language: str, made: Sequence[Function], ruled: Mapping[str, dict[str, Any]]
) -> tuple[str, ...]:
    """The steps in order."""
    texts = _TEXTS["zh" if language == "zh" else "en"]
    return (
        texts["key"].format(connection=spec.connection),
        texts["fields"],
        *(_rule(texts, path, rule) for path, rule in ruled.items()),
        *(_function(texts, language, one) for one in made),
        texts["secrets"].format(key=KEY_PLACE, secret=SECRET_PLACE),
        texts["panel"].format(api_name=API_NAME, entry=ENTRY),
        texts["trial"],
    )


def page(todo: Sequence[str], language: str) -> str:
    """The steps as a page."""
    title = "# CreditGate 插件安装步骤" if language == "zh" else "# Installing the CreditGate plugin"
    return "\n".join([title, "", *(f"{number}. {text}" for number, text in enumerate(todo, 1)), ""])


def _rule(texts: Mapping[str, str], path: str, rule: Mapping[str, Any]) -> str:
    return texts["rule"].format(
        name=rule["rule_name"],
        object=rule["describe_api_name"],
        scenes=texts["scenes"].join(rule["scene"]),
        condition=rule["condition"],
        message=rule["message"],
        path=path,
    )


def _function(texts: Mapping[str, str], language: str, one: Function) -> str:
    names = texts["names"].join(one.parameters)
    events = ", ".join(_BOUND[event] for event in one.bindings)
    return texts["function"].format(
        label=one.label["zh" if language == "zh" else "en"],
        api_name=one.api_name,
        namespace=_NAMESPACES[one.namespace],
        returns=one.return_type,
        object=one.object,
        parameters=texts["parameters"].format(names=names) if names else "",
        file=one.file,
        bound=texts["bound"].format(events=events) if events else "",
    )
