"""The manual as people get it: a page and a Word document, with versions, duties, procedures and glossary."""

from __future__ import annotations

import io
import re
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from zipfile import ZipFile

import click
import docx
import pytest

from connector.cli import cli
from connector.locale import LANGUAGES
from connector.locale.manual import WORDS, glossary
from connector.manual.docx import docx as word_document
from connector.manual.form import Chapter, Manual, Table, lines
from connector.manual.html import html
from connector.manual.policy_text import chapters
from connector.manual.procedures import PROCEDURES
from connector.manual.words import Words
from connector.people.duties import STEPS
from connector.schedulable import ACTS
from tests.cli_home import POLICY, Home, make_home

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = make_home(tmp_path, monkeypatch)
    made.connect()
    (made.folder / "policies" / "standard.yaml").write_text(POLICY, encoding="utf-8")
    return made


def write(home: Home, *args: str) -> str:
    done = home.run("policy", "manual", *args, "--output", "-")
    assert done.code == 0, done.err
    return done.out


def test_the_manual_names_version_approval_roles_and_what_changed(home: Home, tmp_path: Path) -> None:
    home.customer("Hengda Metal", assessed=False)
    text = (home.folder / "creditgate.toml").read_text(encoding="utf-8")
    text += '\n[[roles]]\nwho = "Lin <b>"\nrole = "approver"\n[[roles]]\nwho = "Wang"\nrole = "controller"\n'
    (home.folder / "creditgate.toml").write_text(text, encoding="utf-8")
    assert home.run("assess").code == 0
    first = write(home, "--language", "en")
    assert "no earlier version" in first and "Lin &lt;b&gt;" in first and "Lin <b>" not in first
    draft = tmp_path / "new.yaml"
    draft.write_text(POLICY.replace("version: 1", "version: 2").replace("step: 1000", "step: 500"), "utf-8")
    assert "A draft: not in force." in write(home, str(draft), "--language", "en")
    done = home.run("policy", "activate", str(draft), "--reason", "finer steps", "--actor", "Wang")
    assert done.code == 0, done.err
    second = write(home, "--language", "en")
    assert "small 2" in second and "finer steps" in second and "by Wang" in second
    changed = second.split("V. Changes since the last version")[-1]
    assert "rounded down to 500 CNY" in changed and "rounded down to 1,000 CNY" in changed
    assert "Longest terms" not in changed
    chinese = write(home, "--language", "zh")
    assert "向下取整至 500 CNY。" in chinese and '<html lang="zh">' in chinese and "@media print" in chinese


