"""Doctor: is this installation fit for work, and if not, what is to be done?

Invariant: it changes nothing, it goes on as far as it can after a failure, and whatever is not ok comes
with the way out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from connector import adapter as ports
from connector import config as configuration
from connector import hooks
from connector.admin import shown
from connector.bureau import asking
from connector.config import Config
from connector.dunning.findings import findings as letter_findings
from connector.errors import CreditGateError, Retry
from connector.gate import books
from connector.limits import limit_requests, quotas
from connector.mapping.form import TARGETS, FieldMapping
from connector.people import duties
from connector.people.roles import findings as role_findings
from connector.policy.lint import lint
from connector.ports.finding import Finding, ago
from connector.runtime import Runtime
from connector.store import discoveries, health, schema
from connector.store.connections import Connection
from connector.store.secrets import StoreSecrets
from connector.versions import activation

# A stream or a pending write that is older than this wants attention.
OLD = dt.timedelta(days=1)


def examine(config_file: Path | None) -> Iterator[Finding]:
    """All findings, in the order in which one depends on the other."""
    try:
        config = configuration.load(config_file)
    except CreditGateError as fault:
        yield _failed("configuration", fault)
        return
    yield from _configuration(config)
    yield from _key(config)
    runtime = Runtime(config)
    try:
        yield from _policy(runtime)
        yield from _guarded("roles", lambda: role_findings(runtime.roles, runtime.today()))
        yield from _guarded(
            "responsibility",
            lambda: duties.findings(runtime.policy.responsibility, runtime.roles, runtime.today()),
        )
        if (yield from _store(runtime)):
            yield from _connections(runtime)
            yield from _guarded("agencies", partial(asking.findings, runtime))
            yield from _guarded("rates", partial(_rates, runtime))
            yield from _guarded("records", partial(_records, runtime))
            yield from _guarded("notifications", partial(hooks.findings, runtime.store, runtime.clock()))
            yield from _guarded("letters", partial(letter_findings, runtime))
            yield from _guarded("decisions", partial(_decisions, runtime))
            yield from _guarded("books", partial(books.examined, runtime))
    finally:
        runtime.close()


def exit_code(findings: list[Finding]) -> int:
    """0 unless something failed; 3 when all that failed may pass by itself, else 2."""
    codes = {finding.exit_code for finding in findings if finding.level == "fail"}
    return 0 if not codes else Retry.exit_code if codes == {Retry.exit_code} else CreditGateError.exit_code


def _configuration(config: Config) -> Iterator[Finding]:
    yield Finding("ok", "configuration", str(config.home.absolute()))
    if config.as_of is not None:
        yield Finding(
            "warn",
            "configuration",
            f"all decisions are made as of {config.as_of}",
            "take as_of out of the configuration unless this is a trial",
        )


def _key(config: Config) -> Iterator[Finding]:
    try:
        config.cipher()
    except CreditGateError as fault:
        yield _failed("key", fault)
        return
    path = config.key_path
    # A secret that is mounted belongs to root and is read by way of its group.
    others = 0o007 if config.key else 0o077
    if path is not None and path.stat().st_mode & others:
        yield Finding("fail", "key", "others can read the encryption key", f"chmod 600 {path}", 2)
        return
    yield Finding("ok", "key", "CREDITGATE_KEY" if path is None else str(path))


def _policy(runtime: Runtime) -> Iterator[Finding]:
    try:
        policy = runtime.policy
    except CreditGateError as fault:
        yield _failed("policy", fault)
        return
    yield Finding("ok", "policy", f"{policy.name} {policy.version} ({policy.hash[:12]}), {policy.currency}")
    for item in lint(policy):
        yield Finding("warn", "policy", f"{policy.file}:{item.line}: {item.message}", item.todo)


def _store(runtime: Runtime) -> Generator[Finding, None, bool]:
    """Returns, when it is through, whether the store can be used."""
    try:
        schema.require_current(runtime.store)
    except CreditGateError as fault:
        yield _failed("store", fault)
        return False
    yield Finding("ok", "store", f"{runtime.store.name}, schema {schema.head()}")
    return True


def _connections(runtime: Runtime) -> Iterator[Finding]:
    try:
        found = runtime.connections.all()
    except CreditGateError as fault:
        yield _failed("connections", fault)
        return
    if not found:
        yield Finding("warn", "connections", "there is none yet", "run 'creditgate connect add'")
    for connection in found:
        yield from _guarded(f"connection {connection.name}", partial(_connection, runtime, connection))


def _connection(runtime: Runtime, connection: Connection) -> Iterator[Finding]:
    what = f"connection {connection.name}"
    _, kind = ports.find(connection.kind)
    secrets = StoreSecrets(runtime.store, runtime.config.cipher(), connection.id, runtime.config.home)
    for setting in kind.settings:
        if setting.secret:
            secrets.get(f"setting:{setting.key}")  # Halt when the key does not fit
    mapping = None
    if connection.role != "bureau":
        try:
            mapping = runtime.mapping(connection)
        except CreditGateError as fault:
            yield _failed(f"mapping of {connection.name}", fault)
        else:
            yield Finding("ok", f"mapping of {connection.name}", _extent(mapping))
    tested = list(_guarded(what, partial(_test, runtime, connection)))
    yield from tested
    yield from _calls_left(runtime, connection)
    answers = all(finding.level == "ok" for finding in tested)
    if answers:
        yield from _guarded(f"permissions of {connection.name}", partial(_lacking, runtime, connection))
    if mapping is not None and connection.role == "crm":
        if answers:
            streams = partial(shown.streams, runtime, connection, mapping)
            yield from _guarded(f"streams of {connection.name}", streams)
            yield from _guarded(f"questions of {connection.name}", partial(_questions, runtime, connection))
        yield from _guarded(f"limits of {connection.name}", partial(quotas.findings, runtime, connection))
        yield from _provisioned(runtime, connection, mapping)


def _test(runtime: Runtime, connection: Connection) -> Iterator[Finding]:
    yield Finding("ok", f"connection {connection.name}", runtime.adapter(connection).test())


def _calls_left(runtime: Runtime, connection: Connection) -> Iterator[Finding]:
    """How much of what was bought for a day is used up."""
    used = runtime.budget(connection).used()
    if used is None:
        return
    taken, bought = used
    what, found = f"calls of {connection.name}", f"{taken} of the {bought} calls that were bought are used"
    if 10 * taken > 9 * bought:
        yield Finding("warn", what, found, "only what cannot wait goes on; wait for the next day or buy more")
    else:
        yield Finding("ok", what, found)


def _lacking(runtime: Runtime, connection: Connection) -> Iterator[Finding]:
    for lack in runtime.adapter(connection).lacking():
        yield Finding(
            "warn",
            f"permissions of {connection.name}",
            f"{lack.what} is not granted: {lack.without}",
            f"grant it at the vendor, then 'creditgate connect add {connection.kind} "
            f"--name {connection.name}'",
        )


def _questions(runtime: Runtime, connection: Connection) -> Iterator[Finding]:
    """What the vendor's manual leaves open, and what is gone by until somebody has confirmed it."""
    for one in runtime.crm(connection).questions():
        what = f"{one.setting} of {connection.name}"
        if one.known:
            yield Finding("ok", what, f"{one.asks} {one.answer} (found by a call)")
        elif connection.settings.get(one.setting):
            yield Finding("ok", what, f"{one.asks} {one.answer} (set)")
        else:
            yield Finding(
                "note",
                what,
                f"to confirm on first contact: {one.asks} {one.answer} (assumed)",
                f"give it as the setting {one.setting} once it is known",
            )


