"""Pull: outside → records.

Invariant: each page is stored in one transaction together with the place in the window that it covers;
killed at any line and run again, pull neither loses nor doubles a record. The watermark moves to the
frozen end of the window only when every part of the window is stored. Nothing is added to a change time
to get past it: windows overlap, and re-reading costs one digest compare.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import sqlalchemy as sa

from connector.adapter import Crm, Ledger, Page, Row, Slice
from connector.errors import Halt, Reject
from connector.mapping import FieldMapping
from connector.model import Order, Record, Stream
from connector.reading import Reader
from connector.store import cursors, customers, records, reservations
from connector.store.connections import Connection
from connector.store.cursors import Cursor
from connector.store.engine import Store
from connector.store.records import Misfit

BEGINNING = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
# A row can become visible some time after the change time that it carries: windows overlap by this.
LAG = dt.timedelta(seconds=60)
# Vendors without a list of deletions are swept by id this often.
SWEEP_EVERY = dt.timedelta(hours=24)
FILE_PAGE = 2_000

Report = Callable[[Stream, "Count"], None]


@dataclass
class Count:
    """What a pull did to one stream."""

    read: int = 0
    changed: int = 0
    rejected: int = 0
    gone: int = 0


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


def pull(
    store: Store,
    connection: Connection,
    crm: Crm,
    mapping: FieldMapping,
    *,
    full: bool = False,
    report: Report = lambda stream, count: None,
) -> Pulled:
    """Read every mapped stream of a CRM up to now; ``full`` reads everything again.

    Raises ``Retry``, ``Reauth`` or ``Halt`` from the vendor; what was stored until then stays.
    """
    done = Pulled()
    with crm.context.secrets.lock("pull"):
        for stream in Stream:
            reader = mapping.readers.get(stream)
            if reader is None:
                continue
            count = done.count(stream)
            _Puller(store, connection, crm, reader, count, report).run(full=full)
            _find_gone(store, connection, crm, reader, count, full=full)
            report(stream, count)
        _retry_homeless(store, connection, mapping, done)
    return done


def import_ledger(
    store: Store, connection: Connection, ledger: Ledger, mapping: FieldMapping, path: Path
) -> Pulled:
    """Read a receivables file: every row gives its account and its invoice.

    Raises ``Halt`` when the file cannot be read or lacks a mapped column.
    """
    done = Pulled()
    known: dict[str, Mapping[str, str]] = {}
    number = 1
    for part in _parts(ledger.read(path)):
        for stream in (Stream.ACCOUNTS, Stream.INVOICES):
            reader = mapping.readers.get(stream)
            if reader is None:
                continue
            missing = [name for name in reader.required_fields if name not in part[0]]
            if missing:
                raise Halt(
                    f"the file has no column {missing[0]!r}",
                    where=str(path),
                    todo=f"name one of its columns in the mapping: {', '.join(part[0])}",
                )
            rows, misfits = _file_rows(reader, part, number, known)
            _store_rows(store, connection, reader, rows, done.count(stream), misfits)
        number += len(part)
    return done


def _file_rows(
    reader: Reader, part: Sequence[Mapping[str, str]], number: int, known: dict[str, Mapping[str, str]]
) -> tuple[list[Row], list[Misfit]]:
    """The rows of a part of a file, and those that have no id or one that another row has already.

    ``number`` counts the rows before this part, ``known`` remembers its invoices. An account stands in
    the file once for each of its invoices: there, the last row speaks.
    """
    rows: dict[str, Row] = {}
    misfits: list[Misfit] = []
    for place, data in enumerate(part, start=number + 1):
        external_id = reader.file_id(data)
        if not external_id:
            misfits.append(_misfit(Row(f"row {place}", None, data), "missing_value", "has no id"))
            continue
        if reader.stream is Stream.INVOICES and known.setdefault(external_id, data) != data:
            twin = Row(f"{external_id} (row {place})", None, data)
            misfits.append(_misfit(twin, "duplicate_id", "has the id of another row", external_id))
            continue
        rows[external_id] = Row(external_id, None, data)
    return list(rows.values()), misfits


def _misfit(row: Row, code: str, what: str, value: str = "") -> Misfit:
    todo = "correct the file and import it again"
    return Misfit(row, Reject(f"the row {what}", code=code, field="id", value=value, todo=todo))


def retry_rejects(
    store: Store, connection: Connection, mapping: FieldMapping, code: str | None = None
) -> Pulled:
    """Read the rows that were set aside again, under the present mapping."""
    done = Pulled()
    with store.read() as tx:
        waiting = records.rejects(tx, connection.id, code)
    for stream in Stream:
        rows = [records.raw_row(row) for row in waiting if row.stream == stream.value]
        reader = mapping.readers.get(stream)
        if rows and reader is not None:
            _store_rows(store, connection, reader, rows, done.count(stream))
    return done


def _retry_homeless(store: Store, connection: Connection, mapping: FieldMapping, done: Pulled) -> None:
    """Rows whose account was missing may have found it by now."""
    retried = retry_rejects(store, connection, mapping, "missing_account")
    for stream, count in retried.streams.items():
        healed = count.read - count.rejected
        done.count(stream).changed += count.changed
        done.count(stream).rejected = max(0, done.count(stream).rejected - healed)


class _Puller:
    """One window of one stream, read in parts by several calls at once."""

    def __init__(
        self,
        store: Store,
        connection: Connection,
        crm: Crm,
        reader: Reader,
        count: Count,
        report: Report,
    ) -> None:
        self._store = store
        self._connection = connection
        self._crm = crm
        self._reader = reader
        self._count = count
        self._report = report
        self._parts: dict[int, Slice] = {}
        # Parts whose rows are not stored yet: what the cursor must still name.
        self._unread: dict[int, Slice] = {}
        self._next = 0
        self._taken_up = False

    def run(self, *, full: bool) -> None:
        """Read from the watermark (or where an interrupted window stood) to now."""
        window = self._open_window(full=full)
        for part in window.slices:
            number = self._add(part)
            self._unread[number] = part
        if self._parts:
            with ThreadPoolExecutor(self._crm.limits.slots) as pool:
                self._read(pool, window)
        self._close_window(window)

    def _open_window(self, *, full: bool) -> Cursor:
        now = self._now()
        with self._store.write() as tx:
            cursor = cursors.load(tx, self._connection.id, self._reader.stream.value)
            self._taken_up = cursor.until is not None
            if cursor.until is None or full:
                known = None if full else cursor.watermark
                since = known - LAG if known else BEGINNING
                cursor = replace(cursor, until=now, slices=(Slice(since, now),))
                cursors.save(tx, self._connection.id, self._reader.stream.value, cursor, now)
        return cursor

    def _close_window(self, window: Cursor) -> None:
        now = self._now()
        with self._store.write() as tx:
            # A window that was taken up again may owe the groups of what an earlier run had stored.
            if self._reader.stream is Stream.ACCOUNTS and (self._count.changed or self._taken_up):
                customers.regroup(tx, self._connection.id, now)
            # Deletions are asked for from the first window's end on, even if nobody lives to ask today.
            gone_since = window.gone_since or window.until
            closed = replace(window, watermark=window.until, until=None, slices=(), gone_since=gone_since)
            cursors.save(tx, self._connection.id, self._reader.stream.value, closed, now)

    def _read(self, pool: ThreadPoolExecutor, window: Cursor) -> None:
        running = {self._fetch(pool, number): number for number in self._parts}
        try:
            while running:
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                pages = []
                for future in finished:
                    number = running.pop(future)
                    page = future.result()
                    followers = self._advance(number, page, len(running))
                    running |= {self._fetch(pool, follower): follower for follower in followers}
                    pages.append((number, followers, page))
                # Stored while the next pages are already on their way.
                for number, followers, page in pages:
                    self._keep(window, number, followers, page)
        finally:
            for future in running:
                future.cancel()

    def _fetch(self, pool: ThreadPoolExecutor, number: int) -> Future[Page]:
        part = self._parts[number]
        return pool.submit(self._crm.fetch, self._reader.object, self._reader.vendor_fields, part)

    def _advance(self, number: int, page: Page, busy: int) -> list[int]:
        """What of this part remains, cut in as many pieces of time as there are free slots."""
        part = self._parts[number]
        if not page.more:
            return []
        rest = replace(part, after=page.rows[-1].external_id)
        return [self._add(piece) for piece in self._cut(rest, page, self._crm.limits.slots - busy)]

    def _cut(self, rest: Slice, page: Page, pieces: int) -> list[Slice]:
        # Rows in order of id say little about times, but what lies before the oldest is mostly empty.
        oldest = min((row.modified_at for row in page.rows if row.modified_at), default=rest.since)
        start = max(rest.since, oldest)
        step = (rest.until - start) / max(pieces, 1)
        if pieces < 2 or step < 2 * self._crm.time_step:
            return [rest]
        marks = [start + step * n for n in range(1, pieces)]
        edges = [rest.since, *marks, rest.until]
        return [Slice(a, b, rest.after) for a, b in pairwise(edges)]

    def _add(self, part: Slice) -> int:
        self._next += 1
        self._parts[self._next] = part
        return self._next

    def _keep(self, window: Cursor, number: int, followers: list[int], page: Page) -> None:
        read, misfits = _read_rows(self._reader, page.rows)
        del self._unread[number]
        self._unread |= {follower: self._parts[follower] for follower in followers}
        place = replace(window, slices=tuple(self._unread.values()))
        now = self._now()
        with self._store.write() as tx:
            _keep_rows(tx, self._connection, self._reader.stream, read, misfits, self._count, now)
            cursors.save(tx, self._connection.id, self._reader.stream.value, place, now)
        self._report(self._reader.stream, self._count)

    def _now(self) -> dt.datetime:
        return self._crm.context.now()


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
        count.gone = records.gone(tx, connection.id, reader.stream, gone, now)
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
    earlier: Sequence[Misfit] = (),
) -> None:
    read, misfits = _read_rows(reader, rows)
    misfits = [*earlier, *misfits]
    with store.write() as tx:
        now = dt.datetime.now(dt.UTC)
        before = count.changed
        _keep_rows(tx, connection, reader.stream, read, misfits, count, now)
        if reader.stream is Stream.ACCOUNTS and count.changed > before:
            customers.regroup(tx, connection.id, now)


def keep(
    tx: sa.Connection,
    connection: Connection,
    reader: Reader,
    rows: Iterable[Row],
    count: Count,
    now: dt.datetime,
) -> None:
    """Store single rows of a stream in the caller's transaction, in every way like a page of a pull."""
    read, misfits = _read_rows(reader, rows)
    before = count.changed
    _keep_rows(tx, connection, reader.stream, read, misfits, count, now)
    if reader.stream is Stream.ACCOUNTS and count.changed > before:
        ids = [record.external_id for _, record in read]
        if customers.grouped(tx, connection.id, ids):
            customers.regroup(tx, connection.id, now)


