"""What this tenant has answered to the questions that the vendor's documents leave open.

Invariant: what the admin has set goes before what was found; what was found is kept for all processes and
may be lost without harm, for it can be found again.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable

from adapters.fxiaoke.settings import AUTO, base_url, given
from connector.adapter import Context


class Answers:
    """Answers by setting. Safe for threads."""

    def __init__(self, context: Context) -> None:
        self._context = context
        # Answers of one tenant in one style say nothing about another.
        settings = context.settings
        identity = (base_url(settings), given(settings, "app_id"), given(settings, "auth_style"))
        mark = hashlib.sha256("\n".join(identity).encode()).hexdigest()[:16]
        self._name = f"fxiaoke-answers-{mark}"
        self._lock = threading.Lock()
        self._asking = threading.RLock()
        self._found: dict[str, str] | None = None

    def known(self, setting: str) -> str | None:
        """What was set or found; ``None`` while nobody knows."""
        value = given(self._context.settings, setting)
        if value != AUTO:
            return value
        with self._lock:
            return self._all().get(setting)

    def set_by_hand(self, setting: str) -> bool:
        """Whether the admin has answered."""
        return given(self._context.settings, setting) != AUTO

    def found(self, name: str) -> str | None:
        """What a call has shown, whatever the admin has set."""
        with self._lock:
            return self._all().get(name)

    def keep(self, setting: str, answer: str) -> None:
        """Remember what a call has shown."""
        with self._lock:
            if self._all().get(setting) == answer:
                return
        # Lock across processes: two that find different answers at once must not lose one.
        with self._context.secrets.lock(self._name), self._lock:
            self._found = {**self._stored(), setting: answer}
            self._context.secrets.put(self._name, json.dumps(self._found))

    def ask(self, setting: str, probe: Callable[[], str | None], otherwise: str) -> str:
        """What is known, else what ``probe`` finds, else ``otherwise`` (which is not kept)."""
        known = self.known(setting)
        if known is not None:
            return known
        with self._asking:
            known = self.known(setting)
            if known is not None:
                return known
            found = probe()
            if found is not None:
                self.keep(setting, found)
            return found or otherwise

    def _all(self) -> dict[str, str]:
        if self._found is None:
            self._found = self._stored()
        return self._found

    def _stored(self) -> dict[str, str]:
        text = self._context.secrets.get(self._name)
        return dict(json.loads(text)) if text else {}
