"""Secrets go to the vendor's hosts, to this machine, and to what the admin lists; nowhere else."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from adapters.zoho.auth import DATA_CENTERS
from connector import adapter as ports
from connector.adapter import Limits
from connector.admin.connect import add, kind_of
from connector.errors import Halt
from connector.http import Http
from connector.runtime import Runtime, opened
from connector.secrets.hosts import Hosts
from tests.cli_home import Home, make_home
from tests.new_store import new_home

ZOHO = ("zohoapis.com", "accounts.zoho.com")


@pytest.mark.parametrize(
    "url",
    [
        "https://zohoapis.com/crm",
        "https://www.zohoapis.com/crm",
        "https://sandbox.zohoapis.com:443/crm",
        "http://127.0.0.1:8471/crm",
        "http://localhost:8471/crm",
        "http://[::1]:8471/crm",
        "https://gateway.example.cn/x",
        "http://old.example.cn/x",
    ],
)
def test_a_call_may_go_to_the_vendor_to_this_machine_and_to_what_is_listed(url: str) -> None:
    Hosts(ZOHO, ["gateway.example.cn", "http://old.example.cn"]).require(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://zohoapis.com.evil.example/crm",
        "https://evilzohoapis.com/crm",
        "https://www.zohoapis.com@evil.example/crm",
        "https://evil.example\\@www.zohoapis.com/crm",
        "https://evil.example/www.zohoapis.com",
        "https://gateway.example.cn.evil.example/",
        "https://sub.gateway.example.cn/",
        "https://127.0.0.1.evil.example/",
        "https://10.0.0.1/",
        "https://www.zoho\tapis.com/",
        "https://[::1/",
        "https://www.zohoapis.com:port/",
        "ftp://www.zohoapis.com/",
        "www.zohoapis.com",
        "",
        "http://www.zohoapis.com/crm",
        "http://gateway.example.cn/x",
    ],
)
def test_a_call_goes_nowhere_else_and_never_in_the_clear(url: str) -> None:
    with pytest.raises(Halt):
        Hosts(ZOHO, ["gateway.example.cn", "http://old.example.cn"]).require(url)


@responses.activate
def test_no_call_leaves_for_another_host() -> None:
    other = responses.get("https://evil.example/api", json={})
    http = Http(Limits(slots=1), hosts=Hosts(ZOHO))
    with pytest.raises(Halt, match="not one of the vendor's"):
        http.call("GET", "https://evil.example/api", check=lambda answer: None, headers={"X": "secret"})
    assert other.call_count == 0


@responses.activate
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["https://evil.example/", "https://www.zohoapis.com/elsewhere", "/elsewhere"])
def test_a_redirect_is_refused_and_not_followed(status: int, to: str) -> None:
    responses.get("https://www.zohoapis.com/crm", status=status, headers={"Location": to})
    seen: list[requests.Response] = []
    with pytest.raises(Halt, match="not followed") as caught:
        Http(Limits(slots=1), hosts=Hosts(ZOHO)).call(
            "GET", "https://www.zohoapis.com/crm", check=seen.append
        )
    assert len(responses.calls) == 1 and seen == []
    assert "evil" not in str(caught.value)


def test_every_adapter_says_where_its_secrets_may_go() -> None:
    for name in ports.kinds():
        _, kind = ports.find(name)
        for setting in kind.settings:
            if setting.key.endswith("_url") and setting.default:
                Hosts(kind.hosts).require(setting.default)
    _, zoho = ports.find("zoho")
    for center in DATA_CENTERS.values():
        for url in (center.accounts, center.api, center.api.replace("www.", "sandbox.")):
            Hosts(zoho.hosts).require(url)
    everywhere = {name for name in ports.kinds() if ports.find(name)[1].hosts is None}
    assert everywhere == {"webhook"}, "only its admin knows where a webhook's receiver is"


def test_a_fxiaoke_connection_goes_to_the_vendors_clouds() -> None:
    from adapters.fxiaoke.settings import CLOUDS

    _, kind = ports.find("fxiaoke")
    for url in CLOUDS.values():
        Hosts(kind.hosts).require(url)


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    with opened(new_home(tmp_path / "home") / "creditgate.toml") as made:
        yield made


def test_an_address_that_is_not_the_vendors_is_refused_before_a_secret_is_stored(runtime: Runtime) -> None:
    given = {"accounts_url": "https://accounts.evil.example", "client_id": "1", "client_secret": "s"}
    with pytest.raises(Halt, match=r"not one of the vendor's.*hosts = \['accounts.evil.example'\]"):
        add(runtime, kind_of("zoho"), "crm", {**given, "refresh_token": "r"}, actor="test")
    assert runtime.connections.all() == []


def test_what_the_admin_lists_is_allowed(tmp_path: Path) -> None:
    file = new_home(tmp_path / "home") / "creditgate.toml"
    file.write_text('hosts = ["accounts.partner.example"]\n')
    with opened(file) as runtime:
        given = {"accounts_url": "https://accounts.partner.example", "client_id": "1", "client_secret": "s"}
        stored = add(runtime, kind_of("zoho"), "crm", {**given, "refresh_token": "r"}, actor="test")
        assert stored.settings["accounts_url"] == "https://accounts.partner.example"


def test_an_api_domain_that_an_answer_names_gets_no_token_unless_it_is_the_vendors(runtime: Runtime) -> None:
    given = {"data_center": "us", "client_id": "1", "client_secret": "s", "refresh_token": "r"}
    one = add(runtime, kind_of("zoho"), "crm", given, actor="test")
    token = {"access_token": "t0ken", "api_domain": "https://api.evil.example", "expires_in": 3600}
    with responses.RequestsMock() as mock:
        mock.post("https://accounts.zoho.com/oauth/v2/token", json=token)
        with pytest.raises(Halt, match="not one of the vendor's"):
            runtime.adapter(one).test()
        assert len(mock.calls) == 1


# -- certificates


def _server(folder: Path) -> tuple[Any, str, Path]:
    """An HTTPS server on the loopback with a certificate that nobody knows."""
    import datetime as dt
    import ipaddress
    from http.server import BaseHTTPRequestHandler, HTTPServer

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "certificate.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = folder / "private.pem"
    form = serialization.PrivateFormat.PKCS8
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"https://127.0.0.1:{server.server_port}/", pem


def test_a_certificate_must_verify_by_the_usual_ones_or_by_the_bundle_that_is_set(tmp_path: Path) -> None:
    server, url, pem = _server(tmp_path)
    try:
        with pytest.raises(Halt, match="certificate does not verify"):
            Http(Limits(slots=1), hosts=Hosts(())).call("GET", url, check=lambda answer: None)
        answer = Http(Limits(slots=1), hosts=Hosts(()), ca_bundle=str(pem)).call(
            "GET", url, check=lambda answer: None
        )
        assert answer.content == b"ok"
    finally:
        server.shutdown()
        server.server_close()


def test_nothing_turns_verification_off() -> None:
    root = Path(__file__).parents[2]
    for folder in ("connector", "adapters"):
        for path in (root / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for word in ("verify=False", "verify = False", "CERT_NONE", "check_hostname", "_unverified"):
                assert word not in text, path
            assert "allow_redirects=True" not in text, path


# -- secrets by reference


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return make_home(tmp_path, monkeypatch)


def test_a_secret_is_read_from_a_file_at_once_or_at_each_use(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text("right\n")
    at_once = ("--set", "base_url=http://crm.test", "--set", f"token=@{file}")
    assert home.run("connect", "add", "fake", "--name", "crm", *at_once).code == 0
    by_use = ("--set", "base_url=http://crm.test", "--set", f"token=file:{file}")
    assert home.run("connect", "add", "fake", "--name", "by-file", *by_use).code == 0
    by_name = ("--set", "base_url=http://crm.test", "--set", "token=env:CRM_TOKEN")
    assert home.run("connect", "add", "fake", "--name", "by-name", *by_name).code == 0
    monkeypatch.setenv("CRM_TOKEN", "right")
    for name in ("crm", "by-file", "by-name"):
        assert home.run("connect", "test", name).code == 0
    file.write_text("renewed\n")
    monkeypatch.delenv("CRM_TOKEN")
    assert home.run("connect", "test", "crm").code == 0
    assert home.run("connect", "test", "by-file").code == 2
    lacking = home.run("connect", "test", "by-name")
    assert lacking.code == 2 and "the environment has no CRM_TOKEN" in lacking.err
    file.unlink()
    gone = home.run("connect", "test", "by-file")
    assert gone.code == 2 and str(file) in gone.err and "renewed" not in gone.err


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('key = "abc"', "key is a secret"),
        ('metrics_key = "abc"', "metrics_key is a secret"),
        ('database_url = "postgresql+psycopg://u:hush@db/x"', "has a password"),
    ],
)
def test_no_secret_may_stand_in_the_configuration(home: Home, line: str, told: str) -> None:
    (home.folder / "creditgate.toml").write_text(f"{line}\n")
    done = home.run("connect", "list")
    assert done.code == 2 and told in done.err
    assert "hush" not in done.err and "abc" not in done.err


def test_the_database_may_be_named_by_a_file(home: Home, tmp_path: Path) -> None:
    named = tmp_path / "url"
    named.write_text(f"sqlite:///{home.folder / 'creditgate.db'}\n")
    (home.folder / "creditgate.toml").write_text(f'database_url = "file:{named}"\n')
    assert home.run("connect", "list").code == 0
