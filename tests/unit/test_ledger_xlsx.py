"""Ledger files as workbooks: every cell becomes text without loss."""

from __future__ import annotations

import datetime as dt
import sys
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from adapters.files.workbook import cell_text
from connector.errors import Halt
from tests.ledger_bench import read_all


def book(path: Path, *rows: list[object], **sheets: list[list[object]]) -> Path:
    """A workbook whose first sheet has ``rows``; further ``sheets`` by name."""
    workbook = Workbook()
    first = workbook.active
    assert first is not None
    for row in rows:
        first.append(row)
    for name, content in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in content:
            sheet.append(row)
    workbook.save(path)
    return path


def test_cells_become_text_without_loss(tmp_path):
    values = {
        "text": "0000611365",
        "whole": 55,
        "decimal": 55.94,
        "tiny": 1e-7,
        "round": 1234.0,
        "large": 12345678901,
        "day": dt.date(2026, 1, 31),
        "midnight": dt.datetime(2026, 1, 31),
        "moment": dt.datetime(2026, 1, 31, 10, 30),
        "yes": True,
        "no": False,
        "nothing": None,
        "chinese": " 甲公司 ",
        "last": "x",
    }
    path = book(tmp_path / "a.xlsx", list(values), list(values.values()))
    assert read_all(path) == [
        {
            "text": "0000611365",
            "whole": "55",
            "decimal": "55.94",
            "tiny": "0.0000001",
            "round": "1234",
            "large": "12345678901",
            "day": "2026-01-31",
            "midnight": "2026-01-31",
            "moment": "2026-01-31T10:30:00",
            "yes": "true",
            "no": "false",
            "nothing": "",
            "chinese": "甲公司",
            "last": "x",
        }
    ]


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_becomes_a_plain_decimal_that_is_the_same_number(value):
    text = cell_text(value)
    assert float(text) == value
    assert "e" not in text.lower()
    assert not text.endswith(".0")


@given(units=st.integers(-(10**10), 10**10), cents=st.integers(0, 99))
def test_amounts_keep_their_last_cent(units, cents):
    written = Decimal(f"{units}.{cents:02d}")
    assert Decimal(cell_text(float(written))) == written


def test_what_a_file_is_is_told_by_its_content_and_not_by_its_name(tmp_path):
    assert read_all(book(tmp_path / "export.csv", ["id"], [7])) == [{"id": "7"}]


def test_the_first_sheet_is_read_unless_another_is_named(tmp_path):
    path = book(tmp_path / "a.xlsx", ["id"], [1], Open=[["id"], [2]])
    assert read_all(path) == [{"id": "1"}]
    assert read_all(path, sheet="Open") == [{"id": "2"}]
    with pytest.raises(Halt, match="Closed") as fault:
        read_all(path, sheet="Closed")
    assert "Open" in fault.value.todo


def test_blank_rows_before_the_header_and_empty_cells_after_it_do_no_harm(tmp_path):
    path = book(tmp_path / "a.xlsx", [], [None, " "], ["id", "name", None], [7], [], [8, "x", None, " "])
    assert read_all(path) == [{"id": "7", "name": ""}, {"id": "8", "name": "x"}]


@pytest.mark.parametrize(
    ("rows", "line", "said"),
    [
        ([["id", None, "name"], [1, 2, 3]], 1, "column 2 has no name"),
        ([["id", "name", "id"], [1, 2, 3]], 1, "columns 1 and 3"),
        ([["id", "name"], [1, 2], [1, 2, 3]], 3, "3 cells"),
    ],
)
def test_damage_halts_with_row_and_column(tmp_path, rows, line, said):
    path = book(tmp_path / "a.xlsx", *rows)
    with pytest.raises(Halt, match=said) as fault:
        read_all(path)
    assert fault.value.where == f"{path}:{line}"


def test_an_empty_sheet_halts(tmp_path):
    with pytest.raises(Halt, match="empty"):
        read_all(book(tmp_path / "a.xlsx"))


def test_a_zip_that_is_no_workbook_halts(tmp_path):
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(Halt, match="no sound XLSX") as fault:
        read_all(path)
    assert fault.value.todo


def test_a_workbook_cut_off_halts(tmp_path):
    path = book(tmp_path / "a.xlsx", ["id"], [7])
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(Halt, match="no sound XLSX"):
        read_all(path)


def test_a_damaged_sheet_within_a_sound_archive_halts(tmp_path):
    whole, broken = book(tmp_path / "a.xlsx", ["id"], [7]), tmp_path / "b.xlsx"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(broken, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content[:-30] if name.endswith("sheet1.xml") else content)
    with pytest.raises(Halt, match="no sound XLSX"):
        read_all(broken)


def test_without_openpyxl_the_extra_is_named(tmp_path, monkeypatch):
    path = book(tmp_path / "a.xlsx", ["id"], [7])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(Halt, match="openpyxl") as fault:
        read_all(path)
    assert "creditgate[xlsx]" in fault.value.todo


def test_a_wrong_extent_cuts_nothing_off(tmp_path):
    whole, lying = book(tmp_path / "a.xlsx", ["id", "name"], [7, "x"]), tmp_path / "b.xlsx"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(lying, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(b'ref="A1:B2"', b'ref="A1"'))
    assert read_all(lying) == [{"id": "7", "name": "x"}]


def test_the_file_is_closed_when_reading_stops_early(tmp_path):
    path = book(tmp_path / "a.xlsx", ["id"], *[[n] for n in range(50)])
    from tests.ledger_bench import file_ledger

    rows = file_ledger().read(path)
    assert next(rows) == {"id": "0"}
    rows.close()
    path.rename(tmp_path / "moved.xlsx")
    assert len(read_all(tmp_path / "moved.xlsx")) == 50
