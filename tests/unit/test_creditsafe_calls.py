"""Signing in to Creditsafe and its errors: one token, no repeated refusals, nothing private told."""

from __future__ import annotations

import datetime as dt
import json
import threading
from contextlib import contextmanager

import pytest
import responses

from connector.adapter import Subject
from connector.errors import CreditGateError, Halt, Reauth, Reject, Retry
from tests.creditsafe_bench import (
    BASE,
    COMPANIES,
    PASSWORD,
    PRIVATE,
    SIGN_IN,
    USER,
    Bench,
    answer_report,
    answer_search,
    answer_token,
    calls_to,
)
from tests.memory_secrets import MemorySecrets

REF = "GB-0-01234567"
REPORT = f"{COMPANIES}/{REF}"


def assert_tells_nothing_private(fault: CreditGateError) -> None:
    told = f"{fault} {fault.what} {fault.where} {fault.todo}"
    assert not [word for word in PRIVATE if word in told]


def test_settings_are_asked_for_under_the_agreed_names():
    asked = {s.key: s for s in Bench().bureau.settings}
    assert asked["base_url"].default == BASE
    assert asked["pod_unit"].default == "percent"
    assert {key for key, s in asked.items() if s.secret} == {"password"}
    assert {key for key, s in asked.items() if s.default is None and not s.optional} == {
        "username",
        "password",
    }


@responses.activate
def test_test_signs_in_with_user_and_password_and_says_where():
    answer_token()
    assert BASE in Bench().bureau.test()
    assert json.loads(responses.calls[0].request.body) == {"username": USER, "password": PASSWORD}


@responses.activate
def test_test_signs_in_anew_although_a_token_is_kept():
    bench = Bench()
    answer_token(1)
    answer_token(2)
    bench.bureau.test()
    bench.bureau.test()
    assert len(calls_to(SIGN_IN)) == 2
    assert bench.secrets.get("creditsafe.token") == "token-2"


@responses.activate
def test_the_token_goes_as_bearer_and_is_shared_for_55_minutes():
    bench = Bench()
    answer_token(1)
    answer_token(2)
    answer_report()
    bench.bureau.fetch(REF)
    bench.time += dt.timedelta(minutes=54)
    bench.another().fetch(REF)
    assert len(calls_to(SIGN_IN)) == 1
    bench.time += dt.timedelta(minutes=2)
    bench.another().fetch(REF)
    assert len(calls_to(SIGN_IN)) == 2
    sent = [call.request.headers["Authorization"] for call in calls_to(REPORT)]
    assert sent == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


@responses.activate
def test_many_threads_sign_in_once():
    bench = Bench()
    answer_token()
    answer_report()
    threads = [threading.Thread(target=bench.another().fetch, args=(REF,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls_to(SIGN_IN)) == 1
    assert len(calls_to(REPORT)) == 8


@responses.activate
def test_a_kept_token_that_is_refused_is_renewed_once():
    bench = Bench()
    bench.secrets.put("creditsafe.token", "token-1")
    responses.get(REPORT, status=401, json={"message": "expired"})
    answer_token(2)
    answer_report()
    assert bench.bureau.fetch(REF).report.subject_ref == REF
    assert len(calls_to(SIGN_IN)) == 1
    assert calls_to(REPORT)[-1].request.headers["Authorization"] == "Bearer token-2"


@responses.activate
def test_a_new_token_that_is_refused_is_not_renewed():
    bench = Bench()
    answer_token()
    responses.get(REPORT, status=401, json={"message": "no"})
    with pytest.raises(Reauth) as fault:
        bench.bureau.fetch(REF)
    assert len(calls_to(SIGN_IN)) == 1
    assert len(calls_to(REPORT)) == 1
    assert_tells_nothing_private(fault.value)


@responses.activate
def test_trap_a_401_is_never_retried_again_and_again():
    bench = Bench()
    bench.secrets.put("creditsafe.token", "token-1")
    answer_token(2)
    responses.get(REPORT, status=401, json={"message": "no"})
    for _ in range(5):
        with pytest.raises(Reauth):
            bench.bureau.fetch(REF)
    assert len(calls_to(SIGN_IN)) == 1


@pytest.mark.parametrize("status", [400, 401, 403])
@responses.activate
def test_trap_repeated_bad_sign_ins_lock_the_account_so_they_are_sent_once(status):
    bench = Bench()
    responses.post(SIGN_IN, status=status, json={"message": f"bad password {PASSWORD} of {USER}"})
    for _ in range(3):
        with pytest.raises(Reauth) as fault:
            bench.bureau.fetch(REF)
        assert_tells_nothing_private(fault.value)
    assert len(calls_to(SIGN_IN)) == 1
    assert bench.waits == []


@responses.activate
def test_another_token_made_meanwhile_is_taken_instead_of_signing_in():
    bench = Bench()
    bench.secrets.put("creditsafe.token", "token-1")

    def renewed_by_another_process(request):
        if request.headers["Authorization"] == "Bearer token-1":
            bench.secrets.put("creditsafe.token", "token-2")
            return 401, {}, "{}"
        return 200, {}, '{"companies": []}'

    responses.add_callback(responses.GET, COMPANIES, callback=renewed_by_another_process)
    assert bench.bureau.match(Subject("Example", "GB", {})) == []
    assert calls_to(SIGN_IN) == []


@responses.activate
def test_a_token_made_while_waiting_for_the_lock_is_taken():
    class Overtaken(MemorySecrets):
        @contextmanager
        def lock(self, name):
            self.put(name, "token-2")
            yield

    bench = Bench()
    bench.secrets = Overtaken(bench.now)
    answer_report()
    bench.another().fetch(REF)
    assert [call.request.headers["Authorization"] for call in responses.calls] == ["Bearer token-2"]


@responses.activate
def test_trap_a_lock_out_lasts_five_minutes():
    bench = Bench()
    responses.post(SIGN_IN, status=429)
    answer_token()
    answer_report()
    bench.bureau.fetch(REF)
    assert bench.waits == [300.0]


@responses.activate
def test_the_vendors_own_hint_on_waiting_goes_first():
    bench = Bench()
    answer_token()
    responses.get(REPORT, status=429, headers={"Retry-After": "7"})
    answer_report()
    bench.bureau.fetch(REF)
    assert bench.waits == [7.0]


@responses.activate
def test_a_limit_that_does_not_pass_is_a_retry_with_its_time():
    bench = Bench()
    answer_token()
    responses.get(REPORT, status=429)
    with pytest.raises(Retry) as fault:
        bench.bureau.fetch(REF)
    assert fault.value.after == 300.0


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (403, {"message": "No access to DE"}, Halt, "No access to DE"),
        (404, {"message": "Unknown"}, Reject, "Unknown"),
        (400, {"error": "Bad Request", "details": "language"}, Reject, "Bad Request language"),
        (302, {}, Halt, "another address"),
        (418, {}, Halt, "418"),
        (200, {"message": "Report not available"}, Reject, "Report not available"),
        (200, {"correlationId": "c", "report": {}}, Reject, "no report"),
        (200, [1], Retry, "no JSON object"),
    ],
)
@responses.activate
def test_answers_are_sorted_by_what_to_do_about_them(status, body, kind, said):
    bench = Bench()
    answer_token()
    responses.get(REPORT, status=status, json=body)
    with pytest.raises(kind, match=said) as fault:
        bench.bureau.fetch(REF)
    assert type(fault.value) is kind
    assert fault.value.where


