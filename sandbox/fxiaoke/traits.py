"""Where tenants of Fxiaoke differ, and where the manual leaves a question open.

Invariant: whatever no source settles is a trait here and nothing else; each default is the answer that
asks more of a client. Traits can be changed while the sandbox runs (side door ``traits``).
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
    """``cloud`` is the gateway that knows the tenant; ``objects`` the optional objects that it has.

    Credentials and rights: ``corp_id_is_number`` sends ``corpId`` as a number (seen as both);
    ``trace_id_needed`` refuses a call without ``thirdTraceId``; ``mobile_by_header`` lets getByMobile be
    called in the header style; ``people_readable`` is PersonnelObj's own switch.

    Reading: ``void_in_query`` shows void rows in a plain query; ``over_limit`` says what a limit above
    100 leads to; ``time_filters`` in which form times come in filters; ``describe_place`` where
    describe's apiName stands (``style``: below ``data`` in the header style, at the top in the body
    style); ``rollups_move_time`` says whether a running total that changes moves
    ``last_modified_time``; ``over_rate`` is the code for more than 100 calls in 20 s.

    Writing: ``wrong_prefix_refused`` keeps preset objects off the custom path and the reverse;
    ``custom_create_tells_id`` names a new custom row's id; ``rules_unless_told`` runs validation rules
    when ``optionInfo`` does not say; ``checkins_by_api`` lets CheckinsObj be created.
    """

    cloud: str = CLOUDS[0]
    objects: tuple[str, ...] = OPTIONAL_OBJECTS
    corp_id_is_number: bool = False
    trace_id_needed: bool = True
    mobile_by_header: bool = False
    people_readable: bool = True
    void_in_query: bool = False
    over_limit: str = "refuse"
    over_rate: int = 14001
    time_filters: str = "either"
    describe_place: str = "style"
    rollups_move_time: bool = False
    wrong_prefix_refused: bool = True
    custom_create_tells_id: bool = True
    rules_unless_told: bool = True
    checkins_by_api: bool = False

    def changed(self, given: Mapping[str, Any]) -> Traits:
        """These traits with ``given`` in place; ``ValueError`` for an unknown name or value."""
        names = {one.name for one in fields(self)}
        values = dict(given)
        for name, value in given.items():
            if name not in names:
                raise ValueError(f"there is no trait {name}; there are {', '.join(sorted(names))}")
            if name == "objects":
                values[name] = _optional(value)
            elif name in _CHOICES:
                if value not in _CHOICES[name]:
                    raise ValueError(f"{name} must be one of {', '.join(map(str, _CHOICES[name]))}")
            elif not isinstance(value, bool):
                raise ValueError(f"{name} must be true or false")
        return replace(self, **values)


def _optional(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not set(value) <= set(OPTIONAL_OBJECTS):
        raise ValueError(f"objects must be a list out of {', '.join(OPTIONAL_OBJECTS)}")
    return tuple(value)
