"""``/settings/record_locking_configurations`` (vendor manual: Record Locking Configuration).

Invariant: a module has at most one configuration, with at most five rules, fifteen excused profiles and
fifteen fields that stay writable; one that is refused in part is refused whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.zoho.answers import Item, Refused, answer, empty, error, invalid, items, parsed, refuse
from sandbox.zoho.fields import USERS, Field, Module
from sandbox.zoho.locks import EXCEPT_EXCLUDED, Configuration, Locks, Rule
from sandbox.zoho.people import Profile
from sandbox.zoho.routing import Router
from sandbox.zoho.rule_criteria import BadCriteria, predicate
from sandbox.zoho.settings import module_of
from sandbox.zoho.tenant import Tenant

KEY = "record_locking_configurations"
SUPPORTED = ("Accounts", "Contacts", "Sales_Orders", "Invoices", "Tasks")
LOCK_TYPES = ("manual", "automatic", "both")
LOCKED_FOR = ("all_profiles", EXCEPT_EXCLUDED)
ACTIONS = ("convert", "update", "delete", "change_owner", "tags")
COMMUNICATIONS = ("send_mail", "send_survey", "send_portal_invitation")
MAX_RULES, MAX_PROFILES, MAX_EXCLUDED_FIELDS = 5, 15, 15
_PATH = f"/settings/{KEY}"
_HERE = f"$.{KEY}[0]"


class _Fault(Exception):
    def __init__(self, item: Item) -> None:
        super().__init__(item["code"])
        self.item = item


def routes(router: Router, tenant: Tenant, locks: Locks) -> list[Route]:
    """The routes of the configurations; the one of a module may be named by its id as well."""
    settings = _Settings(tenant, locks)
    route, read, sent = router.route, router.read, router.sent
    scope = f"settings.{KEY}"
    made = [route("POST", _PATH, sent(settings.create), f"{scope}.CREATE")]
    for path in (_PATH, f"{_PATH}/{{id}}"):
        made += [
            route("GET", path, read(settings.shown), f"{scope}.READ"),
            route("PUT", path, sent(settings.change), f"{scope}.UPDATE"),
            route("DELETE", path, read(settings.delete), f"{scope}.DELETE"),
        ]
    return made


class _Settings:
    def __init__(self, tenant: Tenant, locks: Locks) -> None:
        self._tenant = tenant
        self._locks = locks

    def shown(self, request: Request) -> Response:
        with self._tenant.lock:
            found = self._locks.configuration(self._module(request))
            if found is None:
                return empty()
            self._same(request, found)
            return answer({KEY: [self._described(found)]})

    def create(self, request: Request, content: bytes) -> Response:
        with self._tenant.lock:
            module = self._module(request)
            if self._locks.configuration(module) is not None:
                message = "Configuration already created for this module"
                raise refuse(400, "LIMIT_EXCEEDED", message, param_name="module", limit=1)
            given = _given(content)
            if given.get("lock_type") is None:
                raise _whole(_missing("lock_type"))
            new = Configuration(
                self._tenant.new_setting_id(),
                module,
                restricted_actions=list(ACTIONS),
                created_time=self._tenant.now(),
            )
            return self._put(new, given, "created successfully", 201)

    def change(self, request: Request, content: bytes) -> Response:
        """``PUT``: what is given is changed; rules are found by id, new without one, gone by _delete."""
        with self._tenant.lock:
            given, found = _given(content), self._there(request)
            if str(given.get("id", found.id)) != found.id:
                raise _whole(invalid(_where("id"), "the id given seems to be invalid"))
            return self._put(found, given, "updated successfully", 200)

    def delete(self, request: Request) -> Response:
        with self._tenant.lock:
            found = self._there(request)
            self._locks.remove(found)
        return _done(found, "deleted", 200)

    def _put(self, old: Configuration, given: Mapping[str, Any], done: str, status: int) -> Response:
        try:
            new = self._changed(old, given)
        except _Fault as fault:
            raise _whole(fault.item) from None
        kept = {rule.id: rule.criteria for rule in old.rules}
        fresh = {rule.id for rule in new.rules if kept.get(rule.id) != rule.criteria}
        self._locks.configure(new, fresh)
        return _done(new, done, status)

    def _module(self, request: Request) -> Module:
        module = module_of(self._tenant, request)
        if module.api_name not in SUPPORTED:
            message = "the module name given is not supported for the feature"
            raise refuse(400, "NOT_SUPPORTED", message, param_name="module")
        return module

    def _there(self, request: Request) -> Configuration:
        found = self._locks.configuration(self._module(request))
        if found is None:
            raise _wrong_id()
        self._same(request, found)
        return found

    @staticmethod
    def _same(request: Request, found: Configuration) -> None:
        if request.path_params.get("id", found.id) != found.id:
            raise _wrong_id()

    def _changed(self, old: Configuration, given: Mapping[str, Any]) -> Configuration:
        if given.get("feature_type", "record_locking") != "record_locking":
            raise _Fault(invalid(_where("feature_type")))
        lock_type = _one_of(given, "lock_type", LOCK_TYPES, old.lock_type)
        locked_for = _one_of(given, "locked_for", LOCKED_FOR, old.locked_for)
        profiles = old.excluded_profiles
        if "lock_excluded_profiles" in given:
            listed = _listed(given, "lock_excluded_profiles", MAX_PROFILES, "excluded profiles")
            profiles = [self._profile(one, i) for i, one in enumerate(listed)]
        if locked_for == EXCEPT_EXCLUDED and not profiles:
            raise _Fault(_dependent("lock_excluded_profiles", "locked_for", EXCEPT_EXCLUDED))
        fields = old.excluded_fields
        if "excluded_fields" in given:
            listed = _listed(given, "excluded_fields", MAX_EXCLUDED_FIELDS, "excluded fields")
            fields = [_excluded(old.module, one, i) for i, one in enumerate(listed)]
        if given.get("restricted_custom_buttons"):
            raise _Fault(invalid(_where("restricted_custom_buttons[0].id", "id"), "custom button not found"))
        rules = self._rules(old, given)
        if lock_type in ("automatic", "both") and not rules:
            raise _Fault(_dependent("locking_rules", "lock_type", "automatic or both"))
        return replace(
            old,
            lock_type=lock_type,
            locked_for=locked_for,
            excluded_profiles=profiles,
            excluded_fields=fields,
            restricted_actions=_words(
                given, "restricted_actions", ACTIONS, "action not found", old.restricted_actions
            ),
            restricted_communications=_words(
                given,
                "restricted_communications",
                COMMUNICATIONS,
                "communications not found",
                old.restricted_communications,
            ),
            rules=rules,
            modified_time=self._tenant.now(),
        )

    def _profile(self, given: Any, i: int) -> Profile:
        wanted = str(given.get("id")) if isinstance(given, dict) else ""
        found = next((p for p in self._tenant.profiles.values() if p.id == wanted), None)
        if found is None:
            where = _where(f"lock_excluded_profiles[{i}].id", "id")
            raise _Fault(invalid(where, "lock_excluded_profiles not found"))
        return found

    def _rules(self, old: Configuration, given: Mapping[str, Any]) -> list[Rule]:
        rules = {rule.id: rule for rule in old.rules}
        listed = given.get("locking_rules") or []
        if not isinstance(listed, list):
            raise _Fault(invalid({"expected_data_type": "jsonarray", **_where("locking_rules")}))
        for i, one in enumerate(listed):
            path = f"locking_rules[{i}]"
            if not isinstance(one, dict):
                raise _Fault(invalid({"expected_data_type": "jsonobject", **_where(path)}))
            rule_id = str(one["id"]) if one.get("id") else None
            if rule_id is not None and rule_id not in rules:
                raise _Fault(invalid(_where(f"{path}.id", "id"), "the id given seems to be invalid"))
            if "_delete" in one and rule_id is not None:
                del rules[rule_id]
                continue
            rule = self._rule(old.module, one, path, rules.get(rule_id or ""))
            others = [other for other in rules.values() if other.id != rule.id]
            _distinct(rule, others, path)
            rules[rule.id] = rule
        if len(rules) > MAX_RULES:
            raise _Fault(_too_many("locking_rules", MAX_RULES, "locking rules"))
        return list(rules.values())

    def _rule(self, module: Module, given: Mapping[str, Any], path: str, old: Rule | None) -> Rule:
        name = given.get("name", old.name if old else None)
        criteria = given.get("criteria", old.criteria if old else None)
        for key, value in (("name", name), ("criteria", criteria)):
            if not value:
                raise _Fault(_missing(f"{path}.{key}", key))
        try:
            holds = predicate(self._tenant, module, criteria, f"{_HERE}.{path}.criteria")
        except BadCriteria as bad:
            raise _Fault(bad.item) from None
        existing = bool(given.get("lock_existing_records", old.lock_existing if old else False))
        return Rule(old.id if old else self._tenant.new_setting_id(), str(name), criteria, holds, existing)

    def _described(self, found: Configuration) -> dict[str, Any]:
        by = self._tenant.lookup(USERS, self._tenant.admin.id)
        return {
            "id": found.id,
            "lock_type": found.lock_type,
            "locked_for": found.locked_for,
            "lock_excluded_profiles": [{"name": p.name, "id": p.id} for p in found.excluded_profiles],
            "excluded_fields": [{"api_name": f.api_name, "id": f.id} for f in found.excluded_fields],
            "restricted_actions": found.restricted_actions,
            "restricted_communications": found.restricted_communications,
            "restricted_custom_buttons": None,
            "locking_rules": [rule.described() for rule in found.rules],
            "lock_for_portal_users": True,
            "feature_type": "record_locking",
            "system_defined": False,
            "created_time": found.created_time,
            "modified_time": found.modified_time,
            "created_by": by,
            "modified_by": by,
        }


def _given(content: bytes) -> Mapping[str, Any]:
    listed = parsed(content).get(KEY)
    where = {"api_name": KEY, "json_path": f"$.{KEY}"}
    if listed is None:
        raise refuse(400, "MANDATORY_NOT_FOUND", "required field not found", **where)
    if not isinstance(listed, list) or not listed or not isinstance(listed[0], dict):
        raise refuse(400, "INVALID_DATA", "invalid data", expected_data_type="jsonarray", **where)
    if len(listed) > 1:
        raise refuse(400, "LIMIT_EXCEEDED", "limit exceeded", limit=1, **where)
    return listed[0]


def _one_of(given: Mapping[str, Any], name: str, known: tuple[str, ...], old: str) -> str:
    value = given.get(name, old)
    if value not in known:
        raise _Fault(invalid({"supported_values": list(known), **_where(name)}, f"{name} not found"))
    return str(value)


def _words(
    given: Mapping[str, Any], name: str, known: tuple[str, ...], message: str, old: list[str]
) -> list[str]:
    words = given.get(name)
    if words is None:
        return old
    for i, word in enumerate(words):
        if word not in known:
            where = _where(f"{name}[{i}]", name)
            raise _Fault(invalid({"supported_values": list(known), **where}, message))
    return list(words)


def _listed(given: Mapping[str, Any], name: str, most: int, what: str) -> list[Any]:
    listed = given[name] or []
    if not isinstance(listed, list):
        raise _Fault(invalid({"expected_data_type": "jsonarray", **_where(name)}))
    if len(listed) > most:
        raise _Fault(_too_many(name, most, what))
    return listed


def _excluded(module: Module, given: Any, i: int) -> Field:
    """A field that stays writable on locked records, named by id or by api name."""
    path = f"excluded_fields[{i}]"
    field_id, name = (given.get("id"), given.get("api_name")) if isinstance(given, dict) else (None, None)
    if field_id is None and name is None:
        expected = [_where(f"{path}.{key}", key) for key in ("api_name", "id")]
        message = "Field Id and apiname is missing."
        raise _Fault(error("EXPECTED_FIELD_MISSING", message, {"expected_fields": expected}))
    key = "id" if field_id is not None else "api_name"
    matches = [
        f for f in module.fields.values() if (f.id == str(field_id) if key == "id" else f.api_name == name)
    ]
    where = _where(f"{path}.{key}", key)
    if not matches:
        raise _Fault(invalid(where, "field not found"))
    if matches[0].read_only or matches[0].api_name in ("Owner", "Tag"):
        raise _Fault(error("NOT_SUPPORTED", "Field not supported", where))
    return matches[0]


def _distinct(rule: Rule, others: list[Rule], path: str) -> None:
    if any(other.name.casefold() == rule.name.casefold() for other in others):
        message = "Duplicate rule name found, Enter unique rulename."
        raise _Fault(error("DUPLICATE_DATA", message, _where(f"{path}.name", "name")))
    if any(other.criteria == rule.criteria for other in others):
        message = "Duplicate criteria found, Enter unique criteria."
        raise _Fault(error("DUPLICATE_DATA", message, _where(f"{path}.criteria", "criteria")))


def _dependent(name: str, dependee: str, value: str) -> Item:
    message = f"{name} should have been given when {dependee} is given as {value}"
    return error("DEPENDENT_FIELD_MISSING", message, {"dependee": _where(dependee), **_where(name)})


def _too_many(name: str, most: int, what: str) -> Item:
    details = {"limit": most, "available_limit": most, **_where(name)}
    return error("LIMIT_EXCEEDED", f"Maximum limit for {what} exceeded", details)


def _missing(path: str, name: str | None = None) -> Item:
    return error("MANDATORY_NOT_FOUND", "required field not found", _where(path, name))


def _where(path: str, name: str | None = None) -> dict[str, Any]:
    return {"api_name": name or path, "json_path": f"{_HERE}.{path}"}


def _wrong_id() -> Refused:
    return refuse(400, "INVALID_DATA", "the id given seems to be invalid", resource_path_index=2)


def _whole(item: Item) -> Refused:
    return Refused(400, {KEY: [item]})


def _done(found: Configuration, what: str, status: int) -> Response:
    message = f"record locking configuration {what}"
    done = {"code": "SUCCESS", "details": {"id": found.id}, "message": message, "status": "success"}
    return items(KEY, [done], status)
