"""Who may do which credit act: roles by day, bands of amounts, and deputies."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from connector import config as configuration
from connector.cli.role import ACTS
from connector.errors import Halt
from connector.people.roles import UNBOUNDED, Act, Deputy, Grant, Role, Roles, findings, same_person
from tests.cli_home import NOW, POLICY, Home, Run, make_home
from tests.rules_bench import policy

DAY = dt.date(2026, 6, 1)
BANDS = {
    "excess": [{"up_to": 1000, "role": "sales manager"}, {"up_to": 50_000, "role": "finance director"}],
    "limit": [
        {"up_to": 100_000, "role": "credit controller"},
        {"up_to": 1_000_000, "role": "finance director", "signers": 2},
        {"role": "board", "signers": 3},
    ],
}
CROWD = (
    Grant(who="Lin", role=Role.SALES),
    Grant(who="An", role=Role.ANALYST),
    Grant(who="Su", role=Role.APPROVER, title="sales manager"),
    Grant(who="Ke", role=Role.CONTROLLER, title="Credit  Controller"),
    Grant(who="Fu", role=Role.APPROVER, title="finance director"),
    Grant(who="Bo", role=Role.APPROVER, title="board"),
    Grant(who="Au", role=Role.AUDITOR, title="board"),
)


def roles(*more: Grant | Deputy, bands: dict = BANDS, grants: tuple[Grant, ...] = CROWD) -> Roles:
    deputies = [one for one in more if isinstance(one, Deputy)]
    added = [one for one in more if isinstance(one, Grant)]
    return Roles([*grants, *added], deputies, policy(approvals=bands))


def deputy(who: str, of: str, days: int = 5) -> Deputy:
    return Deputy.model_validate(
        {"who": who, "stands_in_for": of, "from": DAY, "to": DAY + dt.timedelta(days=days)}
    )


@pytest.mark.parametrize(
    ("amount", "signers"),
    [
        (10_000_000, ["Bo", "Fu", "Ke"]),  # 100,000.00, the bound itself
        (10_000_001, ["Bo", "Fu"]),
        (100_000_001, ["Bo"]),
        (UNBOUNDED, ["Bo"]),
    ],
)
def test_an_amount_is_signed_for_in_its_band_or_a_higher_one(amount: int, signers: list[str]) -> None:
    assert roles().able(Act.GRANT_LIMIT, amount, as_of=DAY) == signers


def test_a_title_stands_above_those_below_it_in_the_other_kind_of_amount() -> None:
    # The board has no band of its own for orders, but stands above the finance director, who has.
    assert roles().able(Act.RELEASE_HOLD, 100_000, as_of=DAY) == ["Bo", "Fu", "Su"]
    assert roles().able(Act.RELEASE_HOLD, 5_000_000, as_of=DAY) == ["Bo", "Fu"]
    assert roles().able(Act.RELEASE_HOLD, 5_000_001, as_of=DAY) == []


def test_a_role_alone_does_not_sign_for_a_band_that_names_a_title() -> None:
    nameless = roles(Grant(who="No", role=Role.APPROVER))
    assert not nameless.may("No", Act.GRANT_LIMIT, 1, as_of=DAY)
    assert nameless.may("No", Act.REJECT_HOLD, as_of=DAY)
    by_role = roles(Grant(who="No", role=Role.APPROVER), bands={"limit": [{"role": "approver"}]})
    assert by_role.may("No", Act.GRANT_LIMIT, 1, as_of=DAY)


def test_acts_without_an_amount_go_by_the_role() -> None:
    def able(act: Act) -> set[str]:
        return set(roles().able(act, as_of=DAY))

    assert able(Act.REQUEST_LIMIT) == able(Act.RECORD) == {"Lin", "An", "Su", "Ke", "Fu", "Bo"}
    assert able(Act.PLACE_HOLD) == able(Act.RULE_OUT) == {"An", "Su", "Ke", "Fu", "Bo"}
    assert able(Act.READMIT) == {"Su", "Ke", "Fu", "Bo"}
    assert not any(roles().may("Au", act, as_of=DAY) for act in Act)


def test_a_role_holds_from_its_first_to_its_last_day() -> None:
    dated = Grant.model_validate(
        {"who": "Wu", "role": "analyst", "from": DAY, "to": DAY + dt.timedelta(days=1)}
    )
    days = [DAY + dt.timedelta(days=n) for n in (-1, 0, 1, 2)]
    assert [bool(roles(dated).roles_of("wu", day)) for day in days] == [False, True, True, False]


def test_a_deputy_may_do_what_the_person_replaced_may_and_no_longer() -> None:
    replaced = roles(deputy("Lin", "Fu"), deputy("Su", "Lin"))
    assert replaced.roles_of("Lin", DAY) == {Role.SALES, Role.APPROVER}
    assert replaced.right("Lin", Act.GRANT_LIMIT, 20_000_000, as_of=DAY) == "Fu"
    after = DAY + dt.timedelta(days=6)
    assert not replaced.may("Lin", Act.GRANT_LIMIT, 20_000_000, as_of=after)
    # A deputy of a deputy has nothing of it.
    assert not replaced.may("Su", Act.GRANT_LIMIT, 20_000_000, as_of=DAY)


def test_a_deputy_is_no_second_signature_for_the_person_replaced() -> None:
    replaced = roles(deputy("Lin", "Fu"))
    assert replaced.right("Lin", Act.GRANT_LIMIT, 20_000_000, as_of=DAY, taken={"fu"}) is None
    with pytest.raises(Halt, match="in the right of somebody who asked"):
        replaced.require("Lin", Act.GRANT_LIMIT, 20_000_000, as_of=DAY, taken={"Fu"})


def test_whoever_may_not_is_told_who_may() -> None:
    with pytest.raises(Halt) as refused:
        roles().require("Ke", Act.GRANT_LIMIT, 20_000_000, as_of=DAY)
    assert "Ke (controller) may not grant a limit of this size" in refused.value.what
    assert "takes finance director" in refused.value.what
    assert refused.value.todo == "ask Bo, Fu"


def test_while_nobody_has_a_role_everybody_may_but_nobody_twice() -> None:
    free = roles(grants=())
    assert free.may("anyone", Act.GRANT_LIMIT, UNBOUNDED, as_of=DAY)
    assert free.right("anyone", Act.GRANT_LIMIT, as_of=DAY, taken={"ANYONE"}) is None
    assert [one.level for one in findings(free, DAY)] == ["note"]


def test_doctor_names_bands_for_which_nobody_signs() -> None:
    few = roles(deputy("Su", "Zhao"), grants=CROWD[:3])
    found = [one.found for one in findings(few, DAY)]
    assert "board, credit controller, finance director" in found[0] and "Su stand in" in found[1]
    assert [one.level for one in findings(roles(), DAY)] == ["ok"]


def test_names_are_compared_however_they_are_spelt() -> None:
    assert same_person("Ｌｉｎ  Wei", " lin wei") and not same_person("Lin", "Li")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[roles]]\nwho = "Lin"\nrole = "boss"\n', "roles.0.role"),
        ('[[roles]]\nwho = " "\nrole = "sales"\n', "roles.0.who"),
        ('[[deputies]]\nwho = "Lin"\nstands_in_for = "Wu"\nfrom = 2026-01-01\n', "deputies.0.to"),
        (
            '[[deputies]]\nwho = "Li"\nstands_in_for = "LI"\nfrom = 2026-01-01\nto = 2026-01-02\n',
            "stand in",
        ),
        ('[[roles]]\nwho = "Lin"\nrole = "sales"\nfrom = 2026-02-01\nto = 2026-01-02\n', "before 2026-02-01"),
    ],
)
def test_a_wrong_role_in_the_configuration_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "creditgate.toml").write_text(text, encoding="utf-8")
    with pytest.raises(Halt, match=said):
        configuration.load(tmp_path / "creditgate.toml")


def test_roles_are_read_from_the_configuration(tmp_path: Path) -> None:
    text = (
        '[[roles]]\nwho = "Lin"\nrole = "approver"\ntitle = "board"\nfrom = 2026-01-01\n'
        '[[deputies]]\nwho = "Wu"\nstands_in_for = "Lin"\nfrom = 2026-05-01\nto = 2026-06-01\n'
    )
    (tmp_path / "creditgate.toml").write_text(text, encoding="utf-8")
    read = configuration.load(tmp_path / "creditgate.toml")
    assert Roles(read.roles, read.deputies, policy(approvals=BANDS)).able(Act.GRANT_LIMIT, 1, as_of=DAY) == [
        "Lin",
        "Wu",
    ]


# ── Limits and policies ─────────────────────────────────────────────────────────────────────────

GIVEN = """
[[roles]]
who = "Lin"
role = "sales"

