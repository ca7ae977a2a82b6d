"""First loads by Bulk Read: jobs of up to 200,000 rows, fetched as zipped CSV.

Invariant: the place that is kept names the job, so that a run that was killed goes on with the same file
where it stood; where the job is gone, or was for other fields, the load begins anew. While one page is
being stored the next job runs and its file is fetched. Memory holds one batch of rows, whatever a page
has. What Zoho gives up on is raised as ``BulkFailed``: the rows are fetched by query then.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import IO, Any

from adapters.zoho.bulkfile import LOOKUPS, Converter, batches, converter
from adapters.zoho.client import Client, Refused
from adapters.zoho.deletions import deleted
from adapters.zoho.fields import Fields
from adapters.zoho.lists import USERS
from adapters.zoho.rows import OURS, column, columns
from adapters.zoho.settings import BULK_CREDITS, bulk_from, number
from connector.adapter import BulkFailed, BulkPart, BulkPlace
from connector.errors import Retry

PATH = "/crm/bulk/v8/read"
SCOPE = "ZohoCRM.bulk.READ"
# Page numbers end here; beyond it only tokens go on (vendor manual: Create Bulk Read Job).
LAST_PAGE = 50
# Looks at a job are 1.5 s apart, later a fiftieth of its age: little time is lost, and few credits.
LOOK_SECONDS, LOOK_SHARE, PATIENCE = 1.5, 0.02, dt.timedelta(hours=2)
_ENDED = ("COMPLETED", "FAILURE", "FAILED")


@dataclass(frozen=True)
class _Job:
    """One page: the job that makes it, the token it was asked for with, and the job after it, if that
    is known. ``numbered`` loads go on by page number, which deletions can shift."""

    id: str
    page: int
    mark: str
    token: str | None = None
    numbered: bool = False
    following: tuple[str, str | None] | None = None

    def next(self) -> _Job | None:
        if self.following is None:
            return None
        job_id, token = self.following
        return _Job(job_id, self.page + 1, self.mark, token, numbered=self.numbered or token is None)


@dataclass(frozen=True)
class _Ready:
    """A page that can be read: its job, with the one after it, and its file."""

    job: _Job
    file: IO[bytes]


class _Lost(Exception):
    """The job or its result is there no longer."""


class BulkReads:
    """Bulk reads of any object."""

    def __init__(self, client: Client, fields: Fields) -> None:
        self.client = client
        self._fields = fields
        settings = client.context.settings
        self._from = bulk_from(settings)
        self._credits = number(settings, "bulk_credits", BULK_CREDITS)

    def read(
        self, object_name: str, wanted: Sequence[str], place: BulkPlace | None
    ) -> Iterator[BulkPart] | None:
        """See ``Crm.bulk``. Small objects are cheaper by query; some fields have no column in the file."""
        if self._from is None or object_name == USERS:
            return None
        have = self._fields.of(object_name)
        paths = [path for path in wanted if path.split(".")[0] in have and path not in OURS]
        names = columns(paths)
        converters = {name: converter(have[name].data_type) for name in names if name in have}
        if "Modified_Time" not in have or any(converters.get(name) is None for name in names):
            return None
        if any(path.endswith(".name") and have[column(path)].data_type in LOOKUPS for path in paths):
            return None  # the file gives the bare ids of lookups
        if place is None and self._from > 1 and self._count(object_name) < self._from:
            return None
        load = _Load(self, object_name, paths, {n: c for n, c in converters.items() if c is not None})
        return load.parts(place)

    def _count(self, object_name: str) -> int:
        """How many records there are; 0 where Zoho does not say."""
        try:
            body = self.client.call(
                "GET",
                f"{object_name}/actions/count",
                scope=f"ZohoCRM.modules.{object_name.replace('_', '').lower()}.READ",
                about=object_name,
            )
        except Refused:
            return 0
        return int((body or {}).get("count") or 0)

    def start(self, object_name: str, names: Sequence[str], page: int, token: str | None) -> str:
        """The id of a new job. ``BulkFailed`` when Zoho takes none for this object."""
        query: dict[str, Any] = {"module": {"api_name": object_name}, "fields": list(names)}
        query |= {"page_token": token} if token is not None else {"page": page}
        try:
            body = self.client.call(
                "POST",
                PATH,
                scope=SCOPE,
                about=object_name,
                weight=self._credits,
                body={"query": query},
                heavy=True,
            )
        except Refused as refused:
            raise BulkFailed(refused.what) from None
        first = ((body or {}).get("data") or [{}])[0]
        job_id = (first.get("details") or {}).get("id")
        if not job_id:
            raise BulkFailed("Zoho named no job for the bulk read")
        return str(job_id)

    def result(self, object_name: str, job_id: str) -> Mapping[str, Any]:
        """What a job made, once it has. ``Retry`` when it takes hours."""
        context = self.client.context
        began = context.now()
        while True:
            body = self._ask(object_name, job_id)
            job = ((body or {}).get("data") or [{}])[0]
            state = str(job.get("state") or job.get("status") or "")
            if state in _ENDED:
                break
            age = context.now() - began
            if age > PATIENCE:
                raise Retry(
                    f"Zoho's bulk read of {object_name} is not done after two hours",
                    where=f"{context.connection} {object_name}, job {job_id}",
                    todo="run again later: it goes on with the same job",
                )
            context.http.rest(max(LOOK_SECONDS, age.total_seconds() * LOOK_SHARE))
        if state != "COMPLETED":
            raise BulkFailed(f"Zoho's bulk read of {object_name} ended as {state} (job {job_id})")
        return job.get("result") or {}

    def _ask(self, object_name: str, job_id: str) -> dict[str, Any] | None:
        try:
            return self.client.call("GET", f"{PATH}/{job_id}", scope=SCOPE, about=object_name)
        except Refused as refused:
            raise _lost_or_failed(refused) from None

    def file(self, object_name: str, job_id: str) -> IO[bytes]:
        """The zip of a job in a temporary file; ten downloads a minute (vendor manual: Bulk Read)."""
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by who reads it
        try:
            self.client.context.http.budget.take("downloads", 1)
            self.client.download(f"{PATH}/{job_id}/result", scope=SCOPE, about=object_name, sink=file)
        except Refused as refused:
            file.close()
            raise _lost_or_failed(refused) from None
        except BaseException:
            file.close()
            raise
        return file


class _Load:
    """One object, page by page."""

    def __init__(
        self,
        jobs: BulkReads,
        object_name: str,
        paths: Sequence[str],
        converters: Mapping[str, Converter],
    ) -> None:
        self._jobs = jobs
        self._object = object_name
        self._paths = paths
        self._converters = converters
        self._names = [*converters, "Modified_Time", "id"]
        self._mark = hashlib.sha256("\n".join([object_name, *self._names]).encode()).hexdigest()[:12]
        self._stopped = threading.Event()
        self._ahead: Future[_Ready] | None = None

    def parts(self, place: BulkPlace | None) -> Iterator[BulkPart]:
        """See ``Crm.bulk``."""
        job = _kept(place, self._mark)
        try:
            if job is not None and place is not None:
                try:
                    yield from self._pages(job, place.began, place.stored)
                    return
                except _Lost:
                    pass  # a result is kept for a day only: the load begins anew
            began = self._now()
            job = _Job(self._jobs.start(self._object, self._names, 1, None), 1, self._mark)
            yield BulkPart((), BulkPlace(began, _text(job)))
            try:
                yield from self._pages(job, began, 0)
            except _Lost:
                raise BulkFailed(f"Zoho lost the result of the bulk read of {self._object}") from None
        finally:
            self._stopped.set()
            ahead = self._ahead
            if ahead is not None and ahead.done() and ahead.exception() is None:
                ahead.result().file.close()

    def _pages(self, job: _Job, began: dt.datetime, stored: int) -> Iterator[BulkPart]:
        coming = self._coming(job)
        while True:
            ready = coming.result()
            following = ready.job.next()
            if following is not None:
                coming = self._coming(following)
            text = _text(ready.job)
            with ready.file as file:
                for rows in batches(file, self._names, self._converters, self._paths, stored):
                    stored += len(rows)
                    yield BulkPart(rows, BulkPlace(began, text, stored))
            if following is None:
                self._check_shift(ready.job, began)
                return
            stored = 0
            yield BulkPart((), BulkPlace(began, _text(following)))

    def _coming(self, job: _Job) -> Future[_Ready]:
        """The page of ``job``, made ready in the background; nobody waits for it when the run ends."""
        future: Future[_Ready] = Future()
        self._ahead = future

        def work() -> None:
            try:
                ready = self._ready(job)
            except BaseException as fault:
                future.set_exception(fault)
                return
            future.set_result(ready)
            if self._stopped.is_set():
                ready.file.close()

        threading.Thread(target=work, name=f"bulk-{self._object}-{job.page}", daemon=True).start()
        return future

    def _ready(self, job: _Job) -> _Ready:
        result = self._jobs.result(self._object, job.id)
        if result.get("more_records") and job.following is None and not self._stopped.is_set():
            job = replace(job, following=self._start_next(job, result.get("next_page_token")))
        return _Ready(job, self._jobs.file(self._object, job.id))

    def _start_next(self, job: _Job, token: Any) -> tuple[str, str | None]:
        page = job.page + 1
        if token and str(token) == job.token:
            raise BulkFailed(f"Zoho gives the same page of {self._object} again and again")
        if token:
            try:
                return self._jobs.start(self._object, self._names, page, str(token)), str(token)
            except BulkFailed:
                if page > LAST_PAGE:
                    raise
        elif page > LAST_PAGE:
            raise BulkFailed(f"the bulk read of {self._object} has more than {LAST_PAGE} pages and no token")
        return self._jobs.start(self._object, self._names, page, None), None

    def _check_shift(self, last: _Job, began: dt.datetime) -> None:
        """Rows of a later page move to an earlier one when something before them is deleted meanwhile:
        with page numbers they may be missed."""
        if last.numbered and any(True for _ in deleted(self._jobs.client, self._object, began)):
            raise BulkFailed(f"records of {self._object} were deleted while its pages were read")

    def _now(self) -> dt.datetime:
        return self._jobs.client.context.now()


def _lost_or_failed(refused: Refused) -> Exception:
    if refused.code == "RESOURCE_NOT_FOUND":
        return _Lost(refused.what)
    return BulkFailed(refused.what)


def _text(job: _Job) -> str:
    return json.dumps(job.__dict__)


def _kept(place: BulkPlace | None, mark: str) -> _Job | None:
    """The job of an earlier run, unless it was for other fields."""
    if place is None:
        return None
    kept = json.loads(place.job)
    if kept.get("mark") != mark:
        return None
    following = kept.pop("following", None)
    return _Job(**kept, following=tuple(following) if following else None)
