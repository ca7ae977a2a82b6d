"""``/users`` and ``/settings/profiles`` (vendor manual: Get Users, Get Profiles).

Invariant: users come by page, 200 at the most, and no user is 204 without a body.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.zoho.answers import answer, empty, refuse
from sandbox.zoho.people import User
from sandbox.zoho.routing import Router
from sandbox.zoho.tenant import Tenant

USER_TYPES = (
    "AllUsers",
    "ActiveUsers",
    "DeactiveUsers",
    "ConfirmedUsers",
    "NotConfirmedUsers",
    "DeletedUsers",
    "ActiveConfirmedUsers",
    "AdminUsers",
    "ActiveConfirmedAdmins",
    "CurrentUser",
)
_NOBODY = ("DeactiveUsers", "NotConfirmedUsers", "DeletedUsers")
_ADMINS = ("AdminUsers", "ActiveConfirmedAdmins")
MAX_PER_PAGE = 200


def routes(router: Router, tenant: Tenant) -> list[Route]:
    """The routes of users and profiles."""
    route, read = router.route, router.read
    return [
        route("GET", "/users", read(lambda request: _users(tenant, request)), "users.READ"),
        route("GET", "/users/{id}", read(lambda request: _one_user(tenant, request)), "users.READ"),
        route("GET", "/settings/profiles", read(lambda _: _profiles(tenant)), "settings.profiles.READ"),
    ]


def _users(tenant: Tenant, request: Request) -> Response:
    kind = request.query_params.get("type", "AllUsers")
    if kind not in USER_TYPES:
        raise refuse(
            400, "INVALID_DATA", "invalid data", param_name="type", supported_values=list(USER_TYPES)
        )
    page, per_page = _whole(request, "page", 1), _whole(request, "per_page", MAX_PER_PAGE)
    if per_page > MAX_PER_PAGE:
        raise refuse(400, "LIMIT_EXCEEDED", "limit exceeded", limit=MAX_PER_PAGE, param_name="per_page")
    with tenant.lock:
        found = _of_kind(tenant, kind)
    shown = found[(page - 1) * per_page : page * per_page]
    if not shown:
        return empty()
    more = len(found) > page * per_page
    info = {"per_page": per_page, "count": len(shown), "page": page, "more_records": more}
    return answer({"users": [user.described() for user in shown], "info": info})


def _of_kind(tenant: Tenant, kind: str) -> list[User]:
    if kind in _NOBODY:
        return []
    if kind == "CurrentUser":
        return [tenant.admin]
    return [user for user in tenant.users.values() if user.admin or kind not in _ADMINS]


def _one_user(tenant: Tenant, request: Request) -> Response:
    user = tenant.users.get(request.path_params["id"])
    if user is None:
        return empty()
    return answer({"users": [user.described()]})


def _profiles(tenant: Tenant) -> Response:
    found = [profile.described() for profile in tenant.profiles.values()]
    info = {"per_page": 200, "count": len(found), "page": 1, "more_records": False, "license_limit": 200}
    return answer({"profiles": found, "info": info})


def _whole(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isdigit() or int(text) < 1:
        raise refuse(400, "INVALID_DATA", "invalid data", param_name=name, expected_data_type="integer")
    return int(text)
