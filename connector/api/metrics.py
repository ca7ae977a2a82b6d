"""``/metrics``: what a monitoring system asks for, in the text format of Prometheus.

Invariant: what stands in the store is read from it, so that it is the same whichever process is asked; only
checks are counted by the process that decided them, and summed by who asks them all. It is answered to the
networks that the configuration names, unless the call came through a proxy, and to who has the key.
"""

from __future__ import annotations

import datetime as dt
import hmac
import ipaddress
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version

from fastapi import FastAPI, Request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from starlette.responses import Response

from connector import logs
from connector.api.problems import Refused, documented
from connector.errors import CreditGateError
from connector.runtime import Runtime
from connector.secrets import given
from connector.store import gauges, health, slots

log = logs.logger("api")
PATH = "/metrics"
# A check is meant to take less than 50 ms.
BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
FORWARDED = ("x-forwarded-for", "forwarded", "via", "x-real-ip")
NEVER = float("nan")


class Metrics:
    """The figures of one process; its registry is its own."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.registry = CollectorRegistry()
        self.registry.register(StoreFigures(runtime))
        self._checks = Counter(
            "creditgate_checks", "Checks that this process decided.", ["outcome"], registry=self.registry
        )
        self._seconds = Histogram(
            "creditgate_check_seconds",
            "How long a check took, from the request to the decision.",
            buckets=BUCKETS,
            registry=self.registry,
        )
        for outcome in ("pass", "warn", "hold", "failed"):
            self._checks.labels(outcome)

    @contextmanager
    def check(self) -> Iterator[Callable[[str], None]]:
        """Count one check with what it took; it failed unless the given function is told its outcome."""
        started, outcome = time.perf_counter(), "failed"

        def ended(decision: str) -> None:
            nonlocal outcome
            outcome = decision

        try:
            yield ended
        finally:
            self._seconds.observe(time.perf_counter() - started)
            self._checks.labels(outcome).inc()

    def require(self, request: Request) -> None:
        """``Refused`` for who may not ask."""
        config = self._runtime.config
        address = request.client.host if request.client else ""
        direct = not any(request.headers.get(name) for name in FORWARDED)
        if direct and any(_within(address, network) for network in config.metrics_from):
            return
        key = given.secret(config.metrics_key, "metrics_key")
        sent = request.headers.get("authorization", "").partition(" ")
        fits = hmac.compare_digest(sent[2].strip().encode(), key.encode())
        if key and sent[0].lower() == "bearer" and fits:
            return
        challenge = ("WWW-Authenticate", 'Bearer realm="metrics"')
        raise Refused(401, "figures are for the networks that are set, and for their key", challenge)


class StoreFigures(Collector):
    """What the store says, asked anew each time."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked at registration."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The figures; ``creditgate_store_up`` alone when the store does not answer."""
        yield _one("creditgate_info", "The version.", {"version": version("creditgate")}, 1)
        try:
            found = [*self._streams(), *self._piles(), *self._open(), *self._jobs(), *self._calls()]
        except CreditGateError as fault:
            log.warning("metrics_lack_the_store", **logs.told(fault))
            yield _one("creditgate_store_up", "Whether the store answers.", {}, 0)
            return
        yield _one("creditgate_store_up", "Whether the store answers.", {}, 1)
        yield from found

    def _streams(self) -> Iterator[Metric]:
        now = self._runtime.clock()
        with self._runtime.store.read() as tx:
            streams = health.streams(tx)
        labels = ["connection", "stream"]
        lag = GaugeMetricFamily(
            "creditgate_stream_lag_seconds",
            "Age of the moment up to which a stream is completely read; NaN before the first time.",
            labels=labels,
        )
        age = GaugeMetricFamily(
            "creditgate_stream_read_age_seconds", "Time since a stream was last read.", labels=labels
        )
        for one in streams:
            names = [one.connection, one.stream]
            lag.add_metric(names, _age(one.watermark, now))
            age.add_metric(names, _age(one.updated_at, now))
        yield from (lag, age)

    def _piles(self) -> Iterator[Metric]:
        now = self._runtime.clock()
        with self._runtime.store.read() as tx:
            found = {"outbox": gauges.outboxes(tx), "inbox": gauges.inboxes(tx)}
            rejects = health.rejects(tx)
        for name, piles in found.items():
            items = GaugeMetricFamily(
                f"creditgate_{name}_items", f"What is in the {name}.", labels=["connection", "state"]
            )
            oldest = GaugeMetricFamily(
                f"creditgate_{name}_oldest_seconds",
                f"Age of the oldest that is in the {name}.",
                labels=["connection", "state"],
            )
            for pile in piles:
                items.add_metric([pile.connection, pile.state], pile.count)
                oldest.add_metric([pile.connection, pile.state], max(0.0, _age(pile.since, now)))
            yield from (items, oldest)
        aside = GaugeMetricFamily("creditgate_rejects", "Records that are set aside.", labels=["connection"])
        for connection, count in rejects:
            aside.add_metric([connection], count)
        yield aside

    def _open(self) -> Iterator[Metric]:
        with self._runtime.store.read() as tx:
            holds, signals, changed = gauges.holds(tx), gauges.signals(tx), gauges.changed(tx)
        held = GaugeMetricFamily("creditgate_holds_open", "Orders on hold.", labels=["connection", "state"])
        for connection, state, count in holds:
            held.add_metric([connection, state], count)
        warned = GaugeMetricFamily(
            "creditgate_signals_open", "Early warnings that are not over.", labels=["severity", "state"]
        )
        for severity, state, count in signals:
            warned.add_metric([severity, state], count)
        yield from (held, warned)
        yield _one("creditgate_customers_changed", "Customers that wait to be assessed.", {}, changed)

    def _jobs(self) -> Iterator[Metric]:
        now = self._runtime.clock()
        with self._runtime.store.read() as tx:
            jobs, pauses = gauges.jobs(tx), slots.pauses(tx).values()
        states = GaugeMetricFamily(
            "creditgate_job_slot", "1 for the state of the latest slot of a job.", labels=["job", "state"]
        )
        done = GaugeMetricFamily(
            "creditgate_job_done_age_seconds",
            "Time since a slot of a job was last done; NaN if none was.",
            labels=["job"],
        )
        for name, state, at in jobs:
            states.add_metric([name, state], 1)
            done.add_metric([name], _age(at, now))
        paused = GaugeMetricFamily("creditgate_paused", "1 for what does not run.", labels=["target"])
        for one in pauses:
            if one.holds(now):
                paused.add_metric([one.target], 1)
        yield from (states, done, paused)

    def _calls(self) -> Iterator[Metric]:
        labels = ["connection", "bucket"]
        used = GaugeMetricFamily("creditgate_calls_used", "Calls taken in the present window.", labels=labels)
        left = GaugeMetricFamily("creditgate_calls_left", "Calls left in the present window.", labels=labels)
        ratio = GaugeMetricFamily(
            "creditgate_calls_ratio", "Calls taken, as a share of what the vendor allows.", labels=labels
        )
        for connection in self._runtime.connections.all():
            for one in self._runtime.budget(connection).standings():
                names = [connection.name, one.bucket]
                used.add_metric(names, one.used)
                left.add_metric(names, max(0, one.calls - one.used))
                ratio.add_metric(names, one.used / one.calls if one.calls else NEVER)
        yield from (used, left, ratio)


def add_route(app: FastAPI, metrics: Metrics) -> None:
    """The address that is asked."""

    @app.get(
        PATH,
        tags=["health"],
        summary="Figures for Prometheus",
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}}, **documented(401)},
    )
    def figures(request: Request) -> Response:
        """Lag of streams, calls left, what waits, what is open, checks by outcome and latency. For the
        networks that the configuration names, or with a key of its own as a bearer token."""
        metrics.require(request)
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


def _one(name: str, text: str, labels: dict[str, str], value: float) -> Metric:
    family = GaugeMetricFamily(name, text, labels=list(labels))
    family.add_metric(list(labels.values()), value)
    return family


def _age(since: dt.datetime | None, now: dt.datetime) -> float:
    return NEVER if since is None else (now - since).total_seconds()


def _within(address: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        return ipaddress.ip_address(address) in network
    except ValueError:
        return False
