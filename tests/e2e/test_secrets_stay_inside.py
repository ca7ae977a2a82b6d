"""Marked secrets and marked personal data go through every path, and everything that was written is searched.

Invariant: a secret is in no output, log, error or column but in the clear there where it was shown once; a
person's data is in no log, message or journal, and in no column but those of the records it was read into.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from click.testing import CliRunner

from connector import logs
from connector.cli import main
from connector.store.columns import metadata
from connector.store.tables import customer, journal, secret
from sandbox.run import installed
from sandbox.server import Options
from tests import forked
from tests.forked import Forked
from tests.installation import Installation, installation
from tests.sandbox_server import running

ACCOUNTS = 12
# A read that fails now and then, and a write in three that is refused; tokens end in mid-run by a side door.
FAULTS = {
    "zoho.unlimited": 1.0,
    "zoho.read.502": 0.05,
    "zoho.read.drop": 0.05,
    "zoho.partial": 1.0,
    "fxiaoke.unlimited": 1.0,
    "fxiaoke.read.drop": 0.02,
}
MARK = "Q7zX"
PERSON = {
    "name": f"Lihua {MARK}-Person",
    "email": f"lihua.{MARK}@person.example",
    "phone": f"+8613900{MARK}77",
    "trader": f"王{MARK}小明",
}
METRICS_KEY = f"metrics-{MARK}-key"
WRONG_SECRET = f"wrong-{MARK}-client-secret"
WRONG_KEY = f"cg_1_{MARK}-wrong-api-key"
HOOK = f"/hook-{MARK}-address"
HOOK_SECRET = f"hook-{MARK}-signing-secret"
MAIL_PASSWORD = f"mail-{MARK}-password"
LOG = "log.json"


@dataclass
class Trail:
    """Everything that was written: by which step, to which stream."""

    made: Installation
    texts: list[tuple[str, str, str]] = field(default_factory=list)
    shown_once: set[str] = field(default_factory=set)

    @property
    def environment(self) -> dict[str, str]:
        return self.made.environment | {
            "CREDITGATE_LOG": LOG,
            "CREDITGATE_LOG_LEVEL": "debug",
            "CREDITGATE_METRICS_KEY": METRICS_KEY,
            "CREDITGATE_HOOKS_EVERY_SECONDS": "1",
            "CREDITGATE_LANGUAGE": "en",
        }

    def run(self, *arguments: str, codes: tuple[int, ...] = (0, 1)) -> str:
        """Run a command; its standard output."""
        done = forked.run("connector.cli", *arguments, env=self.environment)
        assert done.returncode in codes, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        step = " ".join(arguments[:2])
        self.texts += [(step, "stdout", done.stdout), (step, "stderr", done.stderr)]
        return done.stdout

    def secrets(self) -> dict[str, str]:
        """Every secret that there is: those of the store in the clear, keys, and what was given wrongly."""
        found = {
            "metrics key": METRICS_KEY,
            "wrong secret": WRONG_SECRET,
            "wrong key": WRONG_KEY,
            "webhook": HOOK,
            "signing secret": HOOK_SECRET,
            "mail": MAIL_PASSWORD,
        }
        for place, key in enumerate((self.made.home / "secret.key").read_text().split()):
            found[f"encryption key {place}"] = key
        with self.made.opened() as runtime:
            cipher = runtime.config.cipher()
            with runtime.store.read() as tx:
                rows = tx.execute(sa.select(secret)).all()
        # What a tenant answered once is kept here too; it is told by 'doctor'.
        for row in (one for one in rows if "answers" not in one.name):
            text = cipher.decrypt(row.value.encode()).decode()
            for part in re.findall(r"[A-Za-z0-9._/+=-]{12,}", text):
                # Addresses, moments and the vendor's ids are kept beside a token; they are no secret.
                if not re.match(r"//|\d{4}-\d\d-\d\dT|FSCID_|FSUID_", part):
                    found[f"{row.name} {part[:3]}"] = part
        return found | {f"api key {place}": key for place, key in enumerate(sorted(self.shown_once))}


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trail]:
    folder = tmp_path_factory.mktemp("leaks")
    options = Options(accounts=ACCOUNTS, seed=5, faults=FAULTS)
    with ExitStack() as stack:
        made = stack.enter_context(installation(folder, options, names=("zoho", "fxiaoke", "bureau")))
        trail = Trail(made)
        _mark(made)
        _connect(trail, stack)
        _verbs(trail)
        _service(trail, folder)
        _tell(trail)
        _faults(trail)
        trail.run("key", "rotate")
        yield trail


def _mark(made: Installation) -> None:
    """Put the marked person into both CRMs' records."""
    of_contact = {"Email": PERSON["email"], "Phone": PERSON["phone"], "Full_Name": PERSON["name"]}
    made.door("zoho", "edit", {"module": "Contacts", "count": 4, "values": of_contact})
    trader = {"Account_Name": PERSON["trader"], "Ownership": "Sole Proprietorship", "Phone": PERSON["phone"]}
    made.door("zoho", "edit", {"module": "Accounts", "count": 1, "values": trader})