[[roles]]
who = "Ke"
role = "controller"
title = "controller"

[[roles]]
who = "Fu"
role = "approver"
title = "director"

[[roles]]
who = "Gu"
role = "approver"
title = "director"

[[deputies]]
who = "An"
stands_in_for = "Gu"
from = 2026-06-01
to = 2026-12-31
"""
APPROVALS = (
    "approvals:\n  limit:\n    - {up_to: 100_000, role: controller}\n    - {role: director, signers: 2}\n"
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("CREDITGATE_AS_OF", NOW.date().isoformat())
    made = make_home(tmp_path, monkeypatch)
    made.connect()
    (made.folder / "policies" / "standard.yaml").write_text(POLICY + APPROVALS, encoding="utf-8")
    with (made.folder / "creditgate.toml").open("a", encoding="utf-8") as file:
        file.write(GIVEN)
    return made


def test_a_limit_is_approved_by_those_alone_whose_role_reaches_its_band(home: Home) -> None:
    number = str(home.customer("Hengda Metal"))

    def ask(amount: str, actor: str) -> Run:
        about = ("--customer", number, "--amount", amount, "--reason", "x", "--actor", actor)
        return home.run("limit", "request", *about)

    def approve(request: int, actor: str) -> Run:
        return home.run("limit", "approve", str(request), "--actor", actor)

    assert "1 more (controller)" in ask("90000", "Lin").err  # the band has one signer: not a seller
    assert ask("500000", "Nobody").code == 2
    assert approve(1, "Ke").code == 0
    assert "1 more (director)" in ask("500000", "Ke").err
    refused = approve(2, "Lin")
    assert (
        refused.code == 2 and "Lin (sales) may not grant" in refused.err and "ask An, Fu, Gu" in refused.err
    )
    assert approve(2, "An").code == 0  # in the right of Gu
    journalled = home.journal("limit_approved")
    assert [(one["actor"], one.get("for")) for one in journalled] == [("Ke", None), ("An", "Gu")]
    assert ask("900000", "Gu").code == 0
    twice = approve(3, "An")
    assert twice.code == 2 and "in the right of somebody who asked" in twice.err
    assert approve(3, "Fu").code == 0


def test_who_has_which_role_and_who_may_is_listed(home: Home) -> None:
    rows = {row["who"]: row for row in home.rows("role", "list", "--on", "2027-01-01")}
    assert (rows["Fu"]["role"], rows["Fu"]["title"], rows["Fu"]["holds"]) == ("approver", "director", True)
    assert (rows["An"]["stands_in_for"], rows["An"]["to"], rows["An"]["holds"]) == ("Gu", "2026-12-31", False)
    able = home.rows("role", "able", "grant-limit", "--amount", "500000")
    assert {row["who"]: row["in_the_right_of"] for row in able} == {"An": "Gu", "Fu": "Fu", "Gu": "Gu"}
    assert {name.replace("_", "-").lower() for name in Act.__members__} == set(ACTS)


def test_one_person_sets_only_what_the_role_allows(home: Home) -> None:
    number = str(home.customer("Hengda Metal"))

    def run(command: str, actor: str, *size: str) -> Run:
        return home.run("limit", command, "--customer", number, *size, "--reason", "x", "--actor", actor)

    assert run("set", "Lin", "--amount", "90000").code == 2
    assert run("set", "Ke", "--amount", "90000").code == 0
    lowered = run("set", "Lin", "--amount", "10")
    assert lowered.code == 2 and "may not lower" in lowered.err
    assert run("set", "Lin", "--withdraw").code == 2
    assert run("set", "Ke", "--withdraw").code == 0


def test_a_policy_is_put_in_force_by_a_signer(home: Home) -> None:
    file = home.folder / "new.yaml"
    file.write_text(POLICY + APPROVALS.replace("100_000", "50_000"), encoding="utf-8")
    assert home.run("policy", "activate", str(file), "--reason", "x", "--actor", "Lin").code == 2
    with (home.folder / "creditgate.toml").open("a", encoding="utf-8") as toml:
        toml.write('[[roles]]\nwho = "Mo"\nrole = "analyst"\n')
    proposed = home.run("policy", "activate", str(file), "--reason", "x", "--actor", "Mo")
    assert proposed.code == 1 and "no_right" in proposed.err
    assert home.run("policy", "activate", "--confirm", "1", "--actor", "Lin").code == 2
    assert home.run("policy", "activate", "--confirm", "1", "--actor", "Fu").code == 0
