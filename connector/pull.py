"""Pull: outside → records.

Invariant: streams are read one after the other, each in windows (``connector.window``); killed at any
line and run again, pull neither loses nor doubles a record. What a tenant does not show is named and
passed over, and the other streams go on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from connector import logs
from connector.adapter import Crm, Missing, Row
from connector.arrivals import Counting
from connector.errors import Halt
from connector.limits import quotas
from connector.mapping.form import FieldMapping
from connector.mapping.reading import Reader
from connector.model import Stream
from connector.store import cursors, families, records
from connector.store.connections import Connection, read_back
from connector.store.engine import Store
from connector.window import LAG, Count, Report, Window, keep_rows, read_rows

# Vendors without a list of deletions are swept by id this often.
SWEEP_EVERY = dt.timedelta(hours=24)
log = logs.logger("pull")


@dataclass
class Pulled:
    """What a pull did, stream by stream."""

    streams: dict[Stream, Count] = field(default_factory=dict)

    def count(self, stream: Stream) -> Count:
        """The count of a stream, made at its first use."""
        return self.streams.setdefault(stream, Count())

    @property
    def rejected(self) -> int:
        """Records set aside, over all streams."""
        return sum(count.rejected for count in self.streams.values())

    @property
    def skipped(self) -> list[Stream]:
        """Streams that were not read."""
        return [stream for stream, count in self.streams.items() if count.skipped]


def pull(
    store: Store,
    connection: Connection,
    crm: Crm,
    mapping: FieldMapping,
    *,
    full: bool = False,
    report: Report = lambda stream, count: None,
    counting: Counting | None = None,
) -> Pulled:
    """Read every mapped stream of a CRM up to now; ``full`` reads everything again. ``counting`` says how
    orders count on the credit lines until they are assessed; without it only reservations move.

    A stream that the tenant does not show is named in its count and passed over, as are fields.
    Raises ``Retry`` or ``Reauth`` from the vendor, and ``Halt`` when no stream can be read; what was
    stored until then stays.
    """
    done = Pulled()
    names = read_back(store, connection)
    faults: list[Halt] = []
    with crm.context.secrets.lock("pull"):
        quotas.settle(store, connection, type(crm), crm.context.now())
        windows: dict[Stream, Window] = {}
        for stream in Stream:
            reader = mapping.reader(stream, names)
            if reader is None:
                continue
            count = done.count(stream)
            with _survived(count, faults):
                count.skipped = _lacks_accounts(store, connection, stream, done)
                if not count.skipped and _shown(crm, reader, count):
                    windows[stream] = Window(store, connection, crm, reader, count, report, counting)
                    windows[stream].ahead(full=full)
        for stream, count in done.streams.items():
            window = windows.get(stream)
            count.skipped = count.skipped or _lacks_accounts(store, connection, stream, done)
            if window is not None and not count.skipped:
                with _survived(count, faults):
                    _pull_stream(store, connection, crm, window, full=full)
            report(stream, count)
            log.info(
                "stream_pulled",
                connection=connection.name,
                stream=stream.value,
                outcome="skipped" if count.skipped else "read",
                read=count.read,
                changed=count.changed,
                rejected=count.rejected,
                gone=count.gone,
            )
        if faults and len(done.skipped) == len(done.streams):
            raise faults[0]
        _retry_homeless(store, connection, mapping, done, counting, crm.context.now())
    return done


@contextmanager
def _survived(count: Count, faults: list[Halt]) -> Iterator[None]:
    """What stops one stream does not stop the others."""
    try:
        yield
    except Halt as fault:
        faults.append(fault)
        log.warning("stream_skipped", **logs.told(fault))
        count.skipped = str(fault)


def _shown(crm: Crm, reader: Reader, count: Count) -> bool:
    """Whether the tenant shows what is needed of a stream; what it does not show goes into the count."""
    lack = crm.missing(reader.object, reader.vendor_fields)
    if reader.having and reader.having in lack.fields:
        count.note = f"{reader.object} has no {reader.having} yet: nothing was written there"
        return False
    if lack.object and reader.optional:
        count.note = lack.object
        return False
    needed = [name for name in reader.needed_fields if name in lack.fields]
    if lack.object or needed:
        count.missing = _unmet(reader, lack)
        count.skipped = lack.object or f"{reader.object} has no {', '.join(needed)}"
        return False
    return True


def _pull_stream(store: Store, connection: Connection, crm: Crm, window: Window, *, full: bool) -> None:
    reader, count = window.reader, window.count
    window.run(full=full)
    _find_gone(store, connection, crm, reader, count, full=full)
    # Some fields turn out to be odd only when they are read.
    count.missing = _unmet(reader, crm.missing(reader.object, reader.vendor_fields))


def _unmet(reader: Reader, lack: Missing) -> tuple[str, ...]:
    """Fields that ought to be there: those that the mapping calls optional need not."""
    return tuple(name for name in lack.fields if name in reader.required_fields)


def _lacks_accounts(store: Store, connection: Connection, stream: Stream, done: Pulled) -> str:
    """Why a stream whose rows belong to accounts cannot be read: none were ever read."""
    accounts = done.streams.get(Stream.ACCOUNTS)
    if stream not in records.FACTS or accounts is None or not accounts.skipped:
        return ""
    with store.read() as tx:
        known = cursors.load(tx, connection.id, Stream.ACCOUNTS.value).watermark
    return "" if known else "its accounts were never read"


def retry_rejects(
    store: Store,
    connection: Connection,
    mapping: FieldMapping,
    code: str | None = None,
    counting: Counting | None = None,
    now: dt.datetime | None = None,
) -> Pulled:
    """Read the rows that were set aside again, under the present mapping; ``now`` (aware UTC) is the real
    moment unless given."""
    done = Pulled()
    with store.read() as tx:
        waiting = records.rejects(tx, connection.id, code)
    for stream in Stream:
        rows = [records.raw_row(row) for row in waiting if row.stream == stream.value]
        reader = mapping.readers.get(stream)
        if rows and reader is not None:
            _store_rows(store, connection, reader, rows, done.count(stream), counting, now)
    return done


def _retry_homeless(
    store: Store,
    connection: Connection,
    mapping: FieldMapping,
    done: Pulled,
    counting: Counting | None,
    now: dt.datetime,
) -> None:
    """Rows whose account was missing may have found it by now."""
    retried = retry_rejects(store, connection, mapping, "missing_account", counting, now)
    for stream, count in retried.streams.items():
        healed = count.read - count.rejected
        done.count(stream).changed += count.changed
        done.count(stream).rejected = max(0, done.count(stream).rejected - healed)


def _find_gone(
    store: Store, connection: Connection, crm: Crm, reader: Reader, count: Count, *, full: bool
) -> None:
    """Mark what was deleted: by the vendor's list, or by comparing all ids from time to time."""
    now = crm.context.now()
    with store.read() as tx:
        cursor = cursors.load(tx, connection.id, reader.stream.value)
        known = records.living_ids(tx, connection.id, reader.stream) if crm.sweeps else set()
    since = cursor.gone_since
    if since is None:
        gone: set[str] = set()
    elif not crm.sweeps:
        gone = set(crm.deleted(reader.object, since - LAG))
    elif full or now - since >= SWEEP_EVERY:
        gone = known - set(crm.deleted(reader.object, since))
    else:
        return
    with store.write() as tx:
        count.gone += records.gone(tx, connection.id, reader.stream, gone, now)
        cursor = cursors.load(tx, connection.id, reader.stream.value)
        # Deletions during this pull are asked for again by the next one.
        upto = now if crm.sweeps else cursor.watermark
        cursors.save(tx, connection.id, reader.stream.value, replace(cursor, gone_since=upto), now)


def _store_rows(
    store: Store,
    connection: Connection,
    reader: Reader,
    rows: list[Row],
    count: Count,
    counting: Counting | None,
    now: dt.datetime | None,
) -> None:
    read, misfits = read_rows(reader, rows)
    with store.write() as tx:
        now = now or dt.datetime.now(dt.UTC)
        before = count.changed
        keep_rows(tx, connection, reader.stream, read, misfits, count, now, counting)
        if reader.stream is Stream.ACCOUNTS and count.changed > before:
            families.regroup(tx, connection.id, now, [record.external_id for _, record in read])