def _connect(trail: Trail, stack: ExitStack) -> None:
    base = trail.made.bases["zoho"]
    given = ("--set", f"accounts_url={base}", "--set", "client_id=sandbox-client")
    wrong = ("--set", f"client_secret={WRONG_SECRET}", "--set", "refresh_token=sandbox-refresh")
    trail.run("connect", "add", "zoho", "--name", "wrong", *given, *wrong)
    trail.run("connect", "test", "wrong", codes=(2,))
    trail.run("connect", "add", "zoho", "--name", "x", *given, *wrong, "--set", WRONG_SECRET, codes=(2,))
    trail.run("connect", "add", "zoho", "--name", "x", *wrong, "--set", "client_secre=x", codes=(2,))
    elsewhere = ("--set", "accounts_url=https://evil.example", "--set", "client_id=1")
    trail.run("connect", "add", "zoho", "--name", "x", *elsewhere, *wrong, codes=(2,))
    trail.run("connect", "remove", "wrong", "--yes")
    webhook = stack.enter_context(running(installed()["webhook"].app(Options())))
    address = ("--set", f"url={webhook}{HOOK}", "--set", f"secret={HOOK_SECRET}", "--set", "least=info")
    trail.run("connect", "add", "webhook", "--name", "hook", *address)
    mail = ("--set", "host=127.0.0.1", "--set", "port=9", "--set", "user=u", "--set", "sender=a@b.example")
    to = ("--set", f"password={MAIL_PASSWORD}", "--set", "to=team@own.example", "--set", "security=tls")
    trail.run("connect", "add", "mail", "--name", "mail", *mail, *to)
    trail.run("connect", "list", "--format", "json")


def _verbs(trail: Trail) -> None:
    trail.run("pull", "zoho", codes=(0, 1, 3))
    trail.run("pull", codes=(0, 1, 3))
    trail.run("bureau", "refresh", codes=(0, 1, 2, 3))
    trail.run("assess")
    trail.run("push", codes=(0, 1, 3))
    for listing in ("outbox", "rejects", "signal", "hold"):
        trail.run(listing, "list")
    trail.run("dunning", "preview", codes=(0, 1, 2))
    number = _trader(trail.made)
    trail.run("dunning", "contact", "set", str(number), "--email", PERSON["email"])
    trail.run("doctor", codes=(0, 1, 2, 3))
    trail.run("status")


def _trader(made: Installation) -> int:
    """The customer that is the marked person."""
    with made.opened() as runtime, runtime.store.read() as tx:
        query = sa.select(customer.c.id).where(customer.c.name == PERSON["trader"])
        return int(tx.execute(query).scalar_one())


