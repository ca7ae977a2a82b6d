"""Record locks: one record by hand, and the rule by which Zoho locks orders on hold itself.

Invariant: only locks that we or our rule set are taken back. The connection's own profile is always
excluded from the rule, and the credit fields are, so that the connector never locks itself out. Refusals
of the rule are no failure: the admin is told what to do by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adapters.zoho import advice, faults
from adapters.zoho.client import Client, Refused, said
from adapters.zoho.fields import Fields
from adapters.zoho.profiles import Profiles
from connector.adapter import FieldState, Outcome, Prepared, Result
from connector.errors import CreditGateError, Retry

# Vendor manual: Lock Records; Add Record Locking Configuration.
REASON, PROFILES, OPEN_FIELDS, RULES = 3_000, 15, 15, 5
CONFIGURATIONS = "record_locking_configurations"
LOCKING = "ZohoCRM.settings.record_locking_configurations"
MARK = "[CreditGate]"
RULE = "CreditGate credit hold"
ACTIONS = ("update", "delete", "change_owner", "tags")
# Named by the manual of version 7 for all modules, by that of version 8 only for some.
CONVERT = "convert"
_FIELDS = "Locked_Reason__s,Lock_Source__s,Record_Locking_Rule_Id__s"


class Locks:
    """Locks of one tenant. ``profiles`` are the names of those that may edit locked records."""

    def __init__(
        self, client: Client, fields: Fields, profiles: Profiles, excluded: Sequence[str], language: str
    ) -> None:
        self._client = client
        self._fields = fields
        self._profiles = profiles
        self._excluded = excluded
        self._language = language
        self._zh = language.lower().startswith("zh")

    def lock(self, object_name: str, external_id: str, reason: str) -> Outcome:
        """See ``Crm.lock``; the reason is cut to Zoho's 3,000 characters."""

        def once() -> None:
            body = {"data": [{"Locked_Reason__s": f"{MARK} {reason}"[:REASON]}]}
            try:
                self._one("POST", object_name, external_id, body=body)
            except Refused as fault:
                # NOT_ALLOWED answers both a record that is locked and a module without locking.
                if fault.code != "NOT_ALLOWED" or not self._locks(object_name, external_id):
                    raise

        return self._outcome(object_name, external_id, once, Result.DEAD)

    def unlock(self, object_name: str, external_id: str) -> Outcome:
        """See ``Crm.unlock``; locks that people set for other reasons stay."""

        def once() -> None:
            for lock in self._locks(object_name, external_id):
                if self._ours(object_name, lock):
                    self._one("DELETE", object_name, external_id, f"/{lock['id']}")

        return self._outcome(object_name, external_id, once, Result.BLOCKED)

    def guard(self, object_name: str, flag: str, open_fields: Sequence[str], *, dry_run: bool) -> Prepared:
        """See ``Crm.guard``: the record locking configuration of the object with our rule."""
        try:
            return self._guard(object_name, flag, open_fields, dry_run=dry_run)
        except Retry:
            raise
        except CreditGateError as fault:
            by_hand = self._by_hand(object_name, flag, said(fault))
            return Prepared(object_name, "lock", FieldState.MISSING, by_hand=by_hand)

    def _guard(self, object_name: str, flag: str, open_fields: Sequence[str], *, dry_run: bool) -> Prepared:
        present = self._configuration(object_name)
        profiles = list(dict.fromkeys([self._profiles.own(), *self._profiles.ids(self._excluded)]))
        detail = self._detail(flag, len(open_fields), len(profiles))
        ruled = present is not None and any(_locks_on(rule, flag) for rule in _rules(present))
        if present is not None and ruled and set(profiles) <= _ids(present.get("lock_excluded_profiles")):
            return Prepared(object_name, "lock", FieldState.PRESENT, detail)
        if dry_run:
            return Prepared(object_name, "lock", FieldState.MISSING, detail)
        known = self._fields.of(object_name)
        criteria = {
            "comparator": "equal",
            "field": {"api_name": flag, "id": known[flag].id},
            "value": True,
        }
        rule = {"name": RULE, "lock_existing_records": True, "criteria": criteria}
        wanted = [known[name].id for name in open_fields if name in known]
        if present is None:
            new = _new(profiles, wanted, rule)
            try:
                convert = {"restricted_actions": [*ACTIONS, CONVERT]}
                self._save("POST", object_name, {**new, **convert})
            except Refused as fault:
                if "restricted_actions" not in fault.what:
                    raise
                self._save("POST", object_name, new)
        else:
            self._save("PUT", object_name, _extended(present, profiles, wanted, [] if ruled else [rule]))
        return Prepared(object_name, "lock", FieldState.CREATED, detail)

    def _configuration(self, object_name: str) -> Mapping[str, Any] | None:
        body = self._client.call(
            "GET",
            f"settings/{CONFIGURATIONS}",
            scope=f"{LOCKING}.READ",
            about=object_name,
            params={"module": object_name, "feature_type": "record_locking"},
        )
        return next(iter((body or {}).get(CONFIGURATIONS) or []), None)

    def _save(self, method: str, object_name: str, configuration: Mapping[str, Any]) -> None:
        body = self._client.call(
            method,
            f"settings/{CONFIGURATIONS}",
            scope=f"{LOCKING}.{'CREATE' if method == 'POST' else 'UPDATE'}",
            about=object_name,
            params={"module": object_name},
            body={CONFIGURATIONS: [configuration]},
            items=CONFIGURATIONS,
        )
        answer = next(iter((body or {}).get(CONFIGURATIONS) or []), None)
        if faults.failed(answer):
            raise Refused(faults.words(answer), code=faults.code(answer), where=object_name)

    def _locks(self, object_name: str, external_id: str) -> list[Mapping[str, Any]]:
        """The locks on a record; none where locking was never set up."""
        try:
            body = self._client.call(
                "GET",
                f"{object_name}/{external_id}/Locking_Information__s",
                scope="ZohoCRM.modules.lockinginformation.READ",
                about=object_name,
                params={"fields": _FIELDS},
            )
        except Refused as fault:
            if fault.code == "NOT_ALLOWED":
                return []
            raise
        return list((body or {}).get("data") or [])

    def _ours(self, object_name: str, lock: Mapping[str, Any]) -> bool:
        if str(lock.get("Locked_Reason__s") or "").startswith(MARK):
            return True
        rule = lock.get("Record_Locking_Rule_Id__s")
        number = str(rule.get("id") if isinstance(rule, Mapping) else rule or "")
        if not number or lock.get("Lock_Source__s") == "Manual":
            return False
        rules = _rules(self._configuration(object_name) or {})
        return any(str(one.get("id")) == number and one.get("name") == RULE for one in rules)

    def _one(self, method: str, object_name: str, external_id: str, rest: str = "", body: Any = None) -> None:
        found = self._client.call(
            method,
            f"{object_name}/{external_id}/Locking_Information__s{rest}",
            scope=f"ZohoCRM.modules.lockinginformation.{'CREATE' if method == 'POST' else 'DELETE'}",
            about=object_name,
            body=body,
            items="data",
        )
        answer = next(iter((found or {}).get("data") or []), None)
        if faults.failed(answer):
            raise Refused(faults.words(answer), code=faults.code(answer), where=object_name)

    def _outcome(
        self, object_name: str, external_id: str, once: Callable[[], None], refused: Result
    ) -> Outcome:
        try:
            once()
        except Refused as fault:
            told = f"{object_name} {external_id}: {fault.what}"
            todo = advice.todo({"code": fault.code}, self._language)
            return Outcome(
                Result.BLOCKED if faults.blocked({"code": fault.code}) else refused, told, todo=todo
            )
        except Retry as fault:
            return Outcome(Result.RETRY, f"{object_name} {external_id}: {fault.what}")
        return Outcome(Result.DONE)

    def _detail(self, flag: str, fields: int, profiles: int) -> str:
        if self._zh:
            return f"{flag} 勾选时锁定记录，{profiles} 个角色除外；{fields} 个信用字段仍可编辑"
        return (
            f"records are locked while {flag} is true, for all but {profiles} profiles; {fields} credit "
            "fields stay open"
        )

    def _by_hand(self, object_name: str, flag: str, why: str) -> str:
        if self._zh:
            return (
                f"在“设置 > 安全控制 > 记录锁定”中为 {object_name} 新建自动规则：{flag} 已选中，排除"
                f"本连接用户和信用经理的角色，并排除信用字段。Zoho 的回答：{why}"
            )
        return (
            f"in Setup > Security Control > Record Locking add an automatic rule for {object_name}: {flag} "
            f"is selected; exclude the profiles of the connection's user and of the credit managers, and the "
            f"credit fields. Zoho answered: {why}"
        )


