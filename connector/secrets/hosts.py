"""Where a connection's calls may go: to the vendor's hosts, to this machine, and to what the admin lists.

Invariant: no call, and so no token and no secret, leaves for another host, whatever an address in the
settings, an answer or a redirect says; and none leaves in the clear but to this machine, or to an address
that the admin lists with its ``http://``.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from connector.errors import Halt

CLEAR = "http://"
# Two readers of such an address may take it for two hosts.
_TWO_READINGS = re.compile(r"[\s\\\x00-\x20\x7f]")


@dataclass(frozen=True)
class Hosts:
    """``vendor``: domains that with all below them are the vendor's; ``None`` when any host with TLS will do,
    since the admin alone says where. ``listed``: hosts of the admin's list, exactly."""

    vendor: tuple[str, ...] | None
    listed: Sequence[str] = ()

    def require(self, url: str) -> None:
        """``Halt`` unless a call may go there."""
        host = _host(url)
        if host is None:
            raise Halt("this is no address that can be called", todo="write it like https://api.example.com")
        if is_loopback(host) or f"{CLEAR}{host}" in self.listed:
            return
        if self.vendor is not None and host not in self.listed and not self._is_vendors(host):
            raise Halt(
                "this host is not one of the vendor's, so no secret is sent there",
                where=host,
                todo=f"correct the address, or list it in the configuration: hosts = [{host!r}]",
            )
        if not url.startswith("https://"):
            raise Halt(
                "secrets would go over an open line",
                where=host,
                todo=f"use https, or list it in the configuration: hosts = ['{CLEAR}{host}']",
            )

    def _is_vendors(self, host: str) -> bool:
        return any(host == one or host.endswith(f".{one}") for one in self.vendor or ())


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _host(url: str) -> str | None:
    if _TWO_READINGS.search(url):
        return None
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    return host if parts.scheme in ("https", "http") and host and "@" not in parts.netloc else None