def test_the_word_document_says_what_the_page_says(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "manual.docx"
    done = home.run("policy", "manual", "--format", "docx", "--language", "zh", "--output", str(file))
    assert done.code == 0, done.err
    text = re.sub(r"<[^>]+>", "\n", ZipFile(file).read("word/document.xml").decode())
    with home.opened() as runtime:
        sentences = list(lines(chapters(runtime.policy, Words("zh", "CNY"))))
    plain = [one.rsplit(": ", 1)[-1] for one in sentences if "; " not in one]
    assert len(plain) > 80 and [one for one in plain if one not in text] == []


def test_the_document_opens_again_with_its_headings_tables_and_language(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "manual.docx"
    done = home.run("policy", "manual", "--format", "docx", "--language", "en", "--output", str(file))
    assert done.code == 0, done.err
    opened = docx.Document(str(file))
    known = opened.core_properties
    assert (known.title, known.language) == ("Credit manual: small 1", "en")
    heads = [one.text for one in opened.paragraphs if one.style.name == "Heading 1"]
    assert len(heads) == 6 and heads[0] == "I. The policy" and heads[-1] == "VI. Glossary"
    (classes,) = [one for one in opened.tables if one.cell(0, 0).text == "Class"]
    assert [cell.text for cell in classes.rows[1].cells][:4] == ["A", "50", "–", "1"]
    assert "tblHeader" in classes.rows[0]._tr.xml


def test_without_the_package_for_word_the_error_names_the_extra(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "docx", None)
    done = home.run("policy", "manual", "--format", "docx")
    assert done.code == 2 and "pip install 'creditgate[docx]'" in done.err and "Traceback" not in done.err


def test_a_file_that_cannot_be_written_is_named_and_nothing_is_left(home: Home, tmp_path: Path) -> None:
    done = home.run("policy", "manual", "--output", str(tmp_path / "nowhere" / "manual.html"))
    assert done.code == 2 and "nowhere" in done.err and "--output" in done.err
    file = tmp_path / "manual.html"
    assert home.run("policy", "manual", "--output", str(file)).code == 0
    assert [one.name for one in tmp_path.glob("*manual*")] == ["manual.html"] and file.stat().st_size > 9_000


class Page(HTMLParser):
    """Tags in order, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_stands_alone_prints_and_can_be_read_aloud(home: Home) -> None:
    text = write(home, "--language", "zh")
    tags = Page(text).tags
    assert not {tag for tag, _ in tags} & {"script", "link", "img", "iframe", "object"}
    assert "http" not in text.partition("<body>")[0] and "@import" not in text and "url(" not in text
    links = [attrs["href"] for tag, attrs in tags if tag == "a"]
    ids = [attrs["id"] for _, attrs in tags if attrs.get("id")]
    assert links == [f"#{one}" for one in ids] and len(ids) == len(set(ids)) == 6
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(attrs.get("scope") == "col" for tag, attrs in tags if tag == "th")
    assert ("html", {"lang": "zh"}) in tags and {"main", "nav", "header"} <= {tag for tag, _ in tags}
    assert "@page" in text and "table-header-group" in text


def test_whatever_people_write_is_text_in_both_forms() -> None:
    nasty = "<script>alert(1)</script> & \x0b\x00'\""
    table = Table((nasty,), ((nasty,),))
    made = Manual(nasty, "en", (nasty,), (Chapter(nasty, (nasty, table)),))
    assert "<script>" not in html(made) and "&lt;script&gt;" in html(made)
    (text, *_) = [one.text for one in docx.Document(io.BytesIO(word_document(made))).paragraphs]
    assert text == "<script>alert(1)</script> & \ufffd\ufffd'\""


def test_every_procedure_has_its_words_and_commands_that_exist_and_every_step_a_procedure() -> None:
    for name, step, commands in PROCEDURES:
        wanted = {f"procedure.{name}", f"procedure.{name}.when"}
        wanted |= set() if step else {f"procedure.{name}.who"}
        assert wanted <= WORDS.keys()
        for one in commands:
            found: click.Command | None = cli
            for part in one.split():
                assert isinstance(found, click.Group)
                found = found.get_command(click.Context(cli), part)
                assert found is not None, one
    assert {step for _, step, _ in PROCEDURES if step} == set(STEPS)


def test_the_glossary_is_that_of_the_guides() -> None:
    rows = [
        [part.strip() for part in line.strip("|").split("|")]
        for line in GLOSSARY.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and "---" not in line
    ][1:]
    told = [words for key, words in glossary.WORDS.items() if not key.endswith(".means")]
    means = [words for key, words in glossary.WORDS.items() if key.endswith(".means")]
    assert [(en, zh) for en, zh, _ in rows] == told
    assert [meaning.replace("`", "") for _, _, meaning in rows] == [english for english, _ in means]


def test_agencies_schedules_and_deputies_are_in_the_manual(home: Home) -> None:
    file = home.folder / "creditgate.toml"
    more = (
        '\n[[roles]]\nwho = "Li"\nrole = "approver"\ntitle = "finance director"\n'
        '[[deputies]]\nwho = "Chen"\nstands_in_for = "Li"\nfrom = 2020-01-01\nto = 2099-02-14\n'
    )
    text = file.read_text(encoding="utf-8").replace(
        'every = "15m", jitter', 'every = "15m", quiet = ["22:00-06:00"], jitter'
    )
    file.write_text(text + more, encoding="utf-8")
    choices = "agencies: 1\nfresh_days: 77\nchoices:\n  - {countries: [CN], size_from: 5000, ask: [crm]}\n"
    (home.folder / "agencies.yaml").write_text(choices, encoding="utf-8")
    for language in LANGUAGES:
        text = write(home, "--language", language)
        for wanted in ("Chen", "2099-02-14", "finance director", "0:15:00", "22:00–06:00", "77", "5,000 CNY"):
            assert wanted in text, (language, wanted)
    assert "approver (Chen, Li)" in write(home, "--language", "en")


def test_a_policy_that_two_persons_put_in_force_names_both_with_their_days(
    home: Home, tmp_path: Path
) -> None:
    text = (home.folder / "creditgate.toml").read_text(encoding="utf-8")
    text += '\n[[roles]]\nwho = "An"\nrole = "analyst"\n[[roles]]\nwho = "Ke"\nrole = "controller"\n'
    (home.folder / "creditgate.toml").write_text(text, encoding="utf-8")
    draft = tmp_path / "new.yaml"
    draft.write_text(POLICY.replace("step: 1000", "step: 500"), "utf-8")
    assert home.run("policy", "activate", str(draft), "--reason", "finer", "--actor", "An").code in (0, 1)
    assert "proposed on" in write(home, str(draft), "--language", "en")
    assert home.run("policy", "activate", "--confirm", "1", "--actor", "Ke").code == 0
    told = write(home, "--language", "en")
    assert re.search(
        r"In force since [\d-]+: proposed by An on [\d-]+, confirmed by a second person: Ke, [\d-]+", told
    )
    assert "confirmed by a second person: not needed" not in told


def test_whatever_can_be_scheduled_has_words() -> None:
    assert {f"scheduled.{verb}" for verb in ACTS} <= WORDS.keys()