def _service(trail: Trail, folder: Path) -> None:
    """The service: keys, checks, events, metrics; refused and accepted."""
    key = trail.run("connect", "key", "zoho").strip()
    signed = trail.run("connect", "key", "zoho", "--label", "signs", "--signed").strip()
    trail.shown_once |= {key, signed.partition(":")[2]}
    # What was printed once, on purpose, is no leak there.
    trail.texts = [
        (step, stream, text.replace(key, "").replace(signed, "")) for step, stream, text in trail.texts
    ]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    with (folder / "serve.out").open("w+") as out, (folder / "serve.err").open("w+") as err:
        streams = (None, out.fileno(), err.fileno())
        process = Forked(
            "connector.cli", "serve", "--port", str(port), env=trail.environment, streams=streams
        )
        try:
            _wait(base)
            answers = _ask(base, key, PERSON["trader"])
        finally:
            process.kill(signal.SIGTERM)
            assert process.wait(timeout=20) == 0
        for name, file in (("stdout", out), ("stderr", err)):
            file.seek(0)
            trail.texts.append(("serve", name, file.read()))
    trail.texts += [("serve", "answer", answer.text) for answer in answers]
    assert {answer.status_code for answer in answers} >= {200, 401, 403, 404, 422}


def _wait(base: str) -> None:
    until = time.monotonic() + 40
    while time.monotonic() < until:
        try:
            if requests.get(f"{base}/readyz", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.02)
    raise AssertionError("the service did not come up")


def _ask(base: str, key: str, name: str) -> list[requests.Response]:
    order = {"connection": "zoho", "account": "nobody", "order": "SO-1", "amount": "10.00", "currency": "CNY"}
    mine, wrong = {"Authorization": f"Bearer {key}"}, {"Authorization": f"Bearer {WRONG_KEY}"}
    through = {"X-Forwarded-For": "10.1.1.1"}
    asked: list[tuple[str, str, dict[str, str], Any]] = [
        ("GET", "/readyz", {}, None),
        ("GET", "/metrics", {}, None),
        ("GET", "/metrics", through | {"Authorization": f"Bearer {METRICS_KEY}"}, None),
        ("GET", "/metrics", through | wrong, None),
        ("POST", "/v1/checks", mine, order),
        ("POST", "/v1/checks", wrong, order),
        ("POST", "/v1/checks", {}, order | {"note": PERSON["phone"]}),
        ("POST", "/v1/checks", mine, order | {"amount": PERSON["phone"]}),
        ("POST", "/v1/checks", mine, order | {"unknown": PERSON["email"]}),
        ("POST", "/v1/checks", mine, order | {"connection": "fxiaoke"}),
        ("GET", f"/v1/customers/{PERSON['phone']}/credit?token={WRONG_SECRET}", mine, None),
        ("GET", f"/v1/{name}/x?key={WRONG_KEY}", mine, None),
        ("POST", "/v1/hooks/zoho", {}, {"token": WRONG_SECRET, "ids": [PERSON["email"]]}),
        ("POST", "/v1/hooks/nowhere", {}, {"token": WRONG_SECRET}),
    ]
    found = [
        requests.request(method, base + path, headers=headers, json=body, timeout=30)
        for method, path, headers, body in asked
    ]
    broken = requests.post(f"{base}/v1/checks", data=f'{{"x": "{PERSON["email"]}', headers=mine, timeout=30)
    return [*found, broken]


def _tell(trail: Trail) -> None:
    """Channels: one whose address is wrong, one that cannot be reached."""
    trail.run("signal", "tell", codes=(0, 1, 2, 3))
    trail.run("signal", "list", "--format", "json")


def _faults(trail: Trail) -> None:
    """Errors of the command line, and a token that is revoked."""
    trail.run("check", "--connection", "zoho", "--account", "nobody", *_order(), codes=(0, 1, 2))
    trail.run("check", "--connection", PERSON["email"], "--account", "1", *_order(), codes=(2,))
    trail.run("customer", "show", "0", codes=(2,))
    trail.made.door("zoho", "revoke", {})
    trail.run("pull", "zoho", codes=(0, 1, 3))
    trail.made.door("zoho", "revoke", {"token": "sandbox-refresh"})
    trail.made.door("zoho", "revoke", {})
    trail.run("pull", "zoho", codes=(2,))


def _order() -> tuple[str, ...]:
    return ("--order", "SO-9", "--amount", "10.00", "--currency", "CNY")


def _logged(trail: Trail) -> str:
    return (trail.made.home / LOG).read_text(encoding="utf-8")


