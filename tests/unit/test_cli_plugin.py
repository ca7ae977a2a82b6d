"""``creditgate plugin pack``: what is packed, for whom, and what is refused."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from adapters.zoho.plugin.packing import ZIP, pack
from connector.admin.plugin import steps
from connector.cli import cli
from connector.errors import Halt
from connector.runtime import opened
from tests.new_store import new_home
from tests.plugin_spec import SPEC

GATE = "https://credit.example.com"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return new_home(tmp_path / "home")


def packing(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--config", str(home / "creditgate.toml"), "plugin", "pack", *arguments])


def refused(home: Path, *arguments: str) -> str:
    found = packing(home, *arguments, "--out", str(home / "never"))
    assert isinstance(found.exception, Halt), found.output
    assert not (home / "never").exists()
    return str(found.exception)


def test_a_kind_without_a_connection_is_packed_for_one_of_its_name(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = packing(home, "zoho", "--out", str(out), "--gate", f"{GATE}/", "--format", "json")
    assert done.exit_code == 0, done.output
    config = (out / "widget/app/config.js").read_text()
    assert f'"gate": "{GATE}"' in config and '"connection": "zoho"' in config
    files = {one.relative_to(out).as_posix() for one in out.rglob("*") if one.is_file()}
    assert {"INSTALL.md", ZIP, "plugin.json", "client-script/order_save.js"} <= files
    assert not [one for one in files if one.endswith(".part")]


def test_the_same_settings_give_the_same_bytes() -> None:
    assert pack(SPEC).files == pack(SPEC).files
    assert pack(SPEC).files != pack(replace(SPEC, seconds=3)).files


def test_the_zip_is_what_the_vendors_tool_makes() -> None:
    packed = pack(SPEC)
    with zipfile.ZipFile(io.BytesIO(packed.files[ZIP])) as made:
        names = made.namelist()
        assert all(made.read(name) == packed.files[f"widget/{name}"] for name in names)
    assert names == sorted(names) and all(name.startswith("app/") for name in names)
    assert json.loads(packed.files["widget/plugin-manifest.json"]) == {"service": "CRM"}
    assert {f"widget/{name}" for name in names} == {
        name for name in packed.files if name.startswith("widget/app/")
    }


def test_no_placeholder_is_left_and_nothing_of_a_text_becomes_code() -> None:
    evil = '</script><script>"\u2028__GATE__'
    texts = {tongue: {**words, "panel.title": evil} for tongue, words in SPEC.texts.items()}
    packed = pack(replace(SPEC, texts=texts))
    for name, content in packed.files.items():
        if name.endswith((".js", ".dg", ".html", ".md")) and "config" not in name:
            assert b"__GATE__" not in content and b"__CONFIG__" not in content, name
    config = packed.files["widget/app/config.js"].decode()
    assert "</script>" not in config and "\u2028" not in config
    with pytest.raises(Halt, match="cannot stand in a function"):
        account = replace(SPEC.written["account"], fields={"credit_hold": 'x") || true'})
        pack(replace(SPEC, written={**SPEC.written, "account": account}))


def test_the_names_are_those_of_the_tenant(home: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        cli,
        ["--config", str(home / "creditgate.toml"), "connect", "add", "zoho", "--name", "org", "--no-test"]
        + [
            part
            for key in ("data_center=eu", "client_id=a", "client_secret=b", "refresh_token=c")
            for part in ("--set", key)
        ],
    )
    assert done.exit_code == 0, done.output
    with opened(home / "creditgate.toml") as runtime:
        one = runtime.connections.get("org")
        runtime.connections.keep_names(one, "account", {"credit_hold": "field71"})
        runtime.connections.keep_names(one, "order", {"check_key": "field72"})
    assert packing(home, "zoho", "--out", str(tmp_path / "out"), "--gate", GATE).exit_code == 0
    rule = (tmp_path / "out/functions/creditgate_rule.dg").read_text()
    script = (tmp_path / "out/client-script/order_save.js").read_text()
    assert 'account.get("field71")' in rule
    assert '"path": "field72"' in script and '"connection": "org"' in script


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("zoho",), "where the service is is not known"),
        (("zoho", "--gate", "http://credit.example.com"), "no address of the check service"),
        (("zoho", "--gate", 'https://x/";evil'), "no address of the check service"),
        (("nobody", "--gate", GATE), "no CRM called 'nobody'"),
        (("ledger", "--gate", GATE), "no CRM called 'ledger'"),
        (("zoho", "--gate", GATE, "--seconds", "60"), "at most 8"),
        (("zoho", "--gate", GATE, "--on-failure", "perhaps"), "says nothing about a step"),
        (("zoho", "--gate", GATE, "--on-failure", "packing=hold"), "says nothing about a step"),
        (("zoho", "--gate", GATE, "--on-failure", "invoice=hold"), "never stopped from being invoiced"),
        (("zoho", "--gate", GATE, "--set", "route=pigeon"), "route cannot be 'pigeon'"),
        (("zoho", "--gate", GATE, "--set", "colour=red"), "no setting 'colour'"),
        (("zoho", "--gate", GATE, "--set", 'function=x")'), "no API name"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    home: Path, arguments: tuple[str, ...], why: str
) -> None:
    assert why in refused(home, *arguments)


@pytest.mark.parametrize(
    ("given", "usual", "found"),
    [
        ((), "hold", ("hold", "hold", "allow")),
        ((), "review", ("review", "review", "review")),
        (("allow", "approval=hold"), "hold", ("allow", "hold", "allow")),
        (("approval=review", "hold"), "allow", ("hold", "review", "allow")),
    ],
)
def test_what_happens_on_failure_is_said_for_each_step(given: Any, usual: str, found: Any) -> None:
    said = steps(given, usual)
    assert (said["order_save"], said["approval"], said["invoice"]) == found


def test_both_languages_have_the_same_steps_with_the_names_that_were_packed() -> None:
    english, chinese = (pack(replace(SPEC, language=tongue)).steps for tongue in ("en", "zh"))
    assert len(english) == len(chinese) == 8
    for one, other in zip(english, chinese, strict=True):
        for name in ("creditgate_call", "creditgate_rule", "creditgate-widget.zip", GATE, "Sales_Orders"):
            assert (name in one) == (name in other), name
        assert "__" not in one + other
