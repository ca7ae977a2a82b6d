"""The functions (APL) of the plugin: what the templates in ``apl/`` become for one tenant.

Invariant: whatever is put into a template is a Groovy text or a number, escaped as such, so that no name or
message of a mapping or catalogue can become code; nothing is left to be put in but the secrets, at places
that say so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.adapter import PluginSpec, ReadFrom
from connector.errors import Halt
from connector.money import unusual_digits

KEY_PLACE = "PUT THE API KEY OF THE CONNECTION HERE"
SECRET_PLACE = "PUT THE SAME TEXT HERE AS IN THE SETTING hook_secret"  # noqa: S105 (a place, no secret)
SCRIPTS = "package/fx/custom/apl/script"
_APL = Path(__file__).with_name("apl")
_PLACE = re.compile(r"@@(\w+)@@")
_LABEL = "__label"
_TRUE = "true"


@dataclass(frozen=True)
class Function:
    """A function as the console asks for it: ``return_type``, ``parameters`` (all of them texts) and what it
    is bound to (``bindings``: object's button or workflow)."""

    name: str
    label: Mapping[str, str]
    namespace: str
    return_type: str
    object: str
    parameters: tuple[str, ...] = ()
    bindings: tuple[str, ...] = ()

    @property
    def api_name(self) -> str:
        return f"{self.name}__c"

    @property
    def file(self) -> str:
        return f"{SCRIPTS}/{self.api_name}.groovy"

    def listed(self, language: str) -> dict[str, Any]:
        """Its line in the packing list."""
        return {
            "api_name": self.api_name,
            "label": self.label[language],
            "namespace": self.namespace,
            "return_type": self.return_type,
            "object": self.object,
            "parameters": list(self.parameters),
            "bindings": list(self.bindings),
            "file": self.file,
        }


def functions(spec: PluginSpec) -> tuple[Function, ...]:
    """The functions that this tenant gets."""
    made = [
        Function(
            "credit_check",
            {"zh": "订单信用检查", "en": "Credit check of an order"},
            "validate",
            "ValidateResult",
            spec.order_object,
            bindings=("create:save", "update:save"),
        ),
        Function(
            "credit_panel",
            {"zh": "信用面板数据", "en": "Data of the credit panel"},
            "controller",
            "Map",
            "NONE",
            parameters=("act", "account", "order", "hold", "note"),
        ),
    ]
    if "visit" in spec.written:
        visit = spec.written["visit"].object
        label = {"zh": "信用拜访外勤计划", "en": "Check-in plan of a credit visit"}
        made.append(
            Function("credit_visit_plan", label, "flow", "void", visit, bindings=("workflow:create",))
        )
    events = tuple(f"workflow:{one}" for one in ("create", "update", "invalid"))
    label = {"zh": "信用数据变更通知", "en": "Tell CreditGate of a change"}
    made.append(Function("credit_event", label, "flow", "void", spec.order_object, bindings=events))
    return tuple(made)


def text_of(function: Function, spec: PluginSpec, language: str) -> str:
    """The function's text. ``Halt`` for a mapping that reads an order in a way that no function can."""
    values = _values(spec, language)
    return fill((_APL / f"{function.name}.groovy").read_text("utf-8"), values)


def fill(template: str, values: Mapping[str, str]) -> str:
    """``template`` with ``values`` at their places, each escaped for a Groovy text in single quotes but for
    the lines of code that this module itself makes (``more``)."""

    def put(place: re.Match[str]) -> str:
        name = place.group(1)
        return values[name] if name in ("more",) else escaped(values[name])

    return _PLACE.sub(put, template)


def escaped(text: str) -> str:
    """``text`` for between single quotes in Groovy, and harmless in a comment."""
    signs = text.replace("\\", "\\\\").replace("'", "\\'").replace("\r", "").replace("\n", "\\n")
    return signs.replace("*/", "* /")


def _values(spec: PluginSpec, language: str) -> dict[str, str]:
    texts = spec.texts[language]
    settings = spec.settings
    values = {
        "service": spec.gate_url,
        "connection": spec.connection,
        "address": f"{spec.gate_url}/v1/hooks/{spec.connection}",
        "key": KEY_PLACE,
        "secret": SECRET_PLACE,
        "patience": str(int(spec.seconds * 1000)),
        "unreached_save": spec.on_failure["order_save"],
        "unreached_change": spec.on_failure["order_change"],
        "language": language,
        "object": spec.order_object,
        "account": plain(spec, "account_id"),
        "amount": plain(spec, "amount"),
        "number": plain(spec, "number", "name"),
        "currency": plain(spec, "currency", "mc_currency"),
        "three_digits": " ".join(code for code, places in unusual_digits().items() if places == 3),
        "default_currency": _read(spec, "currency").default or "CNY",
        "details": settings["details_object"],
        "subtotal": settings["details_amount"],
        "more": _more(spec),
        "held": texts["plugin.held"],
        "failed": texts["plugin.failed_hold"],
        "why_unclear": texts["panel.no_amount"],
        **{f"why_{why}": texts[f"panel.why_{why}"] for why in ("slow", "down", "answer", "key", "refused")},
    }
    return values | _visit_values(spec)


def _visit_values(spec: PluginSpec) -> dict[str, str]:
    """For the plan of a visit, whose object and fields are called like those of the order in its template."""
    visit = spec.written.get("visit")
    fields = visit.fields if visit else {}
    return {
        "visit": visit.object if visit else "",
        "visit_account": fields.get("account_id", ""),
        "due_on": fields.get("due_on", ""),
        "key_field": fields.get("credit_key", ""),
        "plan": spec.settings["plan_field"],
        "check_type": spec.settings["check_type"],
    }


def _more(spec: PluginSpec) -> str:
    """What else a check is told, as far as the mapping reads it: a prepaid order, a draft, longer terms."""
    lines = []
    prepaid = spec.orders.get("prepaid")
    if prepaid is not None:
        true = [raw for raw, means in prepaid.values.items() if means.lower() == _TRUE] or [_TRUE]
        lines.append(_among("prepaid", plain(spec, "prepaid"), true))
    drafts = [one.strip() for one in spec.settings.get("draft_values", "").split(",") if one.strip()]
    if drafts:
        lines.append(_among("draft", plain(spec, "stage"), drafts))
    if "terms_days" in spec.orders:
        field = escaped(plain(spec, "terms_days"))
        lines.append(f"String terms = filled(order['{field}']) ? order['{field}'] as String : ''")
        lines.append("Boolean agreed = terms != '' && readable(terms)")
        lines.append("question.put('terms_days', agreed ? BigDecimal.of(terms) as Integer : null)")
    return "\n".join(lines)


def _among(name: str, field: str, values: list[str]) -> str:
    listed = ", ".join(f"'{escaped(one)}'" for one in values)
    return f"question.put('{name}', [{listed}].contains(order['{escaped(field)}'] as String))"


def _read(spec: PluginSpec, name: str) -> ReadFrom:
    return spec.orders.get(name) or ReadFrom("")


def plain(spec: PluginSpec, name: str, usual: str = "") -> str:
    """The tenant's field of the order that a canonical field is read from, ``usual`` if the mapping reads
    none. ``Halt`` for a path that a function cannot follow."""
    path = (_read(spec, name).path or usual).removesuffix(_LABEL)
    if not re.fullmatch(r"\w+", path):
        raise Halt(
            f"the plugin cannot read an order's {name} from {path!r}",
            where=f"{spec.order_object}.{name}",
            todo="let the mapping read it from a field of the order itself",
        )
    return path
