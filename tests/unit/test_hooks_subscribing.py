"""Subscribing to what a CRM tells: once, renewed in time, and believed only with its secret."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector import hooks
from connector.adapter import FORGED_EVENT, Event, Subscription
from connector.errors import Halt, Reject
from connector.store import subscriptions
from tests.hooks_bench import MAPPING, NOW, URL, Bench, TellingCrm
from tests.unit.test_pull import MemoryCrm


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.runtime.close()


def subscribe(bench: Bench, url: str = URL, **more: Any) -> Subscription:
    return hooks.subscribe(bench.store, bench.connection, bench.crm, MAPPING, url, **more)


def test_subscribing_twice_is_subscribing_once(bench: Bench) -> None:
    made = subscribe(bench)
    assert (made.objects, made.url) == (("A", "O"), f"{URL}/v1/hooks/memory")
    secret = bench.crm.context.secrets.get(hooks.SECRET)
    assert secret is not None and 30 < len(secret) <= 50
    assert subscribe(bench) == made
    assert bench.crm.context.secrets.get(hooks.SECRET) == secret
    assert bench.crm.subscribed == [None, made]


@pytest.mark.parametrize(
    "url", ["", "credit.example.com", "http://credit.example.com", "ftp://x.example", "https://"]
)
def test_an_address_that_no_crm_may_call_is_refused(bench: Bench, url: str) -> None:
    with pytest.raises(Halt, match="HTTPS"):
        subscribe(bench, url)
    assert bench.crm.subscribed == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/", "http://[::1]:80", "https://credit.example.com/gate/"]
)
def test_addresses_of_the_own_machine_serve_for_trials(bench: Bench, url: str) -> None:
    assert subscribe(bench, url).url == f"{url.rstrip('/')}/v1/hooks/memory"


def test_a_name_with_odd_signs_is_quoted_in_its_address(bench: Bench) -> None:
    odd = replace(bench.connection, name="Zoho 中国/1")
    assert hooks.address(URL, odd) == f"{URL}/v1/hooks/Zoho%20%E4%B8%AD%E5%9B%BD%2F1"


def test_renewal_waits_until_it_is_due(bench: Bench) -> None:
    assert hooks.renew(bench.store, bench.connection, bench.crm, MAPPING) is None
    made = subscribe(bench)
    bench.crm.subscribed.clear()
    assert hooks.renew(bench.store, bench.connection, bench.crm, MAPPING) == made
    assert bench.crm.subscribed == []
    bench.now += dt.timedelta(days=6)
    renewed = hooks.renew(bench.store, bench.connection, bench.crm, MAPPING)
    assert renewed is not None and renewed.expires_at == bench.now + dt.timedelta(days=7)
    with bench.store.read() as tx:
        assert subscriptions.load(tx, bench.connection.id) == renewed


def test_renewal_on_demand_does_not_wait(bench: Bench) -> None:
    subscribe(bench)
    bench.now += dt.timedelta(hours=1)
    renewed = hooks.renew(bench.store, bench.connection, bench.crm, MAPPING, anew=True)
    assert renewed is not None and renewed.expires_at == bench.now + dt.timedelta(days=7)


def test_an_object_that_is_mapped_later_is_told_of_after_the_next_renewal(bench: Bench) -> None:
    made = subscribe(bench)
    with bench.store.write() as tx:
        subscriptions.save(tx, bench.connection.id, replace(made, objects=("A",)), bench.now)
    hooks.renew(bench.store, bench.connection, bench.crm, MAPPING)
    assert bench.crm.subscribed[-1] == replace(made, objects=("A",))


def test_unsubscribing_forgets_the_secret(bench: Bench) -> None:
    assert hooks.unsubscribe(bench.store, bench.connection, bench.crm) is False
    made = subscribe(bench)
    assert hooks.unsubscribe(bench.store, bench.connection, bench.crm) is True
    assert bench.crm.subscribed[-1] == made
    assert bench.crm.context.secrets.get(hooks.SECRET) is None
    with bench.store.read() as tx:
        assert subscriptions.load(tx, bench.connection.id) is None


def test_a_crm_without_notifications_says_so(bench: Bench) -> None:
    plain = MemoryCrm(bench.crm.context)
    for ask in (
        lambda: hooks.subscribe(bench.store, bench.connection, plain, MAPPING, URL),
        lambda: plain.reread("A", [], ["1"]),
    ):
        with pytest.raises(Halt, match="offers no notifications"):
            ask()
    with pytest.raises(Reject) as told:
        hooks.understand(MemoryCrm, bench.crm.context.secrets, {}, b"{}", NOW)
    assert told.value.code == FORGED_EVENT


def test_nothing_is_believed_before_there_is_a_secret(bench: Bench) -> None:
    body = orjson.dumps({"secret": "", "object": "A", "ids": ["1"]})
    with pytest.raises(Reject):
        hooks.understand(TellingCrm, bench.crm.context.secrets, {}, body, NOW)


def test_a_vendor_that_gives_the_secret_itself_is_believed_by_that(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TellingCrm, "event_secret", "aes_key")
    bench.crm.context.secrets.put("setting:aes_key", "theirs")
    body = orjson.dumps({"secret": "theirs", "object": "A", "ids": ["1"]})
    event = hooks.understand(TellingCrm, bench.crm.context.secrets, {}, body, NOW)
    assert event == Event("A", ("1",))
