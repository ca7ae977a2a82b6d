"""``creditgate kpi``: tables with headings in both languages, and records for the CRM."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connector import yamlfile
from connector.kpi import FIGURES
from connector.kpi.month import Month, window
from connector.locale import LANGUAGES, has_text, texts
from connector.mapping.form import compile_mapping
from connector.store.tables import outbox
from tests.cli_home import MAPPING, Home
from tests.kpi_home import at, decided, held_order, kpi_home, owned

MAPPINGS = Path(__file__).parents[2] / "mappings"
TAKES = """
  kpi:
    object: Figures
    key: credit_key
    fields:
      subject: {field: Name, type: text, standard: true}
      credit_key: {field: Credit_Key, type: text}
      who: {field: Who, type: text}
      holds_answered: {field: Holds, type: integer}
      hold_hours: {field: Hours, type: number}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = kpi_home(tmp_path, monkeypatch)
    owned(made, "Hengda", (at(1, month=1), "u1"))
    held_order(made, "SO-1", at(2, 9), 1)
    decided(made, "SO-1", "rejected", "Wang Lei", at(2, 15))
    return made


def takes_figures(home: Home) -> None:
    (home.folder / "mappings" / "fake.yaml").write_text(MAPPING.rstrip("\n") + TAKES, encoding="utf-8")


def queued(home: Home) -> list[Any]:
    with home.opened() as runtime, runtime.store.read() as tx:
        return list(tx.execute(sa.select(outbox).where(outbox.c.target == "kpi").order_by(outbox.c.key)))


def test_the_last_whole_month_is_shown_with_what_is_not_known_as_null(home: Home) -> None:
    rows = home.rows("kpi", "show")
    assert [(row["kind"], row["who"], row["team"]) for row in rows] == [
        ("person", "Chen Yu", "East"),
        ("person", "Wang Lei", "Credit"),
        ("team", None, "Credit"),
        ("team", None, "East"),
        ("all", None, None),
    ]
    assert {(row["month"], row["as_of"], row["currency"]) for row in rows} == {
        ("2026-03", "2026-03-31", "CNY")
    }
    assert (rows[1]["holds_answered"], rows[1]["hold_hours"]) == (1, "6.0")
    assert (rows[0]["holds_answered"], rows[0]["hold_hours"], rows[0]["exposure"]) == (0, None, None)
    assert tuple(rows[0])[6:] == FIGURES
    only = home.rows("kpi", "show", "--who", "wang  LEI", "--month", "2026-03")
    assert only == [rows[1]]
    assert [row["team"] for row in home.rows("kpi", "show", "--by", "team")] == ["Credit", "East"]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", ("人员", "冻结处理平均小时", "合计", "全部")),
        ("en", ("Person", "Hours to answer a hold", "Total", "All")),
    ],
)
def test_tables_have_headings_in_both_languages(home: Home, language: str, words: tuple[str, ...]) -> None:
    who, hours, whole, everybody = words
    text = home.run("kpi", "show", "--language", language, "--format", "csv").out
    rows = list(csv.DictReader(io.StringIO(text)))
    assert (rows[1][who], rows[1][hours], rows[0][hours]) == ("Wang Lei", "6.0", "")
    assert rows[-1][who] == everybody and len(rows[0]) == len(FIGURES) + 6
    table = home.run("kpi", "show", "--language", language)
    line = next(one for one in table.out.splitlines() if one.startswith(hours))
    assert line.split()[-5:] == ["–", "6.0", "6.0", "–", "6.0"]
    assert f"{whole}: {everybody}" in table.out


def test_a_file_is_written_for_spreadsheets_and_a_folder_that_is_not_there_is_told(
    home: Home, tmp_path: Path
) -> None:
    file = tmp_path / "march.csv"
    done = home.run("kpi", "export", "--file", str(file), "--language", "zh")
    assert done.code == 0 and "5 rows" in done.err
    content = file.read_bytes()
    assert content.startswith("\ufeff类别,人员,团队".encode()) and b"Wang Lei" in content
    refused = home.run("kpi", "export", "--file", str(tmp_path / "none" / "x.csv"))
    assert refused.code == 2 and "cannot be written" in refused.err


