"""A window of one stream: everything that changed between two moments, read in parts or in bulk.

Invariant: each page is stored in one transaction together with the place in the window that it covers;
killed at any line and run again, nothing is lost or doubled. The watermark moves to the frozen end of
the window only when every part of it is stored. Nothing is added to a change time to get past it: windows
overlap, and re-reading costs one digest compare. A window that the vendor gave in bulk ends at the moment
before the vendor began, so that what changed meanwhile is read by the next one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import pairwise

import sqlalchemy as sa

from connector import arrivals
from connector.adapter import BulkFailed, BulkPart, Crm, Page, Row, Slice
from connector.arrivals import Counting
from connector.errors import Reject
from connector.mapping.reading import Reader
from connector.model import Record, Stream
from connector.store import cursors, families, records
from connector.store.connections import Connection
from connector.store.cursors import Cursor
from connector.store.engine import Store
from connector.store.records import Misfit

BEGINNING = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
# A row can become visible some time after the change time that it carries: windows overlap by this.
LAG = dt.timedelta(seconds=60)
# Of more accounts than this the families are not looked up one by one.
TOUCHED = 10_000

Report = Callable[[Stream, "Count"], None]


@dataclass
class Count:
    """What a pull did to one stream."""

    read: int = 0
    changed: int = 0
    rejected: int = 0
    gone: int = 0
    skipped: str = ""  # why the stream was not read, or not to its end
    missing: tuple[str, ...] = ()  # mapped fields that this tenant does not show
    note: str = ""


class Window:
    """One window of one stream, read in parts by several calls at once."""

    def __init__(
        self,
        store: Store,
        connection: Connection,
        crm: Crm,
        reader: Reader,
        count: Count,
        report: Report,
        counting: Counting | None = None,
    ) -> None:
        self._store = store
        self._connection = connection
        self._crm = crm
        self.reader = reader
        self.count = count
        self._report = report
        self._counting = counting
        self._parts: dict[int, Slice] = {}
        # Parts whose rows are not stored yet: what the cursor must still name.
        self._unread: dict[int, Slice] = {}
        self._next = 0
        self._taken_up = False
        self._window: Cursor | None = None
        self._bulk: Iterator[BulkPart] | None = None
        # Accounts that changed, as long as they are few.
        self._touched: set[str] = set()

    def ahead(self, *, full: bool) -> None:
        """Order a first load that the vendor gives in bulk, so that it works on it while other streams
        are being stored. Without one, nothing happens yet."""
        if full or self._first():
            self._window = self._ordered(self._open_window(full=full))

    def run(self, *, full: bool) -> None:
        """Read from the watermark (or where an interrupted window stood) to now."""
        window = self._in_bulk(self._window or self._ordered(self._open_window(full=full)))
        for part in window.slices:
            number = self._add(part)
            self._unread[number] = part
        if self._parts:
            with ThreadPoolExecutor(self._crm.slots) as pool:
                self._read(pool, window)
        self._close_window(window)

    def _open_window(self, *, full: bool) -> Cursor:
        now = self._now()
        with self._store.write() as tx:
            cursor = cursors.load(tx, self._connection.id, self.reader.stream.value)
            self._taken_up = cursor.until is not None
            if cursor.until is None or full:
                known = None if full else cursor.watermark
                since = known - LAG if known else BEGINNING
                cursor = replace(cursor, until=now, slices=(Slice(since, now),), bulk=None)
                cursors.save(tx, self._connection.id, self.reader.stream.value, cursor, now)
        return cursor

    def _first(self) -> bool:
        with self._store.read() as tx:
            cursor = cursors.load(tx, self._connection.id, self.reader.stream.value)
        return cursor.watermark is None and cursor.until is None

    def _ordered(self, window: Cursor) -> Cursor:
        """A window from the beginning of time is ordered in bulk, where the vendor offers that; it then
        ends where the vendor began. One that was being read in bulk goes on from its place."""
        untouched = window.until is not None and window.slices == (Slice(BEGINNING, window.until),)
        if self.reader.having or not (untouched or window.bulk):
            return window
        try:
            self._bulk = self._crm.bulk(self.reader.object, self.reader.vendor_fields, window.bulk)
            if self._bulk is None:
                return replace(window, bulk=None)
            if window.bulk is None:
                window = self._put_part(window, next(self._bulk))
        except BulkFailed as fault:
            window = self._by_query(window, fault)
        return window

    def _in_bulk(self, window: Cursor) -> Cursor:
        """What remains of a window once the vendor gave it in bulk: nothing. All of it, where there is no
        such way."""
        if self._bulk is None:
            return window
        try:
            for part in self._bulk:
                window = self._put_part(window, part)
        except BulkFailed as fault:
            return self._by_query(window, fault)
        return replace(window, slices=(), bulk=None)

    def _put_part(self, window: Cursor, part: BulkPart) -> Cursor:
        window = replace(window, until=part.place.began, bulk=part.place)
        self._put(window, part.rows)
        return window

    def _by_query(self, window: Cursor, fault: BulkFailed) -> Cursor:
        self._bulk = None
        self.count.note = f"{fault}; read by query instead"
        now = self._now()
        window = replace(window, until=now, slices=(Slice(BEGINNING, now),), bulk=None)
        self._put(window, ())
        return window

    def _close_window(self, window: Cursor) -> None:
        now = self._now()
        with self._store.write() as tx:
            if self.reader.stream is Stream.ACCOUNTS:
                # A window that was taken up again may owe the groups of what an earlier run had stored.
                everybody = self._taken_up or len(self._touched) > TOUCHED
                families.regroup(tx, self._connection.id, now, None if everybody else self._touched)
            # Deletions are asked for from the first window's end on, even if nobody lives to ask today.
            gone_since = window.gone_since or window.until
            closed = replace(window, watermark=window.until, until=None, slices=(), gone_since=gone_since)
            cursors.save(tx, self._connection.id, self.reader.stream.value, closed, now)

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
        part = replace(self._parts[number], having=self.reader.having)
        return pool.submit(self._crm.fetch, self.reader.object, self.reader.vendor_fields, part)

    def _advance(self, number: int, page: Page, busy: int) -> list[int]:
        """What of this part remains, cut in as many pieces of time as there are free slots."""
        part = self._parts[number]
        if not page.more:
            return []
        rest = replace(part, after=page.rows[-1].external_id)
        return [self._add(piece) for piece in self._cut(rest, page, self._crm.slots - busy)]

    def _cut(self, rest: Slice, page: Page, pieces: int) -> list[Slice]:
        # Rows in order of id say little about times, but what lies before the oldest is mostly empty.
        oldest = min((row.modified_at for row in page.rows if row.modified_at), default=rest.since)
        start = max(rest.since, oldest)
        step = (rest.until - start) / max(pieces, 1)
        if pieces < 2 or not page.divisible or step < 2 * self._crm.time_step:
            return [rest]
        marks = [start + step * n for n in range(1, pieces)]
        edges = [rest.since, *marks, rest.until]
        return [Slice(a, b, rest.after) for a, b in pairwise(edges)]

    def _add(self, part: Slice) -> int:
        self._next += 1
        self._parts[self._next] = part
        return self._next

    def _keep(self, window: Cursor, number: int, followers: list[int], page: Page) -> None:
        del self._unread[number]
        self._unread |= {follower: self._parts[follower] for follower in followers}
        self._put(replace(window, slices=tuple(self._unread.values())), page.rows, page.gone)

    def _put(self, place: Cursor, rows: Sequence[Row], gone: Sequence[str] = ()) -> None:
        """Keep rows, and that others are gone, together with the place that they bring the window to."""
        read, misfits = read_rows(self.reader, rows)
        now = self._now()
        with self._store.write() as tx:
            stream = self.reader.stream
            changed = keep_rows(tx, self._connection, stream, read, misfits, self.count, now, self._counting)
            if gone:
                self.count.gone += records.gone(tx, self._connection.id, self.reader.stream, gone, now)
            cursors.save(tx, self._connection.id, self.reader.stream.value, place, now)
        if stream is Stream.ACCOUNTS and len(self._touched) <= TOUCHED:
            self._touched.update(changed)
        self._report(self.reader.stream, self.count)

    def _now(self) -> dt.datetime:
        return self._crm.context.now()


def read_rows(reader: Reader, rows: Iterable[Row]) -> tuple[list[tuple[Row, Record]], list[Misfit]]:
    """The records of rows, and the rows that do not fit; rows that are none of ours give neither."""
    read: list[tuple[Row, Record]] = []
    misfits: list[Misfit] = []
    for row in rows:
        if reader.having and not row.data.get(reader.having):
            continue
        try:
            read.append((row, reader.read(row)))
        except Reject as reason:
            misfits.append(Misfit(row, reason))
    return read, misfits


def keep_rows(
    tx: sa.Connection,
    connection: Connection,
    stream: Stream,
    read: list[tuple[Row, Record]],
    misfits: list[Misfit],
    count: Count,
    now: dt.datetime,
    counting: Counting | None = None,
) -> list[str]:
    """Store what was read, in the caller's transaction, and count it; ids of what changed. An order that
    arrives takes its reservation with it, and is on its customer's line from now on (``arrivals.take``)."""
    stored = records.store(tx, connection.id, stream, read, misfits, now)
    arrivals.take(tx, connection, stored, now, counting)
    count.read += len(read) + len(misfits)
    count.changed += len(stored.changed)
    count.rejected += len(stored.misfits)
    return [record.external_id for record in stored.changed]