def _extent(mapping: FieldMapping) -> str:
    read = ", ".join(stream.value for stream in mapping.readers)
    return f"reads {read}; writes {', '.join(mapping.targets) or 'nothing'}"


def _provisioned(runtime: Runtime, connection: Connection, mapping: FieldMapping) -> Iterator[Finding]:
    what = f"fields of {connection.name}"
    lacking = []
    for target in TARGETS:
        writer, known = mapping.writer(target), runtime.connections.names(connection, target)
        specs = writer.specs(runtime.config.language) if writer else []
        lacking += [f"{target}.{spec.name}" for spec in specs if spec.name not in known]
    if lacking:
        yield Finding(
            "warn",
            what,
            f"{len(lacking)} fields are not known to exist, such as {lacking[0]}",
            f"run 'creditgate provision {connection.name}'",
        )
    else:
        yield Finding("ok", what, "all that are written exist")
        yield from _locked(runtime, connection, mapping)


def _locked(runtime: Runtime, connection: Connection, mapping: FieldMapping) -> Iterator[Finding]:
    """Whether the CRM itself locks the rows that are held."""
    for target in TARGETS:
        writer = mapping.writer(target)
        if writer is None or not writer.lock:
            continue
        with runtime.store.read() as tx:
            how = discoveries.known(tx, connection.id, f"{discoveries.GUARD}:{target}")
        what = f"lock on {writer.object} of {connection.name}"
        if how == "automatic":
            yield Finding("ok", what, "a rule of the CRM locks what is held")
        elif how == "single":
            yield Finding("ok", what, "what is held is locked row by row, as this CRM has it")
        else:
            todo = f"run 'creditgate provision {connection.name}', or make the rule that it describes"
            yield Finding(
                "warn", what, "no rule of the CRM locks what is held; it is locked one by one", todo
            )


