"""Making the wanted fields exist: custom fields through Zoho's field metadata.

Invariant: a field is matched by API name first, then by label, and only a missing one is created, so
that a second run changes nothing. Zoho generates API names from labels in its own way: they are read
back, never assumed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from adapters.zoho import faults
from adapters.zoho.client import Client
from adapters.zoho.fields import Fields, VendorField
from adapters.zoho.profiles import Profiles
from connector.adapter import FieldSpec, FieldState, Provisioned
from connector.errors import Halt, Retry

# Vendor manual: Create Custom Fields.
CREATE_BATCH, LABEL_LENGTH, OPTION_COUNT, OPTION_LENGTH = 5, 25, 10, 25

# What a tenant's field may be to serve as one of ours.
_FITS: Mapping[str, frozenset[str]] = {
    "text": frozenset({"text", "textarea"}),
    "long_text": frozenset({"textarea"}),
    "money": frozenset({"currency", "double"}),
    "number": frozenset({"double", "percent", "currency"}),
    "integer": frozenset({"integer", "bigint"}),
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"date"}),
    "datetime": frozenset({"datetime"}),
    "option": frozenset({"picklist"}),
}
# Names of the types in Zoho's console.
_CONSOLE = {
    "text": ("Single Line", "单行"),
    "long_text": ("Multi-Line", "多行"),
    "money": ("Currency", "货币"),
    "number": ("Decimal", "小数"),
    "integer": ("Number", "数字"),
    "boolean": ("Checkbox", "复选框"),
    "date": ("Date", "日期"),
    "datetime": ("Date/Time", "日期/时间"),
    "option": ("Pick List", "选择列表"),
}


class Provisioning:
    """Creates missing fields, in ``language`` (``zh…`` or else English) for what is left to people.
    ``read_only`` are the names of the profiles that see them but may not edit them."""

    def __init__(
        self,
        client: Client,
        fields: Fields,
        profiles: Profiles,
        read_only: Sequence[str],
        language: str,
    ) -> None:
        self._client = client
        self._fields = fields
        self._profiles = profiles
        self._read_only = read_only
        self._zh = language.lower().startswith("zh")

    def provision(self, object_name: str, specs: Sequence[FieldSpec], *, dry_run: bool) -> list[Provisioned]:
        """What became of each of ``specs``, in order.

        Raises ``Halt`` before any call when Zoho cannot take a label or an option, ``Retry`` when
        created fields cannot be read back yet.
        """
        where = f"{self._client.context.connection} {object_name}"
        for spec in specs:
            _check(spec, where)
        present = self._fields.of(object_name, fresh=True)
        done = {spec.name: self._compare(object_name, spec, present) for spec in specs}
        missing = [s for s in specs if done[s.name].state is FieldState.MISSING]
        if missing and not dry_run:
            answers = self._create(object_name, missing)
            present = self._fields.of(object_name, fresh=True)
            for spec in missing:
                done[spec.name] = self._created(object_name, spec, answers[spec.name], present)
        if dry_run:
            for at, spec in enumerate(missing):
                done[spec.name] = replace(done[spec.name], call=at // CREATE_BATCH + 1)
        return [done[spec.name] for spec in specs]

    def _compare(self, object_name: str, spec: FieldSpec, present: Mapping[str, VendorField]) -> Provisioned:
        field = find(spec, present)
        if field is None:
            return Provisioned(object_name, spec, FieldState.MISSING)
        differs = self._differs(spec, field)
        if differs:
            return Provisioned(object_name, spec, FieldState.MISMATCH, field.api_name, differs)
        return Provisioned(object_name, spec, FieldState.PRESENT, field.api_name, self._advice(spec, field))

    def _create(self, object_name: str, specs: Sequence[FieldSpec]) -> dict[str, Any]:
        """Zoho's answer for each field by our name. Where an object takes no unique field, the key is
        made without that: writes then look for it first."""
        answers = self._create_in_fives(object_name, specs)
        refused = [s for s in specs if s.unique and _not_unique(answers[s.name])]
        plain = [replace(spec, unique=False) for spec in refused]
        return answers | self._create_in_fives(object_name, plain)

    def _create_in_fives(self, object_name: str, specs: Sequence[FieldSpec]) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        restricted = [
            {"id": number, "permission_type": "read_only"}
            for number in (self._profiles.ids(self._read_only) if specs else [])
        ]
        for at in range(0, len(specs), CREATE_BATCH):
            batch = specs[at : at + CREATE_BATCH]
            found = self._client.call(
                "POST",
                "settings/fields",
                scope="ZohoCRM.settings.fields.CREATE",
                about=object_name,
                params={"module": object_name},
                body={"fields": [payload(spec, restricted) for spec in batch]},
                items="fields",
            )
            items = list((found or {}).get("fields") or [])
            answers |= {spec.name: items[i] if i < len(items) else None for i, spec in enumerate(batch)}
        return answers

    def _created(
        self, object_name: str, spec: FieldSpec, answer: Any, present: Mapping[str, VendorField]
    ) -> Provisioned:
        """A field that is there now was created, even when the first answer was lost on the way."""
        details = (answer.get("details") or {}) if isinstance(answer, Mapping) else {}
        field = next((f for f in present.values() if f.id and f.id == str(details.get("id"))), None)
        field = field or find(spec, present)
        if field is not None:
            return Provisioned(object_name, spec, FieldState.CREATED, field.api_name)
        if not faults.failed(answer):
            raise Retry(
                f"Zoho created {spec.label!r} but does not list it yet",
                where=f"{self._client.context.connection} {object_name}",
                todo="run provision again",
            )
        return Provisioned(
            object_name, spec, FieldState.MISSING, None, self._by_hand(object_name, spec, answer)
        )

    def _differs(self, spec: FieldSpec, field: VendorField) -> str:
        """What the admin must change for the tenant's field to serve, or an empty text."""
        if field.data_type not in _FITS[spec.type]:
            wanted = _CONSOLE[spec.type][self._zh]
            if self._zh:
                return f"{field.api_name} 的类型是 {field.data_type}，需要“{wanted}”：请另建字段"
            return f"{field.api_name} is of type {field.data_type}, not {wanted}: make another field"
        lacking = [label for _, label in spec.options if label not in field.options]
        if lacking and self._zh:
            return f"请在选择列表 {field.api_name} 中添加选项：{'、'.join(lacking)}"
        if lacking:
            return f"add these options to the pick list {field.api_name}: {', '.join(lacking)}"
        return ""

    def _advice(self, spec: FieldSpec, field: VendorField) -> str:
        """What would make a field that serves serve better: without uniqueness of the key, each write
        looks first, which costs a query."""
        if not spec.unique or field.unique:
            return ""
        if self._zh:
            return f"建议为 {field.api_name} 勾选“不允许重复值”：写入时可少一次查询"
        return f"better tick 'Do not allow duplicate values' for {field.api_name}: it saves a query a write"

    def _by_hand(self, object_name: str, spec: FieldSpec, answer: Any) -> str:
        kind, options = _CONSOLE[spec.type][self._zh], [label for _, label in spec.options]
        reason = faults.words(answer)
        if self._zh:
            parts = [f"在“设置 > 模块和字段 > {object_name}”中新建“{spec.label}”，类型“{kind}”"]
            parts += [f"选项：{'、'.join(options)}"] if options else []
            parts += ["不允许重复值"] if spec.unique else []
            return f"{'，'.join(parts)}。Zoho 的回答：{reason}"
        parts = [f"in Setup > Modules and Fields > {object_name} make {spec.label!r} of type {kind}"]
        parts += [f"with the options {', '.join(options)}"] if options else []
        parts += ["not allowing duplicate values"] if spec.unique else []
        return f"{', '.join(parts)}. Zoho answered: {reason}"