def test_records_are_queued_once_for_each_crm_that_takes_them(home: Home) -> None:
    refused = home.run("kpi", "export")
    assert refused.code == 2 and "docs/kpi.md" in refused.err
    takes_figures(home)
    for expected in ("5 of 5", "0 of 5"):
        done = home.run("kpi", "export")
        assert done.code == 0 and f"crm: {expected}" in done.err
    rows = queued(home)
    assert len(rows) == len({row.key for row in rows}) == 5
    found = {json.loads(row.payload)["who"]: json.loads(row.payload) for row in rows}
    wang = found["Wang Lei"]
    assert (wang["holds_answered"], wang["hold_hours"], wang["month"]) == (1, "6.0", "2026-03-01")
    assert wang["subject"] == {"zh": "2026-03 Wang Lei", "en": "2026-03 Wang Lei"}
    assert found["Chen Yu"]["hold_hours"] is None
    assert home.run("kpi", "export", "elsewhere").code == 2


def test_what_came_to_light_later_replaces_what_was_queued(home: Home) -> None:
    takes_figures(home)
    assert home.run("kpi", "export").code == 0
    before = {row.key: row.version for row in queued(home)}
    held_order(home, "SO-2", at(5, 9), 1)
    decided(home, "SO-2", "rejected", "Wang Lei", at(5, 13))
    done = home.run("kpi", "export")
    assert "3 of 5" in done.err  # Wang Lei, the team and the total
    after = {row.key: row.version for row in queued(home)}
    assert sorted(after[key] - version for key, version in before.items()) == [0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--month", "2026-13"), "write it like 2026-03"),
        (("--month", "März"), "write it like 2026-03"),
        (("--month", "2026-05"), "has not begun"),
        (("--month", "2026-03", "--as-of", "2026-02-28"), "cannot be seen as of"),
        (("--month", "2026-03", "--as-of", "2026-04-02"), "cannot be seen as of"),
    ],
)
def test_a_month_or_day_that_cannot_be_is_refused(home: Home, given: tuple[str, ...], said: str) -> None:
    refused = home.run("kpi", "show", *given)
    assert refused.code == 2 and said in refused.err


def test_a_month_begins_and_ends_at_midnight_of_the_policys_zone() -> None:
    from zoneinfo import ZoneInfo

    seen = window(Month(2026, 2), dt.date(2026, 6, 1), ZoneInfo("Asia/Shanghai"))
    assert (seen.since, seen.until) == (at(31, 16, month=1), at(28, 16, month=2))
    assert seen.known == seen.until and seen.last == dt.date(2026, 2, 28)
    later = window(Month(2026, 2), dt.date(2026, 6, 1), ZoneInfo("Asia/Shanghai"), dt.date(2026, 5, 31))
    assert (later.until, later.known) == (seen.until, at(31, 16, month=5))


def test_every_figure_has_its_heading_and_a_field_in_the_sections_that_ship_for_both_crms() -> None:
    assert all(has_text(f"kpi.{name}") for name in FIGURES)
    for language in LANGUAGES:
        headings = [texts(language)[f"kpi.{name}"] for name in FIGURES]
        assert len(set(headings)) == len(headings) and max(map(len, headings)) <= 25
    for name in ("zoho", "fxiaoke"):
        lines = (MAPPINGS / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
        start = lines.index("  # kpi:")
        lines[start:] = [line.replace("  # ", "  ", 1) for line in lines[start:]]
        mapping = compile_mapping(yamlfile.parse("\n".join(lines), name), name)
        target = mapping.targets["kpi"]
        assert set(FIGURES) <= {one.name for one in target.fields} and target.key == "credit_key"
