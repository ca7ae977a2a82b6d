"""The vendor's own Python SDK, as it is, against the sandbox: a third reading of the manual, not ours.

Only its data centre is set, as its users set theirs. It answers with ``APIException`` objects instead of
raising them, so that a wrong answer of the sandbox shows as a wrong type here.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store import FileStore
from zohocrmsdk.src.com.zoho.crm.api import (
    HeaderMap,
    Initializer,
    ParameterMap,
    bulk_read,
    coql,
    notifications,
    record,
    record_locking,
)
from zohocrmsdk.src.com.zoho.crm.api import fields as sdk_fields
from zohocrmsdk.src.com.zoho.crm.api import record_locking_configuration as lock_settings
from zohocrmsdk.src.com.zoho.crm.api.dc import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.modules import MinifiedModule
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig
from zohocrmsdk.src.com.zoho.crm.api.util import Choice

from sandbox.server import Options
from sandbox.zoho import SANDBOX
from tests.notification_receiver import receiver
from tests.sandbox_server import running

ACCOUNTS = 700


class Org(NamedTuple):
    base: str
    token: OAuthToken

    def door(self, path: str, **body: Any) -> dict[str, Any]:
        answer = requests.post(f"{self.base}/_sandbox/{path}", json=body, timeout=10)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def calls(self, kind: str) -> int:
        return int(requests.get(f"{self.base}/_sandbox/calls", timeout=10).json()[kind])


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    """A sandbox that the SDK, of which there is one in a process, has been set to."""
    folder: Path = tmp_path_factory.mktemp("sdk")
    with running(SANDBOX.app(Options(accounts=ACCOUNTS))) as base:
        settings = SANDBOX.settings_at(base)
        token = OAuthToken(
            client_id=settings["client_id"],
            client_secret=settings["client_secret"],
            refresh_token=settings["refresh_token"],
        )
        Initializer.initialize(
            environment=DataCenter.Environment(base, f"{base}/oauth/v2/token", base),
            token=token,
            store=FileStore(str(folder / "tokens.csv")),
            sdk_config=SDKConfig(pick_list_validation=False),
            resource_path=str(folder),
        )
        yield Org(base, token)


def params(*pairs: tuple[Any, Any]) -> ParameterMap:
    made = ParameterMap()
    for name, value in pairs:
        made.add(name, value)
    return made


def good(answer: Any, status: int, kind: type) -> Any:
    """The object of an answer that has to be of that status and kind."""
    assert answer is not None
    found = answer.get_object()
    assert (answer.get_status_code(), type(found)) == (status, kind), answer.get_response_json()
    return found


def row(**values: Any) -> record.Record:
    made = record.Record()
    for name, value in values.items():
        if name == "id":
            made.set_id(int(value))
        else:
            made.add_key_value(name, value)
    return made


def body(*rows: record.Record, **more: Any) -> record.BodyWrapper:
    made = record.BodyWrapper()
    made.set_data(list(rows))
    for name, value in more.items():
        getattr(made, f"set_{name}")(value)
    return made


def account(**values: Any) -> int:
    """The id of a new account."""
    answer = record.RecordOperations("Accounts").create_records(body(row(**values)))
    return int(good(answer, 201, record.ActionWrapper).get_data()[0].get_details()["id"])


def query(text: str) -> Any:
    wrapper = coql.BodyWrapper()
    wrapper.set_select_query(text)
    return coql.CoqlOperations().get_records(wrapper)


def test_the_token_is_kept_for_an_hour_and_then_refreshed(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        good(query("select id from Accounts where id is not null limit 1"), 200, coql.ResponseWrapper)
    assert org.calls("token") == 1
    later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: later)
    good(query("select id from Accounts where id is not null limit 1"), 200, coql.ResponseWrapper)
    assert org.calls("token") == 2


def test_fields_are_described(org: Org) -> None:
    asked = params((sdk_fields.GetFieldsParam.module, "Sales_Orders"))
    found = good(sdk_fields.FieldsOperations().get_fields(asked), 200, sdk_fields.ResponseWrapper)
    by_name = {field.get_api_name(): field for field in found.get_fields()}
    assert by_name["Grand_Total"].get_data_type() == "currency"
    assert by_name["Grand_Total"].get_json_type() == "double"
    assert by_name["SO_Number"].get_read_only() is True
    assert by_name["Account_Name"].get_lookup().get_module().get_api_name() == "Accounts"
    assert "Approved" in {value.get_actual_value() for value in by_name["Status"].get_pick_list_values()}
    assert by_name["Tag"].get_json_type() is None


def test_complaint_airbyte_30977_zohocrmsharp_11_asciisd_43_a_list_goes_on_past_2000_records(
    org: Org,
) -> None:
    operations, page = record.RecordOperations("Invoices"), record.GetRecordsParam
    seen: list[int] = []
    token: str | None = None
    while True:
        asked = params((page.fields, "Grand_Total,Account_Name"), (page.per_page, 200))
        if token:
            asked.add(page.page_token, token)
        found = good(operations.get_records(asked, HeaderMap()), 200, record.ResponseWrapper)
        seen += [one.get_id() for one in found.get_data()]
        token = found.get_info().get_next_page_token()
        if not found.get_info().get_more_records():
            break
    assert len(seen) == len(set(seen)) > 2000
    one = found.get_data()[0]
    assert isinstance(one.get_key_value("Account_Name"), record.Record)
    by_number = params((page.fields, "id"), (page.page, 11), (page.per_page, 200))
    wall = good(operations.get_records(by_number, HeaderMap()), 400, record.APIException)
    assert wall.get_code().get_value() == "DISCRETE_PAGINATION_LIMIT_EXCEEDED"


def test_nothing_changed_since_is_304(org: Org) -> None:
    since = HeaderMap()
    since.add(record.GetRecordsHeader.if_modified_since, dt.datetime(2100, 1, 1, tzinfo=dt.UTC))
    asked = params((record.GetRecordsParam.fields, "id"))
    answer = record.RecordOperations("Invoices").get_records(asked, since)
    assert answer.get_status_code() == 304


def test_coql_answers_rows_and_refusals(org: Org) -> None:
    found = good(
        query("select Subject, Account_Name.Account_Name, Modified_Time from Invoices where id > 0 limit 5"),
        200,
        coql.ResponseWrapper,
    )
    rows = found.get_data()
    assert len(rows) == 5 and found.get_info().get_more_records() is True
    assert all(one.get_key_value("Account_Name.Account_Name") for one in rows)
    assert isinstance(rows[0].get_modified_time(), dt.datetime)
    assert query("select id from Invoices where id = '5'").get_status_code() == 204
    for text, code in (
        ("select Nothing from Invoices where id > 0", "INVALID_QUERY"),
        ("select id from Invoices", "SYNTAX_ERROR"),
        ("select id from Invoices where id > 0 limit 2001", "LIMIT_EXCEEDED"),
    ):
        assert good(query(text), 400, coql.APIException).get_code().get_value() == code


def test_insert_update_and_upsert_answer_by_position(org: Org) -> None:
    operations = record.RecordOperations("Accounts")
    first = account(Account_Name="Insert One", Payment_Terms_Days=30)
    changes = body(
        row(id=first, Phone="12345"),
        row(id=first, Payment_Terms_Days=10**12),
        row(id=5, Phone="12345"),
    )
    done = good(operations.update_records(changes), 207, record.ActionWrapper).get_data()
    assert [type(one) for one in done] == [record.SuccessResponse, record.APIException, record.APIException]
    assert done[0].get_message().get_value() == "record updated"
    assert [one.get_code().get_value() for one in done[1:]] == ["INVALID_DATA", "INVALID_DATA"]
    assert done[1].get_details()["json_path"] == "$.data[1].Payment_Terms_Days"
    bad = good(operations.update_records(body(row(id=5, Phone="1"))), 400, record.ActionWrapper)
    assert bad.get_data()[0].get_status().get_value() == "error"

    key = unique_field(org)
    for action in ("insert", "update"):
        upserted = operations.upsert_records(
            body(row(Account_Name="Upsert One", **{key: "k-1"}), duplicate_check_fields=[key])
        )
        (item,) = good(upserted, 200, record.ActionWrapper).get_data()
        assert item.get_action().get_value() == action


def unique_field(org: Org) -> str:
    """The api name of a field of Accounts that holds each value once."""
    field = {"name": "key", "label": "Sdk Key", "type": "text", "unique": True}
    made = org.door("console/fields", object="Accounts", fields=[field])
    return str(made["fields"][0]["api_name"])


def test_deleted_records_are_listed(org: Org) -> None:
    gone = account(Account_Name="Gone")
    operations = record.RecordOperations("Accounts")
    (item,) = good(operations.delete_record(gone), 200, record.ActionWrapper).get_data()
    assert item.get_message().get_value() == "record deleted"
    asked = params((record.GetDeletedRecordsParam.type, "all"))
    found = good(operations.get_deleted_records(asked), 200, record.DeletedRecordsWrapper)
    newest = found.get_data()[0]
    assert (newest.get_id(), newest.get_display_name(), newest.get_type()) == (gone, "Gone", "recycle")
    assert newest.get_deleted_time().tzinfo is not None


def wait(done: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_bulk_read_is_started_watched_and_fetched(org: Org) -> None:
    org.door("bulk", queue_seconds=0.1, rows_per_second=50_000)
    module, asked, condition = MinifiedModule(), bulk_read.Query(), bulk_read.Criteria()
    module.set_api_name("Invoices")
    field = sdk_fields.MinifiedField()
    field.set_api_name("Disputed")
    condition.set_field(field)
    condition.set_comparator(Choice("equal"))
    condition.set_value(False)
    asked.set_module(module)
    asked.set_fields(["id", "Account_Name", "Grand_Total", "Disputed"])
    asked.set_criteria(condition)
    order = bulk_read.BodyWrapper()
    order.set_query(asked)
    operations = bulk_read.BulkReadOperations()
    made = good(operations.create_bulk_read_job(order), 201, bulk_read.ActionWrapper).get_data()[0]
    assert made.get_code().get_value() == "ADDED_SUCCESSFULLY"
    job_id = int(made.get_details()["id"])
    states = []

    def completed() -> bool:
        found = good(operations.get_bulk_read_job_details(job_id), 200, bulk_read.ResponseWrapper)
        states.append(found.get_data()[0])
        return bool(states[-1].get_state().get_value() == "COMPLETED")

    wait(completed)
    assert states[0].get_state().get_value() == "ADDED"
    result = states[-1].get_result()
    assert (result.get_page(), result.get_per_page(), result.get_more_records()) == (1, 200_000, False)
    downloaded = good(operations.download_result(job_id), 200, bulk_read.FileBodyWrapper).get_file()
    with zipfile.ZipFile(io.BytesIO(downloaded.get_stream().content)) as archive:
        text = archive.read(f"{job_id}.csv").decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert downloaded.get_name() == f"{job_id}.zip"
    assert len(rows) == result.get_count() > 1000
    assert {one["Disputed"] for one in rows} == {"false"}
    unknown = good(operations.get_bulk_read_job_details(5), 404, bulk_read.APIException)
    assert unknown.get_code().get_value() == "RESOURCE_NOT_FOUND"
    asked.set_fields(["Nothing"])
    refused = good(operations.create_bulk_read_job(order), 400, bulk_read.APIException)
    assert refused.get_code().get_value() == "FIELD_NOT_AVAILABLE"


def test_notifications_are_enabled_sent_listed_and_disabled(org: Org) -> None:
    operations, param = notifications.NotificationsOperations(), notifications.GetNotificationsParam
    expiry = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=2)).replace(microsecond=0)
    with receiver() as heard:
        wanted = notifications.Notification()
        wanted.set_channel_id("1000000068001")
        wanted.set_events(["Accounts.edit"])
        wanted.set_notify_url(heard.url)
        wanted.set_token("sdk-secret")
        wanted.set_channel_expiry(expiry)
        order = notifications.BodyWrapper()
        order.set_watch([wanted])
        enabled = good(operations.enable_notifications(order), 201, notifications.ActionWrapper)
        (item,) = enabled.get_watch()
        assert item.get_message().get_value().startswith("Successfully subscribed")
        (event,) = item.get_details()["events"]
        assert (event.get_resource_name(), event.get_channel_expiry()) == ("Accounts", expiry)

        asked = params((param.channel_id, 1000000068001))
        listed = good(operations.get_notifications(asked), 200, notifications.ResponseWrapper)
        (channel,) = listed.get_watch()
        assert (channel.get_channel_id(), channel.get_notify_url()) == ("1000000068001", heard.url)
        assert listed.get_info().get_more_records() is False

        changed = account(Account_Name="Watched")
        update = body(row(id=changed, Phone="12345"))
        good(record.RecordOperations("Accounts").update_records(update), 200, record.ActionWrapper)
        (told,) = heard.wait(1)
        assert (told["ids"], told["token"], told["operation"]) == ([str(changed)], "sdk-secret", "update")

        gone = params((notifications.DeleteNotificationParam.channel_ids, "1000000068001"))
        disabled = good(operations.delete_notification(gone), 200, notifications.ActionWrapper)
        assert disabled.get_watch()[0].get_status().get_value() == "success"
        assert operations.get_notifications(asked).get_status_code() in (204, 400)


def test_a_record_is_locked_read_and_unlocked(org: Org) -> None:
    settings = lock_settings.RecordLockingConfigurationOperations("Accounts")
    wanted, order = lock_settings.RecordLock(), lock_settings.BodyWrapper()
    wanted.set_lock_type(Choice("manual"))
    wanted.set_locked_for("all_profiles")
    wanted.set_restricted_actions(["update", "delete"])
    wanted.set_feature_type("record_locking")
    order.set_record_locking_configurations([wanted])
    good(settings.add_record_locking_configuration(order), 201, lock_settings.ActionWrapper)

    locked = account(Account_Name="Locked")
    locking = record_locking.RecordLockingOperations(locked, "Accounts")
    lock, content = record_locking.LockRecord(), record_locking.BodyWrapper()
    lock.set_locked_reason__s("Credit hold")
    content.set_data([lock])
    (item,) = good(locking.lock_records(content), 201, record_locking.ActionWrapper).get_data()
    lock_id = int(item.get_details()["id"])

    operations, update = record.RecordOperations("Accounts"), body(row(id=locked, Phone="12345"))
    (refused,) = good(operations.update_records(update), 400, record.ActionWrapper).get_data()
    assert refused.get_code().get_value() == "RECORD_LOCKED"

    asked = params(
        (record_locking.GetRecordLockingInformationsParam.fields, "Locked_Reason__s,Lock_Source__s")
    )
    found = good(locking.get_record_locking_informations(asked), 200, record_locking.ResponseWrapper)
    (told,) = found.get_data()
    # The SDK's own getters look for names in lower case, the manual and its parser do not.
    assert (told.get_key_value("Locked_Reason__s"), told.get_id()) == ("Credit hold", lock_id)

    good(locking.unlock_record(lock_id), 200, record_locking.ActionWrapper)
    assert locking.get_record_locking_informations(asked).get_status_code() == 204
    good(operations.update_records(update), 200, record.ActionWrapper)
