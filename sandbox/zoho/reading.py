"""Values of a row: as they are shown, and as they are compared.

Invariant: an empty field is shown as null and compares as ``None``; lookups are shown as objects and
compare by id; texts compare without regard to case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.table import Row
from sandbox.zoho.fields import ANY_MODULE, LOOKUPS, SE_MODULE, TEXTS, USERS, Field, Module, target_of
from sandbox.zoho.tenant import Tenant

Getter = Callable[[Row], Any]

_USER_FIELDS = ("id", "email", "first_name", "last_name", "full_name")


def shown(tenant: Tenant, field: Field) -> Getter:
    """The value as an answer carries it."""
    name = field.api_name
    if field.data_type not in LOOKUPS:
        return lambda row: row.get(name)
    if field.target != ANY_MODULE:
        target = field.target
        return lambda row: tenant.lookup(target, row.get(name))
    return lambda row: _polymorphic(tenant, field, row)


def _polymorphic(tenant: Tenant, field: Field, row: Row) -> dict[str, Any] | None:
    module = target_of(field, row)
    found = tenant.lookup(module, row.get(field.api_name)) if module else None
    if found is not None and field.api_name == "Parent_Id":
        found["module"] = {"api_name": module, "id": tenant.modules[module].id}
    return found


def compared(field: Field) -> Getter:
    """The value for conditions and for sorting."""
    name = field.api_name
    if field.data_type in TEXTS:
        return lambda row: None if (value := row.get(name)) is None else value.casefold()
    return lambda row: row.get(name)


class Column:
    """A field, reached over at most two lookups: ``Account_Name.Owner.id``.

    ``field`` is the last one (for users a stand-in of type text); ``stored`` is the key of the row that
    holds just what is shown, if there is one. ``KeyError`` for an unknown name.
    """

    stored = ""

    def __init__(self, tenant: Tenant, module: Module, path: Sequence[str]) -> None:
        self.name = ".".join(path)
        if len(path) == 2 and path[1] == "id":
            self._id_of(tenant, module.fields[path[0]])
            return
        hops: list[Callable[[Row], Row | None]] = []
        for name in path[:-1]:
            lookup = module.fields[name]
            if lookup.data_type not in LOOKUPS or lookup.target == ANY_MODULE or len(hops) == 2:
                raise KeyError(name)
            hops.append(_hop(tenant, lookup))
            module = _USERS if lookup.target == USERS else tenant.modules[lookup.target]
        self.field = module.fields[path[-1]]
        if not hops and self.field.data_type not in LOOKUPS:
            self.stored = self.field.api_name
        self.shown = _through(hops, shown(tenant, self.field))
        self.compared = _through(hops, compared(self.field))

    def _id_of(self, tenant: Tenant, lookup: Field) -> None:
        """The id of a lookup's row needs no look at that row, but it has to be there."""
        if lookup.data_type not in LOOKUPS:
            raise KeyError("id")
        name = lookup.api_name

        def read(row: Row) -> str | None:
            row_id = row.get(name)
            return row_id if tenant.exists(target_of(lookup, row), row_id) else None

        self.field = _USERS.fields["id"]
        self.shown = self.compared = read


class Projection:
    """Makes what an answer shows of a row: ``columns`` under their keys, and in any case the id."""

    def __init__(self, columns: Mapping[str, Column], *, with_module: bool = False) -> None:
        stored = {key: column.stored for key, column in columns.items() if column.stored}
        if with_module:
            stored[SE_MODULE] = SE_MODULE
        self._stored = tuple({**stored, "id": "id"}.items())
        self._computed = [(key, column.shown) for key, column in columns.items() if not column.stored]

    def __call__(self, row: Row) -> dict[str, Any]:
        get = row.get
        made = {key: get(name) for key, name in self._stored}
        for key, read in self._computed:
            made[key] = read(row)
        return made


def _users() -> Module:
    module = Module(USERS, "User", "Users", "full_name")
    for name in _USER_FIELDS:
        module.add(Field(api_name=name, label=name, data_type="bigint" if name == "id" else "text"))
    return module


_USERS = _users()


def _hop(tenant: Tenant, lookup: Field) -> Callable[[Row], Row | None]:
    name, target = lookup.api_name, lookup.target
    if target == USERS:
        return lambda row: _user_row(tenant, row.get(name))
    table = tenant.modules[target].table
    return lambda row: table.get(row.get(name))


def _user_row(tenant: Tenant, user_id: str | None) -> Row | None:
    user = tenant.users.get(user_id or "")
    return None if user is None else {name: getattr(user, name) for name in _USER_FIELDS}


def _through(hops: list[Callable[[Row], Row | None]], last: Getter) -> Getter:
    if not hops:
        return last

    def read(row: Row) -> Any:
        for hop in hops:
            found = hop(row)
            if found is None:
                return None
            row = found
        return last(row)

    return read
