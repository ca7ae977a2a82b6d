"""Configuration: one TOML file, environment over file.

Invariant: no secret stands in the file; the encryption key comes from the environment or from a file
that only its owner can read.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import sysconfig
import tomllib
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal

from cryptography.fernet import MultiFernet
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from connector.errors import Halt
from connector.people.correspondence import Letterhead
from connector.people.roles import Deputy, Grant
from connector.schedule import Schedule
from connector.secrets import given
from connector.secrets.keyring import KeyRing, read_keys

FILE = "creditgate.toml"
KEY_FILE = "secret.key"
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")


class CrmUser(BaseModel):
    """Who a user of a CRM is: ``who`` is named as in ``roles``, ``user`` is the CRM's id of the user or the
    e-mail address by which the CRM knows the user."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, str_min_length=1)

    connection: str
    user: str
    who: str


class Config(BaseSettings):
    """What a home folder is configured with.

    ``home`` the folder; ``database_url`` the store; ``database_schema`` where one
    PostgreSQL serves several companies, the schema of this one; ``language`` of texts written to the CRMs;
    ``policy`` and ``mappings`` paths below home; ``rates`` a CSV of currency, day, per_unit;
    ``privacy`` the YAML file on personal data, the stated defaults while it is not there;
    ``agencies`` the one on which agency is asked about whom;
    ``as_of`` pins the day of all decisions, for trials on historical data only;
    ``reservation_hours`` the life of a reservation; ``gate_unreachable`` what plugins are told to do
    when the check service cannot be reached; ``public_url`` the HTTPS address under which the CRMs reach
    it with their events; ``reconcile_share`` and ``reconcile_amount`` (major units) how far apart ledgers and
    CRMs may be; ``hooks_every_seconds`` how often ``serve`` reads again what they told (0: never);
    ``roles`` and ``deputies`` who may do which credit act, and who stands in for whom
    (``connector.people.roles``);
    ``schedules`` what ``creditgate daemon`` runs when (``connector.schedule``);
    ``crm_users`` who users of the CRMs are; ``calls_per_minute`` what each API key may ask for;
    ``letters`` a folder with templates that stand in for those that ship, ``letterhead`` who writes them,
    ``letters_by`` the connection that sends them, if several could;
    ``hosts`` to which secrets may go beside the vendors' own (``connector.secrets.hosts``), ``ca_bundle`` a
    PEM file with the certificates to trust in place of the usual ones; ``log`` where logs are written
    (``connector.logs``) and ``log_level`` from which level on; ``metrics_from`` the networks that may read
    ``/metrics`` without ``metrics_key``. ``database_url``, ``key`` and ``metrics_key`` hold secrets: they are
    read from the environment alone, and may be ``file:PATH`` (``connector.secrets.given``).
    """

    model_config = SettingsConfigDict(env_prefix="CREDITGATE_", extra="forbid")

    home: Path = Path()
    database_url: str = Field(default="", repr=False)
    database_schema: str = ""
    language: Literal["zh", "en"] = "zh"
    policy: str = "policies/standard.yaml"
    mappings: str = "mappings"
    rates: str = "rates.csv"
    privacy: str = "privacy.yaml"
    agencies: str = "agencies.yaml"
    as_of: dt.date | None = None
    reservation_hours: int = 72
    gate_unreachable: Literal["allow", "hold", "review"] = "hold"
    reconcile_share: Decimal = Field(default=Decimal("0.01"), ge=0, le=1)
    reconcile_amount: Decimal = Field(default=Decimal(100), ge=0)
    public_url: str = ""
    hooks_every_seconds: int = Field(default=5, ge=0)
    roles: tuple[Grant, ...] = ()
    deputies: tuple[Deputy, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    crm_users: tuple[CrmUser, ...] = ()
    calls_per_minute: int = Field(default=1200, ge=1)
    letters: str = "letters"
    letterhead: Letterhead | None = None
    letters_by: str = ""
    hosts: tuple[str, ...] = ()
    ca_bundle: str = ""
    log: str = ""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    metrics_from: tuple[IPv4Network | IPv6Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
    metrics_key: str = Field(default="", repr=False)
    key: str = Field(default="", repr=False)
    key_file: str = KEY_FILE

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file."""
        path = _file.path
        sources = [init_settings, env_settings]
        if path is not None:
            sources.append(TomlConfigSettingsSource(settings_cls, toml_file=path))
        return tuple(sources)

    @field_validator("database_schema")
    @classmethod
    def _is_a_schema(cls, name: str) -> str:
        return schema_name(name)

    @property
    def url(self) -> str:
        """The store's URL; by default an SQLite file in the home folder."""
        return (
            given.secret(self.database_url, "CREDITGATE_DATABASE_URL")
            or f"sqlite:///{(self.home / 'creditgate.db').absolute()}"
        )

    def path(self, name: str) -> Path:
        """A configured path, relative ones below home."""
        return self.home / name

    def now(self) -> dt.datetime:
        """The moment of decisions, aware UTC: now, or noon of the pinned day, which is that day almost
        everywhere."""
        if self.as_of is None:
            return dt.datetime.now(dt.UTC)
        return dt.datetime.combine(self.as_of, dt.time(12), dt.UTC)

    def cipher(self) -> MultiFernet:
        """Encrypts with the first key, decrypts with any: ``CREDITGATE_KEY`` (comma separated, newest
        first), or the key file, one key a line, which is followed when it changes."""
        if self.key and not self.key_path:
            return MultiFernet(read_keys(self.key, "CREDITGATE_KEY"))
        return KeyRing(self.key_path or self.path(self.key_file))

    @property
    def key_path(self) -> Path | None:
        """The file of the encryption keys; ``None`` when they stand in the environment."""
        return given.named_file(self.key) if self.key else self.path(self.key_file)


def schema_name(name: str) -> str:
    """``name`` if it can name a PostgreSQL schema without quotes, or is empty; else ``ValueError``."""
    if name and (not _SCHEMA.fullmatch(name) or name.startswith("pg_")):
        raise ValueError("a schema is named by small letters, digits and _, 63 at most, and not pg_…")
    return name


class _File:
    path: Path | None = None


_file = _File()


def load(explicit: Path | None = None) -> Config:
    """The configuration of ``explicit`` (a TOML file), else of ``CREDITGATE_HOME``, else of the current
    folder. ``Halt`` names the file and the setting that is wrong."""
    home = Path(os.environ.get("CREDITGATE_HOME") or ".")
    path = explicit or home / FILE
    if explicit is not None:
        home = explicit.parent
    if not path.is_file():
        raise Halt(
            "there is no configuration",
            where=str(path),
            todo="run 'creditgate init DIR' and set CREDITGATE_HOME=DIR, or pass --config FILE",
        )
    _file.path = path
    try:
        config = Config(home=home)
    except tomllib.TOMLDecodeError as fault:
        raise Halt(f"this is not TOML: {fault}", where=str(path), todo="correct it there") from None
    except ValidationError as fault:
        first = fault.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        known = ", ".join(sorted(Config.model_fields))
        todo = f"use one of: {known}" if first["type"] == "extra_forbidden" else "correct it there"
        raise Halt(f"setting {name!r}: {first['msg']}", where=str(path), todo=todo) from None
    finally:
        _file.path = None
    _no_secret_in(path)
    return config


def _no_secret_in(path: Path) -> None:
    """``Halt`` for a secret in the configuration file, which many may read and which lands in backups."""
    written = tomllib.loads(path.read_text(encoding="utf-8"))
    for name in ("key", "metrics_key"):
        if written.get(name) and given.named_file(written[name]) is None:
            todo = f'set CREDITGATE_{name.upper()}, or write {name} = "file:PATH"'
            raise Halt(f"{name} is a secret and stands in the configuration", where=str(path), todo=todo)
    if re.match(r"[\w+]+://[^/@:]*:[^/@]+@", written.get("database_url", "")):
        todo = 'set CREDITGATE_DATABASE_URL, use ~/.pgpass, or write database_url = "file:PATH"'
        raise Halt("database_url has a password in the configuration", where=str(path), todo=todo)


def shipped(folder: str) -> Path:
    """Where the mappings or policies that come with CreditGate lie: in the checkout, else installed."""
    checkout = Path(__file__).resolve().parent.parent / folder
    return checkout if checkout.is_dir() else Path(sysconfig.get_path("data")) / "share/creditgate" / folder
