"""Errors in a policy's ``responsibility``, for the table of ``test_policy_lint_table``.

Code, what is replaced, what it becomes, what to write instead.
"""

from __future__ import annotations

RESPONSIBILITY: list[tuple[str, str, str, str]] = [
    (
        "nobody_responsible",
        "visits:",
        "responsibility:\n  dunning: {accountable: controller} # <-\nvisits:",
        "write `responsible: [ROLE]`",
    ),
    (
        "not_one_accountable",
        "visits:",
        "responsibility:\n  dunning: {responsible: analyst, accountable: [analyst, controller]} # <-\n"
        "visits:",
        "write `accountable: ROLE`",
    ),
    (
        "unknown_role",
        "visits:",
        "responsibility:\n  dunning: {responsible: analist, accountable: controller} # <-\nvisits:",
        "write `analyst`",
    ),
    (
        "shares_twice",
        "visits:",
        "responsibility:\n  dunning:\n    responsible: analyst\n    accountable: controller\n"
        "    informed: [sales, Analyst] # <-\n"
        "visits:",
        "take it out of `informed`",
    ),
    (
        "may_not",
        "visits:",
        "responsibility:\n  release_hold: {responsible: approver, accountable: analyst} # <-\nvisits:",
        "write one of approver, controller",
    ),
    (
        "may_not",
        "visits:",
        "responsibility:\n  grant_limit: {responsible: [approver, sales], accountable: controller} # <-\n"
        "visits:",
        "write one of approver, controller",
    ),
    (
        "signs_for_nothing",
        "    - {role: board}\n",
        "    - {role: board}\n  limit: [{role: owner}]\n"
        "responsibility:\n  release_hold: {responsible: approver, accountable: owner} # <-\n",
        "write one of sales manager, board, or give it a band",
    ),
    (
        "others_above",
        "visits:",
        "responsibility:\n  release_hold: {responsible: approver, accountable: sales manager} # <-\nvisits:",
        "write `board`",
    ),
    (
        "never_told",
        "visits:",
        "responsibility:\n  write_off: {responsible: analyst, accountable: controller, informed: sales}"
        " # <-\nvisits:",
        "leave `informed` out",
    ),
    (
        "band_without_right",
        "role: sales manager}",
        "role: sales} # <-",
        "write approver, controller, or a title",
    ),
]
