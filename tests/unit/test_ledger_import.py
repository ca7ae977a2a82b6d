"""``ledger import``: snapshots, totals, kinds of document, layouts of four programs, encodings."""

from __future__ import annotations

import csv
import datetime as dt
import io
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet, MultiFernet

from connector.errors import Halt
from connector.ledger.importing import Imported, import_file
from connector.mapping.form import compile_mapping, load
from connector.store import records
from connector.store.connections import Connection, Connections
from connector.store.record_tables import invoice, payment, reject
from connector.store.tables import customer
from connector.yamlfile import parse
from tests.ledger_bench import file_ledger
from tests.new_store import new_store

FOLDER = Path(__file__).parents[2] / "mappings"
PLAIN = FOLDER / "ledger.yaml"
HEADER = "customerID,invoiceNumber,InvoiceDate,DueDate,InvoiceAmount,Disputed,SettledDate"


class Books:
    """A store with one ledger."""

    def __init__(self, folder: Path, mapping: Path | str = PLAIN) -> None:
        self.folder = folder
        self.store = new_store(f"sqlite:///{folder / 'books.db'}")
        connections = Connections(self.store, MultiFernet([Fernet(Fernet.generate_key())]))
        now = dt.datetime.now(dt.UTC)
        self.one: Connection = connections.add("ledger", "ledger", "ledger", {}, {}, now)
        text = parse(mapping, "test") if isinstance(mapping, str) else None
        self.mapping = load(mapping) if isinstance(mapping, Path) else compile_mapping(text, "test")

    def read(self, *lines: str, encoding: str = "utf-8", **options: object) -> Imported:
        path = self.folder / "file.csv"
        path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
        return import_file(self.store, self.one, file_ledger(), self.mapping, path, **options)  # type: ignore[arg-type]

    def rows(self, table: sa.Table, *names: str) -> list[tuple[object, ...]]:
        with self.store.read() as tx:
            query = sa.select(*(table.c[name] for name in names)).order_by(sa.text(names[0]))
            return [tuple(row) for row in tx.execute(query)]


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)


def test_the_same_file_once_more_changes_nothing_and_marks_nobody(books: Books) -> None:
    lines = (HEADER, "C1,1,1/2/2026,2/1/2026,10.00,No,", "C2,2,1/2/2026,2/1/2026,20.00,No,")
    assert books.read(*lines).count(_invoices()).changed == 2
    before = books.rows(customer, "id", "changes")
    again = books.read(*lines)
    assert again.count(_invoices()).changed == 0 and again.count(_invoices()).read == 2
    assert books.rows(customer, "id", "changes") == before


def _invoices():
    from connector.model import Stream

    return Stream.INVOICES


def test_the_short_way_stores_what_the_long_way_does(books: Books) -> None:
    from connector.adapter import Row
    from connector.window import read_rows

    line = 'C1,1,1/2/2026,,"1,234.5",Yes,1/15/2026'
    books.read(HEADER, line)
    names = [column.name for column in invoice.c if column.name not in ("first_seen", "last_seen")]
    short = books.rows(invoice, *names)
    data = next(csv.DictReader(io.StringIO(f"{HEADER}\n{line}\n")))
    reader = books.mapping.readers[_invoices()]
    read, misfits = read_rows(reader, [Row("1", None, data)])
    with books.store.write() as tx:
        stored = records.store(tx, books.one.id, _invoices(), read, misfits, dt.datetime.now(dt.UTC))
    assert stored.changed == []  # the digest is the same
    assert books.rows(invoice, *names) == short


def test_an_increment_leaves_what_it_does_not_name(books: Books) -> None:
    books.read(HEADER, "C1,1,1/2/2026,2/1/2026,10.00,No,")
    done = books.read(HEADER, "C1,2,1/3/2026,2/2/2026,5.00,No,")
    assert done.count(_invoices()).gone == 0
    assert books.rows(invoice, "external_id", "deleted") == [("1", False), ("2", False)]


def test_a_snapshot_marks_what_it_lacks_as_gone_in_this_ledger_only(books: Books) -> None:
    other = Connections(books.store, MultiFernet([Fernet(Fernet.generate_key())])).add(
        "other", "ledger", "ledger", {}, {}, dt.datetime.now(dt.UTC)
    )
    books.read(HEADER, "C1,1,1/2/2026,2/1/2026,10.00,No,", "C1,2,1/2/2026,2/1/2026,10.00,No,")
    mine, books.one = books.one, other
    books.read(HEADER, "C1,9,1/2/2026,2/1/2026,10.00,No,")
    books.one = mine
    done = books.read(HEADER, "C1,2,1/2/2026,2/1/2026,10.00,No,", snapshot=True)
    assert done.count(_invoices()).gone == 1
    assert books.rows(invoice, "external_id", "deleted") == [("1", True), ("2", False), ("9", False)]
    books.read(HEADER, "C1,1,1/2/2026,2/1/2026,10.00,No,")
    assert ("1", False) in books.rows(invoice, "external_id", "deleted")


