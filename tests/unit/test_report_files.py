"""``bureau import``: reports from files are stored once, about the right customer, on a ground."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.bureau.from_file import FileAgency
from connector.bureau import files
from connector.model import Stream
from connector.store.record_tables import reject
from connector.store.tables import report
from tests import cli_home
from tests.cli_home import Home, make_home

MAPPINGS = Path(__file__).parents[2] / "mappings"
USCC, OTHER = "91110108551385082Q", "91310115MA1K4XY200"
CCXI = "受评主体,统一社会信用代码,评级日期,主体信用等级,评级展望,建议授信额度（万元）\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setitem(cli_home.KINDS, "agency-file", ("agency_file", FileAgency))
    made = make_home(tmp_path, monkeypatch)
    for name in ("agency-file", "ccxi"):
        shutil.copy(MAPPINGS / f"{name}.yaml", made.folder / "mappings")
    made.connect()
    made.connect("agency-file", "ccxi", "agency=ccxi")
    return made


def file(home: Home, text: str, name: str = "ratings.csv", encoding: str = "utf-8") -> str:
    path = home.folder / name
    path.write_bytes(text.encode(encoding))
    return str(path)


def imported(home: Home, *args: str, code: int = 0) -> dict[str, Any]:
    done = home.run("bureau", "import", *args, "--format", "json")
    assert done.code == code, done.err
    row: dict[str, Any] = done.json[0]
    return {name: row[name] for name in ("stored", "known", "rejected")}


def bodies(home: Home) -> list[dict[str, Any]]:
    with home.opened() as runtime, runtime.store.read() as tx:
        query = sa.select(report.c.body).order_by(report.c.id)
        return [json.loads(body) for body in tx.execute(query).scalars()]


def consent(home: Home, number: int) -> None:
    paper = home.folder / "signed.pdf"
    paper.write_bytes(b"signed")
    assert home.run("consent", "add", str(number), "--evidence", str(paper)).code == 0


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_national_rating_is_taken_in_on_its_own_scale_and_twice_is_once(home: Home, encoding: str) -> None:
    number = home.customer("恒达金属有限公司", keys={"uscc": USCC})
    text = CCXI + f"恒达金属有限公司,{USCC},2026年3月31日,AA+,稳定,500\n"
    path = file(home, text, encoding=encoding)
    assert imported(home, path) == {"stored": 1, "known": 0, "rejected": 0}
    assert imported(home, path) == {"stored": 0, "known": 1, "rejected": 0}
    (body,) = bodies(home)
    assert (body["band"], body["pd_12m"], body["pd_method"]) == ("cnAA+", None, "none")
    assert body["scores"][0] | {"model": None} == {
        "kind": "rating", "raw": "AA+", "scale": "china-national/1 C-AAA", "higher_is_better": None,
        "band": "cnAA+", "model": None, "dated": "2026-03-31",
    }  # fmt: skip
    assert (body["limit"], body["limit_currency"]) == (500_000_000, "CNY")  # 500 万元 in fen
    assert any(word.startswith("pd_no_table") for word in body["warnings"])
    assert home.changes(number) == 2
    (entry,) = home.journal("report_stored")
    assert entry["file"] == "ratings.csv" and entry["by"] == "identifier" and len(entry["file_sha256"]) == 64
    assert USCC not in stored_raw(home)


def stored_raw(home: Home) -> str:
    with home.opened() as runtime, runtime.store.read() as tx:
        return str(tx.execute(sa.select(report.c.raw)).scalar_one())


@pytest.mark.parametrize(("name", "limit", "fen"), [("ccxi", "500", 500_000_000), ("lianhe", "500", 50_000)])
def test_the_ready_mappings_read_every_column_that_they_name(
    home: Home, name: str, limit: str, fen: int
) -> None:
    shutil.copy(MAPPINGS / f"{name}.yaml", home.folder / "mappings")
    home.connect("agency-file", name, "agency=rater")
    home.customer("恒达金属有限公司", keys={"uscc": USCC})
    with home.opened() as runtime:
        fields = runtime.mapping(runtime.connections.get(name)).readers[Stream.REPORTS].fields
    told = {"name": "恒达", "uscc": USCC, "as_of": "2026-03-31", "grade": "AA", "recommended_limit": limit}
    told |= {"period_end": "2025-12-31", "revenue": "1.5", "net_profit": "-0.2"}
    row = {one.key: told.get(one.name, "") for one in fields}
    text = ",".join(row) + "\n" + ",".join(row.values()) + "\n"
    assert imported(home, file(home, text), "--agency", name)["stored"] == 1
    (body,) = bodies(home)
    assert (body["provider"], body["band"], body["limit"]) == ("rater", "cnAA", fen)
    (accounts,) = body["statements"]
    assert (accounts["revenue"], accounts["net_profit"]) == (1_500_000, -200_000)


def test_json_and_xlsx_are_read_as_csv_is(home: Home) -> None:
    from openpyxl import Workbook

    home.connect("agency-file", "other", "agency=other")
    home.customer("Hengda Metal", keys={"uscc": USCC})
    home.customer("Acme Steel", country="US", keys={"duns": "150483782"})
    rows = [
        {"unified_credit_code": USCC, "report_date": "2026-03-31", "grade": "BBB-", "open_judgments": 0},
        {"duns": "15-048-3782", "report_date": "2026-03-30", "probability_of_default": 0.61},
    ]
    path = file(home, json.dumps({"reports": rows}), "list.json")
    assert imported(home, path, "--agency", "other")["stored"] == 2
    first, second = bodies(home)
    assert (first["band"], first["pd_method"]) == ("BBB-", "grade_table eu-cqs-2016-1799")
    assert first["judgments_covered"] is True and first["negatives"] == []
    assert (second["pd_12m"], second["pd_method"]) == (0.0061, "provider_pd")

    book = Workbook()
    names = list(dict.fromkeys(key for row in rows for key in row))
    book.active.append(names)
    for row in rows:
        book.active.append([row.get(name) for name in names])
    book.save(home.folder / "list.xlsx")
    imported(home, str(home.folder / "list.xlsx"), "--agency", "other")
    assert bodies(home)[2:] == [first, second]


def test_rows_that_do_not_fit_are_kept_sealed_and_retried(home: Home) -> None:
    text = CCXI + (
        f"恒达金属有限公司,{USCC},2026-03-31,AA,稳定,\n"
        "别家有限公司,911101085513850820,2026-03-31,AA,稳定,\n"
        f"某某有限公司,{OTHER},soon,AA,稳定,\n"
    )
    path = file(home, text)
    assert imported(home, path, code=1) == {"stored": 0, "known": 0, "rejected": 3}
    listed = home.rows("rejects", "list")
    assert [row["code"] for row in listed] == ["unknown_customer", "bad_identifier", "bad_value"]
    assert {row["stream"] for row in listed} == {"reports"}
    with home.opened() as runtime, runtime.store.read() as tx:
        assert not any("有限公司" in raw for raw in tx.execute(sa.select(reject.c.raw)).scalars())
    home.customer("恒达金属有限公司", keys={"uscc": USCC})
    again = home.run("rejects", "retry", "--connection", "ccxi")
    assert again.code == 1 and "1 records taken in, 2 still" in again.err
    assert len(bodies(home)) == 1
    healed = file(home, text.replace("soon", "2026-03-31"))
    home.customer("某某有限公司", keys={"uscc": OTHER})
    assert imported(home, healed, code=1) == {"stored": 1, "known": 1, "rejected": 1}
    assert [row["code"] for row in home.rows("rejects", "list")] == ["bad_identifier"]


def test_rows_set_aside_go_when_they_have_had_their_time(home: Home) -> None:
    imported(home, file(home, CCXI + f"恒达,{USCC},2026-03-31,AA,稳定,\n"), code=1)
    assert home.run("bureau", "purge", "--apply").code == 0
    assert len(home.rows("rejects", "list")) == 1
    with home.opened() as runtime, runtime.store.write() as tx:
        tx.execute(reject.update().values(first_seen=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)))
    assert len(home.rows("bureau", "purge")) == 1 and len(home.rows("rejects", "list")) == 1
    home.run("bureau", "purge", "--apply")
    assert home.rows("rejects", "list") == [] and len(home.journal("row_purged")) == 1


def test_a_persons_report_needs_a_consent_and_without_one_nothing_of_it_is_kept(home: Home) -> None:
    number = home.customer("Wang Fang", is_person=True)
    home.connect("agency-file", "other", "agency=other")
    path = file(home, f"customer_no,report_date,grade\n{number},2026-03-31,BB\n", "person.csv")
    assert imported(home, path, "--agency", "other", code=1)["rejected"] == 1
    assert home.journal("report_refused")[0]["from"] == "file"
    with home.opened() as runtime, runtime.store.read() as tx:
        kept = tx.execute(sa.select(reject)).one()
    assert (kept.code, kept.raw) == ("no_ground", "{}")
    pdf = home.folder / "person.pdf"
    pdf.write_bytes(b"%PDF-1.7 person")
    typed = ("--agency", "other", "--customer", str(number), "--date", "2026-03-31", "--class", "BB")
    assert home.run("bureau", "import", str(pdf), *typed).code == 1
    assert bodies(home) == [] and len(home.journal("report_refused")) == 2
    consent(home, number)
    assert home.run("rejects", "retry").code == 1  # there is nothing left to retry with
    assert imported(home, path, "--agency", "other")["stored"] == 1
    assert home.rows("rejects", "list") == []


def test_a_pdf_is_kept_encrypted_as_the_evidence_of_typed_figures(home: Home) -> None:
    number = home.customer("恒达金属有限公司", keys={"uscc": USCC})
    pdf = home.folder / "report.pdf"
    pdf.write_bytes(b"%PDF-1.7 rating report")
    assert home.run("bureau", "import", str(pdf)).code == 2
    typed = (str(pdf), "--customer", str(number), "--date", "2026-03-31", "--class", "AA", "--limit")
    figures = ("500000 CNY", "--pd", "0.8%", "--judgments", "0", "--not-insolvent")
    assert imported(home, *typed, *figures)["stored"] == 1
    assert imported(home, *typed, *figures)["known"] == 1
    (body,) = bodies(home)
    assert (body["band"], body["pd_12m"], body["limit"]) == ("cnAA", 0.008, 50_000_000)
    assert (body["pd_method"], body["judgments_covered"], body["insolvent"]) == ("provider_pd", True, False)
    (home.folder / "privacy.yaml").write_text("raw_readers: [analyst]\n")
    with (home.folder / "creditgate.toml").open("a", encoding="utf-8") as config:
        config.write('\n[[roles]]\nwho = "Lin"\nrole = "analyst"\n')
    out = home.folder / "out"
    shown = home.run("bureau", "show", str(number), "--raw", "--output", str(out), "--actor", "Lin")
    assert shown.code == 0, shown.err
    assert (out / f"{number}-ccxi.pdf").read_bytes() == pdf.read_bytes()


def test_an_import_that_was_killed_goes_on_where_it_stood(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = (USCC, OTHER)
    for key in keys:
        home.customer(f"firm {key}", keys={"uscc": key})
    path = file(home, CCXI + "".join(f"firm,{key},2026-03-31,AA,稳定,\n" for key in keys))
    whole = FileAgency.read

    def cut(self: FileAgency, path: Path) -> Any:
        yield next(iter(whole(self, path)))
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "PART", 1)
    with monkeypatch.context() as killed:
        killed.setattr(FileAgency, "read", cut)
        home.run("bureau", "import", path)
    assert len(bodies(home)) == 1
    assert imported(home, path) == {"stored": 1, "known": 1, "rejected": 0}


def test_a_report_of_tomorrow_is_set_aside(home: Home) -> None:
    home.customer("恒达金属有限公司", keys={"uscc": USCC})
    assert imported(home, file(home, CCXI + f"恒达,{USCC},2999-03-31,AA,稳定,\n"), code=1)["rejected"] == 1


def test_an_older_report_that_comes_later_does_not_take_the_place_of_the_newer_one(home: Home) -> None:
    home.customer("恒达金属有限公司", keys={"uscc": USCC})
    for day, grade in (("2026-03-31", "AA"), ("2025-03-31", "AAA")):
        imported(home, file(home, CCXI + f"恒达,{USCC},{day},{grade},稳定,\n"))
    assert [row["band"] for row in home.rows("bureau", "list")] == ["cnAA"]
    assert len(home.rows("bureau", "list", "--all")) == 2


def test_equal_names_serve_for_one_company_and_several_go_to_a_person(home: Home) -> None:
    home.connect("agency-file", "other", "agency=other")
    home.customer("Acme  STEEL")
    text = "company_name,report_date,grade\nacme steel,2026-03-31,BB\n"
    assert imported(home, file(home, text, "a.csv"), "--agency", "other")["stored"] == 1
    twin = home.customer("Acme Steel")
    later = file(home, text.replace("-03-31", "-04-30"), "b.csv")
    assert imported(home, later, "--agency", "other", code=1)["rejected"] == 1
    waiting = home.rows("bureau", "matches", "list")
    (chosen,) = [row["id"] for row in waiting if row["customer"] == twin]
    assert home.run("bureau", "matches", "accept", str(chosen)).code == 0
    assert home.run("rejects", "retry").code == 0
    assert [row["customer"] for row in home.rows("bureau", "list", "--customer", str(twin))] == [twin]


def test_a_name_does_not_overrule_a_number_that_says_otherwise(home: Home) -> None:
    home.customer("恒达金属有限公司", keys={"uscc": USCC})
    path = file(home, CCXI + f"恒达金属有限公司,{OTHER},2026-03-31,AA,稳定,\n")
    assert imported(home, path, code=1)["rejected"] == 1
    assert "another uscc" in home.rows("rejects", "list")[0]["message"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("bad.json", "[1, 2]", "no list of objects"),
        ("bad.json", '[{"a": ', "no JSON"),
        ("ratings.csv", "受评主体,评级日期\nA,2026-01-01\n", "no column '主体信用等级'"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(home: Home, name: str, text: str, said: str) -> None:
    done = home.run("bureau", "import", file(home, text, name))
    assert done.code == 2 and said in done.err


def test_without_an_agency_the_way_to_one_is_named(home: Home) -> None:
    done = home.run("bureau", "import", file(home, CCXI), "--agency", "nobody")
    assert done.code == 2 and "connect add agency-file" in done.err
