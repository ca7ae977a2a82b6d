"""Connecting to the Zoho sandbox with a grant code, as an admin does."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from connector.store.tables import secret
from sandbox.server import Options
from tests.installation import Installation, installation

SELF_CLIENT = ("client_id=sandbox-client", "client_secret=sandbox-secret")


def connect(made: Installation, *settings: str, expect: int = 0) -> str:
    given = (f"accounts_url={made.bases['zoho']}", *SELF_CLIENT, *settings)
    pairs = [part for one in given for part in ("--set", one)]
    done = made.run("connect", "add", "zoho", "--name", "mine", "--test", *pairs, expect=expect)
    return done.stdout + done.stderr


def test_code_is_exchanged_for_a_refresh_token_that_is_kept_encrypted(tmp_path: Path) -> None:
    with installation(tmp_path, Options(accounts=12), names=("zoho",), provisioned=False) as made:
        code = made.door("zoho", "grant_code", {})["code"]
        told = connect(made, f"code={code}")
        assert "Zoho CRM" in told and code not in told
        assert "Zoho CRM" in made.run("connect", "test", "mine").stdout
        with made.opened() as runtime:
            cipher = runtime.config.cipher()
            with runtime.store.read() as tx:
                kept = {row.name: row.value for row in tx.execute(sa.select(secret)).all()}
        (refresh,) = [value for name, value in kept.items() if name.startswith("zoho-refresh-")]
        token = cipher.decrypt(refresh.encode()).decode()
        assert token.startswith("1000.")
        content = b"".join(path.read_bytes() for path in made.home.rglob("*") if path.is_file())
        assert token.encode() not in content and code.encode() not in content
        # The code is spent; with the access token gone, the refresh token goes on.
        made.door("zoho", "revoke", {})
        assert "Zoho CRM" in made.run("connect", "test", "mine").stdout


def test_code_that_is_spent_or_wrong_says_to_generate_a_new_one(tmp_path: Path) -> None:
    with installation(tmp_path, Options(accounts=12), names=("zoho",), provisioned=False) as made:
        told = connect(made, "code=1000.spent", expect=2)
        assert "invalid_code" in told and "generate a new one" in told


def test_code_with_few_scopes_is_told_by_doctor(tmp_path: Path) -> None:
    with installation(tmp_path, Options(accounts=12), names=("zoho",), provisioned=False) as made:
        scope = "ZohoCRM.org.READ,ZohoCRM.settings.ALL,ZohoCRM.coql.READ,ZohoCRM.modules.accounts.ALL"
        code = made.door("zoho", "grant_code", {"scope": scope})["code"]
        connect(made, f"code={code}")
        told = made.run("doctor").stdout
        for lack in ("ZohoCRM.modules.invoices.READ", "ZohoCRM.users.READ", "ZohoCRM.bulk.READ"):
            assert f"permissions of mine: {lack} is not granted" in told
        assert "ZohoCRM.modules.accounts.READ is not granted" not in told
        done = made.run("pull", "mine", "--format", "json", expect=1)
        assert "ZohoCRM.modules.invoices.READ" in done.stdout
