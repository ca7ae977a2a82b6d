"""Consent: on what ground an agency may be asked about a customer.

Invariant: nobody is asked about without a ground: a natural person only with a valid consent of its own,
a company with one or on the legal basis that the connection records. Evidence is kept as a digest, so
that a file that was changed later shows.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from connector.errors import Halt
from connector.runtime import Runtime
from connector.store import consents, journal
from connector.store.consents import Consent

CONSENT, LEGAL_BASIS = "consent", "legal_basis"
# What agencies are asked for; a consent to anything else does not serve.
PURPOSE = "agency report for trade credit"


@dataclass(frozen=True)
class Ground:
    """Why a customer may be asked about: ``basis`` ``consent`` or ``legal_basis``, in words ``purpose``;
    ``consent_id`` where it stands on a recorded one."""

    basis: str
    purpose: str
    consent_id: int | None = None


def ground(
    tx: sa.Connection, customer_id: int, legal_basis: str, day: dt.date, purpose: str = PURPOSE
) -> Ground | None:
    """The ground for asking an agency about a customer on ``day`` for ``purpose``, or ``None``.

    ``legal_basis`` is what the connection to the agency records; it never serves for a natural person.
    A consent of a natural person serves only with the signed file whose digest was kept.
    """
    person = consents.is_person(tx, customer_id)
    for found in reversed(consents.find(tx, customer_id=customer_id)):
        if not found.valid_on(day) or found.purpose.casefold() != purpose.casefold():
            continue
        if not person or (found.basis == CONSENT and found.evidence_sha256):
            return Ground(found.basis, found.purpose, found.id)
    if person is False and legal_basis.strip():
        return Ground(LEGAL_BASIS, legal_basis.strip())
    return None


def add(
    runtime: Runtime,
    customer_id: int,
    *,
    basis: str,
    purpose: str,
    evidence: Path | None,
    note: str,
    valid_from: dt.date | None,
    valid_to: dt.date | None,
    actor: str,
) -> int:
    """Record a consent or a legal basis of one customer; its id.

    A consent needs ``evidence``, the signed file; a legal basis needs it or a ``note``, and is refused
    for a natural person. ``valid_from`` is today by default, ``valid_to`` open-ended.
    """
    start = valid_from or runtime.today()
    if valid_to is not None and valid_to < start:
        raise Halt(f"it would end on {valid_to}, before {start}", todo="give a later --to")
    if not purpose.strip():
        raise Halt("a purpose is needed", todo="say with --purpose what the agency is asked for")
    if basis == CONSENT and evidence is None:
        raise Halt("a consent needs evidence", todo="name the signed document with --evidence FILE")
    if evidence is None and not note.strip():
        raise Halt("a legal basis needs its reasons", todo="give --note TEXT or --evidence FILE")
    digest = file_digest(evidence) if evidence else ""
    with runtime.store.write() as tx:
        person = consents.is_person(tx, customer_id)
        if person is None:
            raise Halt(f"there is no customer {customer_id}", todo="see 'creditgate customer list'")
        if person and basis != CONSENT:
            raise Halt(
                f"customer {customer_id} is a natural person: a legal basis does not do",
                todo="record its consent with --evidence FILE",
            )
        now = runtime.now()
        added = consents.add(
            tx,
            customer_id=customer_id,
            basis=basis,
            purpose=purpose.strip(),
            evidence=str(evidence.resolve()) if evidence else note.strip(),
            evidence_sha256=digest,
            valid_from=start,
            valid_to=valid_to,
            actor=actor,
            at=now,
        )
        detail = {"consent": added, "basis": basis, "sha256": digest, "from": start, "to": valid_to}
        journal.add(tx, now, actor, "consent_added", f"customer {customer_id}", detail)
    return added


def revoke(runtime: Runtime, consent_id: int, *, reason: str, actor: str) -> None:
    """Revoke a consent from now on; what was asked before stays on record."""
    with runtime.store.write() as tx:
        found = _one(tx, consent_id)
        if not consents.revoke(tx, consent_id, runtime.now()):
            raise Halt(f"consent {consent_id} is revoked already", todo="see 'creditgate consent list'")
        detail = {"consent": consent_id, "reason": reason}
        journal.add(tx, runtime.now(), actor, "consent_revoked", f"customer {found.customer_id}", detail)


def listed(runtime: Runtime, customer_id: int | None = None) -> list[Consent]:
    """All consents, or those of one customer, oldest first."""
    with runtime.store.read() as tx:
        return consents.find(tx, customer_id=customer_id)


def show(runtime: Runtime, consent_id: int) -> tuple[Consent, bool | None]:
    """A consent, and whether its evidence is still the file that was recorded: ``None`` when there is
    no digest or the file is not within reach."""
    with runtime.store.read() as tx:
        found = _one(tx, consent_id)
    if not found.evidence_sha256 or not Path(found.evidence).is_file():
        return found, None
    return found, file_digest(Path(found.evidence)) == found.evidence_sha256


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hex; ``Halt`` when it cannot be read or is empty."""
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise Halt("the file is empty", where=path.name, todo="name the signed document")
            file.seek(0)
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as fault:
        raise Halt(
            f"the evidence cannot be read ({type(fault).__name__})", where=path.name, todo="check the path"
        ) from None


def masked(name: str, is_person: bool) -> str:
    """A name for listings: of a natural person the first character alone."""
    return f"{name[:1]}**" if is_person else name


def _one(tx: sa.Connection, consent_id: int) -> Consent:
    found = consents.find(tx, consent_id=consent_id)
    if not found:
        raise Halt(f"there is no consent {consent_id}", todo="see 'creditgate consent list'")
    return found[0]
