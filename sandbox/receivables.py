"""A world for Zoho out of a real receivables file, cut at a day.

Invariant: nothing that the file dates after ``as_of`` is in the world: an invoice issued later does
not exist, one settled later is open and unpaid. Whether an invoice is disputed stays as the file says,
since the file does not say since when. Every customer of the file is an account, also one whose first
invoice is still to come.

The mapping is a small YAML file; ``receivables.yaml`` beside this module is the default::

    columns:                    # what it is: column of the file
      customer: customerID      # name and number of the account
      country: countryCode      # taken over when it is an ISO 3166 code of two letters; may be left out
      invoice: invoiceNumber
      issued: InvoiceDate
      due: DueDate
      amount: InvoiceAmount     # major units, decimal point
      settled: SettledDate      # empty: not settled; may be left out
      disputed: Disputed        # may be left out
    dates: "%m/%d/%Y"           # strptime format
    currency: CNY               # ISO 4217, of all amounts
    true: ["Yes"]               # words that mean yes, in any case

Each invoice comes with one order of the same amount, fully invoiced. The file is CSV, UTF-8, with a
header line.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sandbox.money import to_minor
from sandbox.world import Company, Owner, Receipt, SalesInvoice, SalesOrder, World

DEFAULT_MAPPING = Path(__file__).with_name("receivables.yaml")

_NEEDED = ("customer", "invoice", "issued", "due", "amount")
_OPTIONAL = ("country", "settled", "disputed")
_OWNER = Owner("rep-01", "李娜", "Li Na", "13800000001", "li.na@example.com")


@dataclass(frozen=True)
class _Mapping:
    columns: Mapping[str, str]
    dates: str
    currency: str
    true: frozenset[str]


@dataclass(frozen=True)
class _Line:
    """One row of the file, read."""

    customer: str
    country: str
    invoice: str
    issued: dt.date
    due: dt.date
    amount: int
    settled: dt.date | None
    disputed: bool


def from_receivables(path: Path, as_of: dt.date, mapping_path: Path | None = None) -> World:
    """The world of the file as it stood at the end of ``as_of``.

    Raises ``ValueError`` naming file, row and column for anything that cannot be read. The same object
    is given for the same unchanged files.
    """
    mapping_path = mapping_path or DEFAULT_MAPPING
    try:
        stamps = tuple(p.stat().st_mtime_ns for p in (path, mapping_path))
    except OSError as error:
        raise ValueError(f"{error.filename}: cannot be read: {error.strerror}") from None
    return _world(path, as_of, mapping_path, stamps)


@lru_cache(maxsize=4)
def _world(path: Path, as_of: dt.date, mapping_path: Path, _stamps: tuple[int, ...]) -> World:
    mapping = _mapping(mapping_path)
    lines = list(_lines(path, mapping))
    end = dt.datetime(as_of.year, as_of.month, as_of.day, 23, 59, 59, tzinfo=dt.UTC)
    companies = _companies(lines, mapping.currency, as_of)
    orders: list[SalesOrder] = []
    invoices: list[SalesInvoice] = []
    receipts: list[Receipt] = []
    for count, line in enumerate(sorted(lines, key=lambda line: (line.issued, line.invoice)), start=1):
        if line.issued > as_of:
            continue
        order, invoice = _documents(line, companies[line.customer], mapping.currency, count, as_of)
        orders.append(order)
        invoices.append(invoice)
        if invoice.settled_on is not None:
            receipts.append(_receipt(invoice, count))
    return World(
        as_of=end,
        owners=(_OWNER,),
        companies=tuple(companies.values()),
        orders=tuple(orders),
        invoices=tuple(invoices),
        receipts=tuple(receipts),
    )


def _mapping(path: Path) -> _Mapping:
    try:
        found: Any = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise ValueError(f"{path}: cannot be read: {_one_line(error)}") from None
    columns = found.get("columns") if isinstance(found, dict) else None
    if not isinstance(columns, dict):
        raise ValueError(f"{path}: columns: a mapping of meaning to column is expected")
    for meaning in columns:
        if meaning not in (*_NEEDED, *_OPTIONAL):
            raise ValueError(f"{path}: columns: {meaning!r} is none of {', '.join((*_NEEDED, *_OPTIONAL))}")
    for meaning in _NEEDED:
        if meaning not in columns:
            raise ValueError(f"{path}: columns: {meaning} is missing")
    return _Mapping(
        columns={str(meaning): str(column) for meaning, column in columns.items()},
        dates=str(found.get("dates", "%Y-%m-%d")),
        currency=str(found.get("currency", "CNY")),
        true=frozenset(str(word).lower() for word in found.get("true", ("yes", "true", "1"))),
    )


def _lines(path: Path, mapping: _Mapping) -> Iterator[_Line]:
    """The rows of the file, checked: unique invoice numbers, no settlement before the invoice."""
    seen: set[str] = set()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            for column in mapping.columns.values():
                if column not in (reader.fieldnames or ()):
                    raise ValueError(f"{path}: row 1: there is no column {column!r}")
            for row in reader:
                # A cell may span lines, so the reader's own count names the row's last line.
                line = _Reader(path, reader.line_num, row, mapping).line()
                if line.invoice in seen:
                    raise ValueError(
                        f"{path}: row {reader.line_num}: column {mapping.columns['invoice']!r}: "
                        f"{line.invoice!r} occurs twice"
                    )
                seen.add(line.invoice)
                yield line
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: cannot be read: {_one_line(error)}") from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


@dataclass(frozen=True)
class _Reader:
    """Reads the cells of one row."""

    path: Path
    number: int
    row: Mapping[str, str | None]
    mapping: _Mapping

    def line(self) -> _Line:
        issued, settled = self.date("issued"), self.date("settled")
        due = self.date("due")
        if issued is None or due is None:
            raise self.wrong("issued" if issued is None else "due", "is empty")
        if settled is not None and settled < issued:
            raise self.wrong("settled", "is before the invoice was issued")
        return _Line(
            customer=self.filled("customer"),
            country=self.text("country"),
            invoice=self.filled("invoice"),
            issued=issued,
            due=due,
            amount=self.amount(),
            settled=settled,
            disputed=self.text("disputed").lower() in self.mapping.true,
        )

    def text(self, meaning: str) -> str:
        column = self.mapping.columns.get(meaning)
        return (self.row[column] or "").strip() if column else ""

    def filled(self, meaning: str) -> str:
        text = self.text(meaning)
        if not text:
            raise self.wrong(meaning, "is empty")
        return text

    def date(self, meaning: str) -> dt.date | None:
        text = self.text(meaning)
        if not text:
            return None
        try:
            return dt.datetime.strptime(text, self.mapping.dates).date()  # noqa: DTZ007 - a day
        except ValueError:
            raise self.wrong(meaning, f"{text!r} is no date like {self.mapping.dates}") from None

    def amount(self) -> int:
        text = self.filled("amount")
        try:
            amount = Decimal(text)
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite() or amount < 0:
            raise self.wrong("amount", f"{text!r} is no amount")
        return to_minor(amount, self.mapping.currency)

    def wrong(self, meaning: str, what: str) -> ValueError:
        column = self.mapping.columns[meaning]
        return ValueError(f"{self.path}: row {self.number}: column {column!r}: {what}")


def _companies(lines: list[_Line], currency: str, as_of: dt.date) -> dict[str, Company]:
    """One account per customer, in the order of their names. Nothing is known of them but what the
    file says; ``terms_days`` are those of their latest invoice."""
    latest: dict[str, _Line] = {}
    first: dict[str, dt.date] = {}
    for line in lines:
        known = latest.get(line.customer)
        if known is None or line.issued > known.issued:
            latest[line.customer] = line
        first[line.customer] = min(line.issued, first.get(line.customer, line.issued))
    companies: dict[str, Company] = {}
    for name in sorted(latest):
        line = latest[name]
        companies[name] = Company(
            key=f"co-{hashlib.sha256(name.encode()).hexdigest()[:12]}",
            name=name,
            country=line.country if re.fullmatch("[A-Z]{2}", line.country) else "",
            uscc=None,
            duns=None,
            vat=None,
            registration_no=None,
            industry="",
            city="",
            currency=currency,
            terms_days=(line.due - line.issued).days,
            customer_since=min(first[name], as_of),
            owner=_OWNER,
            parent_key=None,
            health=0.5,
            crms=("zoho",),
        )
    return companies


def _documents(
    line: _Line, company: Company, currency: str, count: int, as_of: dt.date
) -> tuple[SalesOrder, SalesInvoice]:
    settled = line.settled if line.settled is not None and line.settled <= as_of else None
    order = SalesOrder(
        key=f"so-{line.invoice}",
        crm="zoho",
        company_key=company.key,
        number=f"SO-{line.invoice}",
        amount=line.amount,
        currency=currency,
        ordered_on=line.issued,
        deliver_on=line.issued,
        stage="closed",
        modified_at=_moment(line.issued, count),
    )
    invoice = SalesInvoice(
        key=f"inv-{line.invoice}",
        crm="zoho",
        company_key=company.key,
        order_key=order.key,
        number=line.invoice,
        amount=line.amount,
        currency=currency,
        issued_on=line.issued,
        due_on=line.due,
        paid=line.amount if settled else 0,
        settled_on=settled,
        disputed=line.disputed,
        modified_at=_moment(settled or line.issued, count),
    )
    return order, invoice


def _receipt(invoice: SalesInvoice, count: int) -> Receipt:
    assert invoice.settled_on is not None  # noqa: S101 - the caller asks for settled ones only
    return Receipt(
        key=f"rc-{invoice.number}",
        crm=invoice.crm,
        company_key=invoice.company_key,
        order_key=invoice.order_key,
        invoice_key=invoice.key,
        amount=invoice.amount,
        currency=invoice.currency,
        paid_on=invoice.settled_on,
        modified_at=_moment(invoice.settled_on, count),
    )


def _moment(day: dt.date, count: int) -> dt.datetime:
    """A time of that day, another one for each invoice, as the file knows none."""
    start = dt.datetime(day.year, day.month, day.day, 8, tzinfo=dt.UTC)
    return start + dt.timedelta(seconds=count % 28_800)