@pytest.mark.parametrize("status", [408, 500, 503])
@responses.activate
def test_faults_that_pass_are_tried_again(status):
    bench = Bench()
    answer_token()
    responses.get(REPORT, status=status)
    answer_report()
    assert bench.bureau.fetch(REF).report.subject_name == "Example Ltd"
    assert len(bench.waits) == 1


@responses.activate
def test_a_login_page_in_the_way_is_no_report():
    answer_token()
    responses.get(REPORT, body="<html>maintenance</html>")
    with pytest.raises(Retry, match="no JSON"):
        Bench().bureau.fetch(REF)


@responses.activate
def test_vendor_words_are_told_without_secrets_and_without_the_name_searched():
    bench = Bench()
    answer_token()
    said = f"no match for Jane Doe, user {USER}, {PASSWORD}, token-1"
    responses.get(COMPANIES, status=400, json={"message": said})
    with pytest.raises(Reject) as fault:
        bench.bureau.match(Subject("Jane Doe", "GB", {}))
    assert_tells_nothing_private(fault.value)
    assert "no match for" in str(fault.value)
    assert "Jane Doe" not in str(fault.value)


@responses.activate
def test_the_reference_and_the_settings_go_into_the_call():
    bench = Bench(base_url="http://127.0.0.1:9/v1/", language="fr", de_reason_code="1")
    responses.post("http://127.0.0.1:9/v1/authenticate", json={"token": "token-1"})
    url = "http://127.0.0.1:9/v1/companies/DE-0-A%2F1"
    responses.get(url, json={"report": {"companySummary": {"businessName": "A"}}})
    bench.bureau.fetch("DE-0-A/1")
    assert responses.calls[1].request.params == {"language": "fr", "customData": "de_reason_code::1"}


@responses.activate
def test_trap_the_german_reason_is_sent_for_german_companies_only():
    bench = Bench(de_reason_code="1")
    answer_token()
    answer_report()
    bench.bureau.fetch(REF)
    assert responses.calls[1].request.params == {"language": "en"}


@responses.activate
def test_the_raw_answer_is_kept_byte_for_byte():
    answer_token()
    body = '{"report": {"companySummary": {"businessName": "Ex\\u00e4mple"}},  "x": 1.10}'
    responses.get(REPORT, body=body)
    assert Bench().bureau.fetch(REF).raw == body.encode()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"password": ""}, "password is not set"),
        ({"pod_unit": "permille"}, "pod_unit"),
        ({"grade_table": "A 1, B 2"}, "grade_table"),
    ],
)
def test_settings_that_cannot_work_halt_with_a_way_out(settings, said):
    with pytest.raises(Halt, match=said) as fault:
        Bench(**settings)
    assert fault.value.todo


@responses.activate
def test_a_search_does_not_sign_in_when_a_token_is_kept():
    bench = Bench()
    bench.secrets.put("creditsafe.token", "token-1")
    answer_search()
    bench.bureau.match(Subject("Example", "GB", {}))
    assert [call.request.method for call in responses.calls] == ["GET"]
