"""What a Zoho org calls its fields: proposed from its own descriptions, as for any other CRM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from adapters.zoho.adapter import ZohoCrm
from connector.adapter import FieldSpec
from connector.admin.suggest import Suggestion, suggest
from connector.yamlfile import read
from tests.contract.test_zoho_against_sandbox import Tenant, own_tenant

__all__ = ["own_tenant"]  # a fixture
MAPPING = Path(__file__).parents[2] / "mappings" / "zoho.yaml"


def found(crm: ZohoCrm, content: Any) -> dict[str, Suggestion]:
    return {one.place: one for one in suggest(crm, content)}


def test_what_ships_stands_and_a_renamed_field_is_found_by_its_label(own_tenant: Tenant) -> None:
    crm, content = own_tenant.crm(), read(MAPPING, own=True)
    shipped = found(crm, content)
    assert not [one for one in shipped.values() if one.changes or one.open]
    assert shipped["users.name"].confidence == shipped["accounts.owner_id"].confidence == 1.0
    (made,) = crm.provision("Accounts", [FieldSpec("r", "R", "注册号", "text")], dry_run=False)
    content["read"]["accounts"]["fields"]["duns"]["field"] = "DUNS_of_another_org"
    content["read"]["invoices"]["fields"]["due_on"] = "Pay_By"
    content["read"]["orders"]["fields"]["account_id"] = "Customer.id"
    renamed = found(crm, content)
    assert renamed["accounts.duns"].proposed == "DUNS"
    assert renamed["accounts.registration_no"].proposed == made.api_name  # by its Chinese label
    assert renamed["invoices.due_on"].proposed == "Due_Date"
    assert renamed["orders.account_id"].proposed == "Account_Name.id"
    assert renamed["accounts.name"].confidence == 1.0
