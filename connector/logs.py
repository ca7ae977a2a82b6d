"""Logs for programs: one JSON object a line.

Invariant: nothing is written but the keys of ``ALLOWED``, each only with a value of its own form, so that a
secret or a person's data has no way in: there is no key for free text. Of an error there stand its class, the
line of the source that made it and the text that stands there, without what was put into it at run time. What
libraries have to say is reduced to who said it and where.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import re
import secrets
import sys
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import IO, Any

import orjson
import structlog
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.stdlib import BoundLogger, ProcessorFormatter

from connector import reasons
from connector.errors import CreditGateError

STDERR, STDOUT, DESCRIPTOR = "stderr", "stdout", "fd:"
LEVELS = ("debug", "info", "warning", "error")
WITHHELD = "(withheld)"
OURS = "creditgate"
# A value that is longer than this is none of the forms below.
LONGEST = 200

Form = Callable[[Any], Any]
context = bound_contextvars
_run: dict[str, str | None] = {}


def _text(pattern: str) -> Form:
    fits = re.compile(pattern, re.ASCII)
    return lambda value: value if isinstance(value, str) and fits.fullmatch(value) else None


def _whole(value: Any) -> Any:
    return value if isinstance(value, (bool, int)) else None


def _number(value: Any) -> Any:
    return value if isinstance(value, (int, float)) else None


def _moment(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (dt.datetime, dt.date)) else None


def _source(value: Any) -> Any:
    return value if isinstance(value, reasons.Constant) else None


_WORD = _text(r"[A-Za-z][A-Za-z0-9_-]{0,59}")
_NAME = _text(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_HOST = _text(r"[A-Za-z0-9.-]{1,120}(:[0-9]{1,5})?")
ALLOWED: Mapping[str, Form] = {
    "time": _text(r"[0-9T:.Z+-]{10,40}"),
    "level": _text("|".join(LEVELS) + "|critical"),
    "logger": _text(r"[A-Za-z0-9_.]{1,80}"),
    "event": _text(r"[a-z][a-z0-9_]{1,40}"),
    "run": _text(r"[0-9a-f]{12}"),
    "verb": _text(r"[a-z]{1,20}( [a-z-]{1,20})?"),
    # what it is about
    "connection": _NAME,
    "stream": _WORD,
    "customer": _whole,
    "job": _text(r"[a-z]{1,20}( [A-Za-z0-9_][A-Za-z0-9_.-]{0,63}){0,2}"),
    "slot": _moment,
    "target": _NAME,
    "key": _whole,
    "policy": _text(r"[0-9a-f]{12}"),
    "host": _HOST,
    "area": _text(r"/[a-z0-9]{0,20}(/[a-z]{1,20})?"),
    "method": _text(r"[A-Z]{1,10}"),
    # what came of it
    "outcome": _WORD,
    "code": _whole,
    "status": _whole,
    "seconds": _number,
    "attempt": _whole,
    "wait": _number,
    "until": _moment,
    **dict.fromkeys(("read", "changed", "rejected", "gone", "done", "retried", "dead"), _whole),
    **dict.fromkeys(("judged", "queued", "count", "kept", "forged"), _whole),
    # what went wrong
    "fault": _text(r"[A-Za-z_][A-Za-z0-9_.]{0,80}"),
    "made": _text(r"[A-Za-z0-9_./-]{1,120}\.py:[0-9]{1,6}"),
    "reason": _source,
    "file": _text(r"[A-Za-z0-9_.-]{1,80}\.(yaml|toml|csv|key|db|lock)(:[0-9]{1,6})?"),
}


def logger(part: str) -> BoundLogger:
    """The logger of a part of the program, such as ``api``: ``log.info("slot_started", job=job.name)``."""
    made: BoundLogger = structlog.stdlib.get_logger(f"{OURS}.{part}")
    return made


def told(fault: BaseException) -> dict[str, Any]:
    """An error as a log may have it: class, place, and the constant part of its text; where its place is a
    file of the configuration or a host, that too."""
    found: dict[str, Any] = {"fault": type(fault).__name__, "made": reasons.made(fault)}
    if isinstance(fault, CreditGateError):
        found["reason"] = reasons.constant(fault)
        if match := re.search(r"([^/\s]+\.(?:yaml|toml|csv|key|db|lock)(?::\d+)?)\b", fault.where):
            found["file"] = match[1]
        if match := re.match(r"[A-Z]+ https?://([A-Za-z0-9.:-]+)", fault.where):
            found["host"] = match[1]
    return {key: value for key, value in found.items() if value}


def allowed(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The processor that holds the invariant."""
    kept: dict[str, Any] = {}
    for key, value in event.items():
        form = ALLOWED.get(key)
        if form is not None and value is not None:
            fits = form(value)
            if isinstance(fits, str) and len(fits) > LONGEST and not isinstance(fits, reasons.Constant):
                fits = None
            kept[key] = WITHHELD if fits is None else fits
    return kept


