"""Hooks: the CRM says what changed, and just that is read again.

Invariant: an event is a hint and never a value; what is stored is what the CRM answers when it is asked.
A hint leaves the inbox only in the transaction that stores its record, so that this can be killed at any
line; doubled, disordered and lost ones do no harm, for every pull reads what changed anyway.
"""

from __future__ import annotations

import datetime as dt
import secrets as randomness
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, urlsplit

import sqlalchemy as sa

from connector import adapter as ports
from connector import logs
from connector.adapter import Crm, Event, Row, Subscription
from connector.arrivals import Counting
from connector.errors import CreditGateError, Halt, Reject, Retry
from connector.mapping.form import FieldMapping
from connector.mapping.reading import Reader
from connector.model import Stream
from connector.ports.finding import Finding, ago
from connector.pull import Pulled, retry_rejects
from connector.store import cursors, families, inbox, records, subscriptions
from connector.store.connections import Connection, read_back
from connector.store.engine import Store
from connector.store.inbox import Claimed
from connector.window import LAG, Count, keep_rows, read_rows

PATH = "/v1/hooks/"
log = logs.logger("hooks")
SECRET = "events:secret"  # noqa: S105 - its name
# How long a claim holds: longer than a batch takes, short enough to wait for after a kill.
LEASE = dt.timedelta(minutes=2)
# What is neither found nor known to be deleted may become visible a little later.
ATTEMPTS, FIRST_WAIT = 5, dt.timedelta(seconds=20)
# After a fault of the line, and after one that a person has to mend.
RETRY_WAIT, HALT_WAIT = dt.timedelta(minutes=1), dt.timedelta(minutes=10)
# An event that says when it was sent is believed this long before and after (clocks differ); its id is kept
# longer than any vendor repeats one.
FRESH, REPEATED = dt.timedelta(minutes=5), dt.timedelta(days=7)
# Longer silence, or longer waiting, wants attention.
SILENT = dt.timedelta(days=1)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")

Report = Callable[[int], None]


@dataclass
class Processed(Pulled):
    """What came of the hints: by stream as in a pull; ``unclear`` were neither found nor deleted."""

    hints: int = 0
    unclear: int = 0


# -- what the CRM is asked to tell


def subscribe(
    store: Store,
    connection: Connection,
    crm: Crm,
    mapping: FieldMapping,
    public_url: str,
    *,
    anew: bool = False,
) -> Subscription:
    """Have the CRM tell of every mapped object at ``public_url``; ``anew`` renews whatever remains.

    Idempotent. Raises ``Halt`` when the CRM offers none or the address cannot serve; ``Retry``, ``Reauth``.
    """
    url = address(public_url, connection)
    with crm.context.secrets.lock("events"):
        with store.read() as tx:
            known = subscriptions.load(tx, connection.id)
        if known is not None and anew:
            known = replace(known, renew_at=crm.context.now())
        # The secret is kept before the vendor learns it: killed in between, the next run sends it again.
        made = crm.subscribe(list(_by_object(store, connection, mapping)), url, _secret(crm), known)
        if made != known:
            with store.write() as tx:
                subscriptions.save(tx, connection.id, made, crm.context.now())
    return made


def renew(
    store: Store, connection: Connection, crm: Crm, mapping: FieldMapping, *, anew: bool = False
) -> Subscription | None:
    """Renew the subscription of a connection if it is due or ``anew``; ``None`` when there is none."""
    with store.read() as tx:
        known = subscriptions.load(tx, connection.id)
    if known is None:
        return None
    due = known.renew_at is not None and known.renew_at <= crm.context.now()
    if due or anew or set(known.objects) != set(_by_object(store, connection, mapping)):
        base = known.url[: known.url.rindex(PATH)]
        return subscribe(store, connection, crm, mapping, base, anew=anew)
    return known


