"""``init``, ``db`` and the entry point itself."""

from __future__ import annotations

import datetime as dt
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click import Group
from cryptography.fernet import Fernet

from connector import config as configuration
from connector.admin.home import CONFIGURATION
from connector.cli import COMMANDS, cli
from connector.config import Config
from connector.store import schema
from connector.store.engine import Store
from tests.cli_home import Home, make_home
from tests.new_store import empty

MINE = (
    "init",
    "connect",
    "doctor",
    "provision",
    "mapping",
    "policy",
    "bureau",
    "consent",
    "outbox",
    "limit",
    "db",
)
HEAVY = ("sqlalchemy", "requests", "fastapi", "pydantic", "cryptography", "alembic", "ruamel", "rich")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return make_home(tmp_path, monkeypatch)


def test_init_makes_a_folder_that_works(home: Home) -> None:
    names = {str(path.relative_to(home.folder)) for path in home.folder.rglob("*") if path.is_file()}
    wanted = {"creditgate.toml", "secret.key", "rates.csv", "mappings/fake.yaml", "policies/standard.yaml"}
    assert wanted <= names
    with home.opened() as runtime:
        assert runtime.policy.name == "small"
        assert runtime.rates.per_unit("EUR", dt.date(2026, 1, 1)) is None
        assert schema.current(runtime.store) == schema.head()


def test_the_key_is_for_its_owner_alone(home: Home) -> None:
    path = home.folder / "secret.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    Fernet(path.read_text().strip())


def test_init_again_keeps_what_was_edited_and_restores_what_is_missing(home: Home) -> None:
    (home.folder / "mappings/fake.yaml").write_text("# mine\n")
    (home.folder / "rates.csv").unlink()
    key = (home.folder / "secret.key").read_bytes()
    done = home.run("init", str(home.folder))
    assert done.code == 0
    assert (home.folder / "mappings/fake.yaml").read_text() == "# mine\n"
    assert (home.folder / "secret.key").read_bytes() == key
    assert "currency,day,per_unit" in (home.folder / "rates.csv").read_text()
    assert re.search(r"^kept +\S+mappings/fake\.yaml$", done.err, re.M)
    assert re.search(r"^wrote +\S+rates\.csv$", done.err, re.M)
    assert done.out == ""


def test_init_writes_no_key_when_the_environment_has_one(
    tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDITGATE_KEY", Fernet.generate_key().decode())
    done = home.run("init", str(tmp_path / "other"))
    assert done.code == 0
    assert not (tmp_path / "other/secret.key").exists()


def test_init_uses_the_configuration_that_is_there(home: Home, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere.db"
    (home.folder / "creditgate.toml").write_text(f'database_url = "sqlite:///{other}"\nmappings = "maps"\n')
    assert home.run("init").code == 0
    store = Store(f"sqlite:///{other}")
    assert schema.current(store) == schema.head()
    store.close()
    assert (home.folder / "maps/fake.yaml").is_file()


def test_init_takes_the_folder_of_config(home: Home, tmp_path: Path) -> None:
    assert home.run("--config", str(tmp_path / "third/gate.toml"), "init").code == 0
    assert (tmp_path / "third/gate.toml").is_file()
    both = home.run("--config", str(tmp_path / "third/gate.toml"), "init", str(tmp_path))
    assert both.code == 2 and "not both" in both.err


def test_init_says_when_the_folder_is_a_file(home: Home, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = home.run("init", str(tmp_path / "file"))
    assert done.code == 2 and "not a folder" in done.err


def test_every_setting_stands_in_the_configuration_with_its_default(tmp_path: Path) -> None:
    path = tmp_path / "creditgate.toml"
    path.write_text(re.sub(r"^#(?=[a-z_]+ = )", "", CONFIGURATION, flags=re.M))
    loaded, plain = configuration.load(path), Config(home=tmp_path)
    shown = set(re.findall(r"^#([a-z_]+) = ", CONFIGURATION, re.M))
    shown |= set(re.findall(r"^#   \[\[?([a-z_]+)\]\]?$", CONFIGURATION, re.M))
    shown |= {"schedules"}  # the calendar is in force
    assert shown == set(Config.model_fields) - {"home", "key"}  # no secret in the file
    for name in shown - {"as_of", "schedules"}:
        assert getattr(loaded, name) == getattr(plain, name)
    assert loaded.as_of == dt.date(2026, 1, 31) and plain.as_of is None


def test_db_current_and_upgrade(home: Home) -> None:
    row = home.rows("db", "current")[0]
    assert row["up_to_date"] is True and row["current"] == schema.head()
    assert "already" in home.run("db", "upgrade").err
    empty(home.folder / "creditgate.db")
    stale = home.run("db", "current", "--format", "json")
    assert stale.code == 1 and stale.json[0]["current"] is None
    assert home.run("connect", "list").code == 2
    assert "upgraded from nothing" in home.run("db", "upgrade").err
    assert home.run("connect", "list").code == 0


def test_a_missing_configuration_is_one_clear_line(home: Home, tmp_path: Path) -> None:
    done = home.run("--config", str(tmp_path / "none.toml"), "connect", "list")
    assert done.code == 2
    assert done.err.startswith("creditgate: ") and "creditgate init" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("name", MINE)
def test_every_command_has_help_and_its_short_text(name: str) -> None:
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None and command.name == name
    assert command.help and command.get_short_help_str(200) == COMMANDS[name][1]
    for sub in command.commands.values() if isinstance(command, Group) else ():
        assert sub.help, f"{name} {sub.name}"


@pytest.mark.parametrize("words", [[], *([name] for name in MINE), ["limit", "set"], ["bureau", "refresh"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    script = (
        "import sys\nfrom connector.cli import cli\n"
        f"cli.main([*{words!r}, '--help'], standalone_mode=False)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "Usage:" in done.stdout
    assert done.stderr.strip() == "[]"


def test_the_whole_way_in_a_process_of_its_own(tmp_path: Path) -> None:
    """With the files that really come with CreditGate."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("CREDITGATE_")}
    env["CREDITGATE_HOME"] = str(tmp_path / "home")

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "connector.cli", *args],
            capture_output=True,
            text=True,
            env=env,
            check=False,
        )

    assert run("connect", "list").returncode == 2
    assert run("init", str(tmp_path / "home")).returncode == 0
    assert run("mapping", "check").returncode == 0
    assert run("policy", "lint").returncode == 0
    listed = run("connect", "list", "--format", "json")
    assert listed.returncode == 0 and listed.stdout.strip() == "[]"
    unknown = run("connect", "add", "nothing", "--name", "x")
    assert unknown.returncode == 2 and "no adapter is called 'nothing'" in unknown.stderr
    assert "Traceback" not in unknown.stderr