def test_a_snapshot_of_open_items_takes_what_it_lacks_for_settled(tmp_path: Path) -> None:
    books = Books(tmp_path, "file: {missing: settled}\n" + PLAIN.read_text(encoding="utf-8"))
    books.read(HEADER, "C1,1,1/2/2026,2/1/2026,10.00,No,", "C1,2,1/2/2026,2/1/2026,10.00,No,")
    done = books.read(HEADER, "C1,2,1/2/2026,2/1/2026,10.00,No,", snapshot=True)
    assert done.settled == 1
    states = books.rows(invoice, "external_id", "state", "settled_on")
    assert states == [("1", "paid", None), ("2", "open", None)]
    again = books.read(HEADER, "C1,1,1/2/2026,2/1/2026,10.00,No,")
    assert again.count(_invoices()).changed == 1
    assert books.rows(invoice, "external_id", "state")[0] == ("1", "open")


def test_the_rows_must_add_up_to_the_total_row_and_to_what_was_expected(books: Books) -> None:
    lines = (HEADER, 'C1,1,1/2/2026,2/1/2026,"1,000.50",No,', "C1,2,1/2/2026,2/1/2026,9.50,No,")
    assert books.read(*lines, 'Total,,,,"1,010.00",,').stated == Decimal("1010.00")
    assert books.read(*lines, expect_total=Decimal(1010)).total == Decimal("1010")
    for total in ("合计,,,,999.00,,", "Total,,,,1010.01,,"):
        with pytest.raises(Halt, match="add up to 1010"):
            books.read(*lines, total)


def test_a_snapshot_that_does_not_add_up_marks_nothing(books: Books) -> None:
    books.read(HEADER, "C1,1,1/2/2026,2/1/2026,10.00,No,")
    with pytest.raises(Halt, match="expect-total"):
        books.read(HEADER, "C1,2,1/2/2026,2/1/2026,5.00,No,", snapshot=True, expect_total=Decimal(15))
    assert books.rows(invoice, "external_id", "deleted") == [("1", False), ("2", False)]


def test_subtotals_are_no_documents(books: Books) -> None:
    done = books.read(HEADER, "C1,1,1/2/2026,2/1/2026,10.00,No,", "小计,,,,10.00,,", "合计,,,,10.00,,")
    assert done.skipped_rows == 1 and done.rejected == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("day", ["2026年1月31日", "2026/1/31", "2026-01-31", "2026.1.31"])
def test_chinese_days_and_encodings_are_understood(books: Books, encoding: str, day: str) -> None:
    books.read(HEADER, f'苏州华泰,1,{day},{day},"￥1，234.50",否,', encoding=encoding)
    assert books.rows(invoice, "account_id", "amount", "due_on") == [
        ("苏州华泰", 123_450, dt.date(2026, 1, 31))
    ]


@pytest.mark.parametrize(("text", "minor"), [("(1,234.50)", -123_450), ("1,234.50-", -123_450), ("-5", -500)])
def test_a_minus_may_stand_as_accountants_write_it(books: Books, text: str, minor: int) -> None:
    books.read(HEADER, f'C1,1,1/2/2026,,"{text}",No,')
    assert books.rows(invoice, "amount") == [(minor,)]


def test_rows_that_do_not_fit_are_set_aside_and_the_others_stored(books: Books) -> None:
    done = books.read(
        HEADER,
        "C1,1,1/2/2026,2/1/2026,10.00,No,",
        "C1,,1/2/2026,2/1/2026,10.00,No,",
        "C1,1,1/2/2026,2/1/2026,11.00,No,",
        "C1,1,1/2/2026,2/1/2026,10.00,No,",
        "C1,3,1/2/2026,2/1/2026,ten,No,",
        ",4,1/2/2026,2/1/2026,10.00,No,",
    )
    assert done.count(_invoices()).changed == 1
    codes = sorted(str(code) for (code,) in books.rows(reject, "code"))
    assert codes == ["bad_amount", "duplicate_id", "missing_account", "missing_value"]