def _rates(runtime: Runtime) -> Iterator[Finding]:
    path = runtime.config.path(runtime.config.rates)
    with runtime.store.read() as tx:
        used = health.currencies(tx)
    base, today = runtime.policy.currency, runtime.today()
    lacking = [currency for currency in used if runtime.rates.per_unit(currency, today) is None]
    for currency in lacking:
        yield Finding(
            "fail",
            "rates",
            f"there are documents in {currency}, and no rate to {base}: their exposure is unknown",
            f"add a line {currency},{today},RATE to {path}",
            2,
        )
    if not lacking:
        yield Finding("ok", "rates", f"{', '.join(used) or 'no documents yet'}, counted in {base}")


def _records(runtime: Runtime) -> Iterator[Finding]:
    now = dt.datetime.now(dt.UTC)
    with runtime.store.read() as tx:
        rejects, waiting = health.rejects(tx), health.waiting(tx)
        streams, unread = health.streams(tx), health.never_read(tx)
        customers, dirty = health.unassessed(tx)
        stuck = list(_stuck(tx))
    yield from _pulls(streams, unread, now)
    for name, count in rejects:
        yield Finding(
            "warn", f"rejects of {name}", f"{count} records are set aside", "see 'creditgate rejects list'"
        )
    if not rejects:
        yield Finding("ok", "rejects", "none")
    for one in waiting:
        yield _outbox(one, now)
    if not waiting:
        yield Finding("ok", "outbox", "empty")
    yield from stuck
    if dirty:
        found = f"{dirty} of {customers} customers changed since they were assessed"
        yield Finding("warn", "assessments", found, "run 'creditgate assess'")
    else:
        yield Finding("ok", "assessments", f"{customers} customers, none to be assessed")


def _pulls(streams: list[health.StreamState], unread: list[str], now: dt.datetime) -> Iterator[Finding]:
    for name in unread:
        yield Finding("warn", f"pull of {name}", "it was never read", f"run 'creditgate pull {name}'")
    for state in streams:
        what = f"pull of {state.connection}, {state.stream}"
        age = now - state.updated_at
        found = f"{ago(age)} ago"
        if state.watermark is None:
            found += ", not complete yet"
        if age > OLD or state.watermark is None:
            yield Finding("warn", what, found, f"run 'creditgate pull {state.connection}'")
        else:
            yield Finding("ok", what, found)


def _outbox(one: health.Waiting, now: dt.datetime) -> Finding:
    what = f"outbox of {one.connection}"
    such = f", such as {one.words}" if one.words else ""
    if one.dead:
        todo = f"see 'creditgate outbox list {one.connection} --state dead'"
        found = f"{one.dead} of {one.count} writes were given up{such}"
        return Finding("warn", what, found, todo)
    if one.oldest_due is not None and now - one.oldest_due > OLD:
        found = f"{one.count} writes wait, the oldest for {ago(now - one.oldest_due)}"
        return Finding("warn", what, found, f"run 'creditgate push {one.connection}'")
    if one.refused:
        found = f"{one.refused} of {one.count} writes are refused for now{such}"
        return Finding("warn", what, found, f"see 'creditgate outbox list {one.connection}'")
    return Finding("ok", what, f"{one.count} writes wait")


def _stuck(tx: sa.Connection) -> Iterator[Finding]:
    """Fields that the vendor took and does not show."""
    for name, _, value in discoveries.starting_with(tx, f"{discoveries.STUCK}:"):
        if value["told"]:
            found, _, todo = value["told"].partition(" – ")
            yield Finding("warn", f"write-back to {name}", found, todo)


def _decisions(runtime: Runtime) -> Iterator[Finding]:
    """What waits for a second person, and a policy that was changed past one."""
    waiting = len(limit_requests.listed(runtime))
    if waiting:
        yield Finding("warn", "limits", f"{waiting} requests wait", "see 'creditgate limit list'")
    proposed = activation.proposed(runtime.store)
    if proposed:
        todo = "see 'creditgate policy history'"
        yield Finding("warn", "policy", f"{proposed} proposed policies wait to be confirmed", todo)
    activation.require(runtime.store, runtime.policy)


def _guarded(what: str, findings: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """The findings; an error among them is one, and ends them."""
    try:
        yield from findings()
    except CreditGateError as fault:
        yield _failed(what, fault)


def _failed(what: str, fault: CreditGateError) -> Finding:
    found = f"{fault.where}: {fault.what}" if fault.where else fault.what
    return Finding("fail", what, found, fault.todo, fault.exit_code)
