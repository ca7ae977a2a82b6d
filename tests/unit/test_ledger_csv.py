"""Ledger files as delimited text: whatever Excel and the ERPs write comes out as text by column."""

from __future__ import annotations

import csv
import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.errors import Halt
from tests.ledger_bench import file_ledger, read_all

ROW = {"id": "7", "name": "甲公司", "amount": "1.50"}


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encoding_and_delimiter_are_found_out(tmp_path, delimiter, encoding, end):
    lines = [delimiter.join(ROW), delimiter.join(ROW.values()), ""]
    assert read_all(written(tmp_path / "a.csv", end.join(lines), encoding)) == [ROW]


def test_a_set_encoding_goes_before_what_the_text_looks_like(tmp_path):
    path = written(tmp_path / "a.csv", "id,name\n7,Müller\n", "cp1252")
    assert read_all(path, encoding="cp1252") == [{"id": "7", "name": "Müller"}]
    unmarked = written(tmp_path / "b.csv", "id,name\n7,Müller\n", "utf-16-le")
    assert read_all(unmarked, encoding="utf-16-le") == [{"id": "7", "name": "Müller"}]


def test_a_mark_is_no_part_of_the_first_column_whatever_encoding_is_set(tmp_path):
    path = written(tmp_path / "a.csv", "\ufeffid,name\n7,x\n", "utf-16-le")
    assert list(read_all(path, encoding="utf-16-le")[0]) == ["id", "name"]


def test_excels_own_hint_on_the_delimiter_is_followed(tmp_path):
    path = written(tmp_path / "a.csv", "sep=|\r\nid|name\r\n7|a,b;c\r\n8|\r\n")
    assert read_all(path) == [{"id": "7", "name": "a,b;c"}, {"id": "8", "name": ""}]


def test_delimiters_within_cells_do_not_mislead(tmp_path):
    path = written(tmp_path / "a.csv", 'id;name;amount\n7;"a;b";1,50\n8;"c, d, e";2,50\n')
    assert read_all(path) == [
        {"id": "7", "name": "a;b", "amount": "1,50"},
        {"id": "8", "name": "c, d, e", "amount": "2,50"},
    ]


def test_one_column_is_a_table_too(tmp_path):
    assert read_all(written(tmp_path / "a.csv", "id\n7\n")) == [{"id": "7"}]


def test_quotes_doubled_quotes_and_line_breaks_are_kept(tmp_path):
    path = written(tmp_path / "a.csv", 'id,name\n7,"a ""b""\nc"\n')
    assert read_all(path) == [{"id": "7", "name": 'a "b"\nc'}]


def test_blanks_around_cells_and_blank_rows_are_dropped(tmp_path):
    path = written(tmp_path / "a.csv", "\n, \n id , name\u00a0\n\n 7 ,\u3000x \n ,\n")
    assert read_all(path) == [{"id": "7", "name": "x"}]


def test_missing_cells_are_empty_and_empty_surplus_is_dropped(tmp_path):
    path = written(tmp_path / "a.csv", "id,name,amount\n7\n8,x,1,,\n")
    assert read_all(path) == [
        {"id": "7", "name": "", "amount": ""},
        {"id": "8", "name": "x", "amount": "1"},
    ]


def test_a_header_alone_has_no_rows(tmp_path):
    assert read_all(written(tmp_path / "a.csv", "id,name\n")) == []


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("id,name\n7,x\n8,1,234.50\n", 3, "3 cells"),
        ("id,,name\n7,x,y\n", 1, "column 2 has no name"),
        ("id,name,\n7,x\n", 1, "column 3 has no name"),
        ("id,name,id\n7,x,y\n", 1, "columns 1 and 3"),
        ('id,name\n7,x\n8,"y\n9,z\n', 3, "quotes"),
        ('id,name\n7,"x"y\n', 2, "quotes"),
    ],
)
def test_damage_halts_with_file_line_and_way_out(tmp_path, text, line, said):
    path = written(tmp_path / "a.csv", text)
    with pytest.raises(Halt, match=said) as fault:
        read_all(path)
    assert fault.value.where == f"{path}:{line}"
    assert fault.value.todo


def test_lines_are_counted_over_cells_with_line_breaks(tmp_path):
    path = written(tmp_path / "a.csv", 'id,name\n7,"a\nb"\n8,x,y\n')
    with pytest.raises(Halt) as fault:
        read_all(path)
    assert fault.value.where == f"{path}:4"


@pytest.mark.parametrize("content", [b"", b" \n", b"\xef\xbb\xbf", b"\xef\xbb\xbf,,\n" + b"\n" * 5000])
def test_an_empty_file_halts(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(Halt, match="empty") as fault:
        read_all(path)
    assert fault.value.where == str(path)


def test_a_missing_file_and_a_folder_halt(tmp_path):
    with pytest.raises(Halt, match="no such file"):
        read_all(tmp_path / "none.csv")
    with pytest.raises(Halt, match="folder"):
        read_all(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "neither text nor XLSX"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100, "old Excel"),
        (b"id,name\n7,\xff\xff\n", "not gb18030"),
    ],
)
def test_what_is_no_text_halts(tmp_path, content, said):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(Halt, match=said):
        read_all(path)


@pytest.mark.parametrize("encoding", ["klingon", "base64"])
def test_an_unknown_encoding_halts(tmp_path, encoding):
    path = written(tmp_path / "a.csv", "id\n7\n")
    with pytest.raises(Halt, match=encoding) as fault:
        read_all(path, encoding=encoding)
    assert "gb18030" in fault.value.todo


def test_test_needs_no_credentials():
    assert "no credentials" in file_ledger().test()


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "a.csv"
    line = "1000001,甲公司,123.45\n"
    path.write_text("id,name,amount\n" + line * 40_000, encoding="gb18030")
    tracemalloc.start()
    count = sum(1 for _ in file_ledger().read(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 40_000
    # As a list of dicts the rows would take more than 12 MB.
    assert peak < 3_500_000


cells = st.text(
    alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff"),
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    rows=st.lists(st.lists(cells, min_size=3, max_size=3), max_size=5),
    delimiter=st.sampled_from(",;\t"),
)
def test_whatever_stands_in_quoted_cells_comes_out_again(tmp_path, rows, delimiter):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(["id", "name", "amount"])
    writer.writerows(rows)
    path = written(tmp_path / "a.csv", text.getvalue())
    expected = [dict(zip(["id", "name", "amount"], map(str.strip, row), strict=True)) for row in rows]
    assert read_all(path) == [row for row in expected if any(row.values())]