ERPS = {
    "ledger-yonyou": (
        "客户编码,客户名称,单据类型,单据编号,单据日期,到期日,币种,金额,余额,核销单据号,票据到期日",
        'K1,华泰机械,销售专用发票,F1,2026年1月2日,2026年2月1日,人民币,"1,000.00",400.00,,',
        "K1,华泰机械,红字销售发票,F2,2026/1/5,2026/1/5,人民币,50.00,,,",
        "K1,华泰机械,收款单,S1,2026/1/20,,人民币,600.00,,F1,",
        "K1,华泰机械,银行承兑汇票,P1,2026/1/21,,人民币,100.00,,F1,2026/7/21",
        "合计,,,,,,,1750.00,,,",
    ),
    "ledger-kingdee": (
        "客户代码,客户,单据类型,单据编号,业务日期,到期日,币别,价税合计,未核销金额,源单编号,票据到期日",
        'K1,华泰机械,标准应收单,F1,2026-01-02,2026-02-01,人民币,"1,000.00",400.00,,',
        "K1,华泰机械,红字应收单,F2,2026-01-05,2026-01-05,人民币,50.00,,,",
        "K1,华泰机械,销售收款单,S1,2026-01-20,,人民币,600.00,,F1,",
        "K1,华泰机械,应收票据,P1,2026-01-21,,人民币,100.00,,F1,2026-07-21",
    ),
    "ledger-sap": (
        "Customer,Name 1,Document type,Document Number,Document Date,Net due date,Document currency,"
        "Amount in doc. curr.,Clearing date,Invoice reference,Bill due date",
        'K1,Huatai,RV,F1,1/2/2026,2/1/2026,CNY,"1,000.00",,,',
        "K1,Huatai,DG,F2,1/5/2026,1/5/2026,CNY,50.00-,,,",
        "K1,Huatai,DZ,S1,1/20/2026,,CNY,600.00-,,F1,",
        "K1,Huatai,SB,P1,1/21/2026,,CNY,100.00-,,F1,7/21/2026",
    ),
    "ledger-quickbooks": (
        "Customer,Transaction type,Num,Date,Due date,Currency,Amount,Open balance",
        'K1,Invoice,F1,01/02/2026,02/01/2026,CNY,"1,000.00",400.00',
        "K1,Credit Memo,F2,01/05/2026,01/05/2026,CNY,-50.00,",
        "K1,Payment,S1,01/20/2026,,CNY,-600.00,",
    ),
}


@pytest.mark.parametrize("name", ERPS)
def test_the_layouts_of_four_programs_are_read_by_their_shipped_mappings(tmp_path: Path, name: str) -> None:
    books = Books(tmp_path, FOLDER / f"{name}.yaml")
    done = books.read(*ERPS[name], encoding="gb18030")
    assert done.rejected == 0
    first, note = books.rows(invoice, "external_id", "amount", "paid", "currency", "issued_on", "due_on")
    paid = None if name == "ledger-sap" else 60_000
    assert first == ("F1", 100_000, paid, "CNY", dt.date(2026, 1, 2), dt.date(2026, 2, 1))
    assert note[:2] == ("F2", -5_000)
    money = books.rows(payment, "external_id", "amount", "paid_on", "bill_due_on")
    if name == "ledger-quickbooks":
        assert money == [("S1", 60_000, dt.date(2026, 1, 20), None)]
    else:
        assert money == [
            ("P1", 10_000, dt.date(2026, 1, 21), dt.date(2026, 7, 21)),
            ("S1", 60_000, dt.date(2026, 1, 20), None),
        ]


def test_a_document_of_no_named_kind_is_set_aside(tmp_path: Path) -> None:
    books = Books(tmp_path, FOLDER / "ledger-quickbooks.yaml")
    head = ERPS["ledger-quickbooks"][0]
    done = books.read(head, "K1,Journal Entry,J1,01/02/2026,,CNY,5.00,")
    assert done.rejected == 1 and books.rows(reject, "code") == [("unknown_kind",)]


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("1.234,50", 123_450),
        ("1.234.567,80", 123_456_780),
        ("-12,5", -1_250),
        ("99,90-", -9_990),
        ("1.234", 123_400),
        ("1 234,50 €", 123_450),
        ("1234.5", 123_450),  # a cell that holds a number
    ],
)
def test_amounts_with_a_comma_as_decimal_sign_are_read_and_added_up(
    tmp_path: Path, text: str, minor: int
) -> None:
    books = Books(tmp_path, "decimal: comma\n" + PLAIN.read_text(encoding="utf-8"))
    done = books.read(HEADER.replace(",", ";"), f"C1;1;1/2/2026;2/1/2026;{text};No;")
    assert done.rejected == 0
    assert books.rows(invoice, "amount") == [(minor,)] and done.total == Decimal(minor) / 100


def test_another_decimal_sign_than_point_or_comma_is_refused_with_the_line(tmp_path: Path) -> None:
    with pytest.raises(Halt, match="'decimal' cannot be 'dot'"):
        Books(tmp_path, "decimal: dot\n" + PLAIN.read_text(encoding="utf-8"))