def _rules(configuration: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(configuration.get("locking_rules") or [])


def _locks_on(rule: Mapping[str, Any], flag: str) -> bool:
    criteria = rule.get("criteria") or {}
    named = (criteria.get("field") or {}).get("api_name") == flag
    return named and str(criteria.get("value")).lower() in ("true", "selected")


def _new(profiles: Sequence[str], fields: Sequence[str], rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "lock_type": "both",
        "locked_for": "all_profiles_except_excluded_profiles",
        "lock_excluded_profiles": [{"id": one} for one in profiles[:PROFILES]],
        "restricted_actions": list(ACTIONS),
        "excluded_fields": [{"id": one} for one in fields[:OPEN_FIELDS]],
        "locking_rules": [rule],
        "feature_type": "record_locking",
    }


def _extended(
    present: Mapping[str, Any],
    profiles: Sequence[str],
    fields: Sequence[str],
    more: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """The tenant's own configuration with our rule (``more``), profiles and fields added to it."""
    rules = [*_rules(present), *more]
    excluded = _with(present.get("lock_excluded_profiles"), profiles)
    open_fields = _with(present.get("excluded_fields"), fields)
    if len(rules) > RULES or len(excluded) > PROFILES or len(open_fields) > OPEN_FIELDS:
        raise Refused("the record locking configuration is full", code="LIMIT_EXCEEDED")
    kept = ("id", "restricted_actions", "restricted_communications", "lock_for_portal_users")
    return {
        **{name: present[name] for name in kept if present.get(name) is not None},
        "lock_type": "automatic" if present.get("lock_type") == "automatic" else "both",
        "locked_for": "all_profiles_except_excluded_profiles",
        "lock_excluded_profiles": excluded,
        "excluded_fields": open_fields,
        "locking_rules": rules,
        "feature_type": "record_locking",
    }


def _with(present: Any, more: Sequence[str]) -> list[dict[str, str]]:
    return [{"id": one} for one in dict.fromkeys([*(str(one["id"]) for one in present or ()), *more])]


def _ids(present: Any) -> set[str]:
    return {str(one["id"]) for one in present or ()}
