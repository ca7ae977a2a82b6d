"""What the plugin for Zoho CRM is asked for beyond what every plugin is.

Invariant: what the vendor's manual leaves open, or an admin may name otherwise, is a setting with the usual
value as default; a value that could break out of where it is written is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from connector.adapter import Setting
from connector.errors import Halt

FUNCTION, CONNECTION = "function", "connection"
SDK = "https://live.zwidgets.com/js-sdk/1.2/ZohoEmbededAppSDK.min.js"

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "route",
        "how pages reach the service: through our standalone function, or straight through the connection",
        default=FUNCTION,
        choices=(FUNCTION, CONNECTION),
    ),
    Setting("zoho_connection", "link name of the Zoho connection that adds the key", default="creditgate"),
    Setting(
        "function",
        "API name of the standalone function (Zoho may add _1 to it: then pack again)",
        default="creditgate_call",
    ),
    Setting("rule", "API name of the validation rule's function", default="creditgate_rule"),
    Setting("sdk_url", "address of Zoho's own page SDK, which the widget loads", default=SDK),
    Setting("approval_status", "value of the order's status that is an approval", default="Approved"),
    Setting("shipment_status", "value of the order's status that is a shipment", default="Delivered"),
)

_FORMS = {
    "zoho_connection": r"[A-Za-z][A-Za-z0-9_]{0,99}",
    "function": r"[A-Za-z][A-Za-z0-9_]{0,99}",
    "rule": r"[A-Za-z][A-Za-z0-9_]{0,99}",
    "sdk_url": r"https?://[A-Za-z0-9.:-]+(/[A-Za-z0-9._~/-]*)?",
}


def check(settings: Mapping[str, str]) -> None:
    """``Halt`` for a value that is no name or no address where one is wanted."""
    for key, form in _FORMS.items():
        if not re.fullmatch(form, settings[key]):
            what = "address" if key == "sdk_url" else "API name"
            raise Halt(f"{settings[key]!r} is no {what}", where=key, todo="give letters, digits and _ only")
