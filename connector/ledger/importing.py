"""Ledger files: reading receivables, whole or in parts.

Invariant: a file is read part by part, each part one transaction; killed at any line and run again, it
loses and doubles nothing. Every row becomes a record, a reject with its reason, or a total that is
compared; nothing is marked as gone or settled before the whole file was read and its totals were right.
"""

from __future__ import annotations

import datetime as dt
import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from connector.adapter import Ledger, Row
from connector.errors import Halt, Reject
from connector.mapping.cells import number, pointed
from connector.mapping.form import FieldMapping, FileRules
from connector.mapping.reading import Reader
from connector.model import Stream
from connector.pull import Pulled
from connector.store import documents, families, records
from connector.store.connections import Connection
from connector.store.engine import Store
from connector.store.records import Misfit
from connector.window import Count, keep_rows, read_rows

PART = 8_000
DOCUMENTS = (Stream.INVOICES, Stream.PAYMENTS)
Data = Mapping[str, str]
_Placed = tuple[str, int, Data]  # id, number of the row, cells


@dataclass
class Imported(Pulled):
    """What an import did. ``total`` is the sum of the file's amounts, in major units, ``stated`` what the
    file or the caller says it is; ``settled`` invoices were no longer in the snapshot."""

    total: Decimal = Decimal(0)
    stated: Decimal | None = None
    settled: int = 0
    skipped_rows: int = 0