def _read_rows(reader: Reader, rows: Iterable[Row]) -> tuple[list[tuple[Row, Record]], list[Misfit]]:
    read: list[tuple[Row, Record]] = []
    misfits: list[Misfit] = []
    for row in rows:
        try:
            read.append((row, reader.read(row)))
        except Reject as reason:
            misfits.append(Misfit(row, reason))
    return read, misfits


def _keep_rows(
    tx: sa.Connection,
    connection: Connection,
    stream: Stream,
    read: list[tuple[Row, Record]],
    misfits: list[Misfit],
    count: Count,
    now: dt.datetime,
) -> None:
    stored = records.store(tx, connection.id, stream, read, misfits, now)
    orders = [record for record in stored.changed if isinstance(record, Order)]
    if orders:
        # An order that arrives takes its reservation with it, in the same transaction.
        reservations.arrive(tx, connection.id, orders, now)
    count.read += len(read) + len(misfits)
    count.changed += len(stored.changed)
    count.rejected += len(stored.misfits)


def _parts(rows: Iterator[Mapping[str, str]]) -> Iterator[list[Mapping[str, str]]]:
    part: list[Mapping[str, str]] = []
    for row in rows:
        part.append(row)
        if len(part) == FILE_PAGE:
            yield part
            part = []
    if part:
        yield part
