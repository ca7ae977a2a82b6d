"""企查查 and 天眼查 against their sandboxes: every documented error, and the records of the economy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from adapters.bureau.china import Holds
from adapters.bureau.qichacha import Qichacha
from adapters.bureau.tianyancha import Tianyancha
from connector.adapter import Subject
from connector.errors import CreditGateError, Halt, Reauth, Reject, Retry
from sandbox import qichacha, tianyancha
from sandbox.server import Sandbox
from tests.agency_bench import OPTIONS, Bench, companies, subject
from tests.sandbox_server import running

KINDS = {"qichacha": (Qichacha, qichacha.SANDBOX), "tianyancha": (Tianyancha, tianyancha.SANDBOX)}


@pytest.fixture(scope="module", params=sorted(KINDS))
def agency(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Sandbox, str]]:
    kind, sandbox = KINDS[request.param]
    # The signature is good for five minutes around the clock of the bench.
    app = qichacha.app(OPTIONS, lambda: 1772366400.0) if kind is Qichacha else sandbox.app(OPTIONS)
    with running(app) as base:
        yield kind, sandbox, base


def bench(agency: tuple[Any, Sandbox, str], **settings: str) -> Bench:
    kind, sandbox, base = agency
    return Bench(kind, **(sandbox.settings_at(base) | settings))


def chinese() -> list[Any]:
    return [company for company in companies().values() if company.uscc and company.country == "CN"]


def test_settings_of_the_sandbox_are_the_adapters(agency: Any):
    kind, sandbox, base = agency
    assert set(sandbox.settings) <= {setting.key for setting in kind.settings}
    assert base in bench(agency).bureau.test()


def test_every_company_with_a_code_is_found_by_it(agency: Any):
    bureau = bench(agency).bureau
    for company in chinese()[:20]:
        assert [(m.ref, m.confidence, m.by) for m in bureau.match(subject(company))] == [
            (company.uscc, 1.0, "identifier")
        ]


def test_a_name_alone_is_never_as_sure_as_a_code(agency: Any):
    company = chinese()[0]
    matches = bench(agency).bureau.match(Subject(company.name, "CN", {}))
    assert matches[0].ref == company.uscc
    assert matches[0].by == "name"
    assert all(match.confidence <= 0.95 for match in matches)


def test_nobody_outside_china_is_asked_about(agency: Any):
    tried = bench(agency)
    assert tried.bureau.match(Subject("Example Ltd", "GB", {})) == []
    assert tried.budget.taken == 0


def test_reports_tell_the_records_of_failing_companies(agency: Any):
    bureau = bench(agency).bureau
    worst, best = min(chinese(), key=lambda c: c.health), max(chinese(), key=lambda c: c.health)
    failing, sound = bureau.fetch(worst.uscc), bureau.fetch(best.uscc)
    assert {n.kind for n in failing.report.negatives if n.exact} >= {"enforcement", "consumption_limit"}
    assert not [n for n in sound.report.negatives if n.exact]
    assert failing.report.judgments_covered and sound.report.judgments_covered
    assert failing.report.scores == () and failing.report.pd_12m is None
    assert worst.uscc.encode() in failing.raw


def test_trap_records_of_namesakes_go_to_a_person_and_are_not_counted(agency: Any):
    bureau = bench(agency).bureau
    weak = [n for c in chinese()[:20] for n in bureau.fetch(c.uscc).report.negatives if not n.exact]
    assert weak
    assert {n.kind for n in weak} == {"enforcement"}


def test_trap_nothing_found_is_an_answer_and_no_error(agency: Any):
    """Qichacha answers 201, Tianyancha 300000."""
    bureau = bench(agency).bureau
    with pytest.raises(Reject) as told:
        bureau.fetch("91110108551385082Q")
    assert told.value.code == "not_found"
    assert bureau.match(Subject("龘龘龘", "CN", {})) == []


@pytest.mark.parametrize(
    "settings", [{"app_key": "not-ours", "token": "not-ours"}, {"secret_key": "not-ours", "token": "x"}]
)
def test_wrong_credentials_are_refused_once(agency: Any, settings: dict[str, str]):
    tried = bench(agency, **settings)
    with pytest.raises(Reauth) as told:
        tried.bureau.test()
    assert tried.budget.taken == 1
    assert "not-ours" not in str(told.value)


QICHACHA: dict[str, type[CreditGateError]] = {
    **dict.fromkeys(("101", "107", "115"), Reauth),
    **dict.fromkeys(("102", "103", "105", "111", "112", "119", "214"), Halt),
    **dict.fromkeys(("104", "109", "110", "116", "120", "199", "203", "205"), Retry),
    **dict.fromkeys(("202", "207", "208", "213", "215"), Reject),
}
TIANYANCHA: dict[str, type[CreditGateError]] = {
    **dict.fromkeys(("300002", "300009"), Reauth),
    **dict.fromkeys(("300003", "300005", "300006", "300007", "300010"), Halt),
    **dict.fromkeys(("300001", "300004"), Retry),
    "300008": Reject,
}
REPEATED = {"104", "120", "199", "203", "205", "300001", "300004"}


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [("qichacha", *item) for item in QICHACHA.items()]
    + [("tianyancha", *item) for item in TIANYANCHA.items()],
)
def test_trap_errors_come_with_status_200(name: str, code: str, expected: type[CreditGateError]):
    kind, sandbox = KINDS[name]
    with running(sandbox.app(replace(OPTIONS, faults={f"code{code}": 1.0}))) as base:
        assert requests.get(f"{base}/any", timeout=5).status_code == 200
        tried = Bench(kind, attempts=3, **sandbox.settings_at(base))
        with pytest.raises(expected) as told:
            tried.bureau.test()
        assert tried.budget.taken == (3 if code in REPEATED else 1)
        assert code in str(told.value) or code == "205"


@pytest.mark.parametrize("code", ["109", "116"])
def test_trap_a_days_quota_stops_every_call_until_the_next_day(code: str):
    sandbox = qichacha.SANDBOX
    with running(sandbox.app(replace(OPTIONS, faults={f"code{code}": 1.0}))) as base:
        tried = Bench(Qichacha, **sandbox.settings_at(base))
        for _ in range(2):
            with pytest.raises(Retry):
                tried.another().match(Subject("甲乙丙", "CN", {}))
        assert tried.budget.taken == 1
        tried.time = Holds(tried.bureau.context, "Qichacha").next_day()
        with pytest.raises(Retry):
            tried.another().match(Subject("甲乙丙", "CN", {}))
        assert tried.budget.taken == 2


def test_trap_110_holds_that_one_query_for_two_hours():
    sandbox = qichacha.SANDBOX
    with running(sandbox.app(replace(OPTIONS, faults={"code110": 1.0}))) as base:
        tried = Bench(Qichacha, **sandbox.settings_at(base))
        for name in ("甲乙丙", "甲乙丙", "丁戊己"):
            with pytest.raises(Retry):
                tried.bureau.match(Subject(name, "CN", {}))
        assert tried.budget.taken == 2
        assert not any("甲乙丙" in key for key in tried.secrets.values)


def test_trap_a_clock_that_is_wrong_fails_the_signature_and_says_so():
    with running(qichacha.app(OPTIONS, lambda: 1772366400.0 + 3600)) as base:
        tried = Bench(Qichacha, **qichacha.SANDBOX.settings_at(base))
        with pytest.raises(Reauth, match="107") as told:
            tried.bureau.test()
        assert "clock" in told.value.todo
        assert tried.budget.taken == 1
