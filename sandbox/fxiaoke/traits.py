"""Where tenants of Fxiaoke differ, and where the manual leaves a question open.

Invariant: whatever no source settles is a trait here and nothing else; each default is the answer that
clients in use rely on, or where none does the one that asks more. Traits can be changed while the
sandbox runs (side door ``traits``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

CLOUDS = (
    "open.fxiaoke.com",
    "open-hwcloud.fxiaoke.com",
    "open-ale.fxiaoke.com",
    "open-ksc.sharecrm.com",
    "open-hws.fxiaoke.com",
    "open-na.sharecrm.com",
)
"""The gateways of the six clouds (vendor manual: hosts). A tenant lives in one of them."""

OPTIONAL_OBJECTS = (
    "InvoiceApplicationObj",
    "PaymentPlanObj",
    "CreditFileObj",
    "CustomerAccountObj",
    "CheckinsObj",
)
"""Objects of modules that not every tenant has."""

_CHOICES: Mapping[str, tuple[Any, ...]] = {
    "cloud": CLOUDS,
    "over_limit": ("refuse", "clamp"),
    "over_rate": (14001, 30004),
    "time_filters": ("either", "text", "number"),
    "describe_place": ("style", "data", "top", "either"),
}


@dataclass(frozen=True)
class Traits:
    """Credentials and rights:

    - ``cloud``: the gateway that knows the tenant; ``objects``: the optional objects that it has.
    - ``corp_id_is_number``: send ``corpId`` as a number (it has been seen as both).
    - ``trace_id_needed``: refuse a call without ``thirdTraceId``.
    - ``mobile_by_header``: getByMobile can be called in the header style.
    - ``people_readable``: PersonnelObj's own switch.
    - ``closed``: paths of interfaces that the console keeps from the application (10006).

    Reading:

    - ``void_in_query``: a plain query shows void rows.
    - ``over_limit``: a limit above 100 is refused or cut (``refuse``, ``clamp``).
    - ``over_rate``: the code for more than 100 calls in 20 s.
    - ``time_filters``: times in filters are ``text``, ``number`` or ``either``.
    - ``describe_place``: where describe's apiName stands; ``style``: below ``data`` in the header style,
      at the top in the body style.
    - ``quotes_readable``: show fields that are quoted from another row.
    - ``rollups_move_time``: a running total that changes moves ``last_modified_time``.

    Writing:

    - ``unsent_fields_stay``: an update leaves alone what it does not name, else it empties that.
    - ``bare_numbers_taken``: amounts may be JSON numbers.
    - ``wrong_prefix_refused``: preset objects have no business on the custom path, nor the reverse.
    - ``custom_create_tells_id``: the answer names a new custom row's id.
    - ``rules_unless_told``: validation rules run when ``optionInfo`` does not say.
    - ``checkins_by_api``: CheckinsObj can be created.

    Functions:

    - ``number_before_save``: a function before a save sees the automatic number of a new row.
    - ``failed_function_refuses``: a function before a save that fails or takes too long stops it.
    - ``functions_by_api``: functions before a save run on writes of the interface, unless told otherwise.
    """

    cloud: str = CLOUDS[0]
    objects: tuple[str, ...] = OPTIONAL_OBJECTS
    corp_id_is_number: bool = False
    trace_id_needed: bool = True
    mobile_by_header: bool = False
    people_readable: bool = True
    closed: tuple[str, ...] = ()
    void_in_query: bool = False
    over_limit: str = "refuse"
    over_rate: int = 14001
    time_filters: str = "either"
    describe_place: str = "style"
    quotes_readable: bool = True
    rollups_move_time: bool = False
    unsent_fields_stay: bool = True
    bare_numbers_taken: bool = False
    wrong_prefix_refused: bool = True
    custom_create_tells_id: bool = True
    rules_unless_told: bool = True
    checkins_by_api: bool = False
    number_before_save: bool = False
    failed_function_refuses: bool = True
    functions_by_api: bool = True

    def changed(self, given: Mapping[str, Any]) -> Traits:
        """These traits with ``given`` in place; ``ValueError`` for an unknown name or value."""
        names = {one.name for one in fields(self)}
        values = dict(given)
        for name, value in given.items():
            if name not in names:
                raise ValueError(f"there is no trait {name}; there are {', '.join(sorted(names))}")
            if name == "objects":
                values[name] = _optional(value)
            elif name == "closed":
                values[name] = _paths(value)
            elif name in _CHOICES:
                if value not in _CHOICES[name]:
                    raise ValueError(f"{name} must be one of {', '.join(map(str, _CHOICES[name]))}")
            elif not isinstance(value, bool):
                raise ValueError(f"{name} must be true or false")
        return replace(self, **values)


def _paths(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
        raise ValueError("closed must be a list of paths")
    return tuple(value)


def _optional(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not set(value) <= set(OPTIONAL_OBJECTS):
        raise ValueError(f"objects must be a list out of {', '.join(OPTIONAL_OBJECTS)}")
    return tuple(value)
