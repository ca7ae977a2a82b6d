"""What the tenant looks like, what we may not see of it, and what is to be confirmed on first contact.

Invariant: only harmless calls: lists, descriptions, and queries of single rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from adapters.fxiaoke.answers import Answers
from adapters.fxiaoke.choices import CHANGED, CreditModule
from adapters.fxiaoke.choices import OPEN as WRITING
from adapters.fxiaoke.client import Client
from adapters.fxiaoke.first_update import FirstUpdate
from adapters.fxiaoke.people import PEOPLE
from adapters.fxiaoke.reading import COMMON, Records
from adapters.fxiaoke.records import LABEL, OPTION_TYPES
from adapters.fxiaoke.schema import JUST_NOW, Field, Schemas
from adapters.fxiaoke.settings import AUTO, OPEN, SETTINGS
from connector.adapter import Context, FieldInfo, Lack, ObjectInfo, Question
from connector.errors import Halt

# The vendor's type → our word for it; a number without decimals is an integer.
_TYPES = {
    "text": "text",
    "auto_number": "text",
    "phone_number": "text",
    "email": "text",
    "url": "text",
    "long_text": "long_text",
    "currency": "money",
    "number": "number",
    "percentile": "number",
    "true_or_false": "boolean",
    "date": "date",
    "date_time": "datetime",
    "select_one": "option",
    "select_many": "option",
    "employee": "owner",
    "object_reference": "reference",
    "master_detail": "reference",
}
_AUTOMATIC = frozenset(one.key for one in SETTINGS if AUTO in one.choices)
_AMOUNTS = frozenset({"currency", "number"})
_ZH = {"refused": "拒绝", "cut": "截断", "allowed": "允许"}
_COMPUTED = frozenset({"formula", "count", "quote"})
_NAMES = {
    "AccountObj": ("customers", "客户"),
    "SalesOrderObj": ("sales orders", "销售订单"),
    PEOPLE: ("the status of employees (names come from the address book)", "员工状态（姓名取自通讯录）"),
}


class Descriptions:
    """See the methods of the port."""

    def __init__(
        self,
        client: Client,
        schemas: Schemas,
        records: Records,
        answers: Answers,
        context: Context,
        *,
        module: CreditModule,
        first: FirstUpdate,
    ) -> None:
        self._module = module
        self._first = first
        self._client = client
        self._schemas = schemas
        self._records = records
        self._answers = answers
        self._context = context
        self._chinese = context.language.lower().startswith("zh")

    def objects(self) -> list[ObjectInfo]:
        """The tenant's objects, asked for anew."""
        return [
            ObjectInfo(
                api_name=name,
                label=str(raw.get("describeDisplayName") or ""),
                active=raw.get("isActive") is not False,
                custom=raw.get("defineType") == "custom" or name.endswith("__c"),
            )
            for name, raw in self._schemas.objects(no_older=JUST_NOW).items()
        ]

    def fields_of(self, object_name: str) -> list[FieldInfo]:
        """The fields of an object, asked for anew."""
        if object_name not in self._schemas.objects():
            return []
        return [_info(field) for field in self._schemas.of(object_name, no_older=JUST_NOW).values()]

    def lacking(self) -> list[Lack]:
        """Objects that a permission hides: what is listed and shows no row at all may be empty, too."""
        lacks = []
        for name in (*COMMON, PEOPLE):
            without = _NAMES[name][1 if self._chinese else 0]
            try:
                rows, _ = self._client.page(name, [], ["_id"], None, limit=1)
            except Halt as refused:
                lacks.append(
                    Lack(
                        name,
                        self._say(
                            f"{without} are not read ({refused.what})", f"不读取{without}（{refused.what}）"
                        ),
                    )
                )
                continue
            if not rows:
                text = self._say(
                    f"the employee sees none: {without} are not read",
                    f"该员工看不到任何数据：不读取{without}",
                )
                lacks.append(Lack(name, text))
        return lacks

    def questions(self) -> Sequence[Question]:
        """What the documents leave open, asked of the tenant as far as a harmless call can tell."""
        found = self._found()
        asked = [(one.setting, one.en, one.zh, one.default) for one in OPEN]
        return [
            self._question(setting, zh if self._chinese else en, default, found.get(setting))
            for setting, en, zh, default in (*asked, *WRITING)
        ]

    def _found(self) -> dict[str, str]:
        """What the tenant itself has shown, by setting."""
        self._records.time_form()
        self._schemas.of(COMMON[0], no_older=JUST_NOW)  # tells where describe takes the name
        if self._answers.known("voided_rows") is None and (seen := self._records.sees_voided()):
            self._answers.keep("voided_rows", seen)
        if self._answers.found("page_limit") is None and (pages := self._records.larger_pages()):
            self._answers.keep("page_limit", pages)
        found = {one: self._answers.found(one) for one in (*sorted(_AUTOMATIC), "page_limit")}
        if not self._client.login.looks_up:
            found["user_lookup"] = self._say("not needed: user is an employee id", "不需要：user 已是员工ID")
        if self._first.proven:
            found["update_sends"] = CHANGED
        return {setting: answer for setting, answer in (found | self._modules()).items() if answer}

    def _modules(self) -> dict[str, str]:
        """What the tenant shows of the vendor's credit module."""
        module = self._module
        listed = self._schemas.objects(no_older=JUST_NOW).get(module.object)
        if listed is None or listed.get("isActive") is False:
            none = self._say(f"the tenant has no {module.object} in use", f"租户未启用 {module.object}")
            return {"credit_object": none} | ({} if module.choice else {"credit_module": none})
        fields = self._schemas.of(module.object, no_older=JUST_NOW)
        quota, account = fields.get(module.quota_field), fields.get(module.account_field)
        if quota is None or account is None or quota.type not in _AMOUNTS:
            return {}
        return {"credit_object": f"{module.object}.{module.account_field}, .{module.quota_field}"}

    def _question(self, setting: str, asks: str, default: str, found: str | None) -> Question:
        """A setting of the admin's own goes before what was found, except for what none answers."""
        given = self._context.settings.get(setting)
        given = None if given == AUTO else given
        if setting in _AUTOMATIC and given:
            return Question(setting, asks, given)
        if found is None:
            return Question(setting, asks, given or default)
        return Question(setting, asks, self._say(found, _ZH.get(found, found)), known=True)

    def _say(self, en: str, zh: str) -> str:
        return zh if self._chinese else en


def _info(field: Field) -> FieldInfo:
    kind = _TYPES.get(field.type, "")
    if field.type == "number" and field.decimals == 0:
        kind = "integer"
    path = field.api_name
    if field.type in OPTION_TYPES:
        path = f"{field.api_name}{LABEL}"
    elif kind == "owner":
        path = f"{field.api_name}.0"
    return FieldInfo(
        api_name=field.api_name,
        label=field.label,
        type=kind,
        path=path,
        labels=tuple(field.options.values()),
        target=field.target,
        active=field.active,
        custom=field.custom,
        computed=field.type in _COMPUTED or field.system,
    )
