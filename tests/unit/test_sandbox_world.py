"""The sandbox economy: the same for equal arguments, sound in its books, true to a file and a day."""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox import identifiers
from sandbox.economy import build
from sandbox.money import unit
from sandbox.receivables import from_receivables
from sandbox.world import Company, World

AS_OF = dt.datetime(2026, 6, 30, 9, 30, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return build(300, 11, AS_OF)


def test_equal_arguments_give_equal_worlds_and_another_seed_another_one(world: World) -> None:
    build.cache_clear()
    again = build(300, 11, AS_OF)
    assert again is not world
    assert again == world
    assert build(300, 12, AS_OF).companies != world.companies


def test_sandboxes_of_one_process_share_one_world() -> None:
    assert build(40, 3, AS_OF) is build(40, 3, AS_OF)


def test_a_day_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        build(40, 3, AS_OF.replace(tzinfo=None))


# Real numbers that their registers publish, so that a wrong weight shows.
def test_check_digits_agree_with_known_numbers() -> None:
    assert identifiers.organisation_check("55138508") == "2"
    assert identifiers.uscc_check("91110108551385082") == "Q"
    assert identifiers.german_vat_check("13669597") == "6"
    assert identifiers.british_vat_check("9807806") == "84"
    assert identifiers.japanese_corporate_check("000012050002") == "7"
    assert identifiers.luhn("7992739871") == "3"


def passes_uscc(code: str) -> bool:
    """GB 32100 and, inside it, GB 11714, written out anew with tables of weights."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    weights = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
    total = sum(w * alphabet.index(c) for w, c in zip(weights, code[:17], strict=True))
    inner = sum(w * int(c, 36) for w, c in zip((3, 7, 9, 10, 5, 8, 4, 2), code[8:16], strict=True))
    return len(code) == 18 and alphabet[-total % 31] == code[17] and "0123456789X"[-inner % 11] == code[16]


def passes_luhn(digits: str) -> bool:
    doubled = [int(d) * 2 for d in digits[-2::-2]]
    total = sum(int(d) for d in digits[-1::-2]) + sum(d // 10 + d % 10 for d in doubled)
    return total % 10 == 0


def passes_vat(vat: str) -> bool:
    digits = [int(d) for d in vat[2:]]
    if vat.startswith("GB"):
        head = sum(w * d for w, d in zip(range(8, 1, -1), digits, strict=False))
        return len(digits) == 9 and (head + digits[7] * 10 + digits[8]) % 97 == 0
    product = 10
    for digit in digits[:8]:
        product = ((digit + product) % 10 or 10) * 2 % 11
    return len(digits) == 9 and (product + digits[8]) % 10 == 1


def test_every_identifier_is_unique_and_passes_its_check(world: World) -> None:
    for company in world.companies:
        assert (company.uscc is not None) == (company.country == "CN")
        assert company.uscc is None or passes_uscc(company.uscc), company.uscc
        assert company.duns is None or (len(company.duns) == 9 and passes_luhn(company.duns))
        if company.country in ("DE", "GB"):
            assert company.vat is not None
            assert passes_vat(company.vat), company.vat
        assert company.uscc or company.registration_no
    for field in ("key", "name", "uscc", "duns", "vat"):
        values = [v for c in world.companies if (v := getattr(c, field)) is not None]
        assert len(values) == len(set(values)), field


def test_companies_are_dealt_out_over_countries_crms_and_groups(world: World) -> None:
    countries = Counter(company.country for company in world.companies)
    assert countries["CN"] == 225
    assert set(countries) == {"CN", "DE", "GB", "US", "JP"}
    crms = Counter(company.crms for company in world.companies)
    assert (crms[("zoho",)], crms[("fxiaoke",)], crms[("zoho", "fxiaoke")]) == (135, 105, 60)
    by_key = {company.key: company for company in world.companies}
    children = [company for company in world.companies if company.parent_key]
    assert len(children) == 30
    for child in children:
        parent = by_key[child.parent_key or ""]
        assert parent.parent_key is None
        assert parent.country == child.country
        assert set(child.crms) <= set(parent.crms)
    assert 8 <= len(world.owners) <= 12
    assert all(owner.email.endswith("@example.com") for owner in world.owners)


def overdue_days(world: World) -> dict[str, int]:
    """Days since the oldest unpaid invoice of each company fell due."""
    today = world.as_of.date()
    found: dict[str, int] = defaultdict(int)
    for invoice in world.invoices:
        if invoice.paid < invoice.amount:
            days = (today - invoice.due_on).days
            found[invoice.company_key] = max(found[invoice.company_key], days)
    return found


@pytest.mark.parametrize("accounts", [60, 300])
def test_chinese_customers_are_good_doubtful_and_failing(accounts: int) -> None:
    world = build(accounts, 7, AS_OF)
    overdue = overdue_days(world)
    chinese = [company for company in world.companies if company.country == "CN"]
    days = [overdue[company.key] for company in chinese]
    assert sum(d == 0 for d in days) > len(days) / 2
    assert any(1 <= d <= 30 for d in days)
    assert any(d > 60 for d in days)

    def late_share(group: list[Company]) -> float:
        keys = {company.key for company in group}
        due = [
            invoice
            for invoice in world.invoices
            if invoice.company_key in keys and invoice.due_on < AS_OF.date()
        ]
        late = [i for i in due if i.settled_on is None or i.settled_on > i.due_on]
        return len(late) / len(due)

    good = [company for company in world.companies if company.health > 0.75]
    bad = [company for company in world.companies if company.health < 0.42]
    assert late_share(good) < 0.3 < 0.5 < late_share(bad)


def test_documents_exist_in_every_stage_and_shape(world: World) -> None:
    stages = Counter(order.stage for order in world.orders)
    assert set(stages) == {"draft", "open", "delivered", "closed", "cancelled"}
    assert 8 <= len(world.invoices) / len(world.companies) <= 16
    assert any(invoice.order_key is None for invoice in world.invoices)
    assert any(0 < invoice.paid < invoice.amount for invoice in world.invoices)
    assert any(invoice.disputed for invoice in world.invoices)
    with_history = {order.company_key for order in world.orders} | {
        invoice.company_key for invoice in world.invoices
    }
    assert 0 < sum(company.key not in with_history for company in world.companies) < 40
    invoiced: Counter[str] = Counter()
    for invoice in world.invoices:
        if invoice.order_key:
            invoiced[invoice.order_key] += invoice.amount
    assert any(0 < invoiced[order.key] < order.amount for order in world.orders)
    for order in world.orders:
        assert invoiced[order.key] <= order.amount
        assert (order.stage == "closed") == (invoiced[order.key] == order.amount)
        assert order.stage not in ("draft", "cancelled") or invoiced[order.key] == 0


def test_what_was_paid_is_the_sum_of_receipts_and_never_more_than_the_invoice(world: World) -> None:
    received: Counter[str] = Counter()
    last: dict[str, dt.date] = {}
    for receipt in world.receipts:
        assert receipt.amount > 0
        received[receipt.invoice_key] += receipt.amount
        last[receipt.invoice_key] = max(receipt.paid_on, last.get(receipt.invoice_key, receipt.paid_on))
    for invoice in world.invoices:
        assert invoice.paid == received[invoice.key] <= invoice.amount
        settled = invoice.paid == invoice.amount
        assert invoice.settled_on == (last[invoice.key] if settled else None)
        assert invoice.due_on >= invoice.issued_on


def test_nothing_happens_after_the_day_of_the_world(world: World) -> None:
    today = AS_OF.date()
    for order in world.orders:
        assert order.ordered_on <= today
        assert order.modified_at <= AS_OF
        assert order.stage == "open" or order.stage in ("draft", "cancelled") or order.deliver_on <= today
    for invoice in world.invoices:
        assert invoice.issued_on <= today
        assert invoice.modified_at <= AS_OF
    for receipt in world.receipts:
        assert receipt.paid_on <= today
        assert receipt.modified_at <= AS_OF
    oldest = min(order.modified_at for order in world.orders)
    assert dt.timedelta(days=600) < AS_OF - oldest < dt.timedelta(days=731)
    months = Counter(order.modified_at.strftime("%Y-%m") for order in world.orders)
    assert len(months) >= 24


def test_a_document_lives_in_one_crm_in_which_its_company_stands(world: World) -> None:
    companies = {company.key: company for company in world.companies}
    orders = {order.key: order for order in world.orders}
    invoices = {invoice.key: invoice for invoice in world.invoices}
    for document in (*world.orders, *world.invoices, *world.receipts):
        assert document.crm in companies[document.company_key].crms
    for invoice in world.invoices:
        if invoice.order_key is None:
            assert invoice.crm == "zoho"
        else:
            order = orders[invoice.order_key]
            same = (order.crm, order.company_key, order.currency)
            assert same == (invoice.crm, invoice.company_key, invoice.currency)
    for receipt in world.receipts:
        paid = invoices[receipt.invoice_key]
        same = (paid.crm, paid.company_key, paid.order_key, paid.currency)
        assert same == (receipt.crm, receipt.company_key, receipt.order_key, receipt.currency)
    both = {c.key for c in world.companies if len(c.crms) == 2}
    used = {(d.company_key, d.crm) for d in world.invoices if d.company_key in both}
    assert len({key for key, _ in used}) < len(used)  # some are invoiced in both CRMs
    for crm in ("zoho", "fxiaoke"):
        numbers = [order.number for order in world.orders if order.crm == crm]
        assert len(numbers) == len(set(numbers))


def test_statements_balance_and_follow_health(world: World) -> None:
    health = {company.key: company.health for company in world.companies}
    assert 0.7 < len(world.financials) / len(world.companies) < 0.95
    assert Counter(map(len, world.financials.values())).most_common(1)[0][0] == 3
    for years in world.financials.values():
        assert [y.period_end for y in years] == sorted({y.period_end for y in years})
        for year in years:
            assert year.total_assets == year.total_liabilities + year.equity
            assert year.inventory + year.receivables + year.cash <= year.current_assets
            assert year.current_assets <= year.total_assets
            assert year.current_liabilities <= year.total_liabilities
            assert year.period_end < AS_OF.date()
            assert year.revenue % unit(year.currency) == 0

    def equity_share(low: float, high: float) -> float:
        picked = [y[-1] for key, y in world.financials.items() if low <= health[key] < high]
        return sum(y.equity / y.total_assets for y in picked) / len(picked)

    assert equity_share(0, 0.42) < equity_share(0.42, 0.65) < equity_share(0.65, 1)


HEADER = ("customerID", "countryCode", "invoiceNumber", "InvoiceDate", "DueDate")
HEADER += ("InvoiceAmount", "SettledDate", "Disputed")
ROWS = (
    ("AB-1", "391", "0001", "1/2/2013", "2/1/2013", "55.94", "1/15/2013", "No"),
    ("AB-1", "391", "0002", "3/1/2013", "3/31/2013", "100.005", "6/2/2013", "Yes"),
    ("AB-2", "DE", "0003", "6/1/2013", "7/1/2013", "7", "6/1/2013", "No"),
    ("AB-2", "DE", "0004", "6/2/2013", "7/2/2013", "20.10", "", "No"),
    ("AB-3", "FR", "0005", "9/9/2013", "10/9/2013", "1.00", "10/1/2013", "No"),
)


def write(path: Path, rows: tuple[tuple[str, ...], ...], header: tuple[str, ...] = HEADER) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows((header, *rows))
    return path


@pytest.mark.parametrize(
    "as_of",
    [
        dt.date(2012, 1, 1),
        dt.date(2013, 1, 14),
        dt.date(2013, 1, 15),
        dt.date(2013, 6, 1),
        dt.date(2013, 6, 2),
        dt.date(2014, 1, 1),
    ],
)
def test_receivables_are_cut_at_the_day(tmp_path: Path, as_of: dt.date) -> None:
    world = from_receivables(write(tmp_path / "ar.csv", ROWS), as_of)

    def day(text: str) -> dt.date:
        return dt.datetime.strptime(text, "%m/%d/%Y").date()

    expected = {}
    for customer, _, number, issued, due, amount, settled, disputed in ROWS:
        if day(issued) <= as_of:
            cents = int((Decimal(amount) * 100).quantize(Decimal(1), "ROUND_HALF_UP"))
            paid = cents if settled and day(settled) <= as_of else 0
            flag = disputed == "Yes"
            expected[number] = (customer, day(issued), day(due), cents, paid, bool(paid), flag)
    names = {company.key: company.name for company in world.companies}
    found = {
        i.number: (
            names[i.company_key],
            i.issued_on,
            i.due_on,
            i.amount,
            i.paid,
            i.settled_on is not None,
            i.disputed,
        )
        for i in world.invoices
    }
    assert found == expected
    assert sorted(names.values()) == ["AB-1", "AB-2", "AB-3"]
    orders = {order.key: order for order in world.orders}
    assert len(orders) == len(expected)
    for invoice in world.invoices:
        order = orders[invoice.order_key or ""]
        assert (order.amount, order.stage, order.crm) == (invoice.amount, "closed", "zoho")
        assert invoice.modified_at.date() == (invoice.settled_on or invoice.issued_on)
    assert sum(r.amount for r in world.receipts) == sum(i.paid for i in world.invoices)
    assert {i.currency for i in world.invoices} <= {"CNY"}
    assert world.as_of.date() == as_of


def test_a_country_is_taken_over_only_as_two_letters(tmp_path: Path) -> None:
    world = from_receivables(write(tmp_path / "ar.csv", ROWS), dt.date(2014, 1, 1))
    assert {c.name: c.country for c in world.companies} == {"AB-1": "", "AB-2": "DE", "AB-3": "FR"}


def test_another_mapping_reads_another_file(tmp_path: Path) -> None:
    file = write(
        tmp_path / "own.csv",
        (("K1", "R1", "2025-01-05", "2025-02-04", "1234"),),
        ("Kunde", "Beleg", "Datum", "Fällig", "Betrag"),
    )
    mapping = tmp_path / "own.yaml"
    mapping.write_text(
        "columns: {customer: Kunde, invoice: Beleg, issued: Datum, due: Fällig, amount: Betrag}\n"
        'dates: "%Y-%m-%d"\ncurrency: JPY\n',
        encoding="utf-8",
    )
    world = from_receivables(file, dt.date(2025, 3, 1), mapping)
    (invoice,) = world.invoices
    assert (invoice.amount, invoice.currency, invoice.paid) == (1234, "JPY", 0)
    assert world.companies[0].terms_days == 30


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("InvoiceDate", "31/12/2013", "row 2: column 'InvoiceDate': '31/12/2013' is no date"),
        ("InvoiceAmount", "12,5", "row 2: column 'InvoiceAmount': '12,5' is no amount"),
        ("InvoiceAmount", "NaN", "row 2: column 'InvoiceAmount': 'NaN' is no amount"),
        ("customerID", " ", "row 2: column 'customerID': is empty"),
        ("DueDate", "", "row 2: column 'DueDate': is empty"),
        ("SettledDate", "1/1/2013", "row 2: column 'SettledDate': is before"),
        ("invoiceNumber", "0002", "row 3: column 'invoiceNumber': '0002' occurs twice"),
    ],
)
def test_a_bad_cell_is_named_by_file_row_and_column(
    tmp_path: Path, column: str, value: str, says: str
) -> None:
    bad = list(ROWS[0])
    bad[HEADER.index(column)] = value
    file = write(tmp_path / "bad.csv", (tuple(bad), *ROWS[1:]))
    with pytest.raises(ValueError) as caught:
        from_receivables(file, dt.date(2014, 1, 1))
    assert str(caught.value).startswith(f"{file}: {says}")
    assert "\n" not in str(caught.value)


def test_a_missing_column_file_or_mapping_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "short.csv", (), HEADER[:-1])
    with pytest.raises(ValueError, match="row 1: there is no column 'Disputed'"):
        from_receivables(file, dt.date(2014, 1, 1))
    with pytest.raises(ValueError, match=r"none\.csv: cannot be read"):
        from_receivables(tmp_path / "none.csv", dt.date(2014, 1, 1))
    mapping = tmp_path / "m.yaml"
    mapping.write_text("columns: {customer: a, invoice: b, issued: c, due: d}", encoding="utf-8")
    with pytest.raises(ValueError, match=r"m\.yaml: columns: amount is missing"):
        from_receivables(file, dt.date(2014, 1, 1), mapping)
    mapping.write_text("columns: [", encoding="utf-8")
    with pytest.raises(ValueError, match=r"m\.yaml: cannot be read"):
        from_receivables(file, dt.date(2014, 1, 1), mapping)
