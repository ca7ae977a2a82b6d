"""A Zoho org of the sandbox with the packed plugin in it, and the service that it asks."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.admin.connect import WantedKey, issue_key
from connector.admin.plugin import pack, write
from connector.store.connections import Connection
from tests.contract.test_zoho_writing import EVER, Shop, shop
from tests.sandbox_server import running
from tests.service import serving

ORDERS = "Sales_Orders"
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node (nodejs)")


async def silent(scope: Any, receive: Any, send: Any) -> None:
    """A service that takes a request and never answers."""
    import asyncio

    await asyncio.sleep(3600)


async def odd(scope: Any, receive: Any, send: Any) -> None:
    """A service whose answer makes no sense."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": b"<html>maintenance</html>"})


class PluginBench:
    """``gates`` are addresses: ``up`` is the real service, ``slow`` never answers, ``odd`` answers nonsense,
    at ``down`` there is nobody."""

    def __init__(self, found: Shop, gates: dict[str, str], folder: Path) -> None:
        self.found = found
        self.gates = gates
        self._folder = folder
        one: Connection = found.connection
        self.key = issue_key(found.runtime, one.name, WantedKey(), revoke=False, actor="test")
        self.account, self.late = self._accounts()

    def pack(self, gate: str = "up", on_failure: str = "hold", **options: Any) -> Path:
        """Pack for one of the gates; the folder with the files."""
        out = self._folder / f"pack-{len(list(self._folder.iterdir()))}"
        options |= {"gate_url": self.gates[gate], "on_failure": [on_failure]}
        write(pack(self.found.runtime, "zoho", **options), out)
        return out

    def install(self, packed: Path, **limits: float) -> Any:
        """Install what was packed, as the vendor's pages would."""
        files = {
            str(one.relative_to(packed)): base64.b64encode(one.read_bytes()).decode()
            for one in packed.rglob("*")
            if one.is_file()
        }
        return self.found.made.door("zoho", "plugin/install", {"files": files, "key": self.key, **limits})

    def save(self, amount: float, order: str | None = None, **values: Any) -> Any:
        """A rep saves a new order of the account, or the one with this id."""
        new = {"Subject": "Order", "Account_Name": {"id": self.account}, "Currency": "CNY"}
        body = {"module": ORDERS, "values": ({} if order else new) | {"Grand_Total": amount} | values}
        if order:
            body["id"] = order
        return self.found.made.door("zoho", "browser/save", body)

    def clone(self, order: str, **values: Any) -> Any:
        """A rep saves a copy of an order."""
        body = {"module": ORDERS, "clone": order, "values": values}
        return self.found.made.door("zoho", "browser/save", body)

    def row(self, order: str) -> dict[str, Any]:
        """What is stored of an order: check_key, state and amount."""
        ours = self.found.names("order")
        wanted = {"check_key": ours["check_key"], "state": ours["credit_state"], "amount": "Grand_Total"}
        found = self.found.crm.fetch(ORDERS, tuple(wanted.values()), EVER).rows
        data = next(one.data for one in found if one.external_id == order)
        return {name: data.get(field) for name, field in wanted.items()}

    def hold(self, held: bool) -> None:
        """The account's hold flag, as a push would write it."""
        flag = self.found.names("account")["credit_hold"]
        self.found.edit("Accounts", [self.account], **{flag: held})

    def calls(self, path: str, method: str = "GET", **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        return requests.request(method, self.gates["up"] + path, headers=headers, timeout=30, **more)

    def _accounts(self) -> tuple[str, str]:
        """Of those in good standing with room for an order, the one that owes most; and the one of whose
        amounts most is overdue."""
        ours = self.found.names("account")
        names = ("credit_status", "credit_available", "credit_exposure", "overdue_amount")
        rows = self.found.crm.fetch("Accounts", tuple(ours[name] for name in names), EVER).rows
        found = [(*(row.data.get(ours[name]) or 0 for name in names), row.external_id) for row in rows]
        good = max((one for one in found if one[0] == "正常" and one[1] > 5_000), key=lambda one: one[2])
        late = max(found, key=lambda one: one[3])
        assert good[2] > 0 and late[3] > 0
        return good[4], late[4]


@contextmanager
def plugin_shop(folder: Path) -> Iterator[PluginBench]:
    """A sandbox whose accounts carry their credit fields, and a running service."""
    with ExitStack() as stack:
        found = stack.enter_context(shop(folder))
        found.pull()
        found.judge()
        found.push_until_empty()
        gates = {"up": stack.enter_context(serving(found.made)), "down": "http://127.0.0.1:9"}
        gates |= {"slow": stack.enter_context(running(silent)), "odd": stack.enter_context(running(odd))}
        packs = folder / "packs"
        packs.mkdir()
        yield PluginBench(found, gates, packs)
