"""The modules that the sandbox org starts with, field by field.

Invariant: standard fields are the vendor's own (SDK field lists); custom fields are those of this
tenant, which has none for credit until somebody creates them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.names import INDUSTRIES
from sandbox.zoho.fields import ANY_MODULE, LOCKED, USERS, Field, Module

CURRENCIES = ("CNY", "USD", "EUR", "GBP", "JPY", "HKD")
ORDER_STATUS = ("Draft", "Created", "Approved", "Delivered", "Closed", "Cancelled")
INVOICE_STATUS = ("Draft", "Created", "Approved", "Delivered", "Cancelled")
OWNERSHIP = ("Private", "Public", "Subsidiary", "Partnership", "Government", "Sole trader", "Other")
TASK_STATUS = ("Not Started", "Deferred", "In Progress", "Completed", "Waiting for input")
TASK_PRIORITY = ("High", "Highest", "Low", "Lowest", "Normal")


def _text(api_name: str, length: int = 255, **more: Any) -> Field:
    return _field(api_name, "text", length=length, **more)


def _money(api_name: str, **more: Any) -> Field:
    return _field(api_name, "currency", length=16, decimals=2, **more)


def _integer(api_name: str, **more: Any) -> Field:
    return _field(api_name, "integer", length=9, **more)


def _date(api_name: str, **more: Any) -> Field:
    return _field(api_name, "date", length=20, **more)


def _moment(api_name: str, **more: Any) -> Field:
    return _field(api_name, "datetime", length=120, **more)


def _long(api_name: str, length: int = 32_000) -> Field:
    return _field(api_name, "textarea", length=length)


def _choice(api_name: str, options: tuple[str, ...], **more: Any) -> Field:
    return _field(api_name, "picklist", length=120, options=options, **more)


def _lookup(api_name: str, target: str, **more: Any) -> Field:
    return _field(api_name, "lookup", length=120, target=target, **more)


def _field(api_name: str, data_type: str, **more: Any) -> Field:
    more.setdefault("label", api_name.replace("_", " "))
    return Field(api_name=api_name, data_type=data_type, **more)


def _common() -> list[Field]:
    return [
        _field("id", "bigint", length=20, read_only=True, label="Record Id"),
        _field("Owner", "ownerlookup", length=120, target=USERS),
        _field("Created_By", "ownerlookup", length=120, target=USERS, read_only=True),
        _field("Modified_By", "ownerlookup", length=120, target=USERS, read_only=True),
        _moment("Created_Time", read_only=True),
        _moment("Modified_Time", read_only=True),
        _field(LOCKED, "boolean", read_only=True, label="Locked"),
        # A type that the vendor describes without json_type and length.
        _field("Tag", "tag", read_only=True),
    ]


def _accounts() -> list[Field]:
    return [
        _text("Account_Name", 200, mandatory=True),
        _text("Account_Number", 40),
        _lookup("Parent_Account", "Accounts"),
        _choice("Industry", tuple(INDUSTRIES)),
        _choice("Ownership", OWNERSHIP),
        _money("Annual_Revenue"),
        _field("Phone", "phone", length=30),
        _field("Website", "website", length=450),
        _choice("Currency", CURRENCIES),
        _text("Billing_Street", 250),
        _text("Billing_City", 100),
        _text("Billing_State", 100),
        _text("Billing_Code", 30),
        _text("Billing_Country", 100),
        _long("Description"),
        _text("Unified_Credit_Code", 18, custom=True),
        _text("DUNS", 9, custom=True),
        _text("VAT_Number", 20, custom=True, label="VAT Number"),
        _integer("Payment_Terms_Days", custom=True),
        _date("Customer_Since", custom=True),
    ]


def _contacts() -> list[Field]:
    return [
        _text("Last_Name", 80, mandatory=True),
        _text("First_Name", 40),
        _text("Full_Name", 120, read_only=True),
        _lookup("Account_Name", "Accounts"),
        _field("Email", "email", length=100),
        _field("Phone", "phone", length=30),
    ]


def _orders() -> list[Field]:
    return [
        _text("Subject", 120, mandatory=True),
        _field("SO_Number", "autonumber", length=120, read_only=True),
        _lookup("Account_Name", "Accounts", mandatory=True),
        _lookup("Contact_Name", "Contacts"),
        _text("Purchase_Order", 120),
        _date("Due_Date"),
        _choice("Status", ORDER_STATUS),
        # Lines are not modelled: the total is a value of its own.
        _field("Ordered_Items", "subform", read_only=True),
        _money("Sub_Total"),
        _money("Grand_Total"),
        _choice("Currency", CURRENCIES),
        _long("Terms_and_Conditions"),
        _long("Description"),
        _date("Delivery_Date", custom=True),
    ]


def _invoices() -> list[Field]:
    return [
        _text("Subject", 120, mandatory=True),
        _field("Invoice_Number", "autonumber", length=120, read_only=True),
        _lookup("Sales_Order", "Sales_Orders"),
        _lookup("Account_Name", "Accounts", mandatory=True),
        _lookup("Contact_Name", "Contacts"),
        _date("Invoice_Date"),
        _date("Due_Date"),
        _choice("Status", INVOICE_STATUS),
        _field("Invoiced_Items", "subform", read_only=True),
        _money("Sub_Total"),
        _money("Grand_Total"),
        _choice("Currency", CURRENCIES),
        _long("Description"),
        _money("Paid_Amount", custom=True),
        _date("Paid_On", custom=True),
        _field("Disputed", "boolean", custom=True),
    ]


def _tasks() -> list[Field]:
    return [
        _text("Subject", 255, mandatory=True),
        _date("Due_Date"),
        _choice("Status", TASK_STATUS),
        _choice("Priority", TASK_PRIORITY),
        _moment("Closed_Time", read_only=True),
        _lookup("What_Id", ANY_MODULE, label="Related To"),
        _lookup("Who_Id", "Contacts", label="Contact Name"),
        _long("Description"),
    ]


def _notes() -> list[Field]:
    return [
        _text("Note_Title", 120),
        _field("Note_Content", "textarea", length=65_535),
        _lookup("Parent_Id", ANY_MODULE, mandatory=True),
    ]


LOCK_SOURCES = ("Manual", "Automatic")


def _locking_information() -> list[Field]:
    return [
        _text("Name", 120, read_only=True),
        _lookup("Locked_For__s", ANY_MODULE, read_only=True),
        _field("Locked_Reason__s", "textarea", length=3_000, mandatory=True),
        _field("Locked_By__s", "ownerlookup", length=120, target=USERS, read_only=True),
        _moment("Locked_Time__s", read_only=True),
        _choice("Lock_Source__s", LOCK_SOURCES, read_only=True),
        _field("Record_Locking_Rule_Id__s", "bigint", length=20, read_only=True),
        _field("Record_Locking_Configuration_Id__s", "bigint", length=20, read_only=True),
    ]


_STANDARD: tuple[tuple[str, str, str, str, Callable[[], list[Field]]], ...] = (
    ("Accounts", "Account", "Accounts", "Account_Name", _accounts),
    ("Contacts", "Contact", "Contacts", "Full_Name", _contacts),
    ("Sales_Orders", "Sales Order", "Sales Orders", "Subject", _orders),
    ("Invoices", "Invoice", "Invoices", "Subject", _invoices),
    ("Tasks", "Task", "Tasks", "Subject", _tasks),
    ("Notes", "Note", "Notes", "Note_Title", _notes),
)


_HIDDEN: tuple[tuple[str, str, str, str, Callable[[], list[Field]]], ...] = (
    ("Locking_Information__s", "Locking Information", "Locking Information", "Name", _locking_information),
)


def hidden_modules(new_id: Callable[[], str]) -> dict[str, Module]:
    """Modules whose fields can be read though they are not listed and hold no rows of their own."""
    return _made(_HIDDEN, new_id)


def standard_modules(new_id: Callable[[], str]) -> dict[str, Module]:
    """Fresh modules without rows; ids of modules and fields come from ``new_id``."""
    return _made(_STANDARD, new_id)


def _made(
    wanted: tuple[tuple[str, str, str, str, Callable[[], list[Field]]], ...], new_id: Callable[[], str]
) -> dict[str, Module]:
    modules: dict[str, Module] = {}
    for api_name, singular, plural, name_field, fields in wanted:
        module = Module(api_name, singular, plural, name_field, id=new_id())
        for new in (*_common(), *fields()):
            new.id = new_id()
            module.add(new)
        modules[api_name] = module
    return modules


def custom_module(api_name: str, label: str, new_id: Callable[[], str]) -> Module:
    """A module as an admin makes it: its records have a name, and nothing else yet."""
    made = Module(api_name, label, label, "Name", id=new_id())
    for new in (*_common(), _text("Name", 120, mandatory=True)):
        new.id = new_id()
        made.add(new)
    return made