def begin(target: str, level: str = "info", verb: str = "", folder: Path = Path()) -> str:
    """Write logs to ``target`` from now on: ``stderr``, ``stdout``, ``fd:NUMBER`` or a file below ``folder``,
    appended to; nothing anywhere when it is empty, and nothing of what libraries say either. The id of this
    run, which stands in every line. Raises ``OSError`` for a file that cannot be opened."""
    root = logging.getLogger()
    for old in [one for one in root.handlers if getattr(one, "creditgate", False)]:
        root.removeHandler(old)
        old.close()
    handler = _handler(target, folder)
    handler.creditgate = True  # type: ignore[attr-defined]
    root.addHandler(handler)
    logging.getLogger(OURS).setLevel(level.upper() if target else logging.WARNING)
    # Of the process, not of a thread: those that are started later are of the same run.
    _run.update(run=secrets.token_hex(6), verb=verb or None)
    return str(_run["run"])


def descriptor() -> int | None:
    """The file descriptor that logs are written to, for processes that are started to write there as well."""
    for one in logging.getLogger().handlers:
        if getattr(one, "creditgate", False) and isinstance(one, logging.StreamHandler):
            try:
                return int(one.stream.fileno())
            except OSError:
                return None
    return None


class _Descriptor(logging.StreamHandler[IO[str]]):
    """Writes to a descriptor that a parent process has handed over."""

    def __init__(self, number: int) -> None:
        super().__init__(os.fdopen(os.dup(number), "w", encoding="utf-8"))

    def close(self) -> None:
        self.stream.close()
        super().close()


def _handler(target: str, folder: Path) -> logging.Handler:
    if not target:
        return logging.NullHandler()
    handler: logging.Handler
    if target in (STDERR, STDOUT):
        handler = logging.StreamHandler(sys.stderr if target == STDERR else sys.stdout)
    elif target.startswith(DESCRIPTOR):
        handler = _Descriptor(int(target.removeprefix(DESCRIPTOR)))
    else:
        handler = logging.FileHandler(folder / target, encoding="utf-8")
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[_foreign],
            processors=[_named, allowed, structlog.processors.JSONRenderer(serializer=_json)],
        )
    )
    return handler


def _foreign(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A line of a library: its text may carry anything, so none of it is kept."""
    record: logging.LogRecord = event["_record"]
    path = "/".join(Path(record.pathname).parts[-2:])
    kept: dict[str, Any] = {"event": "library_says", "made": f"{path}:{record.lineno}", "_record": record}
    if record.exc_info and record.exc_info[1]:
        kept |= {"fault": type(record.exc_info[1]).__name__, "made": reasons.made(record.exc_info[1])}
    return kept | {"_from_structlog": False}


def _named(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    record: logging.LogRecord = event["_record"]
    moment = dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds")
    head = {"time": moment, "level": record.levelname.lower(), "logger": record.name, **_run}
    return head | {key: value for key, value in event.items() if not key.startswith("_")}


def _json(event: Any, **_options: Any) -> str:
    return orjson.dumps(event).decode()


structlog.configure(
    processors=[merge_contextvars, allowed, ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=BoundLogger,
    cache_logger_on_first_use=True,
)
