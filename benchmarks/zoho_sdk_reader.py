"""The vendor's own SDK reading whole modules: the peer that our pull is compared with.

One process, as its documentation shows it: queries of 2,000 rows, walked by id, the values of each record
taken out. Settings come as JSON on standard input; prints the rows read and the seconds as JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store.file_store import FileStore
from zohocrmsdk.src.com.zoho.api.logger import Logger
from zohocrmsdk.src.com.zoho.crm.api.coql import BodyWrapper, CoqlOperations, ResponseWrapper
from zohocrmsdk.src.com.zoho.crm.api.dc.data_center import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig

ROWS = 2_000


def main() -> None:
    """Read what standard input asks for."""
    asked = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        initialise(asked["settings"], Path(folder))
        began = time.perf_counter()
        rows = sum(read(module, columns) for module, columns in asked["modules"].items())
        seconds = time.perf_counter() - began
    print(json.dumps({"rows": rows, "seconds": round(seconds, 2)}))


def initialise(settings: Mapping[str, str], folder: Path) -> None:
    """Point the SDK at the org; what it keeps goes below ``folder``."""
    base = settings["accounts_url"]
    token = OAuthToken(
        client_id=settings["client_id"],
        client_secret=settings["client_secret"],
        refresh_token=settings["refresh_token"],
        find_user=False,
    )
    Initializer.initialize(
        environment=DataCenter.Environment(base, f"{base}/oauth/v2/token", base),
        token=token,
        store=FileStore(str(folder / "tokens.csv")),
        sdk_config=SDKConfig(auto_refresh_fields=False, pick_list_validation=False),
        resource_path=str(folder),
        logger=Logger.get_instance(level=Logger.Levels.ERROR, file_path=str(folder / "sdk.log")),
    )


def read(module: str, columns: Sequence[str]) -> int:
    """How many rows of ``module`` there are, each taken out column by column."""
    count, last, more = 0, "0", True
    while more:
        body = BodyWrapper()
        body.set_select_query(
            f"select {', '.join(columns)} from {module} where id > '{last}' order by id asc limit {ROWS}"
        )
        answer = CoqlOperations().get_records(body)
        wrapper = answer.get_object() if answer is not None else None
        if not isinstance(wrapper, ResponseWrapper):
            break
        rows = [{column: record.get_key_value(column) for column in columns} for record in wrapper.get_data()]
        count += len(rows)
        last = str(wrapper.get_data()[-1].get_id())
        more = wrapper.get_info().get_more_records()
    return count


if __name__ == "__main__":
    main()
