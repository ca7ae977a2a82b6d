"""The shipped ledger mapping: a common receivables export becomes accounts and invoices."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from connector.adapter import Row
from connector.errors import Reject
from connector.mapping.form import load
from connector.model import InvoiceState, Record, Stream
from tests.ledger_bench import read_all

MAPPING = Path(__file__).parents[2] / "mappings" / "ledger.yaml"
HEADER = "countryCode,customerID,invoiceNumber,InvoiceDate,DueDate,InvoiceAmount,Disputed,SettledDate\n"


def records(path: Path, stream: Stream) -> list[Record]:
    reader = load(MAPPING).readers[stream]
    rows = read_all(path)
    assert not [name for name in reader.required_fields if name not in rows[0]]
    return [reader.read(Row(str(reader.file_id(data)), None, data)) for data in rows]


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "export.csv"
    path.write_text(
        HEADER
        + "CN,C-1,0000611365,1/2/2026,2/1/2026,55.94,No,1/15/2026\n"
        + 'UK,C-2,0000611366,1/3/2026,,"1,234.50",Yes, \n'
        + "391,C-3,0000611367,1/4/2026,2/3/2026,7,,\n",
        encoding="utf-8",
    )
    return path


def test_a_row_gives_its_account(export):
    accounts = records(export, Stream.ACCOUNTS)
    assert [(a.external_id, a.name, a.country, a.currency) for a in accounts] == [
        ("C-1", "C-1", "CN", "CNY"),
        ("C-2", "C-2", "GB", "CNY"),
        ("C-3", "C-3", None, "CNY"),
    ]


def test_a_row_gives_its_invoice(export):
    settled, disputed, plain = records(export, Stream.INVOICES)
    assert settled.external_id == settled.number == "0000611365"
    assert (settled.account_id, settled.amount, settled.currency) == ("C-1", 5594, "CNY")
    assert (settled.issued_on, settled.due_on) == (dt.date(2026, 1, 2), dt.date(2026, 2, 1))
    assert (settled.state, settled.settled_on) == (InvoiceState.PAID, dt.date(2026, 1, 15))
    assert settled.disputed is False
    assert (disputed.amount, disputed.due_on, disputed.disputed) == (123_450, None, True)
    assert plain.disputed is None


def test_an_invoice_is_paid_only_with_a_settled_date(export):
    states = [invoice.state for invoice in records(export, Stream.INVOICES)]
    assert states == [InvoiceState.PAID, InvoiceState.OPEN, InvoiceState.OPEN]


def test_date_cells_of_a_workbook_fit_the_same_mapping(tmp_path):
    from openpyxl import Workbook

    workbook = Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.append(HEADER.strip().split(","))
    sheet.append(["DE", "C-1", "7", dt.date(2026, 1, 2), "2/1/2026", 55.94, "no", dt.datetime(2026, 1, 15)])
    path = tmp_path / "export.xlsx"
    workbook.save(path)
    (invoice,) = records(path, Stream.INVOICES)
    assert (invoice.issued_on, invoice.due_on) == (dt.date(2026, 1, 2), dt.date(2026, 2, 1))
    assert (invoice.amount, invoice.settled_on) == (5594, dt.date(2026, 1, 15))


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("CN,,7,1/2/2026,2/1/2026,5,No,", "account_id"),
        ("CN,C-1,7,31/12/2026,2/1/2026,5,No,", "issued_on"),
        ("CN,C-1,7,1/2/2026,2/1/2026,five,No,", "amount"),
        ("CN,C-1,7", "amount"),
        ("CN,C-1,7,1/2/2026,2/1/2026,5,No,soon", "settled_on"),
        ("CN,C-1,7,1/2/2026,2/1/2026,5,perhaps,", "disputed"),
    ],
)
def test_rows_that_do_not_fit_are_rejected_by_field(tmp_path, row, field):
    path = tmp_path / "export.csv"
    path.write_text(HEADER + row + "\n", encoding="utf-8")
    with pytest.raises(Reject) as fault:
        records(path, Stream.INVOICES)
    assert fault.value.field == field
