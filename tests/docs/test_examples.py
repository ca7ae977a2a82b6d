"""The examples of the documentation are run, and what it says of commands is true."""

from __future__ import annotations

import datetime as dt
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner

from connector.cli import COMMANDS, cli
from connector.mapping.form import compile_mapping
from connector.yamlfile import parse
from sandbox.run import installed
from sandbox.server import Options
from tests import forked
from tests.sandbox_server import running

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"<!-- run -->\n *```sh\n(.*?)```", re.DOTALL)
OUTPUT = re.compile(r"<!-- output -->\n```text\n(.*?)```", re.DOTALL)
OPTIONS = Options(accounts=40, seed=7, as_of=dt.datetime(2026, 6, 30, tzinfo=dt.UTC))


def run_as_written(text: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run the blocks of a page that are marked for it, against fresh sandboxes."""
    script = "set -eu\n" + "".join(BLOCK.findall(text))
    with ExitStack() as stack:
        for sandbox in installed().values():
            base = stack.enter_context(running(sandbox.app(OPTIONS)))
            script = script.replace(f"http://127.0.0.1:{sandbox.default_port}", base)
        program = tmp_path / "bin" / "creditgate"
        program.parent.mkdir()
        asked = f'"{sys.executable}" -S "{forked.__file__}" "{forked.address()}" connector.cli'
        program.write_text(f'#!/bin/sh\nexec {asked} "$@"\n')
        program.chmod(0o755)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CREDITGATE_")}
        environment["PATH"] = f"{program.parent}:{environment['PATH']}"
        done = subprocess.run(
            ["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done


def test_the_quickstart_runs_as_written(tmp_path: Path) -> None:
    text = (ROOT / "docs/quickstart.md").read_text()
    assert "".join(BLOCK.findall(text)).count("creditgate ") > 20
    assert "the same, byte for byte" in run_as_written(text, tmp_path).stdout


@pytest.mark.parametrize(
    "page", ["zoho.md", "plugin-zoho.md", "plugin-zoho.zh.md", "fxiaoke.md", "fxiaoke.zh.md"]
)
def test_a_guide_runs_as_written_and_shows_what_one_sees(tmp_path: Path, page: str) -> None:
    shows_what_one_sees((ROOT / "docs" / page).read_text(), tmp_path, at_least=13)


def shows_what_one_sees(text: str, tmp_path: Path, *, at_least: int) -> None:
    """The page's commands show the lines that it says one sees."""
    done = run_as_written(text, tmp_path)
    seen = {" ".join(line.split()) for line in f"{done.stdout}\n{done.stderr}".splitlines()}
    shown = [line for block in OUTPUT.findall(text) for line in block.splitlines()]
    assert len(shown) >= at_least
    for line in shown:
        assert any(one.startswith(" ".join(line.split())) for one in seen), line


@pytest.mark.skipif(shutil.which("groovy") is None, reason="groovy is not installed")
@pytest.mark.parametrize("page", ["plugin-fxiaoke.md", "plugin-fxiaoke.zh.md"])
def test_the_steps_of_a_plugin_run_as_written(tmp_path: Path, page: str) -> None:
    shows_what_one_sees((ROOT / "docs" / page).read_text(), tmp_path, at_least=9)


def test_the_mapping_of_the_docs_is_valid_but_for_what_it_leaves_out() -> None:
    text = (ROOT / "docs/mapping.md").read_text()
    example = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert example is not None
    mapping = compile_mapping(parse(example.group(1), "docs/mapping.md"), "docs/mapping.md")
    assert mapping.name == "zoho"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output


def test_commands_in_the_docs_exist() -> None:
    text = "".join(path.read_text() for path in [ROOT / "README.md", *ROOT.glob("docs/*.md")])
    named = set(re.findall(r"creditgate ([a-z]+)\b", text))
    assert named
    assert named <= {*COMMANDS, "serve"} | {"init"}


@pytest.mark.parametrize("name", ["commands", "facts"])
def test_a_written_reference_is_what_the_program_says(name: str) -> None:
    spec = importlib.util.spec_from_file_location(f"make_{name}", ROOT / f"docs/make_{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (ROOT / f"docs/{name}.md").read_text(encoding="utf-8")
    assert written == module.text(), "run 'make docs'"


def test_both_pages_of_fxiaoke_say_the_same() -> None:
    english, chinese = ((ROOT / "docs" / name).read_text() for name in ("fxiaoke.md", "fxiaoke.zh.md"))
    for mark in ("\n## ", "<!-- run -->", "<!-- output -->", "\n| ", "\n- "):
        assert english.count(mark) == chinese.count(mark), mark
    from adapters.fxiaoke.choices import SETTINGS

    for setting in SETTINGS:
        assert f"`{setting.key}" in english and f"`{setting.key}" in chinese, setting.key


def test_both_pages_of_zohos_plugin_say_the_same() -> None:
    english, chinese = (
        (ROOT / "docs" / name).read_text() for name in ("plugin-zoho.md", "plugin-zoho.zh.md")
    )
    for mark in ("\n## ", "<!-- run -->", "<!-- output -->", "\n| ", "\n- ", "\n1. ", "\n8. ", "!["):
        assert english.count(mark) == chinese.count(mark), mark
    for picture in re.findall(r"\]\((images/[^)]+)\)", english + chinese):
        assert (ROOT / "docs" / picture).is_file(), picture
    from adapters.zoho.plugin.settings import SETTINGS

    for setting in SETTINGS:
        assert f"`{setting.key}`" in english and f"`{setting.key}`" in chinese, setting.key