def _not_unique(answer: Any) -> bool:
    """Whether Zoho refuses a field because it was to be unique."""
    if not faults.failed(answer):
        return False
    path = str((answer.get("details") or {}).get("json_path") or "") if isinstance(answer, Mapping) else ""
    return faults.field(answer) == "unique" or path.endswith(".unique") or ".unique." in path


def find(spec: FieldSpec, present: Mapping[str, VendorField]) -> VendorField | None:
    """The tenant's field for ``spec``: by API name, else by label without regard to case."""
    if spec.api_name in present:
        return present[spec.api_name]
    label = spec.label.casefold()
    return next((f for f in present.values() if f.label.casefold() == label), None)


def payload(spec: FieldSpec, profiles: Sequence[Mapping[str, str]] = ()) -> dict[str, Any]:
    """The body of one new field (vendor manual: Create Custom Fields); ``profiles`` may only read it."""
    by_type: dict[str, dict[str, Any]] = {
        "text": {"data_type": "text", "length": 255},
        "long_text": {"data_type": "textarea", "length": 2000, "textarea": {"type": "small"}},
        "money": {
            "data_type": "currency",
            "length": 16,
            "decimal_place": 2,
            "currency": {"rounding_option": "round_off", "precision": "2"},
        },
        "number": {"data_type": "double", "length": 16, "decimal_place": 2},
        "integer": {"data_type": "integer", "length": 9},
        "boolean": {"data_type": "boolean"},
        "date": {"data_type": "date"},
        "datetime": {"data_type": "datetime"},
        "option": {
            "data_type": "picklist",
            "pick_list_values": [
                {"display_value": label, "actual_value": label} for _, label in spec.options
            ],
        },
    }
    body = {"field_label": spec.label, **by_type[spec.type]}
    if spec.unique:
        body["unique"] = {"case_sensitive": False}
    if profiles:
        body["profiles"] = list(profiles)
    return body


def _check(spec: FieldSpec, where: str) -> None:
    if spec.type not in _FITS:
        raise Halt(
            f"{spec.name}: a field of type {spec.type} cannot be created",
            where=where,
            todo="mark it 'standard: true' in the mapping",
        )
    if len(spec.label) > LABEL_LENGTH:
        raise Halt(
            f"the label {spec.label!r} has {len(spec.label)} characters, Zoho takes {LABEL_LENGTH}",
            where=f"{where}, {spec.name}",
            todo="shorten it in the mapping",
        )
    long = [label for _, label in spec.options if len(label) > OPTION_LENGTH]
    if long or len(spec.options) > OPTION_COUNT:
        raise Halt(
            f"Zoho takes {OPTION_COUNT} options of {OPTION_LENGTH} characters",
            where=f"{where}, {spec.name}",
            todo=f"shorten {long[0]!r} in the mapping" if long else "map fewer options",
        )