def unsubscribe(store: Store, connection: Connection, crm: Crm) -> bool:
    """End the subscription and forget its secret; whether there was one."""
    with crm.context.secrets.lock("events"):
        with store.read() as tx:
            known = subscriptions.load(tx, connection.id)
        if known is None:
            return False
        crm.unsubscribe(known)
        crm.context.secrets.put(SECRET, "", crm.context.now())
        with store.write() as tx:
            subscriptions.drop(tx, connection.id)
    return True


def address(public_url: str, connection: Connection) -> str:
    """Where the CRM of ``connection`` sends its events; ``Halt`` unless the vendor can call it safely."""
    base = public_url.strip().rstrip("/")
    parts = urlsplit(base)
    if not parts.hostname or not (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    ):
        raise Halt(
            f"{base!r} is no address that a CRM could send events to"
            if base
            else "no public address is known",
            where=f"connection {connection.name}",
            todo="name the HTTPS address of the check service: --url, or public_url in the configuration",
        )
    return f"{base}{PATH}{quote(connection.name, safe='')}"


def _secret(crm: Crm) -> str:
    """What proves events: the vendor's, if its adapter has a setting for that, else ours."""
    if crm.event_secret:
        return crm.context.settings.get(crm.event_secret, "")
    known = crm.context.secrets.get(SECRET)
    if known:
        return known
    fresh = randomness.token_urlsafe(32)
    crm.context.secrets.put(SECRET, fresh)
    return fresh


# -- what the CRM tells


def understand(
    kind: type[Crm], secrets: ports.Secrets, headers: Mapping[str, str], body: bytes, now: dt.datetime
) -> Event | None:
    """The event in a call to our address; raises ``Reject`` like ``Crm.parse_event``, also for one that
    was sent too long before ``now``."""
    proof = kind.event_proof(headers)
    name = f"setting:{proof}" if proof else SECRET
    # Without a secret nothing is believed, and it takes as long to say so.
    event = kind.parse_event(headers, body, secrets.get(name) or randomness.token_urlsafe(32))
    if event is not None and event.sent_at is not None and abs(now - event.sent_at) > FRESH:
        raise Reject("the event was not sent just now", code=ports.FORGED_EVENT, field="timestamp")
    return event


def receive(store: Store, connection: Connection, event: Event, now: dt.datetime) -> int:
    """Keep what is to be read again; how many records. An event that came before changes nothing."""
    with store.write() as tx:
        if event.message and not inbox.first(tx, connection.id, event.message, now):
            return 0
        count = inbox.put(tx, connection.id, event.object, event.ids, event.operation, now)
        subscriptions.heard(tx, connection.id, now)
    return count


# -- reading again


def process(
    store: Store,
    connection: Connection,
    crm: Crm,
    mapping: FieldMapping,
    *,
    report: Report = lambda hints: None,
    counting: Counting | None = None,
) -> Processed:
    """Read again what the CRM told of, until nothing is due.

    Raises ``Retry`` or ``Reauth`` from the vendor, and ``Halt`` once every other object was read; what was
    not read is due again later. ``counting`` as in ``pull``.
    """
    done = Processed()
    halts: list[Halt] = []
    readers = _by_object(store, connection, mapping)
    with store.write() as tx:
        inbox.drop_others(tx, connection.id, list(readers))
    while True:
        before = done.hints
        # Accounts come first: documents need theirs.
        for object_name in readers:
            try:
                while claimed := _claim(store, connection, crm, object_name):
                    batch = _Batch(store, connection, crm, object_name, readers, claimed, counting)
                    batch.run(done)
                    report(done.hints)
            except Halt as fault:
                halts.append(fault)
        if done.hints == before:
            break
    if Stream.ACCOUNTS in done.streams and done.count(Stream.ACCOUNTS).changed:
        retry_rejects(store, connection, mapping, "missing_account", counting)
    log.info("read_again", connection=connection.name, done=done.hints, count=done.unclear)
    if halts:
        raise halts[0]
    return done


