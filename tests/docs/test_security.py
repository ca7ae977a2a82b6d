"""What the pages on security and operations say is so."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from connector.secrets.keyring import read_keys
from tests.unit.test_containers import locked

ROOT = Path(__file__).parents[2]


def script(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_threat_has_a_measure_and_tests_that_exist() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ") and "`test_" in line]
    assert len(rows) >= 15
    there: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        there |= set(re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    for threat, measure, tests in rows:
        assert threat and measure
        named = re.findall(r"`(test_\w+)`", tests)
        assert named and set(named) <= there, set(named) - there


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_secrets_for_containers_are_made_as_written(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```sh\n(mkdir -p deploy/secrets.*?)```", text, re.DOTALL)
    subprocess.run(["sh", "-euc", block], cwd=tmp_path, check=True)
    made = {path.name: path for path in (tmp_path / "deploy" / "secrets").iterdir()}
    compose = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"file: deploy/secrets/(\w+)", compose)) == set(made)
    assert all(path.stat().st_mode & 0o077 == 0 for path in made.values())
    assert len(read_keys(made["encryption_key"].read_text(), "made")) == 1
    assert made["database_password"].read_text() in made["database_url"].read_text()
    assert len(made["metrics_key"].read_text().strip()) == 48


def test_the_bill_names_all_that_the_lock_does() -> None:
    text = script("sbom").sbom()
    bill = json.loads(text)
    named = {one["name"].lower().replace("_", "-"): one["version"] for one in bill["components"]}
    lock = {name: version for name, (version, _) in locked("requirements-image.lock").items()}
    assert named == lock
    assert all(one["purl"].startswith("pkg:pypi/") for one in bill["components"])
    assert all(one["externalReferences"][0]["hashes"] for one in bill["components"])
    assert bill["metadata"]["component"]["name"] == "creditgate"
    assert "timestamp" not in bill["metadata"] and "serialNumber" not in bill


def test_the_audit_tells_weaknesses_from_what_cannot_be_known() -> None:
    judged = script("audit").judged
    sound = {"name": "a", "version": "1", "vulns": []}
    weak = {"name": "b", "version": "2", "vulns": [{"id": "X-1", "fix_versions": ["3"]}]}
    unknown = {"name": "c", "skip_reason": "not found"}
    assert judged([sound]) == (0, [])
    code, lines = judged([sound, weak])
    assert code == 1 and "X-1" in lines[0] and "3" in lines[0]
    assert judged([sound, unknown])[0] == 3
    assert judged([weak, unknown])[0] == 1
