"""Reports from files: every row of an agency's file becomes a report, is known already, or is set aside.

Invariant: a report that arrives as a file needs the same ground as one that is fetched; without one,
nothing of what the row says is kept. A file is taken in parts, each one transaction; killed at any line
and run again, it loses and doubles nothing. What is kept word by word is encrypted, rows set aside too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import orjson
import sqlalchemy as sa

from connector import identifiers
from connector.adapter import FromFiles, Match, Row
from connector.admin.connect import LEGAL_BASIS
from connector.bureau.news import heard, last_of
from connector.errors import Halt, Reject
from connector.mapping.reading import Reader
from connector.model import Account, Report, ReportRow, Stream
from connector.privacy import consent
from connector.runtime import Runtime
from connector.store import consents, journal, matches, records, reports, subjects
from connector.store.connections import Connection
from connector.store.customers import keys_of
from connector.store.records import Misfit
from connector.store.sealed import SEALED

PART = 200
_MOST_BYTES = 20 * 1024 * 1024
_CHECKED: dict[str, Callable[[str], str | None]] = {
    "uscc": identifiers.uscc,
    "lei": identifiers.lei,
    "duns": identifiers.duns,
}

Data = Mapping[str, Any]
T = TypeVar("T")


@dataclass
class Filed:
    """What an import did: ``stored`` reports, ``known`` ones that were there already, rows ``rejected``;
    ``misfits`` are these, with where they stand in the file."""

    stored: int = 0
    known: int = 0
    misfits: list[Misfit] = field(default_factory=list)

    @property
    def rejected(self) -> int:
        """How many rows were set aside."""
        return len(self.misfits)


def source(runtime: Runtime, name: str | None) -> Connection:
    """The connection called ``name`` to an agency's files, or the only one; ``Halt`` otherwise."""
    there = runtime.connections.all("agency_file")
    if name is None and len(there) == 1:
        return there[0]
    found = [one for one in there if one.name == name]
    if found:
        return found[0]
    known = ", ".join(one.name for one in there) or "none"
    raise Halt(
        f"{name} is no agency with files" if name else f"there are {len(there)} agencies with files",
        where=f"known: {known}",
        todo="name one with --agency, or add it: creditgate connect add agency-file --name NAME",
    )


def import_file(
    runtime: Runtime, connection: Connection, path: Path, *, actor: str, customer_id: int | None = None
) -> Filed:
    """Take in a CSV, JSON or XLSX file: one row a report, columns by the mapping of the connection.

    ``customer_id`` says whom the file's only row is about. Raises ``Halt`` for a file that cannot be
    read or lacks a column that the mapping needs; what was taken in until then stays.
    """
    desk = _Desk(runtime, connection, actor)
    rows = desk.agency.read(path)
    if customer_id is not None:
        rows = iter(_only(list(islice(rows, 2)), path))
    file = {"file": path.name, "file_sha256": consent.file_digest(path)}
    number = 0
    for part in _parts(rows):
        if number == 0:
            _head(desk.reader, part, path)
        placed = [(f"{path.name} no. {number + at}", data) for at, data in enumerate(part, start=1)]
        desk.take(desk.with_ids(placed), file, customer_id)
        number += len(part)
    return desk.done


def type_in(
    runtime: Runtime, connection: Connection, path: Path, figures: ReportRow, *, actor: str, customer_id: int
) -> str:
    """Keep a file that no program reads (a PDF) as the evidence of a report whose ``figures`` a person has
    typed: ``stored``, or ``known`` when the same file with the same figures is there already. A scale or a
    currency that they lack is the one that the mapping gives rows without one.

    Raises ``Reject`` when there is no ground for a report on the customer, or the figures contradict
    themselves, and ``Halt`` for a file that is empty or larger than 20 MB.
    """
    desk = _Desk(runtime, connection, actor)
    digest = consent.file_digest(path)
    if path.stat().st_size > _MOST_BYTES:
        raise Halt("the file is larger than 20 MB", where=path.name, todo="scan it at a lower resolution")
    detail = {"file": path.name, "file_sha256": digest, "typed": True}
    with runtime.store.write() as tx:
        refusal = desk.refusal(tx, customer_id)
        if refusal is None:
            content = desk.report(desk.completed(figures))
            stored = desk.keep(tx, customer_id, content, path.read_bytes(), detail | {"by": "person"})
    if refusal is not None:  # after the transaction, which holds its entry in the journal
        raise refusal
    return "stored" if stored else "known"


def retry(runtime: Runtime, connection: Connection, *, actor: str) -> Filed:
    """Read the rows that were set aside again, under the present mapping, customers and consents."""
    desk = _Desk(runtime, connection, actor)
    with runtime.store.read() as tx:
        waiting = [row for row in records.rejects(tx, connection.id) if row.stream == Stream.REPORTS]
    placed = []
    for row in waiting:
        sealed = orjson.loads(row.raw).get(SEALED)
        if sealed:
            placed.append((row.external_id, orjson.loads(desk.cipher.decrypt(sealed.encode()))))
        else:
            todo = "record the consent, then import the file again"
            again = Reject("nothing of this row was kept", code=row.code, field="customer", todo=todo)
            desk.done.misfits.append(Misfit(Row(row.external_id, None, {}), again))
    for part in _parts(iter(placed)):
        desk.take(part, {"file": "set aside"}, None)
    return desk.done