def settle(store: Store, connection: Connection, began: dt.datetime) -> int:
    """A pull that began at ``began`` has read everything: what was given up before needs no more reading."""
    with store.write() as tx:
        inbox.forget_messages(tx, connection.id, began - REPEATED)
        return inbox.drop_dead(tx, connection.id, began)


def _by_object(store: Store, connection: Connection, mapping: FieldMapping) -> dict[str, list[Reader]]:
    """The mapping's readers by the vendor's object, in the order of the streams."""
    names = read_back(store, connection)
    found: dict[str, list[Reader]] = {}
    for stream in Stream:
        reader = mapping.reader(stream, names)
        if reader is not None:
            found.setdefault(reader.object, []).append(reader)
    return found


def _claim(store: Store, connection: Connection, crm: Crm, object_name: str) -> list[Claimed]:
    now, name = crm.context.now(), randomness.token_hex(8)
    with store.write() as tx:
        return inbox.claim(tx, connection.id, object_name, name, now, now + LEASE, crm.reread_batch)


def _keep(
    tx: sa.Connection,
    connection: Connection,
    reader: Reader,
    rows: Sequence[Row],
    count: Count,
    now: dt.datetime,
    counting: Counting | None,
) -> None:
    """Store single rows of a stream, in every way like a page of a pull."""
    read, misfits = read_rows(reader, rows)
    before = count.changed
    keep_rows(tx, connection, reader.stream, read, misfits, count, now, counting)
    if reader.stream is Stream.ACCOUNTS and count.changed > before:
        families.regroup(tx, connection.id, now, [record.external_id for _, record in read])


class _Batch:
    """Claimed rows of one object, read again and stored."""

    def __init__(
        self,
        store: Store,
        connection: Connection,
        crm: Crm,
        object_name: str,
        readers: Mapping[str, Sequence[Reader]],
        claimed: Sequence[Claimed],
        counting: Counting | None,
    ) -> None:
        self._store = store
        self._connection = connection
        self._crm = crm
        self._object = object_name
        self._readers = readers[object_name]
        # Where documents that came before their account find it.
        self._accounts = [name for name, of in readers.items() if of[0].stream is Stream.ACCOUNTS]
        self._claimed = claimed
        self._counting = counting

    def run(self, done: Processed) -> None:
        """Read, store, and free the rows; after a fault they are due again later."""
        try:
            found = self._reread()
            missing = [one for one in self._claimed if one.external_id not in found]
            gone = self._deleted(missing)
        except CreditGateError as fault:
            self._give_back(fault)
            raise
        unclear = [one for one in missing if one.external_id not in gone]
        read = [one for one in self._claimed if one not in unclear]
        homeless = self._keep(read, found, gone, done)
        self._leave(unclear, homeless)
        done.hints += len(self._claimed)
        done.unclear += len(unclear)

    def _reread(self) -> dict[str, Row]:
        fields = dict.fromkeys(name for reader in self._readers for name in reader.vendor_fields)
        ids = [one.external_id for one in self._claimed]
        return {row.external_id: row for row in self._crm.reread(self._object, list(fields), ids)}

    def _deleted(self, missing: Sequence[Claimed]) -> set[str]:
        """Which of these the vendor lists as deleted. Where it has no such list, it may know of some; of the
        others the next sweep tells."""
        if not missing:
            return set()
        if self._crm.sweeps:
            return self._crm.certainly_gone(self._object, [one.external_id for one in missing])
        with self._store.read() as tx:
            known = [cursors.load(tx, self._connection.id, r.stream.value).gone_since for r in self._readers]
        told = min(one.first_seen for one in missing)
        since = min([told, *(moment for moment in known if moment is not None)]) - LAG
        wanted = {one.external_id for one in missing}
        return wanted & set(self._crm.deleted(self._object, since))

    def _keep(
        self, read: Sequence[Claimed], found: Mapping[str, Row], gone: set[str], done: Processed
    ) -> set[str]:
        """Store what was read and finish its rows, in one transaction; the accounts that documents lack."""
        now, lacking = self._crm.context.now(), set[str]()
        with self._store.write() as tx:
            ours = inbox.finish(tx, read)
            rows = [row for key, row in found.items() if key in ours]
            for reader in self._readers:
                count = done.count(reader.stream)
                _keep(tx, self._connection, reader, rows, count, now, self._counting)
                count.gone += records.gone(tx, self._connection.id, reader.stream, gone & ours, now)
                if count.rejected:
                    rejects = records.rejects(tx, self._connection.id, "missing_account")
                    mine = [r for r in rejects if r.stream == reader.stream.value and r.external_id in ours]
                    lacking |= {reject.value for reject in mine if reject.value}
        return lacking

    def _leave(self, unclear: Sequence[Claimed], homeless: set[str]) -> None:
        """What is unclear is tried again; the accounts of documents that came before them are asked for.

        Killed before this, the claims end by themselves, and the documents find their account at a pull.
        """
        if not unclear and not homeless:
            return
        now = self._crm.context.now()
        with self._store.write() as tx:
            for one in unclear:
                again = one.attempts + 1 < ATTEMPTS
                until = now + FIRST_WAIT * 3**one.attempts if again else None
                inbox.postpone(tx, [one], until, "neither found nor listed as deleted")
            for object_name in self._accounts:
                inbox.put(tx, self._connection.id, object_name, homeless, "", now)

    def _give_back(self, fault: CreditGateError) -> None:
        now = self._crm.context.now()
        wait = RETRY_WAIT if isinstance(fault, Retry) else HALT_WAIT
        if isinstance(fault, Retry) and fault.after is not None:
            wait = max(wait, dt.timedelta(seconds=fault.after))
        with self._store.write() as tx:
            inbox.give_back(tx, self._claimed, now + wait, str(fault))