def import_file(
    store: Store,
    connection: Connection,
    ledger: Ledger,
    mapping: FieldMapping,
    path: Path,
    *,
    snapshot: bool = False,
    expect_total: Decimal | None = None,
    now: dt.datetime | None = None,
    report: Callable[[int, int | None], None] = lambda done, total: None,
) -> Imported:
    """Read a receivables file: every row gives its account and its document.

    ``snapshot`` says that the file is the whole of this ledger: what it no longer holds is marked as the
    mapping says, gone or settled. ``expect_total`` (major units) must be the sum of the amounts, as must
    the file's own total row. Raises ``Halt`` when the file cannot be read, lacks a mapped column, or does
    not add up; documents that were read until then stay, and nothing is marked.
    """
    work = _Import(store, connection, mapping, path, now or dt.datetime.now(dt.UTC))
    rows = 0
    with _uncollected():
        for part in _parts(ledger.read(path)):
            work.take(part)
            rows += len(part)
            report(rows, None)
            part.clear()  # what follows from statements is in circles, and goes now
            gc.collect(0)
    work.compare(expect_total)
    if snapshot:
        work.mark_missing()
    return work.done


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the search for circles of objects, of which rows make none: it took a quarter of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class _Import:
    """One import under way."""

    def __init__(
        self, store: Store, connection: Connection, mapping: FieldMapping, path: Path, now: dt.datetime
    ) -> None:
        self.done = Imported()
        self._store, self._connection, self._path, self._now = store, connection, path, now
        self._rules: FileRules = mapping.file
        self._readers = {stream: mapping.readers[stream] for stream in DOCUMENTS if stream in mapping.readers}
        self._accounts = mapping.readers.get(Stream.ACCOUNTS)
        # Hashes of the ids, not the texts: a million rows must fit into a small memory.
        self._seen: dict[Stream, set[int]] = {stream: set() for stream in self._readers}
        self._told: dict[str, int] = {}  # accounts of this file by what it says of them
        self._known: set[str] = set()
        self._comma = mapping.comma
        self._stated: Decimal | None = None
        self._says: Callable[[Data], Any] = lambda data: None
        self._labels = self._rules.total_texts | self._rules.skip_texts
        self._line = 1
        self._headed = False
        first = next(iter(self._readers.values()), None)
        amount = next((f.key for f in first.fields if f.name == "amount"), "") if first else ""
        self._amount = self._rules.total_amount or amount
        self._total_column = self._rules.total_column
        with store.read() as tx:
            self._first = {stream: documents.empty(tx, connection.id, stream) for stream in self._readers}

    def take(self, part: Sequence[Data]) -> None:
        """Store a part of the file."""
        if not self._headed:
            self._head(part[0])
        rows, misfits, accounts = self._sort(part)
        self._line += len(part)
        with self._store.write() as tx:
            records.one_at_a_time(tx, self._connection.id)
            self._store_accounts(tx, accounts)
            for stream, reader in self._readers.items():
                self._store_documents(tx, stream, reader, rows[stream], misfits[stream])

    def compare(self, expected: Decimal | None) -> None:
        """Whether the amounts add up to what the file and the caller say."""
        self.done.stated = expected if expected is not None else self._stated
        for what, stated in (("the file's total row", self._stated), ("--expect-total", expected)):
            if stated is not None and stated != self.done.total:
                raise Halt(
                    f"the rows add up to {self.done.total}, but {what} says {stated}",
                    where=str(self._path),
                    todo="look whether the export is whole; what was read stays, nothing was marked",
                )

    def mark_missing(self) -> None:
        """What the snapshot no longer holds is gone, or settled."""
        for stream, seen in self._seen.items():
            settles = stream is Stream.INVOICES and self._rules.missing == "settled"
            if stream is not Stream.INVOICES and self._rules.missing == "settled":
                continue  # a list of open items says nothing of payments
            with self._store.read() as tx:
                parts = list(documents.unseen(tx, self._connection.id, stream, seen))
            for part in filter(None, parts):
                with self._store.write() as tx:
                    if settles:
                        self.done.settled += documents.settle(tx, self._connection.id, part, self._now)
                    else:
                        gone = records.gone(tx, self._connection.id, stream, part, self._now)
                        self.done.count(stream).gone += gone

    def _head(self, row: Data) -> None:
        """Look at the columns once."""
        self._headed = True
        for reader in filter(None, (self._accounts, *self._readers.values())):
            missing = [name for name in reader.required_fields if name not in row]
            if missing:
                raise Halt(
                    f"the file has no column {missing[0]!r}",
                    where=str(self._path),
                    todo=f"name one of its columns in the mapping: {', '.join(row)}",
                )
        self._total_column = self._total_column or next(iter(row))
        if self._accounts is not None:
            self._says = itemgetter(*(name for name in self._accounts.vendor_fields if name in row))

    def _sort(
        self, part: Sequence[Data]
    ) -> tuple[dict[Stream, list[_Placed]], dict[Stream, list[Misfit]], list[Row]]:
        """The rows of a part by stream, those that are of no kind or have no id, and the accounts that the
        file says something new about."""
        rows: dict[Stream, list[_Placed]] = {stream: [] for stream in self._readers}
        misfits: dict[Stream, list[Misfit]] = {stream: [] for stream in self._readers}
        accounts: dict[str, Row] = {}
        readers, cents = list(self._readers.values()), 0
        total_column, labels, amount = self._total_column, self._labels, self._amount
        every = readers[0] if len(readers) == 1 and readers[0].takes_all else None
        for place, data in enumerate(part, start=self._line + 1):
            label = data.get(total_column, "")
            if label in labels and not self._is_document(label, data):
                continue
            found = every or next((one for one in readers if one.takes(data)), None)
            if found is None:
                row = Row(f"row {place}", None, data)
                of_none = _misfit(row, "unknown_kind", "is of no kind that the mapping names")
                misfits[next(iter(self._readers))].append(of_none)
                continue
            stream = found.stream
            head, _, tail = data.get(amount, "").partition(".")
            if len(tail) == 2 and head.isdecimal() and tail.isdecimal():
                cents += int(head + tail)
            else:
                self.done.total += self._decimal(data)
            external_id = found.file_id(data)
            if not external_id:
                misfits[stream].append(_misfit(Row(f"row {place}", None, data), "missing_value", "has no id"))
                continue
            rows[stream].append((external_id, place, data))
            self._account(data, accounts)
        self.done.total += Decimal(cents).scaleb(-2)
        return rows, misfits, list(accounts.values())

    def _is_document(self, label: str, data: Data) -> bool:
        """Not a row with a total or a subtotal, which are seen to here."""
        if label in self._rules.total_texts:
            self._stated = (self._stated or Decimal(0)) + self._decimal(data)
        else:
            self.done.skipped_rows += 1
        return False

    def _decimal(self, data: Data) -> Decimal:
        """The amount of a row as a number; one that is none counts nothing, and is a reject anyway."""
        text = data.get(self._amount)
        try:
            return Decimal(number(pointed(text) if self._comma else text)) if text else Decimal(0)
        except (ArithmeticError, ValueError):
            return Decimal(0)

    def _account(self, data: Data, accounts: dict[str, Row]) -> None:
        """An account stands in the file once for each of its documents: there, the last row speaks."""
        if self._accounts is None or not (external_id := self._accounts.file_id(data)):
            return
        says = hash(self._says(data))
        if self._told.get(external_id) != says:
            self._told[external_id] = says
            accounts[external_id] = Row(external_id, None, data)

    def _store_accounts(self, tx: sa.Connection, rows: list[Row]) -> None:
        reader = self._accounts
        if reader is None or not rows:
            return
        count = self.done.count(Stream.ACCOUNTS)
        before = count.changed
        read, misfits = read_rows(reader, rows)
        keep_rows(tx, self._connection, Stream.ACCOUNTS, read, misfits, count, self._now)
        self._known.update(record.external_id for _, record in read)
        if count.changed > before and any(f.name == "parent_id" for f in reader.fields):
            families.regroup(tx, self._connection.id, self._now, [one.external_id for _, one in read])

    def _store_documents(
        self, tx: sa.Connection, stream: Stream, reader: Reader, rows: list[_Placed], misfits: list[Misfit]
    ) -> None:
        flat: dict[str, dict[str, Any]] = {}
        again: list[_Placed] = []
        seen = self._seen[stream]
        for external_id, place, data in rows:
            key = hash(external_id)
            if key in seen:
                again.append((external_id, place, data))
                continue
            seen.add(key)
            try:
                flat[external_id] = reader.flat(external_id, data)
            except Reject as reason:
                misfits.append(Misfit(Row(external_id, None, data), reason))
        unknown = {one["account_id"] for one in flat.values()} - self._known
        if unknown:
            self._known |= documents.known_accounts(tx, self._connection.id, sorted(unknown))
            sources = {external_id: data for external_id, _, data in reversed(rows)}
            for external_id in [key for key, one in flat.items() if one["account_id"] not in self._known]:
                wanted = flat.pop(external_id)["account_id"]
                misfits.append(Misfit(Row(external_id, None, sources[external_id]), records.homeless(wanted)))
        changed = documents.store(
            tx, self._connection.id, stream, list(flat.values()), self._now, first=self._first[stream]
        )
        misfits += self._twins(tx, stream, reader, again)
        records.set_aside(tx, self._connection.id, stream, misfits, list(flat), self._now)
        _add(self.done.count(stream), read=len(flat) + len(misfits), changed=changed, rejected=len(misfits))

    def _twins(
        self, tx: sa.Connection, stream: Stream, reader: Reader, rows: list[_Placed]
    ) -> Iterator[Misfit]:
        """Rows whose id the file had before, unless they say the same once more."""
        stored = documents.digests(tx, self._connection.id, stream, [one for one, _, _ in rows])
        for external_id, place, data in rows:
            twin = Row(f"{external_id} (row {place})", None, data)
            try:
                same = documents.digest(reader.flat(external_id, data)) == stored.get(external_id)
            except Reject as reason:
                yield Misfit(twin, reason)
                continue
            if not same:
                yield _misfit(twin, "duplicate_id", "has the id of another row", external_id)


def _add(count: Count, *, read: int, changed: int, rejected: int) -> None:
    count.read += read
    count.changed += changed
    count.rejected += rejected


def _misfit(row: Row, code: str, what: str, value: str = "") -> Misfit:
    todo = "correct the file or the mapping, and import again"
    return Misfit(row, Reject(f"the row {what}", code=code, field="id", value=value, todo=todo))


def _parts(rows: Iterator[Data]) -> Iterator[list[Data]]:
    part: list[Data] = []
    for row in rows:
        part.append(row)
        if len(part) == PART:
            yield part
            part = []
    if part:
        yield part