def test_the_paths_were_really_gone(trail: Trail) -> None:
    """The search finds what is to be found, and the log has the events of every path."""
    lines = [json.loads(line) for line in _logged(trail).splitlines()]
    events = {line["event"] for line in lines}
    wanted = {"run_begins", "run_ends", "run_failed", "stream_pulled", "assessed", "pushed", "agency_asked"}
    assert (
        wanted | {"checked", "call_refused", "events_refused", "signal_waits", "call_tried_again"} <= events
    )
    assert {"Reauth", "Retry", "Halt"} <= {line.get("fault") for line in lines}
    assert len({line["run"] for line in lines}) > 15
    assert any("customer" in line for line in lines) and any("stream" in line for line in lines)
    with trail.made.opened() as runtime, runtime.store.read() as tx:
        stored = _columns(tx)
    for name, text in PERSON.items():
        assert any(text in value for value in stored.values()), f"{name} was never read"
    assert len(trail.secrets()) > 20


def test_no_secret_is_in_anything_that_was_written(trail: Trail) -> None:
    texts = [*trail.texts, ("all", "log", _logged(trail))]
    for name, value in trail.secrets().items():
        found = [(step, stream) for step, stream, text in texts if value in text]
        assert found == [], name


def test_a_persons_data_is_in_no_log_message_or_error(trail: Trail) -> None:
    told = [("all", "log", _logged(trail))]
    told += [one for one in trail.texts if one[1] in ("stderr", "answer")]
    for name, value in PERSON.items():
        allowed = {"check --connection"}  # what one typed oneself is named in the answer
        found = [(step, stream) for step, stream, text in told if value in text and step not in allowed]
        assert found == [], name


def test_a_secret_is_in_no_column_in_the_clear(trail: Trail) -> None:
    with trail.made.opened() as runtime, runtime.store.read() as tx:
        stored = _columns(tx)
    for name, value in trail.secrets().items():
        found = [place for place, text in stored.items() if value in text]
        assert found == [], name
    raw = b"".join(path.read_bytes() for path in trail.made.home.glob("creditgate.db*"))
    assert not [name for name, value in trail.secrets().items() if value.encode() in raw]


def test_a_persons_data_is_only_in_the_columns_of_the_records_it_was_read_into(trail: Trail) -> None:
    with trail.made.opened() as runtime, runtime.store.read() as tx:
        stored = _columns(tx)
        whole = "".join(str(row) for row in tx.execute(sa.select(journal)))
    assert not any(value in whole for value in PERSON.values())
    places = {
        name: {place for place, text in stored.items() if value in text} for name, value in PERSON.items()
    }
    assert places["email"] <= {"contact.email"}
    assert places["phone"] <= {"contact.phone"}
    assert places["name"] <= {"contact.name"}
    assert places["trader"] <= {"account.name", "customer.name"}


def _columns(tx: sa.Connection) -> dict[str, str]:
    """Every column of every table as text, what is deflated inflated."""
    found = {}
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, (sa.Text, sa.String, sa.LargeBinary)):
                values = tx.execute(sa.select(column).where(column.is_not(None))).scalars()
                found[f"{table.name}.{column.name}"] = "\n".join(_text(value) for value in values)
    return found


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        try:
            return zlib.decompress(value).decode(errors="replace")
        except zlib.error:
            return value.decode(errors="replace")
    return str(value)


def test_a_crash_tells_where_it_was_and_nothing_else(
    trail: Trail, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    token = secrets.token_hex(12)

    def crash(*_: object, **__: object) -> None:
        person = PERSON["email"]
        raise ValueError(f"{token} of {person}")

    monkeypatch.setattr("connector.assess.assess", crash)
    for name, value in trail.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CREDITGATE_LOG", str(tmp_path / "crash.json"))
    monkeypatch.setattr(sys, "argv", ["creditgate", "assess"])
    with CliRunner().isolation() as (out, err, _), pytest.raises(SystemExit) as ended:
        main()
    logs.begin("")
    assert ended.value.code == 70
    told = out.getvalue().decode() + err.getvalue().decode()
    assert "ValueError at connector/cli/assess.py:" in told
    log = (tmp_path / "crash.json").read_text()
    assert '"fault":"ValueError"' in log
    for text in (token, PERSON["email"]):
        assert text not in told and text not in log
    assert os.environ["CREDITGATE_LOG"]