class _Desk:
    """Takes in rows for one agency."""

    def __init__(self, runtime: Runtime, connection: Connection, actor: str) -> None:
        agency = runtime.adapter(connection)
        if not isinstance(agency, FromFiles):
            raise Halt(f"{connection.name} has no files", todo="name a connection of kind agency-file")
        self.agency, self.done = agency, Filed()
        self.cipher = runtime.config.cipher()
        self._runtime, self._connection, self._actor = runtime, connection, actor
        self._now, self._today, self._policy = runtime.now(), runtime.today(), runtime.policy
        self._legal_basis = connection.settings.get(LEGAL_BASIS.key, LEGAL_BASIS.default or "")
        self._names: dict[str, list[int]] | None = None
        self._ids: set[str] = set()

    @cached_property
    def reader(self) -> Reader:
        """What the mapping says of reports."""
        found = self._runtime.mapping(self._connection).readers.get(Stream.REPORTS)
        if found is None:
            raise Halt(
                "the mapping reads no reports",
                where=f"mapping of {self._connection.name}",
                todo="add 'reports:' below 'read:', as in agency-file.yaml",
            )
        return found

    def completed(self, figures: ReportRow) -> ReportRow:
        """``figures`` with the scale and the currency that the mapping names by default."""
        named = {f.name: f.default for f in self.reader.fields if isinstance(f.default, str)}
        lacks = {name: named[name] for name in ("scale", "currency") if name in named}
        return figures.model_copy(update={k: v for k, v in lacks.items() if getattr(figures, k) is None})

    def report(self, row: ReportRow) -> Report:
        """The report of a row; ``Reject`` for whatever cannot be read."""
        if row.as_of > self._today:
            raise Reject(
                f"the report is dated {row.as_of}, which is still to come",
                code="bad_value",
                field="as_of",
                value=str(row.as_of),
                todo="correct the day, then import the file again",
            )
        try:
            return self.agency.report(row)
        except (ValueError, ArithmeticError) as fault:
            raise Reject(
                f"the figures cannot be read ({type(fault).__name__})",
                code="bad_value",
                field="report",
                todo="correct them in the file, then import it again",
            ) from None

    def with_ids(self, placed: Iterable[tuple[str, Data]]) -> Iterator[tuple[str, Data]]:
        """Rows by their own id, so that a corrected one heals the one before; without one, or with one
        that this file had before, by their place."""
        for place, data in placed:
            own = self.reader.file_id(data)
            yield (own if own and own not in self._ids else place), data
            self._ids |= {own} if own else set()

    def take(self, placed: Iterable[tuple[str, Data]], file: Data, customer_id: int | None) -> None:
        """Store a part of a file, and set aside what does not fit."""
        reader, healed, misfits = self.reader, [], []
        with self._runtime.store.write() as tx:
            records.one_at_a_time(tx, self._connection.id)
            for place, data in placed:
                try:
                    self._take_one(tx, reader, place, data, file, customer_id)
                    healed.append(place)
                except Reject as reason:
                    misfits.append(Misfit(Row(place, None, self._sealed(data, reason)), reason))
            records.set_aside(tx, self._connection.id, Stream.REPORTS, misfits, healed, self._now)
        self.done.misfits += misfits

    def _sealed(self, data: Data, reason: Reject) -> dict[str, str]:
        """A row for the store: encrypted, and nothing at all of whom there is no ground to know about."""
        if reason.code == "no_ground":
            return {}
        return {SEALED: self.cipher.encrypt(_bytes(data)).decode()}

    def _take_one(
        self, tx: sa.Connection, reader: Reader, place: str, data: Data, file: Data, customer_id: int | None
    ) -> None:
        row = reader.read(Row(place, None, data))
        assert isinstance(row, ReportRow)  # noqa: S101 - narrows the type
        number, by = self._whom(tx, row, customer_id)
        if (refusal := self.refusal(tx, number)) is not None:
            raise refusal
        content = self.report(row)
        if self.keep(tx, number, content, _bytes(data), {**file, "by": by, "row": place}):
            self.done.stored += 1
        else:
            self.done.known += 1

    def _whom(self, tx: sa.Connection, row: ReportRow, given: int | None) -> tuple[int, str]:
        """The customer that a row is about, and what tells it."""
        keys = _keys(row)
        number = given if given is not None else _number(row)
        if number is not None:
            if consents.is_person(tx, number) is None:
                raise _unknown(f"there is no customer {number}", str(number))
            found: subjects.Found | None = subjects.Found((number,), subjects.BY_PERSON, True)
        else:
            ref = row.subject_ref or row.name or row.external_id
            found = subjects.by_keys(tx, keys) or subjects.by_decision(tx, self._connection.id, ref)
            if found is None and row.name:
                found = subjects.by_name(tx, self._connection.id, ref, self._named(tx), row.name)
        if found is None:
            raise _unknown("no customer has these identifiers or this name", row.external_id)
        if not found.sure:
            self._ask(tx, row, found)
        number = found.customers[0]
        if kind := subjects.contradicts(tx, number, keys):
            raise _unknown(f"customer {number} has another {kind}", row.external_id)
        return number, found.by

    def _named(self, tx: sa.Connection) -> dict[str, list[int]]:
        if self._names is None:
            self._names = subjects.names(tx)
        return self._names

    def _ask(self, tx: sa.Connection, row: ReportRow, found: subjects.Found) -> None:
        """Several customers may be meant: a person has to say which."""
        listed = ", ".join(str(number) for number in found.customers)
        if found.by == subjects.BY_NAME:
            ref = row.subject_ref or row.name or row.external_id
            for number in found.customers:
                near = Match(ref, row.name or ref, 0.95, subjects.BY_NAME)
                matches.remember(tx, number, self._connection.id, [near], self._now)
        raise Reject(
            f"it may be about any of the customers {listed}",
            code="doubtful_customer",
            field="customer",
            value=row.external_id,
            todo="decide with 'creditgate bureau matches', or link the customers, then 'rejects retry'",
        )

    def refusal(self, tx: sa.Connection, customer_id: int) -> Reject | None:
        """Why there may be no report on the customer, with an entry in the journal; ``None`` if there may."""
        if consents.is_person(tx, customer_id) is None:
            return _unknown(f"there is no customer {customer_id}", str(customer_id))
        if consent.ground(tx, customer_id, self._legal_basis, self._today) is not None:
            return None
        detail = {"connection": self._connection.name, "purpose": consent.PURPOSE, "from": "file"}
        self._journal(tx, customer_id, reports.REFUSED, detail)
        return Reject(
            f"there is no ground for a report on customer {customer_id}",
            code="no_ground",
            field="customer",
            value=str(customer_id),
            todo=f"run 'creditgate consent add {customer_id} --evidence FILE', then import again",
        )

    def keep(self, tx: sa.Connection, customer_id: int, content: Report, raw: bytes, detail: Data) -> bool:
        """Store a report with its evidence; false when the same one is there."""
        digest = hashlib.sha256(raw).hexdigest()
        if reports.has(tx, customer_id, self._connection.id, digest, content):
            return False
        before = last_of(tx, customer_id, content.provider)
        reports.keep(
            tx,
            customer_id=customer_id,
            connection_id=self._connection.id,
            content=content,
            raw=self.cipher.encrypt(raw).decode(),
            raw_sha256=digest,
            now=self._now,
        )
        heard(tx, customer_id, content, before, self._policy, self._now)
        told = {"connection": self._connection.name, "ref": content.subject_ref, "sha256": digest}
        self._journal(tx, customer_id, reports.STORED, {**told, **detail})
        return True

    def _journal(self, tx: sa.Connection, customer_id: int, act: str, detail: Data) -> None:
        journal.add(tx, self._now, self._actor, act, reports.about(customer_id), detail)