# -- whether it works


def findings(store: Store, now: dt.datetime) -> Iterator[Finding]:
    """For the doctor: whether the CRMs tell, and whether we hear."""
    with store.read() as tx:
        found = subscriptions.standings(tx)
    for one in found:
        what = f"notifications of {one.connection}"
        faults = list(_faults_of(one, now))
        yield from (Finding("warn", what, told, todo) for told, todo in faults)
        if not faults:
            last = f", the last {ago(now - one.last_event_at)} ago" if one.last_event_at else ""
            yield Finding("ok", what, f"{one.events} events{last}")


def _faults_of(one: subscriptions.Standing, now: dt.datetime) -> Iterator[tuple[str, str]]:
    """What keeps a CRM from telling, or us from hearing; and what to do."""
    ends, name = one.subscription.expires_at, one.connection
    if ends is not None and ends <= now:
        yield f"they ended {ago(now - ends)} ago", f"'creditgate hooks renew {name}', and pull more often"
    for refused, words in one.subscription.refused.items():
        told = f"the CRM does not tell of {refused}: {words}"
        yield told, f"mend that, then 'creditgate hooks renew {name}'"
    if one.last_event_at is None and now - one.subscribed_at > SILENT:
        todo = f"change a record, and see that the CRM reaches {one.subscription.url} from outside"
        yield f"no event came since they were asked for {ago(now - one.subscribed_at)} ago", todo
    if one.last_forged_at is not None and now - one.last_forged_at < SILENT:
        todo = f"if that is the CRM: 'creditgate hooks unsubscribe {name}', then 'subscribe' again"
        last = ago(now - one.last_forged_at)
        yield f"{one.forged} events could not prove themselves, the last {last} ago", todo
    if one.dead:
        todo = f"see 'creditgate hooks inbox {name}'; may the connection's user read them?"
        yield f"{one.dead} records that it told of are neither found nor deleted", todo
    if one.oldest is not None and now - one.oldest > SILENT:
        todo = f"run 'creditgate hooks process {name}', or 'creditgate serve'"
        yield f"{one.waiting} records wait to be read again, the oldest for {ago(now - one.oldest)}", todo
