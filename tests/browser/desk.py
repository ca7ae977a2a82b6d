"""A person's browser in front of the CRM's pages: Chromium, the packed panel, the page SDK of the sandbox."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, sync_playwright

from tests.contract.test_zoho_writing import EVER
from tests.plugin_bench import PluginBench

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium in /usr/bin/chromium")
WIDE, NARROW = 1000, 320
SHOTS = os.environ.get("CREDITGATE_SCREENSHOTS")
"""A folder: the tests then renew the pictures of the documentation."""


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield found
        found.close()


class Desk:
    """Opens the panel; remembers what went over the wire and what failed in the page."""

    def __init__(self, browser: Browser, bench: PluginBench) -> None:
        self.browser = browser
        self.bench = bench
        self.requests: list[Request] = []
        self.faults: list[str] = []
        users = bench.found.crm.fetch("users", ("email",), EVER).rows
        self.rep = str(users[-1].data["email"])
        self._base = bench.found.made.bases["zoho"]

    def open(
        self, record: str, *, module: str = "Accounts", locale: str = "zh_CN", width: int = WIDE
    ) -> Page:
        """The panel on a record, once it has nothing more to read."""
        page = self.browser.new_page(viewport={"width": width, "height": 800}, locale="en-US")
        page.set_default_timeout(8_000)
        page.on("request", self._heard)
        page.on("pageerror", lambda fault: self.faults.append(str(fault)))
        page.on("console", lambda line: self.faults.append(line.text) if line.type == "error" else None)
        # The vendor's own address of its SDK is answered by the stand-in; everything else is as packed.
        page.route(
            "https://live.zwidgets.com/**",
            lambda route: route.fulfill(body=sdk(), content_type="text/javascript"),
        )
        asked = urlencode({"module": module, "id": record, "locale": locale, "user": self.rep})
        page.goto(f"{self._base}/_sandbox/widget/app/widget.html?{asked}")
        page.wait_for_selector("main[aria-busy=false]")
        return page

    def _heard(self, request: Request) -> None:
        self.requests.append(request)

    def shoot(self, page: Page, name: str) -> None:
        """Renew a picture of the documentation, when asked to."""
        if SHOTS:
            page.wait_for_selector("main[aria-busy=false]")
            page.locator("main").screenshot(path=str(Path(SHOTS) / f"{name}.png"))


def sdk() -> str:
    return (Path(__file__).parents[2] / "sandbox/zoho/page_sdk.js").read_text(encoding="utf-8")


def faults_of(page: Page) -> list[str]:
    """What axe finds against accessibility, contrast included."""
    found = Axe().run(page)
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found.response["violations"]]


def fits(page: Page) -> bool:
    """Whether nothing sticks out to the side."""
    found: Any = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    return bool(found)