def _keys(row: ReportRow) -> list[tuple[str, str]]:
    """The row's identifiers in normal form; ``Reject`` for one that cannot be one."""
    for name, check in _CHECKED.items():
        written = getattr(row, name)
        if written and check(written) is None:
            raise Reject(
                f"this is no valid {name}",
                code="bad_identifier",
                field=name,
                value=written,
                todo="correct it in the file, then import it again",
            )
    named = ("uscc", "lei", "duns", "vat", "registration_no", "country")
    told = {name: getattr(row, name) for name in named}
    return keys_of(Account(external_id=row.external_id, name=row.name or "?", **told))


def _number(row: ReportRow) -> int | None:
    if not row.customer:
        return None
    if not row.customer.isdecimal():
        raise _unknown(f"{row.customer!r} is no number of a customer", row.customer)
    return int(row.customer)


def _unknown(what: str, value: str) -> Reject:
    return Reject(
        what,
        code="unknown_customer",
        field="customer",
        value=value,
        todo="give the customer an identifier in the CRM or the file its number, then 'rejects retry'",
    )


def _only(rows: list[Data], path: Path) -> list[Data]:
    if len(rows) > 1:
        raise Halt(
            "the file has several rows, but --customer names one",
            where=path.name,
            todo="leave --customer out: the rows say whom they are about",
        )
    return rows


def _head(reader: Reader, part: list[Data], path: Path) -> None:
    """The columns that the mapping needs must be there."""
    for spec in reader.fields:
        if spec.key in reader.required_fields and all(spec.raw(row) is None for row in part):
            raise Halt(
                f"the file has no column {spec.key!r}",
                where=path.name,
                todo=f"name one of its columns in the mapping: {', '.join(map(str, part[0]))}",
            )


def _bytes(data: Data) -> bytes:
    """A row as it is kept: the same row gives the same bytes."""
    return orjson.dumps(dict(data), default=str, option=orjson.OPT_SORT_KEYS)


def _parts(rows: Iterator[T]) -> Iterator[list[T]]:
    while part := list(islice(rows, PART)):
        yield part
